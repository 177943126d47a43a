"""Colours by topology: a cycle for circles, an order for lines, a map for places, distinct hues for the rest."""

import math

import numpy as np

from orrery.measured import CONTROLS, LINES, PLACES

# Ten colours from dark violet to yellow, equal steps of lightness (viridis of van der Walt and Smith, public domain).
SEQUENCE = [
    "#440154",
    "#482878",
    "#3e4989",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6ece58",
    "#b5de2b",
    "#e2e418",
]
# Okabe and Ito (2008), without black: distinct for all eyes.
DISTINCT = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#b8a800"]
# Brewer's RdBu (Apache 2.0), and one whose middle is dark.
DIVERGING = {
    "light": ["#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"],
    "dark": ["#8ecbf5", "#3f86bd", "#234a68", "#1b2129", "#6b2f27", "#c65a43", "#ffab91"],
}
CONTROL_COLOURS = dict(zip(CONTROLS, [*DISTINCT[1:], "#7a5195"]))
DARKEST = {"light": 0.0, "dark": 0.2}  # where a scale begins, so that its first colour is seen on the paper


def class_colours(values, shape, theme="light", labels=()):
    """Colours as hex strings of classes in the order of their values.

    On a circle a class has the colour of its angle, in a tree of its parent, on a plane, sphere, torus or grid of its
    place, whatever other classes there are.

    Parameters
    ----------
    values : array (p,)
    shape : dict
        topology, and what goes with it: period, parents, coordinates, periods.
    labels : sequence of length p
        For parents and places, which go by label.
    """
    n, topology = len(values), shape["topology"]
    if topology == "circle":
        return [cyclic(value / shape["period"], theme) for value in values]
    if topology in LINES:
        return [sequential(i / max(1, n - 1), theme) for i in range(n)]
    if topology in PLACES:
        colours = dict(zip(shape["coordinates"], _of_places(shape, theme)))
        return [colours[label] for label in labels]
    if topology == "tree":
        parents = list(dict.fromkeys(shape["parents"].values()))
        colours = dict(zip(parents, _distinct(len(parents), theme)))
        return [colours[shape["parents"][label]] for label in labels]
    return _distinct(n, theme)


def _distinct(n, theme):
    return DISTINCT[:n] if n <= len(DISTINCT) else [_hue(i / n, i % 2, theme) for i in range(n)]


def _of_places(shape, theme):
    """The colours of all places of a set; a sphere of which less than half is there is coloured as a plane."""
    places = np.array(list(shape["coordinates"].values()), dtype=float)
    if shape["topology"] == "torus":
        return _torus_colours(places / shape["periods"], theme)
    if shape["topology"] == "sphere":
        longitudes = np.sort(places[:, 1] % 360)
        gaps = np.diff(longitudes, append=longitudes[0] + 360)
        if gaps.max() < 180:
            return _sphere_colours(places, theme)
        west = longitudes[(gaps.argmax() + 1) % len(gaps)]
        places = np.c_[(places[:, 1] - west) % 360, places[:, 0]]
    return _plane_colours(places, theme)


def _torus_colours(turns, theme):
    """A torus in the space of colours: the first turn round the hues, the second in lightness and chroma."""
    angles = 2 * np.pi * turns[:, 1]
    return [cyclic(t, theme, 0.13 * math.cos(a), 0.09 + 0.04 * math.sin(a)) for t, a in zip(turns[:, 0], angles)]


def _sphere_colours(places, theme):
    """The hue of the longitude, lighter to the north and duller to the poles."""
    return [
        cyclic(longitude / 360, theme, 0.15 * math.sin(y), 0.125 * math.sqrt(abs(math.cos(y))))
        for y, longitude in zip(np.radians(places[:, 0]), places[:, 1])
    ]


def _plane_colours(places, theme):
    """From blue to yellow, and lighter: the axes that all eyes see; what is lighter is redder for those that see it."""
    low, high = places[:, :2].min(0), places[:, :2].max(0)
    middle = 0.60 if theme == "light" else 0.70
    return [
        _oklch_to_hex(middle + 0.15 * y, math.hypot(0.07 * y, 0.12 * x), math.atan2(0.12 * x, 0.07 * y))
        for x, y in 2 * (places[:, :2] - low) / np.where(high > low, high - low, 1) - 1
    ]


def colour_scale(name, theme="light"):
    """A continuous scale, circle, diverging or line, as [[position, colour], …]."""
    if name == "diverging":
        stops = DIVERGING[theme]
        return [[i / (len(stops) - 1), colour] for i, colour in enumerate(stops)]
    make = cyclic if name == "circle" else sequential
    return [[i / 24, make(i / 24, theme)] for i in range(25)]


def _hue(fraction, step, theme):
    return _oklch_to_hex((0.52 if theme == "light" else 0.66) + 0.14 * step, 0.13, 2 * math.pi * fraction)


def cyclic(fraction, theme="light", lighter=0.0, chroma=0.125):
    """A colour of a closed loop that stays a loop for colour-blind eyes; a little lighter, or duller.

    A hue circle in OKLCh whose lightness rises and falls once around it, along the axis (red to green) that
    red-green-blind eyes cannot see: what they lose in hue they keep in lightness.
    """
    hue = 2 * math.pi * fraction + math.radians(25)
    lightness = (0.60 if theme == "light" else 0.70) - 0.16 * math.cos(hue - math.radians(15))
    return _oklch_to_hex(lightness + lighter, chroma, hue)


def sequential(fraction, theme="light"):
    """A colour between dark violet (0) and yellow (1)."""
    x = (DARKEST[theme] + (1 - DARKEST[theme]) * fraction) * (len(SEQUENCE) - 1)
    low = min(int(x), len(SEQUENCE) - 2)
    a, b = (np.array([int(SEQUENCE[i][k : k + 2], 16) for k in (1, 3, 5)]) for i in (low, low + 1))
    return "#" + "".join(f"{round(v):02x}" for v in a + (b - a) * (x - low))


def _oklch_to_hex(lightness, chroma, hue):
    """OKLCh to sRGB (Ottosson 2020), reducing chroma until the colour exists."""
    while True:
        a, b = chroma * math.cos(hue), chroma * math.sin(hue)
        l_ = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        m_ = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        s_ = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        rgb = (
            4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
            -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
            -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
        )
        if all(-1e-6 <= v <= 1 + 1e-6 for v in rgb) or chroma < 1e-3:
            return "#" + "".join(f"{round(255 * _gamma(min(1, max(0, v)))):02x}" for v in rgb)
        chroma *= 0.97


def _gamma(v):
    return 12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055
