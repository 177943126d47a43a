"""What a run found, in one table: a row for each set, model and structure, and a sentence that says no more than it."""

from dataclasses import replace

import numpy as np

from orrery import store
from orrery.measured import CONTROLS, COVARIATES, MEASURED, SHAPES
from orrery.structures import ALPHA, CLAIMS, STRUCTURES, TRIVIAL

OF_CONTROLS = ("value", "p_corrected", "least_p", "shows")
COLUMNS = ["model", "source", "concept", "structure", "claimed", "verdict", "sentence", "measure", "layer", "value",
           "low", "high", "null_mean", "null_low", "null_high", "effect", "share", "share_simplex", "p", "p_corrected",
           "p_decided", "q", "layers", "n", "contexts", "classes", "orders", "least_p", "permuted", "reason",
           "shape", "shape_score", "next_shape", "next_score", "depends_on", "against_untrained",
           "untrained_difference", "difference_low", "difference_high",
           *(f"{name}_{what}" for name in CONTROLS for what in OF_CONTROLS)]  # fmt: skip
WORDS = ("model", "source", "concept", "structure", "claimed", "verdict", "sentence", "measure", "layer", "layers",
         "permuted", "reason", "shape", "next_shape", "depends_on", "against_untrained", "topology",
         "difficulty", "outcome",
         *(f"{name}_shows" for name in CONTROLS))  # fmt: skip
NUMBERS = ("value", "low", "high", "null_mean", "null_low", "null_high", "p", "p_corrected", "n", "classes", "orders",
           "least_p")  # fmt: skip
OPTIONAL = ("contexts",)
APART = ("untrained_difference", "difference_low", "difference_high")
TWIN = "untrained"
MOST_LAYERS = 0.5  # share of the layers that pass the tests, in which a bound must hold
FOUND, NOT_FOUND, UNDECIDABLE = "found", "not found", "undecidable"
AS_UNTRAINED, LESS = "as much as untrained", "less than untrained"


def summarise(tables):
    """The rows of a run.

    Parameters
    ----------
    tables : list of (columns, facts)
        Of metrics files. Facts hold model, source, concept, and the topology, which says what the set claims.

    Returns
    -------
    list of dict, keys as COLUMNS
        Of each structure that a set can have: the layer where it is decided best, that is where the largest p of the
        measures that it needs is smallest (`p_decided`, Berger 1982), with the numbers of its own measure; `effect`, by
        how many standard deviations of the null the value is on the side of structure; `share` of the labels' variance
        that the shape holds, and of a simplex; `layers` in which it is decided at .05; of each control the value and
        corrected p of its own best layer, and whether it shows the structure: yes, no, or blind (it does not show it
        even where it was planted).

        `q` is the rate of false discoveries (Benjamini and Hochberg 1995): of what a set claims over all claims of the
        run, of other structures over them and the claims together; trivial structures have none. Verdicts: found (q, or
        the p of a trivial one, at most .05); less than untrained, where the interval of the difference lies below 0; as
        much as untrained, where it holds 0; what `structures.Need.otherwise` says where only a part is there; not
        found; undecidable (no p can be small enough).
    """
    rows = []
    for columns, facts in tables:
        table = {name: np.asarray(values) for name, values in columns.items()}
        for structure, what in STRUCTURES.items():
            row = _row(table, what)
            if row:
                place = {key: facts[key] for key in ("model", "source", "concept")}
                claims = CLAIMS[facts["topology"]] if "topology" in facts else STRUCTURES
                row["claimed"] = "yes" if structure in claims and structure not in TRIVIAL else ""
                rows.append({**place, "structure": structure, "measure": what.measure, **row})
    _correct(rows)
    for row in rows:
        row["verdict"] = _verdict(row)
        row["sentence"] = sentence(row)
    return rows


def _correct(rows):
    """Give every row its q and the smallest p that it needs, among so many, to be found."""
    asked = [row for row in rows if row["structure"] not in TRIVIAL]
    claims = [row for row in asked if row["claimed"]]
    for row in rows:
        row["q"], row["family"] = float("nan"), 1
    for some, kept in ((asked, [row for row in asked if not row["claimed"]]), (claims, claims)):
        rates = dict(zip(map(id, some), false_discovery_rates([row["p_decided"] for row in some])))
        for row in kept:
            row["q"], row["family"] = float(rates[id(row)]), len(some)


def _row(table, what):
    """The numbers of one measure at its best layer, and those of its controls."""
    table = {**table, "p_decided": decided(table, what)}
    best, own = _best(table, what.measure, "")
    if best is None:
        return None
    row = {key: table[key][best].item() for key in NUMBERS}
    row |= {key: table[key][best].item() if key in table else float("nan") for key in OPTIONAL}
    row |= _difference(table, what, str(table["layer"][best]))
    row |= {"layer": str(table["layer"][best]), "permuted": str(table["permuted"][best])}
    row["p_decided"] = table["p_decided"][best].item()
    row["least_p"] = max([row["least_p"], *_least_of_needs(table, what, row["layer"])])
    row["reason"] = str(table["reason"][best]) if "reason" in table else ""
    if not np.isfinite(row["value"]) and not row["reason"]:
        row["reason"] = f"the measure {what.measure} is not defined for these labels"
    if not _guarded(table, what):
        row |= {"reason": what.unguarded, "least_p": 1.0}
    row["effect"] = effect(row, what.measure)
    row["layers"] = _runs(table["layer"][own], table["p_decided"][own] <= ALPHA)
    row["share"], row["share_simplex"] = _share(table, what, row["layer"])
    row["short"] = _falls_short(table, what, row["layer"])
    row["needs"] = {need.measure: _value(table, need.measure, row["layer"]) for need in what.needs}
    row |= _shapes(table, row["layer"])
    row["given"] = _given(table, what, row["layer"])
    row["depends_on"] = ", ".join(name for name, (value, p) in row["given"].items() if not (p <= ALPHA and value > 0))
    for control in CONTROLS:
        row |= {f"{control}_{key}": value for key, value in _control(table, what, control).items()}
    row["against_untrained"] = _against(row)
    return row


def stream(table):
    """Which rows of a metrics table are of the residual stream."""
    return table["site"] == "" if "site" in table else np.ones(len(table["layer"]), dtype=bool)


def _best(table, measure, control):
    """(the row where a structure is decided best and, of equal ones, its measure's p and value are; all its rows)."""
    rows = np.flatnonzero(
        (table["measure"] == measure) & (table["control"] == control) & (table["orders"] > 0) & stream(table)
    )
    if not len(rows):
        return None, rows
    sign = -1 if MEASURED[measure].better == "high" else 1
    values = np.nan_to_num(sign * table["value"][rows], nan=np.inf)
    order = np.lexsort([values, table["p_corrected"][rows], table["p_decided"][rows]])
    return rows[order[0]], rows


def _at(table, measure, layer, control=""):
    """The row of a measure in a layer, or None."""
    rows = np.flatnonzero((table["measure"] == measure) & (table["control"] == control) & (table["layer"] == layer))
    return rows[0] if len(rows) else None


def _value(table, measure, layer):
    at = _at(table, measure, layer)
    return (float("nan"),) * 2 if at is None else (table["value"][at].item(), table["p_corrected"][at].item())


def _least_of_needs(table, what, layer):
    """The smallest p that each tested measure which a structure needs can have."""
    rows = [_at(table, need.measure, layer) for need in what.needs if need.tested]
    return [table["least_p"][row].item() for row in rows if row is not None]


def _guarded(table, what):
    """Whether a set has one of the measures at least that tell a structure from what is simpler."""
    return not what.guards or bool(np.isin(table["measure"], what.guards).any())


def _share(table, what, layer):
    """What share of the labels' variance the shape holds in a layer, and by chance, which is what a simplex has."""
    at = _at(table, what.share, layer) if what.share else None
    if at is None:
        return float("nan"), float("nan")
    chance = 2 / (table["classes"][at] - 1) if what.share == "arch_share" else table["null_mean"][at]
    return table["value"][at].item(), float(chance)


def _difference(table, what, layer):
    """What a set has more than its twins, by the first of its measures that has an interval."""
    for name in (what.measure, *(need.measure for need in what.needs if need.tested)):
        at = _at(table, name, layer)
        if at is not None and APART[1] in table and np.isfinite(table[APART[1]][at]):
            return {key: table[key][at].item() for key in APART} | {"apart_by": name}
    return dict.fromkeys(APART, float("nan")) | {"apart_by": what.measure}


def _shapes(table, layer):
    """The two shapes whose distances agree best with those of the label means in a layer."""
    found = [
        (table["value"][at].item(), name) for name in SHAPES if (at := _at(table, f"shape_{name}", layer)) is not None
    ]
    found = sorted([(value, name.replace("-", " ")) for value, name in found if np.isfinite(value)], reverse=True)
    (first, shape), (second, other) = [*found, *[(float("nan"), "")] * 2][:2]
    return {"shape": shape, "shape_score": first, "next_shape": other, "next_score": second, "shapes": len(found)}


def _given(table, what, layer):
    """Covariate → value and p of what it leaves of a structure in a layer."""
    found = {name: _value(table, f"{what.given}_given_{name}", layer) for name in COVARIATES if what.given}
    return {name: pair for name, pair in found.items() if np.isfinite(pair[0])}


def _falls_short(table, what, layer):
    """What a set has that has the structure's own measure in a layer and not all else that it needs, or nothing."""
    at = _at(table, what.measure, layer)
    if _better(table, what.measure, table["p_corrected"])[at] > ALPHA:
        return ""
    tested = tuple(need for need in what.needs if need.tested)
    for need in tested:
        row = _at(table, need.measure, layer)
        if row is not None and _better(table, need.measure, table["p_corrected"])[row] > ALPHA:
            return need.otherwise
    for need in what.needs:
        if not need.tested and decided(table, replace(what, needs=(*tested, need)))[at] > ALPHA:
            return need.otherwise
    return ""


def _control(table, what, control):
    """Value and p of a control in its own best layer, and whether it shows the structure."""
    found = []
    for name in dict.fromkeys(str(name) for name in table["control"]):
        if name == control or (control == TWIN and name.startswith(f"{TWIN}-") and " " not in name):
            best, _ = _best(table, what.measure, name)
            if best is not None:
                found.append((table["p_decided"][best], best))
    if not found:
        return {"value": float("nan"), "p_corrected": float("nan"), "least_p": float("nan"), "shows": ""}
    p, best = min(found)
    planted, _ = _best(table, what.measure, f"{control} with {what.planted}")
    blind = planted is not None and table["p_decided"][planted] > ALPHA
    shows = "yes" if p <= ALPHA else "blind" if blind else "no"
    return {key: table[key][best].item() for key in ("value", "p_corrected", "least_p")} | {"shows": shows}


def _against(row):
    """How a set compares with its untrained twins: more, less, as much, or blind."""
    if not row[f"{TWIN}_shows"]:
        return ""
    low, high = row["difference_low"], row["difference_high"]
    if not np.isfinite([low, high]).all():
        return {"yes": "as much", "no": "more", "blind": "blind"}[row[f"{TWIN}_shows"]]
    if MEASURED[row["apart_by"]].better == "low":
        low, high = -high, -low
    sure = "more" if low > 0 else "less" if high < 0 else "as much"
    return "blind" if row[f"{TWIN}_shows"] == "blind" and sure != "less" else sure


def decided(table, what):
    """p of every row of a metrics table (dict of arrays), as it counts for a structure.

    The largest of the corrected p of the structure's measure and of the tested ones that it needs in the same layer
    (intersection-union test, Berger 1982); 1 where a value is on the wrong side of chance or out of the bounds of a
    need, or where none of the structure's guards was measured. A bound must also hold in most layers of those where all
    that is tested holds: it has no p that could pay for the search, and of thirty layers noise puts some within it.
    """
    p = _better(table, what.measure, table["p_corrected"]).astype(float)
    mine = table["measure"] == what.measure
    if not _guarded(table, what):
        return np.where(mine, 1.0, np.nan_to_num(p, nan=1.0))
    for need in (need for need in what.needs if need.tested):
        p = np.where(mine, np.maximum(p, _of_need(table, need, _better(table, need.measure, table["p_corrected"]))), p)
    tested = np.nan_to_num(p, nan=1.0)
    for need in (need for need in what.needs if not need.tested):
        missed = _of_need(table, need, np.array([0.0 if need.holds(value) else 1.0 for value in table["value"]]))
        for control in set(table["control"]):
            seen = mine & stream(table) & (table["control"] == control) & (tested <= ALPHA)
            if seen.any() and missed[seen].mean() > 1 - MOST_LAYERS:
                missed = np.where(mine & (table["control"] == control), 1.0, missed)
        p = np.where(mine, np.maximum(p, missed), p)
    return np.nan_to_num(p, nan=1.0)


def _of_need(table, need, values):
    """For every row, the value that a need's row has of the same control and layer; 0 where nothing is asked."""
    there = np.flatnonzero(table["measure"] == need.measure)
    at = {(table["control"][i], table["layer"][i]): values[i] for i in there}
    found = [at.get((control, layer), 0.0) for control, layer in zip(table["control"], table["layer"])]
    return np.nan_to_num(np.array(found, dtype=float), nan=1.0)


def _better(table, measure, p):
    """p of every row, 1 where the measure is on the wrong side of chance: beyond the null can be worse than blind."""
    if MEASURED[measure].chance is None:
        return p
    sign = 1 if MEASURED[measure].better == "high" else -1
    wrong = (table["measure"] == measure) & ~(sign * (table["value"] - MEASURED[measure].chance) > 0)
    return np.where(wrong, 1.0, p)


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
    rate = row["p_decided"] if row["structure"] in TRIVIAL else row["q"]
    if row["least_p"] > ALPHA or not np.isfinite(row["value"]):
        return UNDECIDABLE
    if row["p_decided"] > ALPHA:
        return row["short"] or NOT_FOUND
    if rate > ALPHA:
        return UNDECIDABLE if row["p_decided"] <= 1.001 * row["least_p"] else NOT_FOUND
    if row["against_untrained"] == "less":
        return LESS
    if row["against_untrained"] == "as much":
        return AS_UNTRAINED
    return FOUND


def sentence(row):
    """A row in plain words."""
    if row["verdict"] == UNDECIDABLE and row["reason"]:
        return f"Undecidable: {row['reason']}."
    what = STRUCTURES[row["structure"]]
    parts = [f"At layer {row['layer']}, {what.says.format(**row)} ({_searched(row)})."]
    if np.isfinite(row["share"]):
        parts.append(
            f"The shape holds {row['share']:.0%} of the labels' variance, {row['share_simplex']:.0%} by chance."
        )
    parts += [_regions(row), _best_shape(row), _outcome(row), _covariates(row), _twin(row), _limit(row)]
    parts.append(
        f"{row['n']:.0f} samples of {row['classes']:.0f} labels{_contexts(row)}; exchanged: {row['permuted']}."
    )
    return " ".join(part for part in parts if part)


def _searched(row):
    p = row["p_corrected"] if row["p_decided"] == 1 or row["short"] else row["p_decided"]
    rate = f", q = {_decimals(row['q'])}" if np.isfinite(row["q"]) and not row["short"] and row["p_decided"] < 1 else ""
    return f"p = {_decimals(p)} after the search over layers{rate}"


def _regions(row):
    """Of a map: what is known of regions that were held out, and within regions; of factors, each one."""
    needs, said = row["needs"], []
    r2, _ = needs.get("left_out_region_r2", (float("nan"),) * 2)
    if np.isfinite(r2):
        pairs = [needs[f"within_{kind}_r2"] for kind in ("region", "own_region")]
        within, own = (f"{value:.2f} (p = {_decimals(p)})" for value, p in pairs)
        said.append(
            f"With whole regions held out R² is {r2:.2f}; within regions r² is {within}, within those that the vectors "
            f"show {own}."
        )
    levels = [
        (i, *needs[f"factor_r2_{i}"]) for i in range(1, 5) if np.isfinite(needs.get(f"factor_r2_{i}", (np.nan,))[0])
    ]
    if levels:
        each = ", ".join(f"{value:.2f} (p = {_decimals(p)})" for _, value, p in levels)
        said.append(f"With whole levels of a factor held out, R² of the factors is {each}.")
    gap, _ = needs.get("closing_gap", (float("nan"),) * 2)
    if np.isfinite(gap):
        said.append(
            "The curve that fits best is closed."
            if gap <= 1
            else f"The curve that fits best has a gap of {gap:.1f} steps."
        )
    return " ".join(said)


def _best_shape(row):
    if not row["claimed"] or not row["next_shape"] or row["verdict"] == UNDECIDABLE:
        return ""
    return (f"Of {row['shapes']} shapes the distances are most like those of: {row['shape']} "
            f"(r = {row['shape_score']:.2f}), then {row['next_shape']} ({row['next_score']:.2f}).")  # fmt: skip


def _covariates(row):
    if not row["given"] or row["verdict"] not in (FOUND, AS_UNTRAINED, LESS):
        return ""
    if row["depends_on"]:
        values = [f"{name} ({value:.2f}, p = {_decimals(p)})" for name, (value, p) in row["given"].items()
                  if name in row["depends_on"].split(", ")]  # fmt: skip
        return f"It depends on a covariate: it is not significant given {', given '.join(values)}."
    worst = max(p for _, p in row["given"].values())
    return f"It holds given each of {', '.join(row['given'])} (p ≤ {_decimals(worst)})."


def _outcome(row):
    least = _decimals(row["least_p"])
    if row["verdict"] == UNDECIDABLE and row["least_p"] > ALPHA:
        return f"No p can be smaller than {least} here, so nothing is decided."
    if row["verdict"] == UNDECIDABLE:
        return f"No p can be smaller than {least} here, which is not enough among {row['family']} questions."
    if row["verdict"] == NOT_FOUND:
        many = f" among {row['family']} questions" if row["p_decided"] <= ALPHA else ""
        return f"This is the best layer, and no more than chance{many}."
    if row["verdict"] not in (FOUND, AS_UNTRAINED, LESS):
        return f"Not all that it needs is shown: {row['verdict']}."
    return f"So it is in layers {row['layers']}." if row["layers"] != row["layer"] else "In no other layer."


def _twin(row):
    """How it compares with the untrained twins."""
    shows, against = row[f"{TWIN}_shows"], row["against_untrained"]
    if not shows or row["verdict"] in (NOT_FOUND, UNDECIDABLE):
        return ""
    own = f"{row[f'{TWIN}_value']:.2f}, p = {_decimals(row[f'{TWIN}_p_corrected'])}"
    part = "only part of it" if row[f"{TWIN}_p_corrected"] <= ALPHA else "none of it"
    also = "shows it too" if shows == "yes" else f"shows {part}"
    if against == "blind":
        return f"The untrained twin {also} ({own}) and is blind: it does not show it where it is planted either."
    ends = row["difference_low"], row["difference_high"]
    apart = f"; difference {row['untrained_difference']:+.2f}, 95 % from {ends[0]:+.2f} to {ends[1]:+.2f}"
    words = {"more": "more than", "as much": "as much as", "less": "less than"}[against]
    return f"The untrained twin {also} ({own}): {words} untrained{apart if np.isfinite(ends).all() else ''}."


def _limit(row):
    limit = STRUCTURES[row["structure"]].limit
    return limit if row["verdict"] in (FOUND, AS_UNTRAINED, LESS) else ""


def _contexts(row):
    count = row["contexts"]
    return f" in {count:.0f} contexts" if np.isfinite(count) and 1 < count < row["n"] else ""


def _decimals(p):
    return f"{p:.4f}".rstrip("0").removeprefix("0") if p < 0.01 else f"{p:.2f}".removeprefix("0")


def write(rows, path, columns=COLUMNS):
    """Write rows as CSV; numbers that are not there are empty."""
    store.write_rows(path, ({key: _short(value) for key, value in row.items()} for row in rows), columns)


def _short(value):
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else ""
    return value


def read(path):
    """The rows of a file of `write`: list of dict, numbers as numbers, what is empty as NaN."""
    return [{key: _number(key, value) for key, value in row.items()} for row in store.read_rows(path)]


def _number(key, value):
    return value if key in WORDS else float(value or "nan")
