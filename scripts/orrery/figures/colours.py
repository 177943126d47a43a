"""Colours by topology: a cycle for circles, an order for lines, one grey for what has no order."""

import math

import numpy as np

INK, MUTED, NOISE, CONTROL = "#1b1f24", "#6b7280", "#9aa3af", "#d97706"
ACCENT = "#2563a8"
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
PLOTLY_SEQUENCE = [[i / (len(SEQUENCE) - 1), c] for i, c in enumerate(SEQUENCE)]


def class_colours(n, topology):
    """`n` colours as hex strings for classes in order."""
    if topology == "circle":
        return [cyclic(i / n) for i in range(n)]
    return [sequential(i / max(1, n - 1)) for i in range(n)]


def colour_scale(topology):
    """A continuous scale as [[position, colour], …]."""
    if topology == "circle":
        return [[i / 24, cyclic(i / 24)] for i in range(25)]
    return PLOTLY_SEQUENCE


def cyclic(fraction):
    """A colour of a closed loop that stays a loop for colour-blind eyes.

    A hue circle in OKLCh whose lightness rises and falls once around it, along the axis (red to green) that
    red-green-blind eyes cannot see: what they lose in hue they keep in lightness.
    """
    hue = 2 * math.pi * fraction + math.radians(25)
    lightness = 0.60 - 0.16 * math.cos(hue - math.radians(15))
    return _oklch_to_hex(lightness, 0.125, hue)


def sequential(fraction):
    """A colour between dark violet (0) and yellow (1)."""
    x = fraction * (len(SEQUENCE) - 1)
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
