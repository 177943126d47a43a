"""Measures of a set over the layers."""

import numpy as np

from orrery.errors import OrreryError
from orrery.figures.chart import Axis, Band, Chart, Line, Panel
from orrery.figures.colours import CONTROL_COLOURS
from orrery.figures.sources import series_of
from orrery.measured import CONTROLS, PLACES, title_of

PLACED = ("left_out_place_r2", "weakest_axis_r2", "left_out_region_r2", "within_region_r2", "factor_r2_1",
          "factor_r2_2", "distance_rank", "place_share", "probe_accuracy")  # fmt: skip
SHOWN = {  # of each topology, where the figure names none
    "circle": (
        "left_out_angle_error",
        "weakest_circle_axis_r2",
        "closing_gap",
        "ring_closure",
        "first_harmonic_share",
        "probe_accuracy",
    ),
    "line": ("left_out_rank", "line_share", "arch_share", "modulo_kappa_10", "two_nn", "components_90"),
    "helix": (
        "left_out_rank",
        "rank_within_digits",
        "residue_circle_10",
        "residue_consistency_10",
        "fourier_r2",
        "components_90",
    ),
    **dict.fromkeys(PLACES, PLACED),
    "tree": (
        "sibling_cosine",
        "parent_share",
        "difference_cosine",
        "probe_accuracy",
        "silhouette",
        "two_nn",
        "components_90",
    ),
    "simplex": ("simplex_cv", "probe_accuracy", "silhouette", "participation_ratio", "components_90"),
    "none": ("probe_accuracy", "silhouette", "sibling_cosine", "two_nn", "participation_ratio", "components_90"),
}


def metrics(sources, figure, shape):
    """Measures against the layer, with their nulls and controls; full marks where p, corrected over layers, ≤ .05."""
    facts, found = sources.facts, series_of(sources.metrics)
    wanted = figure.get("measures") or [name for name in SHOWN[shape["topology"]] if name in found] or list(found)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise OrreryError(f"{facts['concept']} has no {missing[0]}; it has {', '.join(found)}.")
    beside = {name: series_of(sources.metrics, name) for name in CONTROLS if name in set(sources.metrics["control"])}
    panels = [_panel(name, found, beside, legend=name == wanted[0]) for name in wanted]
    permuted = dict.fromkeys(kind for name in wanted for kind in found[name]["permuted"] if kind)
    caption = (
        f"n = {sources.metrics['n'][0]} · {facts['source']} · null (dashed, grey): {' · '.join(permuted) or 'none'}"
        f" · filled: p ≤ .05, corrected over layers · bars: 95 % interval · seed {facts['seed']}"
    )
    return Chart(f"{facts['concept']} in {facts['model']}, all layers", caption, panels, columns=1, aspect=0.35)


def _panel(name, found, beside, legend):
    order = list(found[name]["layer"])
    marks = [mark for control, series in beside.items() if name in series
             for mark in _control(series[name], control, order, legend)]  # fmt: skip
    values = [found[name]["value"], found[name]["null_low"], *(s[name]["value"] for s in beside.values() if name in s)]
    least = np.nanmin(np.concatenate(values)) if np.isfinite(np.concatenate(values)).any() else 0
    legend = legend and bool(marks)  # it stands above the panel, its title above it
    return Panel([*marks, *curve(found[name])], layer_axis(order), Axis(limits=(min(0, least), None)),
                 title=title_of(name) + "\n" * legend, legend="sets" if legend else "")  # fmt: skip


def _control(s, control, order, named):
    """The curve of a control, over those of its layers that the set has."""
    there = np.array([layer in order for layer in s["layer"]], dtype=bool)
    if not there.any():
        return []
    x = np.array([order.index(layer) for layer in s["layer"][there]], dtype=float)
    name = control if named else ""
    line = Line(*broken(x, s["value"][there]), colour=CONTROL_COLOURS[control], width=0.8, name=name)
    line.dots = there.sum() == 1
    return [line]


def curve(s, colour="accent", name="", null=True, order=None):
    """The marks of one measure over the layers, each at its place in `order` (names; by default its own)."""
    places = {layer: i for i, layer in enumerate(order if order is not None else s["layer"])}
    x, tested = np.array([places[layer] for layer in s["layer"]]), not np.isnan(s["p_corrected"]).all()
    marks = []
    if null and not np.isnan(s["null_low"]).all():
        marks.append(Band(x, s["null_low"], s["null_high"]))
    if null and not np.isnan(s["null_mean"]).all():
        marks.append(Line(x, s["null_mean"], colour="muted", dash=True, width=1))
    if null:
        marks += [Line(np.array([place, place]), np.array(ends), colour=colour, width=0.8)
                  for place, *ends in zip(x, s["low"], s["high"]) if np.isfinite(ends).all()]  # fmt: skip
    hover = [f"layer {layer}: {v:.3f}" + (f", corrected p = {p:.4f}" if tested else ", not tested")
             for layer, v, p in zip(s["layer"], s["value"], s["p_corrected"])]  # fmt: skip
    filled = s["p_corrected"] <= 0.05 if tested else None
    dots = Line(x, s["value"], colour=colour, width=0, dots=True, filled=filled, hover=hover)
    return [*marks, Line(*broken(x, s["value"]), colour=colour, name=name), dots]


def broken(x, *columns):
    """x and columns (L,) with a gap where x leaves out a place: no line goes over layers that a model lacks."""
    gaps = np.flatnonzero(np.diff(x) > 1) + 1
    return [np.insert(np.asarray(values, float), gaps, np.nan) for values in (x, *columns)]


def layers_of(sets):
    """All layers of some sets (their names, each) in the order of a model: embed, the blocks, final, unembed."""
    last = {"embed": -1, "final": 10_000, "unembed": 10_001}
    return sorted({layer for names in sets for layer in names}, key=lambda x: last[x] if x in last else int(x))


def layer_axis(names):
    """An axis of layers, so many of them named as there is room for."""
    step = -(-len(names) // 16)
    shown = [name.replace("embed", "emb") for name in names[::step]]
    return Axis("layer", ticks=(np.arange(len(names))[::step], shown))
