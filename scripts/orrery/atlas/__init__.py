"""The browsable whole: one page that finds every figure of a run."""

import json
import os
from pathlib import Path

from orrery.store import atomic

PARTS = ("model", "source", "concept", "layer", "reducer")
SAID = ("model", "source", "concept", "structure", "verdict", "layer", "p_corrected", "sentence")


def build(figures, path, headline=(), picture=None):
    """Write what a run found and the index of its figure files as one page that needs no network and no server.

    Parameters
    ----------
    figures : list of path
        …/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.{html,png,svg,pdf}, or …/comparisons/{figure}.…
    path : path
        Of the page; links are relative to it.
    headline : list of dict
        From `headline.read`.
    picture : path, optional
        The headline's picture, beside which stands its page.
    """
    start = os.path.dirname(path)
    template = (Path(__file__).parent / "template.html").read_text(encoding="utf-8")
    found = {"rows": [{key: row[key] for key in SAID} for row in headline]}
    if picture:
        found["picture"] = Path(os.path.relpath(picture, start)).as_posix()
    for mark, data in (("/*ENTRIES*/[]", entries(figures, start)), ("/*HEADLINE*/{}", found)):
        template = template.replace(mark, json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"))
    with atomic(path) as part:
        part.write_text(template, encoding="utf-8")


def entries(figures, start):
    """One dict a figure: its place in the run, and the files of its formats relative to `start`."""
    found = {}
    for file in figures:
        *place, name = Path(file).parts[-6:]
        if place[-1] == "comparisons":
            place = ["several models", "several", "comparisons", "all", "raw"]
        figure, _, suffix = name.rpartition(".")
        entry = found.setdefault((*place, figure), {**dict(zip(PARTS, place)), "figure": figure, "files": {}})
        entry["files"][suffix] = Path(os.path.relpath(file, start)).as_posix()
    return list(found.values())
