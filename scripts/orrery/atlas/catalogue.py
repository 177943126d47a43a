"""The catalogue as one page: every set, and how the tokenizers of a run take its labels."""

import json
from pathlib import Path

from orrery.catalogue import level
from orrery.store import atomic


def build(sets, tables, found, path):
    """Write the catalogue as one page that needs no network and no server.

    Parameters
    ----------
    sets : list of dict
        name, topology, difficulty, about, source, labels and templates of each set.
    tables : dict of str → list of dict
        Model → rows of `catalogue.read`.
    found : dict of str → list of dict
        Set → `catalogue.occurrences` of each corpus.
    path : path
        Of the page.
    """
    template = Path(__file__).with_name("catalogue.html").read_text(encoding="utf-8")
    fits = {model: {row["concept"]: row for row in rows} for model, rows in tables.items()}
    data = {"models": list(tables), "sets": [_entry(entry, fits, found) for entry in sets]}
    written = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")  # no text of a set ends the script
    with atomic(path) as part:
        part.write_text(template.replace("/*CATALOGUE*/{}", written), encoding="utf-8")


def _entry(entry, fits, found):
    rows = [table[entry["name"]] for table in fits.values()]
    return {**entry, "fits": [{**row, "level": level(row)} for row in rows], "found": found.get(entry["name"], [])}
