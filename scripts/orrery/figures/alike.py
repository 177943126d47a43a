"""Figures of how alike layers and models are."""

import numpy as np

from orrery.errors import OrreryError
from orrery.figures.chart import Axis, Chart, Heat, Panel

NAMES = {"cka": "CKA", "mutual_knn": "mutual k-NN", "procrustes": "Procrustes"}
QUESTIONS = {"means": "arranged alike in", "samples": "anything shared by"}


def similarity(sources, comparison, shapes):
    """A map, layer × layer, of two places or of one with itself; what chance explains is 0, or has no dot."""
    way, measure = comparison.get("rows", "means"), comparison.get("measure", "cka")
    view = sources[0].main
    names, layers, found = _turned(view, _fields(view, way, measure), comparison["of"][0].partition("/")[0])
    itself, raw = names[0] == names[1], comparison.get("score") == "raw"
    best = _best_of_rows(found, itself)
    values = found["value" if raw else "calibrated"]
    marked = np.zeros(values.shape, bool)
    marked[np.flatnonzero(best >= 0), best[best >= 0]] = True
    title = f"{'' if raw else 'calibrated '}{NAMES[measure]}"
    limits = (min(0, np.nanmin(values, initial=0)), 1)
    heat = Heat(values[::-1], layers[1], layers[0][::-1], "line", title, limits=limits, marked=marked[::-1])
    panel = Panel([heat], Axis(f"layer of {names[1]}"), Axis(f"layer of {names[0]}"))
    shown = [] if raw else ["0: corrected p > .05"]
    if marked.any():
        shown.append(f"dots: the most similar {'other ' if itself else ''}layer of each row")
    said = [*_pair(found, layers, names), *_runs(best, layers, names)]
    caption = [*said, *shown, *_how(view, way, "all pairs of layers")]
    aspect = float(np.clip(0.15 + 0.8 * values.shape[0] / values.shape[1], 0.38, 1))
    of = f"the layers of {names[0]}" if itself else " and ".join(names)
    return Chart(f"{view.concept}: {QUESTIONS[way]} {of}?", " · ".join(caption), [panel], aspect=aspect)


def models(sources, comparison, shapes):
    """How alike several models are in their most similar layers, place × place, by one measure or by each."""
    way = comparison.get("rows", "means")
    measures = [comparison["measure"]] if "measure" in comparison else list(NAMES)
    names = [place.partition("/")[0] for place in comparison["of"]]
    numbers = [str(i + 1) for i in range(len(names))]
    raw = comparison.get("score") == "raw"
    panels, notes = [], {}
    for measure in measures:
        values = np.full((len(names), len(names)), np.nan)
        for source in sources:
            made, found = source.main.attributes, _fields(source.main, way, measure)
            i, j = names.index(made["model"]), names.index(made["other"])
            best = _best(found)
            values[i, j] = values[j, i] = found["value" if raw else "calibrated"][best]
            layers, p = [made["layers"][best[0]], made["other_layers"][best[1]]], found["p_corrected"][best]
            (i, first), (j, second) = sorted(zip((i, j), layers))
            notes.setdefault((i, j), []).append((f"{first}–{second} " if p <= 0.05 else "") + _p(p))
        shown = [f"{n} {name}" for n, name in zip(numbers, names)] if not panels else numbers
        limits = (min(0, np.nanmin(values, initial=0)), 1)
        heat = Heat(values, numbers, shown, "line", NAMES[measure], limits=limits, printed=True, bar=False)
        panels.append(Panel([heat], title=NAMES[measure]))
    score = "similarity" if raw else "calibrated similarity (0: corrected p > .05)"
    said = [f"{i + 1} × {j + 1}: {', '.join(note)}" for (i, j), note in notes.items()] if len(notes) <= 6 else []
    view = sources[0].main
    caption = [f"{score} of the two most similar layers, and which they are", *said,
               *_how(view, way, "the pairs of layers of two models")]  # fmt: skip
    title = f"{view.concept}: {QUESTIONS[way]} these models?"
    return Chart(title, " · ".join(caption), panels, columns=len(panels), aspect=0.8 if len(panels) > 1 else 0.6)


def _fields(view, way, measure):
    """The arrays (L, M) of one way and measure."""
    start = f"{way}_{measure}_"
    if f"{start}value" not in view.arrays:
        raise OrreryError(f"{view.concept} has too few samples a label to compare samples; write rows: means.")
    return {name.removeprefix(start): array for name, array in view.arrays.items() if name.startswith(start)}


def _turned(view, found, first):
    """(models, their layers, arrays) with the model `first` in the rows."""
    made = view.attributes
    names, layers = [made["model"], made["other"]], [made["layers"], made["other_layers"]]
    if names[0] == first:
        return names, layers, found
    return names[::-1], layers[::-1], {name: array.T for name, array in found.items()}


def _best_of_rows(found, itself):
    """Column of the highest score of each row, where that is more than chance; else -1."""
    scores = np.nan_to_num(found["calibrated"])
    if itself:
        np.fill_diagonal(scores, 0)
    return np.where(scores.max(1) > 0, scores.argmax(1), -1)


def _best(found):
    """(row, column) of the pair with the smallest corrected p, of equal ones the highest score, then value."""
    value, score = (np.nan_to_num(found[name], nan=-2.0).ravel() for name in ("value", "calibrated"))
    place = np.lexsort([-value, -score, found["p_corrected"].ravel()])[0]
    return np.unravel_index(place, found["value"].shape)


def _pair(found, layers, names):
    """What is to be said of the most similar pair of layers."""
    if names[0] == names[1]:
        return []
    best = _best(found)
    p = _p(found["p_corrected"][best])
    if found["p_corrected"][best] > 0.05:
        return [f"no layer of one is more like a layer of the other than by chance: smallest corrected {p}"]
    value, chance = (_number(found[name][best]) for name in ("value", "null_mean"))
    pair = f"{layers[0][best[0]]} of {names[0]} and {layers[1][best[1]]} of {names[1]}"
    return [f"most alike: {pair}", f"{value} where chance gives {chance}, corrected {p}"]


def _runs(best, layers, names):
    """Which layer is most like which, successive layers with the same match together; nothing where they are many."""
    runs = []
    for row, column in enumerate(best):
        if runs and runs[-1][2] == column:
            runs[-1][1] = row
        else:
            runs.append([row, row, column])
    if not 0 < len([run for run in runs if run[2] >= 0]) <= 12:
        return []
    said = [f"{layers[0][a]}{f'…{layers[0][b]}' if b > a else ''}→{layers[1][c] if c >= 0 else 'none'}"
            for a, b, c in runs]  # fmt: skip
    return [f"{names[0]}→{names[1]}: {', '.join(said)}"]


def _how(view, way, search):
    """How the similarity was tested."""
    how = view.attributes[way]
    rows = f"means of {how['n']} labels" if way == "means" else f"{how['n']} of {how['available']} samples"
    orders = f"{how['orders']:,} orders of the {how['permuted']}{' (all)' if how['exact'] else ''}"
    return [f"{rows}, {view.attributes['source']}", f"null: {orders}, the maximum over {search} within each",
            f"seed {view.attributes['seed']}"]  # fmt: skip


def _number(value):
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if float(text) else "0"


def _p(p):
    return "p = 1" if p == 1 else "p = " + (f"{p:.3f}" if p >= 0.001 else f"{p:.4f}").removeprefix("0")
