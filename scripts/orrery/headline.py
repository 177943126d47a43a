"""What a run found, in one table: a row for each set, model and structure, and a sentence that says no more than it."""

import csv

import numpy as np

from orrery.measured import CONTROLS, MEASURED
from orrery.store import atomic
from orrery.structures import STRUCTURES

ALPHA = 0.05
COLUMNS = ["model", "source", "concept", "structure", "verdict", "sentence", "measure", "layer", "value", "low", "high",
           "null_mean", "null_low", "null_high", "effect", "p", "p_corrected", "q", "layers", "n", "classes", "orders",
           "least_p", "permuted",
           *(f"{name}_{what}" for name in CONTROLS for what in ("value", "p_corrected", "least_p"))]  # fmt: skip
WORDS = ("model", "source", "concept", "structure", "verdict", "sentence", "measure", "layer", "layers", "permuted",
         "topology", "difficulty", "outcome")  # fmt: skip
NUMBERS = ("value", "low", "high", "null_mean", "null_low", "null_high", "p", "p_corrected", "n", "classes", "orders",
           "least_p")  # fmt: skip
ALIKE = ("untrained", "random-tokens")  # controls that are sets themselves, and judged as a set is


def summarise(tables):
    """The rows of a run.

    Parameters
    ----------
    tables : list of (columns, facts)
        Of metrics files.

    Returns
    -------
    list of dict, keys as COLUMNS
        Of each structure that a set can have: the layer where its measure's corrected p is smallest, with its numbers;
        `effect`, by how many standard deviations of the null the value is on the side of structure; `layers` in which
        p, corrected over layers, ≤ .05; q, the smallest rate of false discoveries over the table at which the row
        is one (Benjamini and Hochberg 1995); of each control the value and corrected p of its own best layer. The
        verdict is found, also in a control (`_levels`), not found, or undecidable (no p can fall to .05).
    """
    rows = []
    for columns, facts in tables:
        table = {name: np.asarray(values) for name, values in columns.items()}
        for structure, what in STRUCTURES.items():
            row = _row(table, what)
            if row:
                place = {key: facts[key] for key in ("model", "source", "concept")}
                rows.append({**place, "structure": structure, "measure": what.measure, **row})
    for row, q in zip(rows, false_discovery_rates([row["p_corrected"] for row in rows])):
        row["q"] = q
    for row in rows:
        row["verdict"] = _verdict(row)
        row["sentence"] = sentence(row)
    return rows


def _row(table, what):
    """The numbers of one measure at its best layer, and those of its controls."""
    table = {**table, "p_corrected": decided(table, what)}
    best, own = _best(table, what.measure, "")
    if best is None:
        return None
    found = table["p_corrected"][own] <= ALPHA
    row = {key: table[key][best].item() for key in NUMBERS}
    row |= {"layer": str(table["layer"][best]), "permuted": str(table["permuted"][best])}
    row |= {"effect": effect(row, what.measure), "layers": _runs(table["layer"][own], found)}
    for control in CONTROLS:
        place, _ = _best(table, what.measure, control)
        for key in ("value", "p_corrected", "least_p"):
            row[f"{control}_{key}"] = float("nan") if place is None else table[key][place].item()
    return row


def _best(table, measure, control):
    """(the row where a measure's corrected p is smallest and, of equal ones, its value best; all its rows)."""
    rows = np.flatnonzero((table["measure"] == measure) & (table["control"] == control) & (table["orders"] > 0))
    if not len(rows):
        return None, rows
    sign = -1 if MEASURED[measure].better == "high" else 1
    order = np.lexsort([np.nan_to_num(sign * table["value"][rows], nan=np.inf), table["p_corrected"][rows]])
    return rows[order[0]], rows


def decided(table, what):
    """Corrected p of every row of a metrics table (dict of arrays), as it counts for a structure."""
    return _both(table, what, _better(table, what, table["p_corrected"]))


def _better(table, what, p):
    """p of every row, 1 where the value is on the wrong side of chance: beyond the null can be worse than blind."""
    for name in (what.measure, what.also):
        if name and MEASURED[name].chance is not None:
            sign = 1 if MEASURED[name].better == "high" else -1
            wrong = (table["measure"] == name) & (sign * (table["value"] - MEASURED[name].chance) <= 0)
            p = np.where(wrong, 1.0, p)
    return p


def _both(table, what, p):
    """p of every row; of a structure that needs two measures the larger of theirs in the same layer (Berger 1982)."""
    if not what.also:
        return p
    other = {
        (control, layer): value
        for control, layer, measure, value in zip(table["control"], table["layer"], table["measure"], p)
        if measure == what.also
    }
    mine = table["measure"] == what.measure
    larger = [max(v, other.get((c, layer), 1.0)) for c, layer, v in zip(table["control"], table["layer"], p)]
    return np.where(mine, larger, p)


def effect(row, measure):
    """Distance from the null's mean in standard deviations, as wide as its middle 95 % would be of a normal one."""
    spread = (row["null_high"] - row["null_low"]) / 3.92
    distance = row["value"] - row["null_mean"]
    return float("nan") if not spread > 0 else distance / spread * (1 if MEASURED[measure].better == "high" else -1)


def _runs(layers, found):
    """Layers as text, runs of neighbours joined: embed–23, 27."""
    runs, start = [], None
    for i, hit in enumerate([*found, False]):
        if hit and start is None:
            start = i
        elif not hit and start is not None:
            runs.append(f"{layers[start]}–{layers[i - 1]}" if i - start > 1 else str(layers[start]))
            start = None
    return ", ".join(runs)


def false_discovery_rates(p):
    """Benjamini and Hochberg's adjusted p values (1995) of a list of p: array."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[::-1]
    adjusted = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    return np.minimum(1, adjusted[np.argsort(order)])


def _verdict(row):
    if row["least_p"] > ALPHA:
        return "undecidable"
    if row["p_corrected"] > ALPHA:
        return "not found"
    return "also in a control" if _firing(row) else "found"


def _present(row):
    """The controls that a row has and that say something against it."""
    planted = STRUCTURES[row["structure"]].planted
    return [name for name in CONTROLS if name not in planted and np.isfinite(row[f"{name}_p_corrected"])]


def _levels(row):
    """Control → the p at which it shows the structure too.

    A control that is a set itself is judged as the set is; those of noise together reach theirs by chance in 5 %.
    """
    noise = [name for name in _present(row) if name not in ALIKE]
    return {name: ALPHA if name in ALIKE else ALPHA / len(noise) for name in _present(row)}


def _firing(row):
    """The controls that show the structure too."""
    return [name for name, level in _levels(row).items() if row[f"{name}_p_corrected"] <= level]


def _silent(row):
    """The controls that have it not, and could have."""
    return [name for name, p in _levels(row).items() if row[f"{name}_least_p"] <= p < row[f"{name}_p_corrected"]]


def sentence(row):
    """A row in plain words."""
    numbers = STRUCTURES[row["structure"]].says.format(**row)
    searched = f"p = {_decimals(row['p_corrected'])} after the search over layers"
    where = f"At layer {row['layer']}, {numbers} ({searched})."
    if row["verdict"] == "undecidable":
        least = _decimals(row["least_p"])
        return f"{where} No p can be smaller than {least} here: {row['classes']} labels decide nothing."
    if row["verdict"] == "not found":
        return f"{where} This is the best layer, and no more than chance."
    limit = STRUCTURES[row["structure"]].limit
    seen = f" So it is in layers {row['layers']}." if row["layers"] != row["layer"] else " In no other layer."
    seen += f" {limit}" if limit else ""
    firing, silent = _firing(row), _silent(row)
    if firing:
        return f"{where}{seen} Controls show it too: {_named(row, firing)}."
    if not silent:
        return f"{where}{seen} No control was measured that could show it."
    nearest = min(silent, key=lambda control: row[f"{control}_p_corrected"])
    return f"{where}{seen} None of {len(silent)} controls shows it; nearest: {_named(row, [nearest])}."


def _named(row, controls):
    return ", ".join(f"{name} (p = {_decimals(row[f'{name}_p_corrected'])})" for name in controls)


def _decimals(p):
    return f"{p:.4f}".rstrip("0").removeprefix("0") if p < 0.01 else f"{p:.2f}".removeprefix("0")


def write(rows, path, columns=COLUMNS):
    """Write rows as CSV; numbers that are not there are empty."""
    with atomic(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        for row in rows:
            table.writerow({key: _short(value) for key, value in row.items()})


def _short(value):
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else ""
    return value


def read(path):
    """The rows of a file of `write`: list of dict, numbers as numbers, what is empty as NaN."""
    with open(path, newline="", encoding="utf-8") as file:
        return [{key: _number(key, value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(key, value):
    return value if key in WORDS else float(value or "nan")
