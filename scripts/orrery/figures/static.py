"""Charts for paper: PNG, SVG and PDF from one drawing. Built on Figure, without pyplot's global state."""

import textwrap

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, MaxNLocator

from orrery.errors import OrreryError
from orrery.figures import chart as marks
from orrery.figures.colours import colour_scale
from orrery.figures.style import COLUMN, DPI, PAGE, THEMES, WIDTH, rc
from orrery.store import atomic

SHOWN = "\u200b"  # before a legend name: matplotlib leaves out those that begin with _
TURNS = [sign * step * np.pi / 8 for step in range(9) for sign in (1, -1)]  # from outwards to inwards
MANY_POINTS = 4000  # from which a vector file has them as one picture, and their density shows in their alpha
SIZES = {"column": COLUMN, "page": PAGE}


def draw(chart, width=None, theme="light"):
    """The matplotlib figure of a chart.

    Parameters
    ----------
    chart : chart.Chart
    width : float or str, optional
        Inches, or column or page; by default a page's width where there are several columns.
    theme : str

    Raises
    ------
    OrreryError
        The chart is in three dimensions.
    """
    if any(panel.z for panel in chart.panels):
        raise OrreryError("a figure in three dimensions is for turning: ask for its .html.")
    theme = THEMES[theme]
    width = SIZES.get(width, width) or (WIDTH if chart.columns == 1 else PAGE)
    with matplotlib.rc_context(rc(theme)):
        canvas = _canvas(chart, width, theme)
        axes = canvas.subplots(chart.rows, chart.columns, squeeze=False).ravel()
        drawn = [_Panel(canvas, ax, panel, theme, width / chart.columns) for ax, panel in zip(axes, chart.panels)]
        for ax in axes[len(chart.panels) :]:
            ax.axis("off")
        canvas.draw_without_rendering()  # settles the layout once, for it costs as much as the drawing
        canvas.set_layout_engine("none")
        for panel in drawn:
            panel.name_places()
    return canvas


def write_images(figure, paths, rights=""):
    """Write a figure to each path, in the format of its suffix, with `rights` (whom to name) in its metadata.

    Dates are left out: the same figure has the same bytes.
    """
    metadata = {
        "svg": {"Date": None, "Rights": rights},
        "pdf": {"CreationDate": None, "Subject": rights},
        "png": {"Software": None, "Copyright": rights},
    }
    with matplotlib.rc_context(rc(THEMES["light"])):
        for path in paths:
            suffix = str(path).rpartition(".")[2]
            with atomic(path) as part:
                figure.savefig(
                    part, format=suffix, dpi=DPI, metadata=metadata[suffix], facecolor=figure.get_facecolor()
                )


def _canvas(chart, width, theme):
    height = width / chart.columns * chart.aspect * chart.rows + 0.55
    canvas = Figure(figsize=(width, height), dpi=DPI, layout="constrained")  # texts are as wide as when saved
    FigureCanvasAgg(canvas)
    canvas.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    title = textwrap.fill(chart.title, int(width * 12))
    left = {"x": 0.015, "ha": "left", "parse_math": False}
    canvas.suptitle(title, fontsize=10.5, color=theme.ink, **left)
    canvas.supxlabel("\n".join(chart.caption_lines(width * 19)), fontsize=6.5, color=theme.muted, **left)
    return canvas


class _Panel:
    """One panel on its axes: marks are drawn by the method of their name."""

    def __init__(self, canvas, ax, panel, theme, width):
        self._canvas, self._ax, self._theme, self._names = canvas, ax, theme, []
        self._width, self._small, self._narrow = width, width < 2, width < 3
        total = sum(len(m.xyz) for m in panel.marks if isinstance(m, (marks.Points, marks.Gradient)))
        self._dense = total > MANY_POINTS
        self._alpha = 0.65 if total <= 1000 else max(0.12, 0.65 * (1000 / total) ** 0.4)
        self._size = 1.6 if self._small or total > MANY_POINTS else 4.0 if total < 1500 else 2.4
        for mark in panel.marks:
            getattr(self, f"_draw_{type(mark).__name__.lower()}")(mark)
        self._finish(panel)

    def _finish(self, panel):
        ax = self._ax
        ax.set_title(panel.title, parse_math=False, fontsize=6 if self._small else None)
        for axis, way in ((panel.x, ax.xaxis), (panel.y, ax.yaxis)):
            self._axis(axis, way)
        if panel.equal:
            ax.set_aspect("equal", adjustable="datalim")
        if panel.legend:
            self._legend(panel)

    def _axis(self, axis, way):
        name = way.axis_name
        if axis.log:
            getattr(self._ax, f"set_{name}scale")("log")
            way.set_major_formatter("{x:g}")
        if axis.title and not (self._small and axis.bare):
            getattr(self._ax, f"set_{name}label")(axis.title, fontsize=6.5 if self._small else None, parse_math=False)
        if axis.bare:
            way.set_ticks([])
        elif axis.ticks:
            way.set_ticks(*axis.ticks)
        elif isinstance(way.get_major_locator(), AutoLocator):
            way.set_major_locator(MaxNLocator(4 if self._narrow else 7, steps=[1, 2, 2.5, 5, 10]))
        if self._small:
            way.set_tick_params(labelsize=5.5)
        if axis.limits:
            getattr(self._ax, f"set_{name}lim")(*axis.limits)

    def _legend(self, panel):
        handles, names = self._ax.get_legend_handles_labels()
        names = [name.removeprefix(SHOWN) if not name.startswith(f"{SHOWN}_") else name for name in names]
        if not handles or (self._names and panel.legend == "classes"):  # names stand beside their places
            return
        if self._small:
            self._canvas.legend(handles, names, loc="outside right upper", fontsize=6.5, markerscale=2)
            return
        if panel.legend == "sets":  # above, at the right, where the title leaves room
            columns = len(names) if sum(map(len, names)) < 9 * self._width else 2
            place = {"loc": "lower right", "bbox_to_anchor": (1, 0.98), "ncols": columns, "columnspacing": 1}
        elif len(names) > 5:
            place = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "title": panel.legend}
        else:
            place = {"loc": "best", "title": panel.legend, "frameon": True, "framealpha": 0.85, "edgecolor": "none"}
        if place.get("title") == "classes":
            place["title"] = None
        legend = self._ax.legend(handles, names, title_fontsize=7.5, handletextpad=0.4, labelspacing=0.3, **place)
        for handle in legend.legend_handles:
            handle.set_alpha(1)
            if hasattr(handle, "set_sizes"):
                handle.set_sizes([18])

    def _colour(self, name):
        return self._theme.colour(name)

    def _map(self, scale):
        stops = [(place, colour) for place, colour in colour_scale(scale, self._theme.name)]
        return LinearSegmentedColormap.from_list(scale, stops)

    def _bar(self, drawn, title):
        bar = self._canvas.colorbar(drawn, ax=self._ax, shrink=0.7, pad=0.02, aspect=25)
        bar.set_label(title, fontsize=7.5)
        bar.ax.tick_params(labelsize=6.5)
        bar.outline.set_visible(False)

    # ------------------------------------------------------------------------------------------------------ marks

    def _draw_points(self, mark):
        colour = self._colour(mark.colour)
        if mark.landmarks:
            size = 12 if self._small else 42
            self._ax.scatter(*mark.xyz.T, color=colour, s=size, edgecolors=self._theme.paper, linewidths=1, zorder=3)
            return
        size = self._size if mark.size is None or self._small else mark.size
        self._ax.scatter(*mark.xyz.T, color=colour, s=size**2, alpha=self._alpha, linewidths=0, zorder=1.5,
                         label=SHOWN + mark.name if mark.name else "_", rasterized=self._dense)  # fmt: skip

    def _draw_gradient(self, mark):
        limits = mark.limits or (mark.values.min(), mark.values.max())
        size = self._size if mark.size is None or self._small else mark.size
        scale = {"c": mark.values, "cmap": self._map(mark.scale), "vmin": limits[0], "vmax": limits[1]}
        alpha = max(self._alpha, 0.5)
        drawn = self._ax.scatter(*mark.xyz.T, s=size**2, alpha=alpha, linewidths=0, rasterized=self._dense, **scale)
        if mark.bar:
            self._bar(drawn, mark.title)

    def _draw_dots(self, mark):
        size = 7 if self._small else 30
        self._ax.scatter(*mark.xyz.T, c=mark.colours, s=size, linewidths=0, alpha=0.9, zorder=3)

    def _draw_names(self, mark):
        if not self._small:
            self._names.append(mark)

    def _draw_line(self, mark):
        colour = self._colour(mark.colour)
        style = {"color": colour, "linewidth": mark.width, "linestyle": "--" if mark.dash else "-"}
        self._ax.plot(mark.x, mark.y, label=SHOWN + mark.name if mark.name else "_", zorder=2, **style)
        if len(mark.x) == 1 and mark.dash:
            self._ax.scatter(mark.x, mark.y, marker="_", s=60, color=colour, zorder=2)
        if not mark.dots:
            return
        if mark.filled is None:  # not tested: neither full nor hollow
            self._ax.scatter(mark.x, mark.y, s=5, color=colour, zorder=3)
        else:
            faces = np.where(mark.filled, colour, self._theme.paper)
            self._ax.scatter(mark.x, mark.y, s=16, facecolors=faces, edgecolors=colour, linewidths=1, zorder=3)

    def _draw_band(self, mark):
        colour = self._colour(mark.colour)
        self._ax.fill_between(mark.x, mark.low, mark.high, color=colour, alpha=0.3, linewidth=0)
        if len(mark.x) == 1:
            self._ax.vlines(mark.x, mark.low, mark.high, color=colour, alpha=0.5, linewidth=8)

    def _draw_heat(self, mark):
        rows, columns = mark.values.shape
        low, high = mark.limits or (np.nanmin(mark.values), np.nanmax(mark.values))
        numeric = not isinstance(mark.x[0], str)
        extent = (mark.x[0], mark.x[-1], rows - 0.5, -0.5) if numeric else None
        smooth = "nearest" if rows * columns < 40_000 else "antialiased"
        scale = {"cmap": self._map(mark.scale), "vmin": low, "vmax": high}
        drawn = self._ax.imshow(mark.values, aspect="auto", extent=extent, interpolation=smooth, **scale)
        if not numeric:
            self._ticks(self._ax.xaxis, mark.x)
        self._ticks(self._ax.yaxis, mark.y)
        self._ax.tick_params(labelsize=6, length=0)
        self._ax.spines[:].set_visible(False)
        if mark.marked is not None:
            rows, columns = np.nonzero(mark.marked)
            self._ax.scatter(columns, rows, s=9, color=self._theme.ink, edgecolors=self._theme.paper, linewidths=0.6)
        if mark.printed:
            self._print_cells(mark, drawn)
        if mark.bar:
            self._bar(drawn, mark.title)

    def _ticks(self, way, names):
        """Names of rows or columns, as many as there is room for."""
        room = 40 if way is self._ax.xaxis else max(40, self._canvas.get_figheight() * 8)
        step = 1 if len(names) <= room else -(-len(names) // 8)
        shown = names[::step]
        way.set_ticks(np.arange(0, len(names), step), shown)
        if way is self._ax.xaxis and sum(map(len, shown)) > 9 * self._width:
            self._ax.tick_params(axis="x", labelrotation=90)

    def _print_cells(self, mark, drawn):
        size = 7 if len(mark.values) <= 12 else 4
        for (row, column), value in np.ndenumerate(mark.values):
            if np.isfinite(value):
                dark = np.dot(to_rgb(drawn.cmap(drawn.norm(value))), (0.3, 0.6, 0.1)) < 0.5
                text = f"{value + 0.0:.2f}".replace("-0.00", "0").replace("0.", ".").replace("1.00", "1")
                self._ax.text(column, row, text, ha="center", va="center", fontsize=size,
                              color="#ffffff" if dark else "#1b1f24")  # fmt: skip

    def _draw_bars(self, mark):
        y, colour = np.arange(len(mark.values)), self._colour(mark.colour)
        self._ax.barh(
            y, mark.values, height=0.7, color=colour, alpha=0.85, label=SHOWN + mark.name if mark.name else "_"
        )
        if mark.beside is not None:
            control = self._colour("control")
            faces = control if mark.filled is None else np.where(mark.filled, control, self._theme.paper)
            self._ax.scatter(mark.beside, y, s=16, facecolors=faces, edgecolors=control, linewidths=1, zorder=3)
        self._ax.set_yticks(y, mark.names)
        self._ax.invert_yaxis()
        self._ax.axvline(0, color=self._theme.muted, linewidth=0.7)
        self._ax.tick_params(axis="y", labelsize=6.5, length=0)

    def _draw_rules(self, mark):
        draw = self._ax.axvline if mark.axis == "x" else self._ax.axhline
        style = {"color": self._colour(mark.colour), "linewidth": 0.7, "zorder": 0.5}
        style["linestyle"] = ":" if mark.colour == "muted" else "-"
        for i, place in enumerate(mark.at):
            draw(place, label=SHOWN + mark.name if i == 0 and mark.name else "_", **style)

    # ------------------------------------------------------------------------------------------------------- names

    def name_places(self):
        """Put names near their places, each where it covers least. The layout must be final: pixels are compared."""
        for mark in self._names:
            _name_places(self._ax, mark, self._theme)


def _name_places(ax, mark, theme):
    to_pixels, centre = ax.transData.transform, mark.xyz.mean(0)
    anchors, dots = to_pixels(mark.xyz), to_pixels(mark.points)
    frame, renderer = ax.get_window_extent(), ax.figure.canvas.get_renderer()
    unit = DPI / 100
    taken = np.c_[anchors - 5 * unit, anchors + 5 * unit]
    plate = {"facecolor": theme.paper, "alpha": 0.75, "linewidth": 0, "pad": 0.6}  # a halo would turn text into paths
    for place, anchor, name in zip(mark.xyz, anchors, mark.names):
        text = ax.text(*place, name, fontsize=8 if len(mark.names) <= 12 else 7, color=theme.ink, bbox=plate,
                       ha="center", va="center", zorder=4, parse_math=False)  # fmt: skip
        size = text.get_window_extent(renderer)
        outwards = np.arctan2(*(place - centre)[::-1])
        boxes = np.array([_box(anchor, size, outwards + turn, reach * unit) for reach in (7, 16, 28) for turn in TURNS])
        best = boxes[_covered(boxes, taken, dots, np.r_[frame.min, frame.max]).argmin()]
        text.set_position(ax.transData.inverted().transform((best[:2] + best[2:]) / 2))
        taken = np.vstack([taken, best])


def _box(anchor, size, angle, reach):
    """The box (left, bottom, right, top) of a text whose edge is `reach` pixels from its anchor, in a direction."""
    half = np.array([size.width, size.height]) / 2
    middle = anchor + np.array([np.cos(angle), np.sin(angle)]) * (reach + half)
    return np.r_[middle - half, middle + half]


def _covered(boxes, taken, dots, frame):
    """Pixels (C,) that boxes (C, 4) share with what stands already, or have outside the frame; a dot counts 50."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]

    def shared(others):
        sides = np.minimum(high, others[..., 2:]) - np.maximum(low, others[..., :2])
        return np.maximum(sides, 0).prod(2).sum(1)

    under = ((dots > low) & (dots < high)).all(2).sum(1)
    return shared(taken) + 50 * under + (high - low).prod(2)[:, 0] - shared(frame)
