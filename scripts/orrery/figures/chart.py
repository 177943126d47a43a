"""What is drawn, before it is known with what: charts of panels of marks.

A kind of figure makes a chart; `static` draws it with matplotlib and `interactive` with plotly. Colours are hex
strings or the roles of a theme (ink, muted, faint, accent, control, noise).
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Points:
    """A cloud of one colour: xyz (N, 2 or 3); outlined where they are landmarks.

    `hover` is (view, rows): what is shown at a point are the contexts of these samples.
    """

    xyz: np.ndarray
    colour: str
    name: str = ""
    hover: tuple | None = None
    size: float | None = None
    landmarks: bool = False


@dataclass
class Gradient:
    """A cloud coloured by values (N,) on a scale, circle or line, within limits."""

    xyz: np.ndarray
    values: np.ndarray
    scale: str = "line"
    title: str = ""
    hover: tuple | None = None
    size: float | None = None
    limits: tuple | None = None
    bar: bool = True


@dataclass
class Dots:
    """Places xy (p, 2), each of its own colour, with names to be read when pointed at."""

    xyz: np.ndarray
    colours: list
    names: list


@dataclass
class Names:
    """Names of places xyz (p, 2), put where they cover least of each other and of the points (N, 2)."""

    xyz: np.ndarray
    names: list
    points: np.ndarray


@dataclass
class Line:
    """A line through x, y (and z), with marks where `dots`; of those only the `filled` ones (N,) full."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray | None = None
    colour: str = "accent"
    name: str = ""
    width: float = 1.4
    dash: bool = False
    dots: bool = False
    filled: np.ndarray | None = None
    hover: list | None = None


@dataclass
class Band:
    """What lies between low and high (N,) over x."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: str = "noise"


@dataclass
class Heat:
    """A matrix (R, C) of colours, its first row on top; numbers in the cells where `printed`, dots where `marked`."""

    values: np.ndarray
    x: list | np.ndarray
    y: list | np.ndarray
    scale: str = "line"
    title: str = ""
    limits: tuple | None = None
    printed: bool = False
    bar: bool = True
    marked: np.ndarray | None = None


@dataclass
class Bars:
    """Horizontal bars, the first on top; `beside`, a second number of each, is a dot, full where `filled`."""

    names: list
    values: np.ndarray
    beside: np.ndarray | None = None
    name: str = ""
    beside_name: str = ""
    colour: str = "accent"
    filled: np.ndarray | None = None


@dataclass
class Rules:
    """Straight lines across the panel at some x (or y)."""

    at: list
    axis: str = "x"
    colour: str = "muted"
    name: str = ""


@dataclass
class Axis:
    """An axis: title, ticks as (places, names), whether logarithmic, limits; bare where units mean nothing."""

    title: str = ""
    ticks: tuple | None = None
    log: bool = False
    limits: tuple | None = None
    bare: bool = False


@dataclass
class Panel:
    """Marks in one frame; in three dimensions where z is given; equal where a unit is as long on every axis."""

    marks: list
    x: Axis = field(default_factory=Axis)
    y: Axis = field(default_factory=Axis)
    z: Axis | None = None
    title: str = ""
    equal: bool = False
    legend: str = ""  # the legend's title; a blank draws one without title, nothing draws none


@dataclass
class Chart:
    """A picture of panels in `columns`; a film's panels are the moments of one picture.

    `aspect` is the height of a panel over its width.
    """

    title: str
    caption: str
    panels: list
    columns: int = 1
    aspect: float = 0.8
    film: bool = False

    @property
    def rows(self):
        """Rows of panels."""
        return -(-len(self.panels) // self.columns)

    def caption_lines(self, room):
        """The caption in lines of about `room` characters, broken between its parts."""
        lines = [""]
        for part in self.caption.split(" · "):
            if lines[-1] and len(lines[-1]) + len(part) > room:
                lines.append(part)
            else:
                lines[-1] += (" · " if lines[-1] else "") + part
        return lines
