"""What components are worth, and how they correlate."""

import numpy as np

from orrery.errors import OrreryError
from orrery.figures.chart import Axis, Bars, Chart, Heat, Line, Panel, Rules
from orrery.figures.kinds.clouds import cloud
from orrery.geometry.variance import count_for


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
        names = [view.axis_name(c) for c in view.arrays["correlation_columns"]]
        heat = Heat(view.arrays["correlations"], names, names, "diverging", "r", (-1, 1), printed=True)
        panels.append(Panel([heat], title=view.concept))
    return Chart(
        sources.title_of("correlations of components"), sources.caption() + _among(sources), panels, aspect=0.8
    )


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
    return Chart(sources.title_of("most correlated components"), caption, panels, columns=columns, aspect=0.9)


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
    return Chart(sources.title_of("most correlated components"), caption, panels, len(panels), aspect=1)


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
