"""Figures of several sets, models or layers: each kind a small function from their sources to a chart."""

import numpy as np

from orrery.errors import OrreryError
from orrery.figures import alike
from orrery.figures.chart import Axis, Band, Chart, Heat, Panel, Rules
from orrery.figures.colours import class_colours
from orrery.figures.kinds.clouds import cloud
from orrery.figures.kinds.measures import broken, curve, layer_axis, layers_of
from orrery.figures.sources import credits_of, read_sources, series_of
from orrery.measured import MEASURED, title_of


def read(files, comparison):
    """The sources of a comparison, in its order."""
    name = "metrics" if comparison["kind"] in ("curves", "map") else "projection"
    return [read_sources(**{name: file}) for file in files]


def draw(sources, comparison, shapes):
    """The chart of one entry of `comparisons:`; a shape (topology, period) for each of the sources."""
    return KINDS[comparison["kind"]](sources, comparison, shapes)


def credits_of_all(sources):
    """Whom to name for the models and texts of all sources, in a line."""
    made = [s.facts or s.main.attributes for s in sources]
    return credits_of([*made, *({"asset": facts["other_asset"]} for facts in made if "other_asset" in facts)])


def panels(sources, comparison, shapes):
    """The same kind of cloud of several sets, side by side, named by what differs."""
    places = [[s.main.attributes[k] for k in ("model", "source", "concept", "layer", "reducer")] for s in sources]
    components = comparison.get("components") or list(range(1, comparison.get("dimensions", 2) + 1))
    drawn, legends = [], []
    for source, shape, name in zip(sources, shapes, _differences(places)):
        view = source.main
        panel = cloud(view, components, comparison, shape, title=f"{name} · n = {view.n}")
        trust = view.attributes.get("trustworthiness" + ("_3d" if len(components) == 3 else ""))
        if components in ([1, 2], [1, 2, 3]) and isinstance(trust, float):
            panel.title += f" · T {trust:.2f}"
        panel.legend = "" if view.classes[0] in legends else panel.legend
        legends.append(view.classes[0])
        drawn.append(panel)
    parts = [s.main.caption().split(" · ")[1:] for s in sources]
    shared = [part for part in parts[0] if all(part in other for other in parts)]
    caption = " · ".join([*shared, "T: trustworthiness", "no control sets drawn"])
    return Chart(_same(places), caption, drawn, columns=min(3, len(drawn)), aspect=0.95)


def curves(sources, comparison, shapes):
    """One measure of several sets over the layers; each band is the 95 % of a set's own null."""
    series, names, measure = _measured(sources, comparison)
    colours = class_colours(np.arange(len(series)), {"topology": "none"}, comparison["theme"])
    chance = MEASURED[measure].chance
    marks = [] if chance is None else [Rules([chance], "y")]
    order = layers_of(s["layer"] for s in series)
    for s, colour in zip(series, colours):
        if not np.isnan(s["null_low"]).all():
            places = np.array([order.index(x) for x in s["layer"]])
            marks.append(Band(*broken(places, s["null_low"], s["null_high"]), colour))
    for s, name, colour in zip(series, names, colours):
        marks += curve(s, colour, name, null=False, order=order)
    panel = Panel(marks, layer_axis(order), Axis(title_of(measure)), legend="sets")
    null = sorted({kind for s in series for kind in s["permuted"]})
    caption = f"bands: 95 % of each set's null ({', '.join(null)}) · filled: p ≤ .05, corrected over layers"
    return Chart(_measure_title(sources, measure), f"{caption} · {_sizes(sources)}", [panel], aspect=0.62)


def layer_map(sources, comparison, shapes):
    """One measure as layer × set; a dot where p, corrected over layers, ≤ .05."""
    series, names, measure = _measured(sources, comparison)
    order = layers_of(s["layer"] for s in series)
    values, marked = np.full((len(series), len(order)), np.nan), np.zeros((len(series), len(order)), bool)
    for row, s in enumerate(series):
        places = [order.index(layer) for layer in s["layer"]]
        values[row, places], marked[row, places] = s["value"], s["p_corrected"] <= 0.05
    heat = Heat(values, order, names, "line", title_of(measure), marked=marked)
    caption = f"dots: p ≤ .05, corrected over layers · {_sizes(sources)}"
    panel = Panel([heat], Axis("layer"))
    return Chart(_measure_title(sources, measure), caption, [panel], aspect=0.12 + 0.07 * len(series))


def _measured(sources, comparison):
    """(the measure of each set over its layers, the sets' names, the measure's name)."""
    tables = [series_of(s.metrics) for s in sources]
    common = [name for name in tables[0] if all(name in t for t in tables)]
    measure = comparison.get("measure") or (common or [None])[0]
    if measure not in common:
        raise OrreryError(
            f"the measure {measure!r} is not there for all sets; choose from {', '.join(common) or 'none'}."
        )
    places = [[s.facts[k] for k in ("model", "source", "concept")] for s in sources]
    return [t[measure] for t in tables], _differences(places), measure


def _differences(places):
    """What tells each place from the others, in words."""
    differ = [i for i in range(len(places[0])) if len({place[i] for place in places}) > 1]
    return [" ".join(place[i] for i in differ) for place in places]


def _same(places):
    """What all places have in common, as a title."""
    common = [values[0] for values in zip(*places) if len(set(values)) == 1]
    return " · ".join(common) or "a comparison"


def _measure_title(sources, measure):
    places = [[s.facts[k] for k in ("model", "source", "concept")] for s in sources]
    return f"{_same(places)}: {title_of(measure)} by layer"


def _sizes(sources):
    return "n = " + ", ".join(str(s.metrics["n"][0]) for s in sources)


KINDS = {"panels": panels, "curves": curves, "map": layer_map, "similarity": alike.similarity, "models": alike.models}
