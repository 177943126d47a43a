"""Measures of a set over the layers."""

import numpy as np

from orrery.figures.chart import Axis, Band, Chart, Line, Panel
from orrery.figures.sources import series_of

MEASURE_NAMES = {
    "first_harmonic_share": "first-harmonic share",
    "left_out_angle_error": "left-out angle error (rad)",
    "left_out_value_r2": "left-out value R²",
    "components_90": "components for 90 % of variance",
}


def metrics(sources, figure, shape):
    """Each measure against the layer, with its null beside it; full marks where p, corrected over layers, ≤ .05."""
    facts = sources.facts
    caption = (
        f"n = {sources.metrics['n'][0]} · {facts['source']} · null (dashed, 95 % grey): shuffled order of the labels, "
        f"or Gaussian noise · filled: p ≤ .05, corrected over layers · seed {facts['seed']}"
    )
    panels = [Panel(curve(s), layer_axis(s["layer"]), Axis(limits=(min(0, s["value"].min()), None)),
                    title=MEASURE_NAMES.get(name, name)) for name, s in series_of(sources.metrics).items()]  # fmt: skip
    return Chart(f"{facts['concept']} in {facts['model']}, all layers", caption, panels, columns=1, aspect=0.35)


def curve(s, colour="accent", name="", null=True, order=None):
    """The marks of one measure over the layers, each at its place in `order` (names; by default its own)."""
    places = {layer: i for i, layer in enumerate(order if order is not None else s["layer"])}
    x, tested = np.array([places[layer] for layer in s["layer"]]), not np.isnan(s["p_corrected"]).all()
    marks = []
    if null and not np.isnan(s["null_low"]).all():
        marks.append(Band(x, s["null_low"], s["null_high"]))
    if null:
        marks.append(Line(x, s["null_mean"], colour="muted", dash=True, width=1))
    hover = [f"layer {layer}: {v:.3f}" + (f", corrected p = {p:.4f}" if tested else ", not tested")
             for layer, v, p in zip(s["layer"], s["value"], s["p_corrected"])]  # fmt: skip
    filled = s["p_corrected"] <= 0.05 if tested else None
    dots = Line(x, s["value"], colour=colour, width=0, dots=True, filled=filled, hover=hover)
    return [*marks, Line(*broken(x, s["value"]), colour=colour, name=name), dots]


def broken(x, *columns):
    """x and columns (L,) with a gap where x leaves out a place: no line goes over layers that a model lacks."""
    gaps = np.flatnonzero(np.diff(x) > 1) + 1
    return [np.insert(np.asarray(values, float), gaps, np.nan) for values in (x, *columns)]


def layer_axis(names):
    """An axis of layers, so many of them named as there is room for."""
    step = -(-len(names) // 16)
    shown = [name.replace("embed", "emb") for name in names[::step]]
    return Axis("layer", ticks=(np.arange(len(names))[::step], shown))
