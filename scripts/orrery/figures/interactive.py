"""Figures to turn and hover, as pages that need no network.

A figure here is the plain dict that plotly.js reads, {data, layout}: plotly's Python classes check every value, which
takes longer than the drawing, so the tests use them and the jobs do not.
"""

import html
import textwrap

import numpy as np

from orrery.figures import MANY, MEASURE_NAMES, series_of, spectra
from orrery.figures.colours import ACCENT, CONTROL, INK, MUTED, NOISE, class_colours, colour_scale
from orrery.figures.style import WEB_FONT
from orrery.geometry.variance import count_for
from orrery.store import atomic

OPEN, CLOSE = "\ue000", "\ue001"  # private characters that mark the token until the text is escaped
BEFORE, AFTER, LINE = 200, 80, 64
AXIS = {"showline": True, "linecolor": "#9ca3af", "ticks": "outside", "gridcolor": "#f3f4f6"}
STYLE = (
    "html,body{margin:0;height:100%}"
    f"footer{{font:11px {WEB_FONT};color:{MUTED};padding:0 24px;"
    "white-space:nowrap;overflow:hidden;text-overflow:ellipsis}"
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>{style}</style>
<script src="{plotly}"></script></head>
<body>{body}<footer>{rights}</footer></body></html>
"""
GL_FROM = 4000  # points, from which WebGL draws a flat scatter


def draw(sources, figure, shape):
    """The figure of one entry of `figures:`, as a dict with data and layout.

    Parameters
    ----------
    sources : figures.Sources
    figure : dict
        The entry: kind and its options.
    shape : dict
        topology of the concept.
    """
    return KINDS[figure["kind"]](sources, figure, shape)


def write_page(figure, path, plotly, rights=""):
    """Write a figure as an HTML page that loads plotly.js from the relative path `plotly`.

    `rights`, whom to name for model and texts, stand at the foot of the page.
    """
    from plotly.io import to_html

    body = to_html(
        figure, full_html=False, include_plotlyjs=False, default_width="100%", default_height="calc(100vh - 24px)",
        div_id="figure", validate=False,
        config={"displaylogo": False, "responsive": True, "toImageButtonOptions": {"format": "svg"}},
    )  # fmt: skip
    page = PAGE.format(
        title=figure["layout"]["title"]["text"].split("<br>")[0],  # escaped where it was made
        style=STYLE,
        plotly=html.escape(plotly),
        body=body,
        rights=html.escape(rights),
    )
    with atomic(path) as part:
        part.write_text(page, encoding="utf-8")


def _escape(text):
    """Text for plotly, which knows &lt; &gt; &amp; but would show &quot; as it stands."""
    return html.escape(text, quote=False)


def _layout(title, caption, **more):
    return {
        "title": {
            "text": f"{_escape(title)}<br><span style='font-size:12px;color:{MUTED}'>{_escape(caption)}</span>",
            "x": 0.02, "xanchor": "left", "y": 0.97, "yanchor": "top", "font": {"size": 17, "color": INK},
        },
        "font": {"family": WEB_FONT, "size": 12, "color": INK},
        "paper_bgcolor": "white", "plot_bgcolor": "white",
        "margin": {"l": 60, "r": 20, "t": 84, "b": 56},
        "legend": {"itemsizing": "constant", "bgcolor": "rgba(255,255,255,0.75)"},
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"family": WEB_FONT, "size": 12, "color": INK}},
        **more,
    }  # fmt: skip


# ----------------------------------------------------------------------------------------------------- scatters


def scatter(sources, figure, shape):
    """Points in two or three dimensions, a trace a class, hover with the context; the control beside it."""
    dimensions, views = int(figure["kind"][-2]), sources.views
    layout = _layout(sources.main.title(), f"{sources.main.caption()} · {sources.control_note()}")
    traces = []
    for column, view in enumerate(views):
        topology = shape["topology"] if view is sources.main else "none"
        points, titles = view.axes(figure.get("components"), dimensions)
        axes, target = (_scene if dimensions == 3 else _plane)(titles, _domain(column, len(views)), column)
        layout |= axes
        traces += [{**trace, **target} for trace in _traces(view, points, topology, figure, (column, len(views)))]
    if len(views) > 1:
        layout["annotations"] = [_panel_name(v, i, len(views)) for i, v in enumerate(views)]
    return {"data": traces, "layout": layout}


def _domain(column, columns):
    gap = 0.06 if columns > 1 else 0
    return [column / columns + (gap if column else 0), (column + 1) / columns - (gap if column < columns - 1 else 0)]


def _scene(titles, domain, column):
    """The axes of one panel in three dimensions, and what puts a trace into it."""
    name = "scene" + ("" if column == 0 else str(column + 1))
    axis = {"showbackground": False, "gridcolor": "#e5e7eb", "zerolinecolor": "#d1d5db", "tickfont": {"size": 10}}
    axes = {f"{x}axis": {"title": {"text": t}, **axis} for x, t in zip("xyz", titles)}
    camera = {"eye": {"x": 1.6, "y": 1.6, "z": 1.0}}
    return {name: {**axes, "aspectmode": "data", "domain": {"x": domain}, "camera": camera}}, {"scene": name}


def _plane(titles, domain, column):
    """The axes of one panel in two dimensions, and what puts a trace into it."""
    n = "" if column == 0 else str(column + 1)
    equal = {"scaleanchor": f"x{n}", "scaleratio": 1}
    axes = {
        f"xaxis{n}": {"title": {"text": titles[0]}, "domain": domain, "anchor": f"y{n}", "zeroline": False, **AXIS},
        f"yaxis{n}": {"title": {"text": titles[1]}, "anchor": f"x{n}", "zeroline": False, **equal, **AXIS},
    }
    return axes, {"xaxis": f"x{n}", "yaxis": f"y{n}"}


def _traces(view, points, topology, figure, place):
    labels, index = view.classes
    texts = np.array([context(view.samples, i) for i in range(view.n)], dtype=object)
    size = figure.get("point_size", 5 if points.shape[1] == 3 else 8)
    kind = "scatter3d" if points.shape[1] == 3 else "scattergl" if view.n >= GL_FROM else "scatter"

    def build(rows, marker, **options):
        return {
            **dict(zip("xyz", points[rows].T)), "type": kind, "mode": "markers", "customdata": texts[rows],
            "hovertemplate": "%{customdata}<extra></extra>",
            "marker": {"size": size, "opacity": 0.85, "line": {"width": 0}, **marker}, **options,
        }  # fmt: skip

    column, columns = place
    if len(labels) > MANY:
        bar = {"title": {"text": "value" if topology != "none" else "rank"}, "thickness": 12, "len": 0.7,
               "outlinewidth": 0, "x": (column + 1) / columns - (0.03 if column < columns - 1 else -0.01)}  # fmt: skip
        marker = {"color": view.samples["value"], "colorscale": colour_scale(topology), "colorbar": bar}
        return [build(slice(None), marker, name=view.attributes["concept"], showlegend=False)]
    colours = class_colours(len(labels), topology)
    return [
        build(index == i, {"color": colours[i]}, name=_escape(label), showlegend=column == 0)
        for i, label in enumerate(labels)
    ]


def context(samples, i):
    """The hover text of a sample: its label, its context with the occurrence marked, where it comes from.

    Everything that comes from a corpus is escaped.
    """
    text, start, end = samples["text"][i], int(samples["start"][i]), int(samples["end"][i])
    left, right = text[max(0, start - BEFORE) : start], text[end : end + AFTER]
    marked = ("…" if start > BEFORE else "") + f"{left}{OPEN}{text[start:end]}{CLOSE}{right}"
    marked += "…" if len(text) > end + AFTER else ""
    lines = [f"<b>{_escape(samples['label'][i])}</b>"]
    if text != samples["label"][i]:
        lines += [_escape(line) for line in textwrap.wrap(marked, LINE)]
    if title := samples["title"][i]:
        lines.append(f"<i>{_escape(textwrap.shorten(title, LINE))}</i>")
    return "<br>".join(lines).replace(OPEN, "<b>").replace(CLOSE, "</b>")


def _panel_name(view, column, columns):
    return {"text": _escape(view.attributes["concept"]), "showarrow": False, "xref": "paper", "yref": "paper",
            "x": (column + 0.5) / columns, "y": 1.0, "yanchor": "bottom", "font": {"size": 13}}  # fmt: skip


# ------------------------------------------------------------------------------------------- variance and metrics


def variance(sources, figure, shape):
    """Explained variance per component and in sum, with the control and noise of the same shape."""
    traces = []
    for (name, ratios), colour in zip(spectra(sources).items(), _spectrum_colours(sources)):
        common = {"x": np.arange(1, len(ratios) + 1), "type": "scatter", "line": {"color": colour, "width": 2}}
        common["legendgroup"] = name
        total = {"y": 100 * np.cumsum(ratios), "xaxis": "x2", "yaxis": "y2", "name": name, "showlegend": False}
        traces += [{**common, "y": 100 * ratios, "name": f"{name}: {count_for(ratios)} for 90 %"}, {**common, **total}]
    layout = _layout(sources.main.title() + ": variance", f"{sources.main.caption()} · {sources.control_note()}")
    layout["legend"] |= {"x": 0.44, "xanchor": "right", "y": 1}
    layout["shapes"] = [{"type": "line", "xref": "x2 domain", "yref": "y2", "x0": 0, "x1": 1, "y0": 90, "y1": 90,
                         "line": {"color": MUTED, "dash": "dot"}}]  # fmt: skip
    layout |= {
        "xaxis": {"title": {"text": "component"}, "type": "log", "domain": [0, 0.46], **AXIS},
        "yaxis": {"title": {"text": "variance explained (%)"}, "rangemode": "tozero", **AXIS},
        "xaxis2": {"title": {"text": "components"}, "domain": [0.55, 1], "anchor": "y2", **AXIS},
        "yaxis2": {"title": {"text": "cumulative (%)"}, "anchor": "x2", "range": [0, 101], **AXIS},
    }
    return {"data": traces, "layout": layout}


def _spectrum_colours(sources):
    return [ACCENT, CONTROL, NOISE] if sources.control else [ACCENT, NOISE]


def metrics(sources, figure, shape):
    """Each measure against the layer, with its null beside it; full marks where p, corrected over layers, ≤ .05."""
    series, facts = series_of(sources.metrics), sources.facts
    title = f"{facts['concept']} in {facts['model']}, all layers"
    layout = _layout(title, f"{metrics_caption(sources)} · filled: corrected p ≤ .05", hovermode="x unified")
    traces, height = [], 1 / len(series)
    for i, (name, s) in enumerate(series.items(), start=1):
        traces += [
            {**t, "type": "scatter", "xaxis": f"x{i}", "yaxis": f"y{i}"} for t in _metric_traces(s, first=i == 1)
        ]
        top = 1 - (i - 1) * height
        named = {"title": {"text": MEASURE_NAMES[name], "font": {"size": 11}}, "rangemode": "tozero"}
        layout[f"xaxis{i}"] = {"anchor": f"y{i}", "type": "category", **AXIS}
        layout[f"yaxis{i}"] = {"anchor": f"x{i}", "domain": [top - height + 0.09, top], **named, **AXIS}
    return {"data": traces, "layout": layout}


def metrics_caption(sources):
    """How the measures of a table were made, in a line."""
    n, facts = sources.metrics["n"][0], sources.facts
    return f"n = {n} · {facts['source']} · null: shuffled order of the labels, or Gaussian noise · seed {facts['seed']}"


def _metric_traces(s, first):
    x, p = s["layer"], s["p_corrected"]
    if not np.isnan(s["null_low"]).all():
        band = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        yield {"y": s["null_high"], **band}
        yield {"y": s["null_low"], "fill": "tonexty", "fillcolor": "rgba(154,163,175,0.3)", **band}
    null = {"line": {"color": NOISE, "dash": "dash"}, "name": "null"}
    yield {"x": x, "y": s["null_mean"], "mode": "lines", "showlegend": first, **null}
    tested = not np.isnan(p).all()
    measured = {"x": x, "y": s["value"], "line": {"color": ACCENT}, "name": "measured", "showlegend": first}
    if not tested:
        yield {**measured, "mode": "lines+markers", "marker": {"size": 4}, "hovertemplate": "%{y:.3f}, not tested"}
        return
    marker = {"symbol": ["circle" if value <= 0.05 else "circle-open" for value in p], "size": 8}
    hover = {"customdata": p, "hovertemplate": "%{y:.3f}, corrected p = %{customdata:.4f}"}
    yield {**measured, "mode": "lines+markers", "marker": marker, **hover}


KINDS = {"scatter-3d": scatter, "scatter-2d": scatter, "variance": variance, "metrics": metrics}
