"""Every kind of figure: one small function from the sources, the entry of `figures:` and the set's shape to a chart.

Drawing never computes geometry: what is drawn stands in the files. A new kind is a function here, an entry in KINDS,
what it needs in `figures/needs.py`, and its name in the schema.
"""

from itertools import combinations

import numpy as np

from orrery.errors import OrreryError
from orrery.figures.chart import Axis, Band, Bars, Chart, Gradient, Heat, Line, Names, Panel, Points, Rules
from orrery.figures.colours import class_colours, sequential
from orrery.figures.sources import MEANINGLESS, METHOD_NAMES, UNLIKE_AXES, series_of
from orrery.geometry.variance import count_for

MANY = 20  # classes, above which colour stands for a value and not for a name
DIGITS = {"ones": 1, "tens": 10, "hundreds": 100}
MEASURE_NAMES = {
    "first_harmonic_share": "first-harmonic share",
    "left_out_angle_error": "left-out angle error (rad)",
    "left_out_value_r2": "left-out value R²",
    "components_90": "components for 90 % of variance",
}
PERIODS = (2, 5, 10, 100)
MATRIX_ROWS = 600  # of a heat map; more are not seen
CONTROL = {"topology": "none", "ranked": True}  # random tokens have a rank, by which their gradient goes


def draw(sources, figure, shape):
    """The chart of one entry of `figures:`.

    Parameters
    ----------
    sources : Sources
    figure : dict
        The entry: kind and its options.
    shape : dict
        topology of the concept, and for a circle its period.
    """
    return KINDS[figure["kind"]](sources, figure, shape)


# --------------------------------------------------------------------------------------------------------- clouds


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
    colour = "value" if colour == "class" and len(view.classes[0]) > MANY else colour
    if colour == "class":
        marks, legend = _classes(view, xyz, figure, shape), "classes"
    elif colour == "value" and shape == {"topology": "none"}:  # many classes in no order
        marks, legend = [Points(xyz, "accent", view.concept, (view, np.arange(view.n)), figure.get("point_size"))], ""
    elif colour == "value":
        marks, legend = [_gradient(view, xyz, figure, shape, bar)], ""
    else:
        marks, legend = _digits(view, xyz, figure, colour), colour
    return Panel(marks, *axes, title=title, equal=view.method not in UNLIKE_AXES, legend=legend)


def _classes(view, xyz, figure, shape):
    """A cloud a class, and in two dimensions the classes' middles, joined in their order where the map is linear."""
    labels, values, index = view.classes
    colours = class_colours(values, shape, figure["theme"])
    marks = [
        Points(xyz[index == i], colours[i], label, (view, np.flatnonzero(index == i)), figure.get("point_size"))
        for i, label in enumerate(labels)
    ]
    single = len(labels) == view.n
    if single and view.method in MEANINGLESS:
        return marks
    middles = np.array([_middle(xyz[index == i], view.method) for i in range(len(labels))])
    if view.method not in MEANINGLESS and shape["topology"] in ("circle", "line"):
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


# ------------------------------------------------------------------------------------------------------- components


def spectra(sources):
    """name → explained-variance ratios, of the set, its control and Gaussian noise of the set's shape."""
    named = {view.concept: view.arrays["explained_variance_ratio"] for view in sources.views}
    return named | {"Gaussian noise, same shape": sources.main.arrays["noise_explained_variance_ratio"]}


def variance(sources, figure, shape):
    """Explained variance per component and in sum, with the control and noise of the same shape."""
    colours = ["accent", "control", "noise"] if sources.control else ["accent", "noise"]
    single, total = [], [Rules([90], "y")]
    for (name, ratios), colour in zip(spectra(sources).items(), colours):
        x, needed, reached = np.arange(1, len(ratios) + 1), count_for(ratios), ratios.sum()
        single.append(Line(x, 100 * ratios, colour=colour, dots=len(x) < 100))
        said = needed if needed <= len(ratios) else f"not reached ({100 * reached:.0f} %)"
        total.append(Line(x, 100 * np.cumsum(ratios), colour=colour, name=f"{name}: {said}"))
        if needed <= len(ratios):
            total.append(Line(np.array([needed, needed]), np.array([0, 90]), colour=colour, dash=True, width=0.8))
    panels = [
        Panel(single, Axis("component", log=True), Axis("variance explained (%)", limits=(0, None))),
        Panel(
            total, Axis("components"), Axis("cumulative variance (%)", limits=(0, 102)), legend="components for 90 %"
        ),
    ]
    return Chart(sources.main.title() + ": variance", sources.caption(), panels, columns=2, aspect=0.85)


def loadings(sources, figure, shape):
    """What each dimension of the model gives to a component."""
    panels = []
    for component in figure.get("components", [1, 2, 3, 4]):
        marks = []
        for view, colour in zip(reversed(sources.views), ["control", "accent"][-len(sources.views) :]):
            view.coordinates([component])
            weights = view.arrays["loadings"][component - 1]
            marks.append(Line(np.arange(len(weights)), weights, colour=colour, width=0.6, name=view.concept))
        order = np.argsort(-np.abs(weights))[:10]
        carried = f"dimension (ten carry {100 * (weights[order] ** 2).sum():.0f} %)"
        panels.append(Panel(marks, Axis(carried), Axis("loading"), title=sources.main.axis_name(component)))
    panels[0].legend = "sets" if sources.control else ""
    return Chart(sources.main.title() + ": loadings", sources.caption(), panels, columns=2, aspect=0.5)


def correlation(sources, figure, shape):
    """Correlations of components over the samples, printed."""
    panels = []
    for view in sources.analyses:
        names = [_column(view, c) for c in view.arrays["correlation_columns"]]
        heat = Heat(view.arrays["correlations"], names, names, "diverging", "r", (-1, 1), printed=True)
        panels.append(Panel([heat], title=view.concept))
    return Chart(_title(sources, "correlations of components"), sources.caption() + _among(sources), panels, aspect=0.8)


def pairs(sources, figure, shape):
    """The most correlated pairs of components, each coloured by value (or class) and by number of digits."""
    panels, colours = [], ["class", "length"] if _is_numbers(sources.main) else ["class"]
    for first, second, r in _top(sources.analysis, figure.get("count", 4)):
        for colour in colours:
            panel = cloud(sources.main, (first, second), {**figure, "colour": colour}, shape, bar=len(panels) < 2)
            panel.title = f"{first} × {second}: r = {r:+.2f}"
            panel.legend = panel.legend if len(panels) < 2 else ""
            panels.append(panel)
    columns = 2 if len(colours) == 2 else 3
    if not panels:
        raise OrreryError(f"{sources.main.concept} has no two components to pair; take a reducer that gives more.")
    caption = sources.caption(beside=False, elsewhere="pair-table")
    return Chart(_title(sources, "most correlated components"), caption, panels, columns=columns, aspect=0.9)


def pair_table(sources, figure, shape):
    """The correlations of the most correlated pairs of components, the control's strongest beside."""
    panels = []
    for view, colour in zip(sources.analyses, ("accent", "control")):
        found = _top(view, figure.get("count", 15))
        bars = Bars(
            [f"{first} × {second}" for first, second, _ in found], np.array([r for *_, r in found]), colour=colour
        )
        panels.append(Panel([bars], Axis("r", limits=(-1, 1)), title=view.concept))
    caption = sources.caption() + _among(sources)
    return Chart(_title(sources, "most correlated components"), caption, panels, len(panels), aspect=1)


def _among(sources):
    """Which columns were compared, where they are not the first ones."""
    columns = sources.analysis.arrays["correlation_columns"]
    return (
        "" if (columns == np.arange(len(columns)) + 1).all() else f" · the {len(columns)} dimensions of most variance"
    )


def _top(view, count):
    return list(zip(*(view.arrays[name][:count] for name in ("pair_first", "pair_second", "pair_r"))))


def _is_numbers(view):
    values = np.asarray(view.samples["value"], float)
    return (values >= 0).all() and (values == values.round()).all() and values.max() >= 10


# ----------------------------------------------------------------------------------------------- along the values


def lines(sources, figure, shape):
    """Components or dimensions against the value, with rules at the members of a sequence."""
    panels = []
    for column in figure.get("components", [1, 2, 3, 4]):
        marks = []
        if figure.get("sequence"):
            stop = int(sources.analysis.arrays["values"].max()) + 1
            from orrery.geometry.sequences import members

            marks.append(Rules(list(members(figure["sequence"], stop)), colour="faint", name=figure["sequence"]))
        for view, colour in _in_front(sources.having("by_value")):
            y = _chosen(view, "by_value", column)
            marks.append(Line(view.arrays["values"], y, colour=colour, width=0.9, name=view.concept))
        panels.append(Panel(marks, y=Axis(_column(sources.analysis, column))))
    panels[0].legend, panels[-1].x = "sets", Axis("value")
    title = "along the values" + (f", rules at {figure['sequence']}" if figure.get("sequence") else "")
    return Chart(_title(sources, title), sources.caption(), panels, columns=1, aspect=0.25)


def steps(sources, figure, shape):
    """How far each value lies from the one before: |e(n) - e(n - 1)|."""
    marks = [
        Line(view.arrays["step_values"], view.arrays["steps"], colour=colour, width=0.8, name=view.concept)
        for view, colour in _in_front(sources.having("steps"))
    ]
    panel = Panel(marks, Axis("n"), Axis("|e(n) − e(n − 1)|", limits=(0, None)), legend="sets")
    return Chart(_title(sources, "consecutive distances"), sources.caption(), [panel], aspect=0.5)


def fourier(sources, figure, shape):
    """Magnitudes over frequency: the mean power of all columns, and single components."""
    views = sources.having("fourier")
    rules = Rules([1 / period for period in PERIODS], colour="faint")
    mean = [
        Line(view.arrays["frequencies"], view.arrays["fourier_mean"], colour=colour, width=0.9, name=view.concept)
        for view, colour in _in_front(views)
    ]
    panels = [Panel([rules, *mean], _frequency(), Axis("mean power"), title="all columns", legend="sets")]
    for column in figure.get("components", [1, 2, 3]):
        marks = [
            Line(view.arrays["frequencies"], _chosen(view, "fourier", column), colour=colour, width=0.9)
            for view, colour in _in_front(views)
        ]
        title = _column(sources.analysis, column)
        panels.append(Panel([rules, *marks], _frequency(), Axis("magnitude", limits=(0, None)), title=title))
    caption = f"{sources.caption()} · rules at periods {', '.join(map(str, PERIODS))}"
    return Chart(_title(sources, "Fourier magnitudes"), caption, panels, columns=2, aspect=0.55)


def _frequency():
    return Axis("cycles per unit of value")


def fourier_map(sources, figure, shape):
    """Fourier magnitudes of every component or dimension; the control beside, on the same scale."""
    views, count = sources.having("fourier"), figure.get("count", MATRIX_ROWS)
    top = float(np.quantile(sources.analysis.arrays["fourier"], 0.995))
    panels = []
    for view in views:
        matrix = view.arrays["fourier"]
        rows = np.sort(np.argsort(-(matrix**2).sum(1), kind="stable")[:count])
        heat = Heat(matrix[rows], view.arrays["frequencies"], [str(r + 1) for r in rows], "line", "magnitude", (0, top))
        panels.append(Panel([heat], _frequency(), Axis(_column(view, "").strip()), title=view.concept))
    chosen = f" · of {len(matrix)} columns the {count} with most power" if len(matrix) > count else ""
    return Chart(_title(sources, "Fourier map"), sources.caption() + chosen, panels, len(panels), aspect=1.1)


def properties(sources, figure, shape):
    """Correlations of columns with properties of the number, as they are and given magnitude and digit count."""
    panels, count = [], figure.get("count", 30)
    for view in sources.having("property_r"):
        names = [p["name"] for p in view.attributes["properties"]]
        best = np.nan_to_num(np.abs(view.arrays["property_r"])).max(1)
        rows = np.sort(np.argsort(-best, kind="stable")[:count])
        for key, title in (("property_r", "r"), ("property_partial_r", "partial r")):
            heat = Heat(view.arrays[key][rows].T, [str(r + 1) for r in rows], names, "diverging", "r", (-1, 1),
                        bar=key != "property_r")  # fmt: skip
            panels.append(Panel([heat], Axis(_column(view, "").strip()), title=f"{view.concept}: {title}"))
    caption = f"{sources.caption()} · partial r: given log n and the number of digits"
    if len(best) > count:
        caption += f" · of each set's {len(best)} columns the {count} with the largest |r|"
    return Chart(_title(sources, "properties of the number"), caption, panels, columns=2, aspect=1.15)


def property_bars(sources, figure, shape):
    """For each property the columns that correlate most with it: r, and partial r beside; * corrected p ≤ .05."""
    sources.having("property_r")
    view, count = sources.analysis, figure.get("count", 8)
    names = [p["name"] for p in view.attributes["properties"]]
    chosen = figure.get("properties") or _strongest(view, names)
    panels = []
    for name in chosen:
        if name not in names:
            raise OrreryError(f"the property {name!r} is not there; choose from {', '.join(names)}.")
        s = names.index(name)
        r, partial, p, partial_p = (
            view.arrays[f"property_{key}"][:, s] for key in ("r", "partial_r", "p", "partial_p")
        )
        order = np.argsort(-np.abs(np.nan_to_num(r)), kind="stable")[:count]
        labels = [f"{i + 1}{'*' if p[i] <= 0.05 else ''}" for i in order]
        bars = Bars(labels, r[order], partial[order], "r", "partial r", filled=partial_p[order] <= 0.05)
        panels.append(Panel([bars], Axis(limits=(-1, 1)), Axis(_column(view, "").strip()), title=name))
    caption = (
        sources.caption(beside=False, elsewhere="properties") + " · bars: r, * p ≤ .05 · dots: partial r given log n "
    )
    caption += "and the number of digits, filled p ≤ .05 · p corrected over all columns and properties"
    return Chart(_title(sources, "columns by property"), caption, panels, columns=3, aspect=0.9)


def _strongest(view, names):
    best = np.nan_to_num(np.abs(view.arrays["property_r"])).max(0)
    return [names[i] for i in np.sort(np.argsort(-best, kind="stable")[:6])]


def cosines(sources, figure, shape):
    """Cosine similarity of the class means, as they are and with their mean removed."""
    panels = []
    for view in sources.having("class_cosines"):
        names = view.classes[0]
        for key, title in (("class_cosines", "as they are"), ("class_cosines_centred", "mean removed")):
            heat = Heat(view.arrays[key], names, names, "diverging", "cosine", (-1, 1), printed=len(names) <= 12)
            panels.append(Panel([heat], title=f"{view.concept}: {title}"))
    return Chart(_title(sources, "cosines of class means"), sources.caption(), panels, columns=2, aspect=0.85)


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


# ------------------------------------------------------------------------------------------------------- helpers


def _in_front(views):
    """(view, colour) of the control and the set, the set last: it is drawn over the control."""
    return list(zip(views, ("accent", "control")))[::-1]


def _column(view, number):
    return f"{view.axis_name(number)}" if number != "" else view.axis_name(0).rpartition(" ")[0]


def _chosen(view, key, column):
    matrix = view.arrays[key]
    if column > matrix.shape[1 if key == "by_value" else 0]:
        raise OrreryError(f"component {column} cannot be drawn: {view.concept} has fewer; choose lower components.")
    return matrix[:, column - 1] if key == "by_value" else matrix[column - 1]


def _title(sources, what):
    a = sources.analysis.attributes
    method = METHOD_NAMES.get(sources.analysis.method, sources.analysis.method)
    return f"{a['concept']} in {a['model']}, layer {a['layer']}, {method}: {what}"


KINDS = {
    "scatter-3d": scatter, "scatter-2d": scatter, "digits": digits, "grid": grid, "layers": layers, "ring": ring,
    "variance": variance, "loadings": loadings, "correlation": correlation, "pairs": pairs, "pair-table": pair_table,
    "lines": lines, "steps": steps, "fourier": fourier, "fourier-map": fourier_map, "properties": properties,
    "property-bars": property_bars, "cosines": cosines, "metrics": metrics,
}  # fmt: skip
