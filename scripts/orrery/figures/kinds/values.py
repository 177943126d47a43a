"""Components and dimensions against the values of a set, and its class means against each other."""

import numpy as np

from orrery.errors import OrreryError
from orrery.figures.chart import Axis, Bars, Chart, Heat, Line, Panel, Rules
from orrery.geometry.sequences import members

PERIODS = (2, 5, 10, 100)
MATRIX_ROWS = 600  # of a heat map; more are not seen


def lines(sources, figure, shape):
    """Components or dimensions against the value, with rules at the members of a sequence."""
    panels = []
    for column in figure.get("components", [1, 2, 3, 4]):
        marks = []
        if figure.get("sequence"):
            stop = int(sources.analysis.arrays["values"].max()) + 1
            marks.append(Rules(list(members(figure["sequence"], stop)), colour="faint", name=figure["sequence"]))
        for view, colour in _in_front(sources.having("by_value")):
            y = _chosen(view, "by_value", column)
            marks.append(Line(view.arrays["values"], y, colour=colour, width=0.9, name=view.concept))
        panels.append(Panel(marks, y=Axis(sources.analysis.axis_name(column))))
    panels[0].legend, panels[-1].x = "sets", Axis("value")
    title = "along the values" + (f", rules at {figure['sequence']}" if figure.get("sequence") else "")
    return Chart(sources.title_of(title), sources.caption(), panels, columns=1, aspect=0.25)


def steps(sources, figure, shape):
    """How far each value lies from the one before: |e(n) - e(n - 1)|."""
    marks = [
        Line(view.arrays["step_values"], view.arrays["steps"], colour=colour, width=0.8, name=view.concept)
        for view, colour in _in_front(sources.having("steps"))
    ]
    panel = Panel(marks, Axis("n"), Axis("|e(n) − e(n − 1)|", limits=(0, None)), legend="sets")
    return Chart(sources.title_of("consecutive distances"), sources.caption(), [panel], aspect=0.5)


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
        title = sources.analysis.axis_name(column)
        panels.append(Panel([rules, *marks], _frequency(), Axis("magnitude", limits=(0, None)), title=title))
    caption = f"{sources.caption()} · rules at periods {', '.join(map(str, PERIODS))}"
    return Chart(sources.title_of("Fourier magnitudes"), caption, panels, columns=2, aspect=0.55)


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
        panels.append(Panel([heat], _frequency(), Axis(view.axis_family), title=view.concept))
    chosen = f" · of {len(matrix)} columns the {count} with most power" if len(matrix) > count else ""
    return Chart(sources.title_of("Fourier map"), sources.caption() + chosen, panels, len(panels), aspect=1.1)


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
            panels.append(Panel([heat], Axis(view.axis_family), title=f"{view.concept}: {title}"))
    caption = f"{sources.caption()} · partial r: given log n and the number of digits"
    if len(best) > count:
        caption += f" · of each set's {len(best)} columns the {count} with the largest |r|"
    return Chart(sources.title_of("properties of the number"), caption, panels, columns=2, aspect=1.15)


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
        panels.append(Panel([bars], Axis(limits=(-1, 1)), Axis(view.axis_family), title=name))
    caption = (
        sources.caption(beside=False, elsewhere="properties") + " · bars: r, * p ≤ .05 · dots: partial r given log n "
    )
    caption += "and the number of digits, filled p ≤ .05 · p corrected over all columns and properties"
    return Chart(sources.title_of("columns by property"), caption, panels, columns=3, aspect=0.9)


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
    return Chart(sources.title_of("cosines of class means"), sources.caption(), panels, columns=2, aspect=0.85)


def _in_front(views):
    """(view, colour) of the control and the set, the set last: it is drawn over the control."""
    return list(zip(views, ("accent", "control")))[::-1]


def _chosen(view, key, column):
    matrix = view.arrays[key]
    if column > matrix.shape[1 if key == "by_value" else 0]:
        raise OrreryError(f"component {column} cannot be drawn: {view.concept} has fewer; choose lower components.")
    return matrix[:, column - 1] if key == "by_value" else matrix[column - 1]
