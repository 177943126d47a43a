"""Charts to turn and hover, as pages that need no network.

A figure here is the plain dict that plotly.js reads, {data, layout, frames}: plotly's Python classes check every value,
which takes longer than the drawing, so the tests use them and the jobs do not.
"""

import base64
import html
import os

import numpy as np

from orrery.figures import chart as marks
from orrery.figures.colours import colour_scale
from orrery.figures.hover import contexts, escape
from orrery.figures.style import THEMES, WEB_FONT
from orrery.store import atomic

GL_FROM = 4000  # points, from which WebGL draws a flat scatter
TOP = 92  # pixels above the first panel
CHARACTER = 0.0058  # of the page's width, of a name at an axis
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>{style}</style>
{plotly}</head>
<body>{body}<footer>{rights}</footer>{narrow}</body></html>
"""
# On a phone the caption is broken into short lines, and the legend stands below.
NARROW = """<script>
(function (plot) {
  if (innerWidth >= 700) return;
  const [title, ...rest] = plot.layout.title.text.split("<br>"), lines = [""];
  for (const part of rest.join(" · ").split(" · ")) {
    const last = lines.length - 1, length = (lines[last] + part).replace(/<[^>]*>/g, "").length;
    if (lines[last] && length > innerWidth / 7) lines.push(part);
    else lines[last] += (lines[last] ? " · " : "") + part;
  }
  Plotly.relayout(plot, {
    "title.text": [title, ...lines].join("<br>"), "title.font.size": 14, "title.pad.t": 34,
    "margin.t": 64 + 18 * lines.length, "margin.l": 46, "margin.r": 8,
    "legend.orientation": "h", "legend.x": 0, "legend.xanchor": "left", "legend.y": -0.12, "legend.yanchor": "top"
  });
})(document.getElementById("figure"));
</script>"""
STYLE = (
    "html,body{{margin:0;height:100%;background:{paper}}}#figure{{min-height:{height}px}}"
    "footer{{font:11px {font};color:{muted};padding:0 24px 4px;"
    "white-space:nowrap;overflow:hidden;text-overflow:ellipsis}}"
)
MOMENT = {"mode": "immediate", "fromcurrent": True, "transition": {"duration": 350}, "frame": {"duration": 600}}


def draw(chart, theme="light"):
    """The figure of a chart as a dict with data, layout and, of a film, frames.

    Parameters
    ----------
    chart : chart.Chart
    theme : str
    """
    theme = THEMES[theme]
    moments = chart.panels if chart.film else []
    shown = chart.panels[:1] if chart.film else chart.panels
    columns = 1 if chart.film else chart.columns
    bare = all(panel.y.bare for panel in shown)
    room = min(
        0.3 / columns,
        max([0.02 if bare else 0.05, *(CHARACTER * len(name) for panel in shown for name in _row_names(panel))]),
    )
    figure = {"data": [], "layout": _layout(chart, theme)}
    for number, panel in enumerate(shown):
        place = _domains(number, columns, -(-len(shown) // columns), room)
        _Panel(figure, panel, number, place, theme, titled=len(shown) > 1)
    if moments:
        _film(figure, moments, theme)
    else:
        rows = -(-len(shown) // columns)
        figure["layout"]["meta"] = {"height": max(480, int(rows * 1200 / columns * chart.aspect)) if rows > 1 else 480}
    return figure


def write_page(figure, path, plotly, rights="", theme="light"):
    """Write a figure as an HTML page.

    Parameters
    ----------
    figure : dict
    path : path
    plotly : str
        What loads plotly.js: a relative path, an address, or `inline` to write it into the page.
    rights : str
        Whom to name for model and texts, at the foot of the page.
    theme : str
    """
    from plotly.io import to_html

    body = to_html(
        figure, full_html=False, include_plotlyjs=False, default_width="100%", default_height="calc(100vh - 24px)",
        div_id="figure", validate=False, auto_play=False,
        config={"displaylogo": False, "responsive": True, "toImageButtonOptions": {"format": "svg"}},
    )  # fmt: skip
    theme, height = THEMES[theme], figure["layout"].get("meta", {}).get("height", 480)
    page = PAGE.format(
        title=figure["layout"]["title"]["text"].split("<br>")[0],  # escaped where it was made
        style=STYLE.format(paper=theme.paper, muted=theme.muted, font=WEB_FONT, height=height),
        plotly=_script(plotly),
        body=body,
        rights=html.escape(rights),
        narrow=NARROW,
    )
    with atomic(path) as part:
        part.write_text(page, encoding="utf-8")


def _script(plotly):
    if plotly != "inline":
        return f'<script src="{html.escape(plotly)}"></script>'
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"


def loader(way, shared, page):
    """What `write_page` needs to load plotly.js: the path of the shared file from the page, an address, or inline."""
    if way == "cdn":
        from plotly.offline import get_plotlyjs_version

        return f"https://cdn.plot.ly/plotly-{get_plotlyjs_version()}.min.js"
    return os.path.relpath(shared, os.path.dirname(page)) if way == "shared" else "inline"


def packed(values):
    """Numbers as plotly.js reads them in binary: a third of their size in decimals."""
    array = np.ascontiguousarray(values, dtype="<f4")
    shape = {"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {}
    return {"dtype": "f4", "bdata": base64.b64encode(array.tobytes()).decode(), **shape}


def _layout(chart, theme):
    caption = "<br>".join(map(escape, chart.caption_lines(150)))
    return {
        "title": {
            "text": f"{escape(chart.title)}<br><span style='font-size:12px;color:{theme.muted}'>{caption}</span>",
            "x": 0.02, "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 20},
            "font": {"size": 17, "color": theme.ink},
        },
        "font": {"family": WEB_FONT, "size": 12, "color": theme.ink},
        "paper_bgcolor": theme.paper, "plot_bgcolor": theme.paper,
        "margin": {"l": 60, "r": 20, "t": TOP + 16 * caption.count("<br>"), "b": 56},
        "legend": {"itemsizing": "constant", "bgcolor": "rgba(0,0,0,0)"},
        "hoverlabel": {"align": "left", "bgcolor": theme.paper,
                       "font": {"family": WEB_FONT, "size": 12, "color": theme.ink}},
        "annotations": [],
    }  # fmt: skip


def _row_names(panel):
    named = [mark.y for mark in panel.marks if isinstance(mark, marks.Heat) and isinstance(mark.y[0], str)]
    return [name for names in named for name in names]


def _domains(number, columns, rows, room):
    """The share of the page, ((x0, x1), (y0, y1)), of a panel; `room` is what the names at its left take."""
    row, column = divmod(number, columns)
    gap_x, gap_y = (0.1 / columns if columns > 1 else 0), (0.24 / rows if rows > 1 else 0)
    left = max(room, gap_x) if column else 0
    x = column / columns + left, (column + 1) / columns - (gap_x if column < columns - 1 else 0)
    y = 1 - (row + 1) / rows + (gap_y if row < rows - 1 else 0), 1 - row / rows - (gap_y / 2 if row else 0)
    return x, y


class _Panel:
    """One panel of a figure: adds its traces, axes and title to the dict."""

    def __init__(self, figure, panel, number, place, theme, titled):
        self._figure, self._panel, self._theme, self._place = figure, panel, theme, place
        self._number = "" if number == 0 else str(number + 1)
        clouds = [m for m in panel.marks if isinstance(m, (marks.Points, marks.Gradient))]
        self._total = sum(len(m.xyz) for m in clouds)
        self._solid = panel.z is not None
        self._legend = f"legend{self._number}"
        for mark in panel.marks:
            for trace in getattr(self, f"_draw_{type(mark).__name__.lower()}")(mark):
                figure["data"].append({**trace, **self._target()})
        (self._scene if self._solid else self._axes)()
        if titled and panel.title:
            self._annotate(panel.title)
        if panel.legend:
            figure["layout"][self._legend] = self._legend_box(titled)

    def _target(self):
        n = self._number
        return {"scene": f"scene{n}"} if self._solid else {"xaxis": f"x{n}", "yaxis": f"y{n}"}

    def _legend_box(self, titled):
        title = self._panel.legend if self._panel.legend not in ("classes", "sets") else ""
        place = {"x": self._place[0][1], "xanchor": "right", "y": self._place[1][1], "yanchor": "top"} if titled else {}
        plate = self._theme.paper + "cc"
        return {"itemsizing": "constant", "bgcolor": plate, "title": {"text": title, "font": {"size": 11}}, **place}

    def _annotate(self, text):
        (x0, _), (_, y1) = self._place
        lines = escape(text.strip()).replace("\n", "<br>")
        note = {"text": lines, "align": "left", "x": x0, "y": y1, "xref": "paper", "yref": "paper", "xanchor": "left",
                "yanchor": "bottom", "showarrow": False, "font": {"size": 13}}  # fmt: skip
        self._figure["layout"]["annotations"].append(note)

    def _axes(self):
        n, panel, layout = self._number, self._panel, self._figure["layout"]
        style = {"showline": True, "linecolor": self._theme.muted, "gridcolor": self._theme.faint, "zeroline": False}
        for name, axis, domain, other in (("x", panel.x, self._place[0], "y"), ("y", panel.y, self._place[1], "x")):
            made = {"title": {"text": escape(axis.title)}, "domain": domain, "anchor": f"{other}{n}", **style}
            made |= {"automargin": True, "ticks": "" if axis.bare else "outside", "showticklabels": not axis.bare}
            if axis.ticks:
                made |= {"tickvals": list(map(float, axis.ticks[0])), "ticktext": list(map(escape, axis.ticks[1]))}
            if axis.log:
                made["type"] = "log"
            if axis.limits:
                made["range"] = list(axis.limits)
            layout[f"{name}axis{n}"] = {**made, **layout.get(f"{name}axis{n}", {})}
        if panel.equal:
            layout[f"yaxis{n}"] |= {"scaleanchor": f"x{n}", "scaleratio": 1}

    def _scene(self):
        faint = self._theme.faint
        style = {"showbackground": False, "gridcolor": faint, "zerolinecolor": faint, "tickfont": {"size": 10}}
        named = zip("xyz", (self._panel.x, self._panel.y, self._panel.z))
        axes = {f"{name}axis": {"title": {"text": escape(axis.title)}, "showticklabels": not axis.bare, **style}
                for name, axis in named}  # fmt: skip
        x, y = self._place
        self._figure["layout"][f"scene{self._number}"] = {
            **axes, "aspectmode": "data" if self._panel.equal else "cube", "domain": {"x": x, "y": y},
            "camera": {"eye": {"x": 1.35, "y": 1.35, "z": 0.85}},
        }  # fmt: skip

    def _colour(self, name):
        return self._theme.colour(name)

    # ------------------------------------------------------------------------------------------------------ marks

    def _cloud(self, mark, marker):
        kind = "scatter3d" if self._solid else "scattergl" if self._total >= GL_FROM else "scatter"
        size = mark.size or (5 if self._solid else 8 if self._total < 3000 else 5)
        opacity = 0.85 if self._total <= 2000 else max(0.3, 0.85 * (2000 / self._total) ** 0.3)
        trace = {"type": kind, "mode": "markers", "marker": {"size": size, "opacity": opacity, **marker}}
        trace |= {name: packed(values) for name, values in zip("xyz", mark.xyz.T)}
        if mark.hover is None:
            return {**trace, "hoverinfo": "skip", "showlegend": False}
        return {**trace, "text": contexts(*mark.hover), "hovertemplate": "%{text}<extra></extra>"}

    def _draw_points(self, mark):
        colour = self._colour(mark.colour)
        if mark.landmarks:
            outlined = {"size": 12, "opacity": 1, "color": colour, "line": {"width": 1.5, "color": self._theme.paper}}
            yield {**self._cloud(mark, outlined), "type": "scatter"}
        else:
            trace = self._cloud(mark, {"color": colour, "line": {"width": 0}})
            yield {"name": escape(mark.name), "showlegend": bool(self._panel.legend and mark.name and mark.hover),
                   "legendgroup": escape(mark.name), "legend": self._legend, **trace}  # fmt: skip

    def _bar(self, title):
        (_, x1), (y0, y1) = self._place
        return {"title": {"text": escape(title)}, "thickness": 12, "len": 0.8 * (y1 - y0), "y": (y0 + y1) / 2,
                "outlinewidth": 0, "x": x1, "xanchor": "left", "xpad": 4}  # fmt: skip

    def _draw_gradient(self, mark):
        low, high = mark.limits or (mark.values.min(), mark.values.max())
        marker = {"color": packed(mark.values), "colorscale": colour_scale(mark.scale, self._theme.name),
                  "cmin": float(low), "cmax": float(high), "line": {"width": 0}}  # fmt: skip
        if mark.bar:
            marker["colorbar"] = self._bar(mark.title)
        yield {**self._cloud(mark, marker), "showlegend": False}

    def _draw_dots(self, mark):
        x, y = (packed(values) for values in mark.xyz.T)
        yield {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": {"size": 6, "color": mark.colours},
               "text": list(map(escape, mark.names)), "hovertemplate": "%{text}<extra></extra>",
               "showlegend": False}  # fmt: skip

    def _draw_names(self, mark):
        return ()  # the legend and the hover say them

    def _draw_line(self, mark):
        colour = self._colour(mark.colour)
        line = {"color": colour, "width": mark.width * 1.4, "dash": "dash" if mark.dash else "solid"}
        trace = {"type": "scatter3d" if mark.z is not None else "scatter", "line": line, "name": escape(mark.name),
                 "mode": "lines+markers" if mark.dots else "lines", "legend": self._legend,
                 "showlegend": bool(mark.name and self._panel.legend),
                 "x": packed(mark.x), "y": packed(mark.y)}  # fmt: skip
        if mark.z is not None:
            trace["z"] = packed(mark.z)
        if mark.dots:
            symbols = "circle" if mark.filled is None else np.where(mark.filled, "circle", "circle-open").tolist()
            trace["marker"] = {"size": 4 if mark.filled is None else 8, "symbol": symbols, "color": colour}
        if mark.hover:
            trace |= {"text": list(map(escape, mark.hover)), "hovertemplate": "%{text}<extra></extra>"}
        elif not mark.name:
            trace["hoverinfo"] = "skip"
        yield trace

    def _draw_band(self, mark):
        band = {"type": "scatter", "x": packed(mark.x), "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip",
                "showlegend": False}  # fmt: skip
        yield {**band, "y": packed(mark.high)}
        yield {**band, "y": packed(mark.low), "fill": "tonexty", "fillcolor": self._colour(mark.colour) + "4d"}

    def _draw_heat(self, mark):
        low, high = mark.limits or (np.nanmin(mark.values), np.nanmax(mark.values))
        trace = {"type": "heatmap", "z": packed(mark.values), "zmin": float(low), "zmax": float(high),
                 "colorscale": colour_scale(mark.scale, self._theme.name), "showscale": mark.bar}  # fmt: skip
        trace["hovertemplate"] = f"%{{y}} · %{{x}}<br>{escape(mark.title)} %{{z:.3f}}<extra></extra>"
        if mark.bar:
            trace["colorbar"] = self._bar(mark.title)
        if mark.printed:
            trace |= {"texttemplate": "%{z:.2f}", "textfont": {"size": 11 if len(mark.values) <= 12 else 8}}
        if mark.marked is not None:
            trace |= {"text": np.where(mark.marked, "●", "").tolist(), "texttemplate": "%{text}"}
        for name, values in (("x", mark.x), ("y", mark.y)):
            words = isinstance(values[0], str)
            trace[name] = [escape(v) for v in values] if words else packed(values)
            axis = self._figure["layout"].setdefault(f"{name}axis{self._number}", {})
            axis |= {"type": "category"} if words else {}
            axis |= {"showgrid": False, "showline": False}
        self._figure["layout"][f"yaxis{self._number}"]["autorange"] = "reversed"
        yield trace

    def _draw_bars(self, mark):
        names = list(map(escape, mark.names))
        common = {"y": names, "orientation": "h", "legend": self._legend}
        shown = bool(self._panel.legend)
        yield {"type": "bar", "x": packed(mark.values), "marker": {"color": self._colour(mark.colour)},
               "name": escape(mark.name), "showlegend": shown, **common}  # fmt: skip
        if mark.beside is not None:
            symbols = "circle" if mark.filled is None else np.where(mark.filled, "circle", "circle-open").tolist()
            yield {"type": "scatter", "mode": "markers", "x": packed(mark.beside), "name": escape(mark.beside_name),
                   "marker": {"color": self._colour("control"), "size": 8, "symbol": symbols}, "showlegend": shown,
                   **common}  # fmt: skip
        layout = self._figure["layout"]
        layout.setdefault(f"yaxis{self._number}", {}).update({"type": "category", "autorange": "reversed"})

    def _draw_rules(self, mark):
        n, style = self._number, {"color": self._colour(mark.colour), "width": 1}
        for place in mark.at:
            across = {"x0": 0, "x1": 1, "xref": f"x{n} domain", "y0": place, "y1": place, "yref": f"y{n}"}
            along = {"y0": 0, "y1": 1, "yref": f"y{n} domain", "x0": place, "x1": place, "xref": f"x{n}"}
            shape = {"type": "line", "layer": "below", "line": style, **(along if mark.axis == "x" else across)}
            self._figure["layout"].setdefault("shapes", []).append(shape)
        return ()


def _film(figure, moments, theme):
    """Frames, a slider and buttons; the axes keep their range, so that it is the points that move."""
    reach, moving = 1.08, range(len(figure["data"]))
    names = [panel.title for panel in moments]
    figure["frames"] = []
    for name, panel in zip(names, moments):
        drawn = {"data": [], "layout": {"annotations": []}}
        _Panel(drawn, panel, 0, ((0, 1), (0, 1)), theme, titled=False)
        data = [{"type": t["type"], **{k: t[k] for k in "xyz" if k in t}} for t in drawn["data"]]
        figure["frames"].append({"name": escape(name), "data": data, "traces": list(moving)})
    layout = figure["layout"]
    if moments[0].z:
        for axis in ("xaxis", "yaxis", "zaxis"):
            layout["scene"][axis]["range"] = [-reach, reach]
        layout["scene"]["aspectmode"] = "cube"
    else:
        layout["xaxis"]["range"], layout["yaxis"]["range"] = [-reach, reach], [-reach, reach]
    steps = [{"label": escape(n), "method": "animate", "args": [[escape(n)], MOMENT]} for n in names]
    stop = [[None], {**MOMENT, "transition": {"duration": 0}, "frame": {"duration": 0}}]
    style = {"bgcolor": theme.paper, "bordercolor": theme.muted, "font": {"color": theme.ink}}
    layout["sliders"] = [{"steps": steps, "x": 0.14, "len": 0.84, "pad": {"t": 30},
                          "currentvalue": {"prefix": "layer "}, "bordercolor": theme.muted}]  # fmt: skip
    buttons = [
        {"label": "▶", "method": "animate", "args": [None, MOMENT]},
        {"label": "❚❚", "method": "animate", "args": stop},
    ]
    layout["updatemenus"] = [{"type": "buttons", "direction": "left", "buttons": buttons, "x": 0, "xanchor": "left",
                              "y": 0, "yanchor": "top", "pad": {"t": 48}, "showactive": False, **style}]  # fmt: skip
    layout["margin"]["b"] = 110
