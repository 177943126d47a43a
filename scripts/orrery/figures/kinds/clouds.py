"""Clouds of points: scatters, digits, pairs of components, the layers of a model, rings."""

from itertools import combinations

import numpy as np

from orrery.errors import OrreryError
from orrery.figures.chart import Axis, Chart, Gradient, Line, Names, Panel, Points
from orrery.figures.colours import class_colours, sequential
from orrery.figures.sources import MEANINGLESS, UNLIKE_AXES
from orrery.measured import LINES, PLACES

MANY = 20  # classes, above which colour stands for a value and not for a name
DIGITS = {"ones": 1, "tens": 10, "hundreds": 100}
CONTROL = {"topology": "none", "ranked": True}  # random tokens have a rank, by which their gradient goes


def scatter(sources, figure, shape):
    """Points in two or three dimensions, coloured by class or value, hover with the context; the control beside."""
    dimensions = int(figure["kind"][-2])
    components = figure.get("components") or list(range(1, dimensions + 1))
    panels = [cloud(view, components, figure, shape if view is sources.main else CONTROL) for view in sources.views]
    if len(panels) > 1:
        for panel, view in zip(panels, sources.views):
            panel.title = view.concept
    return Chart(sources.main.title(), sources.caption(components), panels, columns=len(panels))


def cloud(view, components, figure, shape, title="", bar=True):
    """One panel: the points of a view on some components, coloured as the figure's `colour` asks."""
    xyz = view.coordinates(components)
    axes = [Axis(view.axis_name(c), bare=view.method in MEANINGLESS) for c in components]
    colour = figure.get("colour", "class")
    by_label = shape["topology"] in (*PLACES, "tree")  # however many they are, their colours mean something
    colour = "value" if colour == "class" and len(view.classes[0]) > MANY and not by_label else colour
    if colour == "class":
        marks, legend = _classes(view, xyz, figure, shape), "parents" if shape["topology"] == "tree" else "classes"
        legend = legend if sum(isinstance(mark, Points) and mark.hover is not None for mark in marks) <= MANY else ""
    elif colour == "value" and not (shape["topology"] in ("circle", *LINES) or {"ranked", "numbers"} & set(shape)):
        marks, legend = [Points(xyz, "accent", view.concept, (view, np.arange(view.n)), figure.get("point_size"))], ""
    elif colour == "value":
        marks, legend = [_gradient(view, xyz, figure, shape, bar)], ""
    else:
        marks, legend = _digits(view, xyz, figure, colour), colour
    return Panel(marks, *axes, title=title, equal=view.method not in UNLIKE_AXES, legend=legend)


def _classes(view, xyz, figure, shape):
    """A cloud a class, or of a tree a parent, and in two dimensions the classes' middles.

    They are joined in their order where the map is linear.
    """
    labels, values, index = view.classes
    colours = class_colours(values, shape, figure["theme"], labels)
    names = np.array([shape["parents"][label] for label in labels] if shape["topology"] == "tree" else labels)
    marks = [
        Points(xyz[rows], colour, name, (view, rows), figure.get("point_size"))
        for name, colour in dict(zip(names.tolist(), colours)).items()
        for rows in [np.flatnonzero(names[index] == name)]
    ]
    single = len(labels) == view.n
    if single and view.method in MEANINGLESS:
        return marks
    middles = np.array([_middle(xyz[index == i], view.method) for i in range(len(labels))])
    if view.method not in MEANINGLESS and shape["topology"] in ("circle", *LINES):
        marks.append(_path(middles, shape["topology"] == "circle"))
    if xyz.shape[1] == 3:
        return marks
    marks += [Points(m[None], c, landmarks=True) for m, c in zip(middles, colours)]
    return [*marks, Names(middles, labels, xyz)]


def _middle(points, method):
    """Mean of a class; in a map that may tear it apart the point nearest to the median, for a mean may lie outside."""
    if method in MEANINGLESS:
        return points[((points - np.median(points, axis=0)) ** 2).sum(1).argmin()]
    return points.mean(0)


def _path(middles, closed):
    path = np.vstack([middles, middles[:1]]) if closed else middles
    return Line(*path.T, colour="muted", width=0.8)


def _gradient(view, xyz, figure, shape, bar=True):
    scale = "circle" if shape["topology"] == "circle" else "line"
    limits = (0, shape["period"]) if scale == "circle" else None
    title = "rank" if shape.get("ranked") else "value"
    hover = view, np.arange(view.n)
    values = np.asarray(view.samples["value"], float)
    values = values % shape["period"] if scale == "circle" else values
    return Gradient(xyz, values, scale, title, hover, figure.get("point_size"), limits, bar=bar)


def _digits(view, xyz, figure, colour):
    """A cloud a digit (ones, tens, hundreds) or a number of digits (length)."""
    values = np.asarray(view.samples["value"], float)
    n = values.astype(int)
    if (n != values).any() or n.min() < 0:
        raise OrreryError(
            f"{view.concept} has values that are no integers from 0 on, so no digits; choose another colour."
        )
    if colour == "length":
        index = np.char.str_len(n.astype(str)) - 1
        names = [f"{length} digit" + "s" * (length > 1) for length in range(1, index.max() + 2)]
    else:
        index, names = n // DIGITS[colour] % 10, [str(digit) for digit in range(10)]
        if colour != "ones":
            index = np.where(n < DIGITS[colour], -1, index)  # 7 has no tens
            names = [*names, "none"]
    places = np.linspace(0, 1, max(2, len(names) - ("none" in names)))
    colours = [sequential(p, figure["theme"]) for p in places] + ["faint"]
    rows = {name: np.flatnonzero(index == (i if name != "none" else -1)) for i, name in enumerate(names)}
    order = sorted(rows, key=lambda name: name != "none")  # what has no such digit lies below
    return [
        Points(xyz[rows[name]], colours[names.index(name)], name, (view, rows[name]), figure.get("point_size"))
        for name in order
        if len(rows[name])
    ]


def digits(sources, figure, shape):
    """The same components coloured by the ones, tens and hundreds digit and by the number of digits."""
    components = figure.get("components") or list(range(1, figure.get("dimensions", 2) + 1))
    colours = [c for c in (*DIGITS, "length") if c != "hundreds" or max(sources.main.samples["value"]) >= 100]
    panels = [
        cloud(view, components, {**figure, "colour": colour}, CONTROL, f"{view.concept}: {_digit_title(colour)}")
        for view in sources.views
        for colour in colours
    ]
    return Chart(sources.main.title() + ": digits", sources.caption(components), panels, columns=2, aspect=0.85)


def _digit_title(colour):
    return "number of digits" if colour == "length" else f"{colour} digit"


def grid(sources, figure, shape):
    """All pairs of the first components (`count` of them)."""
    available = max(2, min(view.arrays["coordinates"].shape[1] for view in sources.views))
    pairs = list(combinations(range(1, min(figure.get("count", 4), available) + 1), 2))
    panels = [
        cloud(view, pair, figure, shape if view is sources.main else CONTROL, bar=i == len(pairs) - 1)
        for view in sources.views
        for i, pair in enumerate(pairs)
    ]
    for panel, view in zip(panels[:: len(pairs)], sources.views):
        panel.title = view.concept
    for panel in panels[1:]:
        panel.legend = ""
    return Chart(sources.main.title() + ": pairs of components", sources.caption(), panels, columns=3, aspect=0.9)


def layers(sources, figure, shape):
    """The set in every layer, each turned to the one before: a film to play, and small multiples for paper."""
    view = sources.main
    names, moments = view.attributes["layers"], view.arrays["coordinates"][..., : figure.get("dimensions", 2)]
    key = "trustworthiness" + ("_3d" if moments.shape[-1] == 3 else "")
    scores = view.attributes.get(key) or [None] * len(names)
    ratios = view.arrays.get("explained_variance_ratio")
    alike = view.method not in UNLIKE_AXES
    spread = np.abs(moments).max(axis=(1, 2) if alike else 1, keepdims=True)
    axes = [Axis(bare=True) for _ in range(moments.shape[-1])]
    panels = []
    for i, name in enumerate(names):
        facts = {**view.attributes, "layer": name}
        moment = type(view)({"coordinates": moments[i] / np.where(spread[i], spread[i], 1)}, view.samples, facts)
        panel = cloud(moment, list(range(1, moments.shape[-1] + 1)), figure, shape, bar=False)
        panel.marks = [mark for mark in panel.marks if not isinstance(mark, Names)]
        panel.x, panel.y, *rest = axes
        panel.z = rest[0] if rest else None
        share = ""
        if ratios is not None:
            share = f" · {100 * ratios[i].sum() * _shown(view.arrays['coordinates'][i], moments[i]):.0f} %"
        trust = f" · T {scores[i]:.2f}" if scores[i] is not None else ""
        panel.title, panel.legend = f"{name}{share}{trust}", "classes" if i == 0 and panel.legend else ""
        panels.append(panel)
    caption = f"{sources.caption()} · each layer turned to the one before and scaled to its frame"
    caption += " · % of the variance, T trustworthiness" if ratios is not None else " · T trustworthiness"
    return Chart(view.title(), caption, panels, columns=min(6, len(panels)), aspect=1, film=True)


def _shown(points, part):
    """The share of the variance of all kept axes that the drawn ones have: turning the picture mixes them."""
    return part.var(0).sum() / points.var(0).sum()


def ring(sources, figure, shape):
    """Class means in the plane of their first two components, and where a probe puts labels it never saw."""
    panels = []
    for view in sources.views:
        panels += [_plane(view, figure, shape), _dial(view, figure, shape)]
    return Chart(sources.main.title(), sources.caption(), panels, columns=2, aspect=0.95)


def _plane(view, figure, shape):
    labels, values, index = view.classes
    xyz, shares = view.arrays["plane"], view.attributes["plane_variance"]
    colours = class_colours(values, shape, figure["theme"])
    marks = [Points(xyz[index == i], colours[i], labels[i], size=2.6) for i in range(len(labels))]
    means = np.array([xyz[index == i].mean(0) for i in range(len(labels))])
    marks += [Line(*_ellipse(xyz[index == i]), colour=colours[i], width=0.9) for i in range(len(labels))]
    marks += [_path(means, closed=True), *(Points(m[None], c, landmarks=True) for m, c in zip(means, colours))]
    axes = [
        Axis(f"class-mean PC {i + 1} ({100 * share:.0f} % of the means' variance)") for i, share in enumerate(shares)
    ]
    return Panel([*marks, Names(means, labels, xyz)], *axes, title=f"{view.concept}: means, one sd around", equal=True)


def _ellipse(points):
    """One standard deviation around the mean of a class, (x, y) of a closed line."""
    turn = np.linspace(0, 2 * np.pi, 60)
    values, vectors = np.linalg.eigh(np.cov(points.T)) if len(points) > 2 else (np.zeros(2), np.eye(2))
    return points.mean(0)[:, None] + vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * [np.cos(turn), np.sin(turn)])


def _dial(view, figure, shape):
    labels, values, index = view.classes
    xyz, angles = view.arrays["coordinates"][:, :2], 2 * np.pi * values / shape["period"]
    colours = class_colours(values, shape, figure["theme"])
    turn, true = np.linspace(0, 2 * np.pi, 120), np.c_[np.cos(angles), np.sin(angles)]
    marks = [Line(np.cos(turn), np.sin(turn), colour="faint", width=1)]
    marks += [Line(*np.vstack([[0, 0], place]).T, colour="faint", width=0.8) for place in true]
    marks += [
        Points(xyz[index == i], colours[i], labels[i], (view, np.flatnonzero(index == i)), 3)
        for i in range(len(labels))
    ]
    marks += [Points(place[None], colour, landmarks=True) for place, colour in zip(true, colours)]
    title = f"hidden labels, {view.attributes['left_out_angle_error']:.2f} rad off (blind guess 1.57)"
    axes = [Axis("predicted cos"), Axis("predicted sin")]
    return Panel([*marks, Names(true, labels, xyz)], *axes, title=title, equal=True)
