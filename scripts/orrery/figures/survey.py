"""A survey as two pictures: where the labels of every set come to lie, and in which layers."""

import textwrap

import numpy as np

from orrery.figures.chart import Axis, Chart, Dots, Heat, Line, Panel
from orrery.figures.colours import class_colours
from orrery.figures.kinds.measures import layers_of
from orrery.headline import FOUND, NOT_FOUND, UNDECIDABLE
from orrery.structures import CLAIMS, PARTS
from orrery.survey import OUTCOMES, PARTLY, UNTRAINED

COLUMNS, LIMIT = 7, 10
SIGNS = {FOUND: "●", PARTLY: "◐", **dict.fromkeys(UNTRAINED, "◍"), **dict.fromkeys(PARTS, "◔"), NOT_FOUND: "○",
         UNDECIDABLE: "?"}  # fmt: skip
KEY = "● found · ◐ in part · ◍ no more than untrained · ◔ only a part of the claim · ○ not found · ? undecidable"


def in_order(rows):
    """Rows by topology, and in each by outcome and name."""
    kinds, outcomes = list(CLAIMS), list(OUTCOMES)
    return sorted(rows, key=lambda r: (kinds.index(r["topology"]), outcomes.index(r["outcome"]), r["concept"]))


def shapes(rows, placed, facts):
    """The chart of small multiples: every set of a model in the layer where its claim is told best.

    Parameters
    ----------
    rows : list of dict
        From `headline.read`, of one model, `in_order`.
    placed : list of (labels, values, xy)
        From `survey.placed`, one for each row.
    facts : list of dict
        Of the metrics file of each row.
    """
    panels = [_shape(row, *places, about) for row, places, about in zip(rows, placed, facts)]
    caption = (
        f"{KEY} · after each name its layer · circles, lines and maps: where probes put labels that they never saw · "
        "trees and the rest: label means on their first two components"
    )
    return Chart(f"{rows[0]['model']}: {len(rows)} sets", caption, panels, columns=COLUMNS, aspect=1.12)


def _shape(row, labels, values, xy, shape):
    colours = class_colours(values, shape, labels=labels)
    marks, topology = [Dots(xy, colours, labels)], row["topology"]
    if topology == "circle":
        turn = np.linspace(0, 2 * np.pi, 60)
        marks.insert(0, Line(np.cos(turn), np.sin(turn), colour="faint", width=0.8))
    elif topology in ("line", "helix"):
        ends = np.array([values.min(), values.max()])
        marks.insert(0, Line(ends, ends, colour="faint", width=0.8))
    name = f"{SIGNS[row['outcome']]} {row['concept']}"
    title = "\n".join(textwrap.wrap(f"{name} ·\u00a0{row['layer']}", 19, break_on_hyphens=True))
    return Panel(marks, Axis(bare=True), Axis(bare=True), title=title, equal=topology not in ("line", "helix", "torus"))


def layers(rows, curves):
    """The chart of layer × set: how far each claim's measure is from its null, in standard deviations of the null.

    Parameters
    ----------
    rows : list of dict
        As in `shapes`.
    curves : list of dict of str → (float, bool)
        Layer → effect, and whether p, corrected over layers, ≤ .05; one for each row.
    """
    order = layers_of(curves)
    values, marked = np.full((len(rows), len(order)), np.nan), np.zeros((len(rows), len(order)), bool)
    for i, curve in enumerate(curves):
        for layer, (effect, found) in curve.items():
            values[i, order.index(layer)], marked[i, order.index(layer)] = effect, found
    names = [f"{row['concept']} {SIGNS[row['outcome']]} {row['structure']}" for row in rows]
    title = "distance from the null (standard deviations)"
    heat = Heat(values, order, names, "diverging", title, limits=(-LIMIT, LIMIT), marked=marked)
    caption = (
        f"{KEY} · dots: p ≤ .05, corrected over layers · red: more structure than the null has · "
        "white: all labels are alike there"
    )
    chart = Chart(f"{rows[0]['model']}: {len(rows)} sets by layer", caption, [Panel([heat], Axis("layer"))])
    chart.aspect = 0.1 + 0.022 * len(rows)
    return chart
