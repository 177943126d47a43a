"""Figures for paper: PNG, SVG and PDF from one drawing. Built on Figure, without pyplot's global state."""

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from orrery.figures import LINEAR, MANY, MEASURE_NAMES, series_of, spectra
from orrery.figures.colours import ACCENT, CONTROL, INK, MUTED, NOISE, class_colours, colour_scale
from orrery.figures.style import DPI, RC, WIDTH
from orrery.geometry.variance import count_for
from orrery.store import atomic

matplotlib.rcParams.update(RC)
TURNS = [sign * step * np.pi / 8 for step in range(9) for sign in (1, -1)]  # from outwards to inwards
PLATE = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6}  # a halo would turn SVG text into paths


def draw(sources, figure, shape):
    """The matplotlib figure of one entry of `figures:`; arguments as in `interactive.draw`."""
    return KINDS[figure["kind"]](sources, figure, shape)


def write_images(figure, paths, rights=""):
    """Write a figure to each path, in the format of its suffix, with `rights` (whom to name) in its metadata.

    Dates are left out: the same figure has the same bytes.
    """
    metadata = {
        "svg": {"Date": None, "Rights": rights},
        "pdf": {"CreationDate": None, "Subject": rights},
        "png": {"Software": None, "Copyright": rights},
    }
    for path in paths:
        suffix = str(path).rpartition(".")[2]
        with atomic(path) as part:
            figure.savefig(part, format=suffix, dpi=DPI, metadata=metadata[suffix])


def _canvas(figure, title, caption, columns=1, rows=1, height=0.86):
    width = figure.get("width", WIDTH * columns)
    canvas = Figure(figsize=(width, width / columns * height * rows), layout="constrained")
    FigureCanvasAgg(canvas)
    canvas.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    canvas.suptitle(title, x=0.015, ha="left", fontsize=10.5, color=INK)
    canvas.supxlabel(caption, x=0.015, ha="left", fontsize=6.5, color=MUTED)
    return canvas


def scatter(sources, figure, shape):
    """Two components, class means labelled and, in linear maps, joined in their order; the control beside it."""
    views = sources.views
    caption = f"{sources.main.caption()} · {sources.control_note()}"
    canvas = _canvas(figure, sources.main.title(), caption, columns=len(views))
    named = []
    for ax, view in zip(canvas.subplots(1, len(views), squeeze=False)[0], views):
        topology = shape["topology"] if view is sources.main else "none"
        points, titles = view.axes(figure.get("components"), 2)
        named += _points(canvas, ax, view, points, topology, figure)
        ax.set(xlabel=titles[0], ylabel=titles[1])
        ax.set_aspect("equal", adjustable="datalim")
        if len(views) > 1:
            ax.set_title(view.attributes["concept"])
    _fix_layout(canvas)
    for panel in named:
        _label(*panel)
    return canvas


def _fix_layout(canvas):
    """Settle the layout once, for it costs as much as the drawing."""
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")


def _points(canvas, ax, view, points, topology, figure):
    """Draw one panel's points; [(axes, points, class means, names)] where classes are few enough to be named."""
    labels, index = view.classes
    style = {
        "s": figure.get("point_size", 4.2 if view.n < 2000 else 2) ** 2,
        "linewidths": 0,
        "rasterized": view.n > 4000,
    }
    if len(labels) > MANY:
        stops = colour_scale(topology)
        scale = matplotlib.colors.LinearSegmentedColormap.from_list("scale", [(p, c) for p, c in stops])
        drawn = ax.scatter(*points.T, c=view.samples["value"], cmap=scale, alpha=0.85, **style)
        bar = canvas.colorbar(drawn, ax=ax, shrink=0.6, pad=0.02, label="value" if topology != "none" else "rank")
        bar.outline.set_visible(False)
        return []
    colours = class_colours(len(labels), topology)
    ax.scatter(*points.T, c=[colours[i] for i in index], alpha=0.55, **style)
    means = np.array([points[index == i].mean(0) for i in range(len(labels))])
    if view.attributes["method"] not in LINEAR:
        # A mean may lie between two islands of a class, far from both: mark the point nearest to the median instead.
        medians = [np.median(points[index == i], axis=0) for i in range(len(labels))]
        means = np.array([points[((points - m) ** 2).sum(1).argmin()] for m in medians])
    elif topology in ("circle", "line"):
        path = np.vstack([means, means[:1]]) if topology == "circle" else means
        ax.plot(*path.T, color=MUTED, linewidth=0.8, zorder=2)
    ax.scatter(*means.T, c=colours, s=42, edgecolors="white", linewidths=1, zorder=3)
    return [(ax, points, means, labels)]


def _label(ax, points, means, labels):
    """Names near the means, each at the first place around its mean where it covers least.

    The layout must be final: places are compared in pixels.
    """
    to_pixels, centre = ax.transData.transform, means.mean(0)
    anchors, dots = to_pixels(means), to_pixels(points)
    frame = ax.get_window_extent()
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in anchors]
    renderer = ax.figure.canvas.get_renderer()
    for mean, anchor, name in zip(means, anchors, labels):
        text = ax.text(*mean, name, fontsize=8, color=INK, bbox=PLATE, ha="center", va="center", zorder=4,
                       parse_math=False)  # fmt: skip
        size = text.get_window_extent(renderer)
        outwards = np.arctan2(*(mean - centre)[::-1])
        places = [_place(anchor, size, outwards + turn, reach) for reach in (7, 16, 28) for turn in TURNS]
        best = min(places, key=lambda box: _covered(box, taken, dots, frame))
        text.set_position(ax.transData.inverted().transform((best.x0 + best.width / 2, best.y0 + best.height / 2)))
        taken.append(best)


def _place(anchor, size, angle, reach):
    """The box of a text whose nearest edge is `reach` pixels from its anchor, in the direction `angle`."""
    x = anchor[0] + np.cos(angle) * (reach + size.width / 2)
    y = anchor[1] + np.sin(angle) * (reach + size.height / 2)
    return Bbox.from_bounds(x - size.width / 2, y - size.height / 2, size.width, size.height)


def _covered(box, taken, dots, frame):
    """Pixels that a box would share with what stands already, or have outside the frame; a dot under it counts 12."""
    shared = sum(inside.width * inside.height for other in taken if (inside := Bbox.intersection(box, other)))
    inside = Bbox.intersection(box, frame)
    dots = ((dots > box.min) & (dots < box.max)).all(1).sum()
    return shared + 12 * dots + box.width * box.height - (inside.width * inside.height if inside else 0)


def variance(sources, figure, shape):
    """Explained variance per component and in sum, with the control and noise of the same shape."""
    title, caption = sources.main.title() + ": variance", f"{sources.main.caption()} · {sources.control_note()}"
    canvas = _canvas({"width": WIDTH * 1.5, **figure}, title, caption, height=0.46)
    single, total = canvas.subplots(1, 2)
    colours = [ACCENT, CONTROL, NOISE] if sources.control else [ACCENT, NOISE]
    for (name, ratios), colour in zip(spectra(sources).items(), colours):
        x, needed = np.arange(1, len(ratios) + 1), count_for(ratios)
        single.plot(x, 100 * ratios, color=colour, linewidth=1.4, marker="o", markersize=2, label=name)
        total.plot(x, 100 * np.cumsum(ratios), color=colour, linewidth=1.4, label=f"{name}: {needed}")
        total.plot([needed, needed], [0, 90], color=colour, linewidth=0.8, linestyle=":")
    total.axhline(90, color=MUTED, linewidth=0.8, linestyle=":")
    single.set(xscale="log", xlabel="component", ylabel="variance explained (%)", ylim=(0, None))
    total.set(xlabel="components", ylabel="cumulative variance (%)", ylim=(0, 102), xlim=(0, None))
    total.legend(title="components for 90 %", loc="lower right", fontsize=7.5, title_fontsize=7.5,
                 frameon=True, framealpha=0.9, edgecolor="none")  # fmt: skip
    _fix_layout(canvas)
    return canvas


def metrics(sources, figure, shape):
    """Each measure against the layer, with its null beside it; full marks where p, corrected over layers, ≤ .05."""
    series, facts = series_of(sources.metrics), sources.facts
    n = sources.metrics["n"][0]
    caption = (
        f"n = {n} · {facts['source']} · filled: p ≤ .05, corrected over layers · seed {facts['seed']}\n"
        "dashed and grey: mean and 95 % of the null (shuffled order of the labels, or Gaussian noise)"
    )
    canvas = _canvas(
        figure, f"{facts['concept']} in {facts['model']}, all layers", caption, rows=len(series), height=0.42
    )
    for ax, (name, s) in zip(canvas.subplots(len(series), 1, squeeze=False)[:, 0], series.items()):
        _metric(ax, name, s)
    _fix_layout(canvas)
    return canvas


def _metric(ax, name, s):
    x = np.arange(len(s["layer"]))
    p = np.array(s["p_corrected"])
    value = np.array(s["value"])
    wide = len(x) == 1
    if not np.isnan(s["null_low"]).all():
        ax.fill_between(x, s["null_low"], s["null_high"], color=NOISE, alpha=0.3, linewidth=0)
        if wide:
            ax.vlines(x, s["null_low"], s["null_high"], color=NOISE, alpha=0.5, linewidth=8)
    ax.plot(x, s["null_mean"], color=MUTED, linewidth=1, linestyle="--", marker="_" if wide else "")
    ax.plot(x, value, color=ACCENT, linewidth=1.3)
    if np.isnan(p).all():  # not tested: neither full nor hollow
        ax.scatter(x, value, s=5, color=ACCENT, zorder=3)
    else:
        faces = np.where(p <= 0.05, ACCENT, "white")
        ax.scatter(x, value, s=22, facecolors=faces, edgecolors=ACCENT, linewidths=1.1, zorder=3)
    ax.set_title(MEASURE_NAMES[name], fontsize=8.5)
    step = max(1, len(x) // 16)
    ax.set_xticks(x[::step], [layer.replace("embed", "emb") for layer in s["layer"][::step]])
    ax.set_ylim(min(0, ax.get_ylim()[0]), None)
    ax.set_xlim(-0.6, len(x) - 0.4)


KINDS = {"scatter-2d": scatter, "variance": variance, "metrics": metrics}
