"""What a run found, as a picture: each structure a panel, each set a line with its null and its controls."""

import numpy as np

from orrery.figures.chart import Axis, Chart, Line, Panel, Rules
from orrery.figures.colours import CONTROL_COLOURS
from orrery.measured import MEASURED
from orrery.structures import ALPHA, STRUCTURES


def forest(rows):
    """The chart of the headline rows (`headline.read`)."""
    structures = [name for name in STRUCTURES if any(row["structure"] == name for row in rows)]
    grouped = {name: [row for row in rows if row["structure"] == name] for name in structures}
    most = max(map(len, grouped.values()), default=1)
    panels = [_panel(name, some, first=name == structures[0]) for name, some in grouped.items()]
    caption = (
        "best layer of each set · full: all that the structure needs has p ≤ .05, corrected over layers · "
        "grey: 95 % of the null · "
        "line: 95 % interval · small marks: controls, each at its own best layer"
    )
    return Chart("What is there", caption, panels or [Panel([])], aspect=max(0.13, 0.06 + 0.033 * most))


def _panel(structure, rows, first):
    measure = STRUCTURES[structure].measure
    marks = [] if MEASURED[measure].chance is None else [Rules([MEASURED[measure].chance])]
    if first:
        nowhere = np.array([np.nan])
        marks += [Line(nowhere, nowhere, colour=colour, width=2, name=name) for name, colour in CONTROL_COLOURS.items()]
    for i, row in enumerate(rows):
        y = -float(i)
        marks.append(Line(np.array([row["null_low"], row["null_high"]]), np.array([y, y]), colour="noise", width=6))
        for control, colour in CONTROL_COLOURS.items():
            value = row[f"{control}_value"]
            if np.isfinite(value):
                hover = [f"{control}: {value:.3g}, corrected p = {row[f'{control}_p_corrected']:.3g}"]
                place = np.array([value]), np.array([y - 0.25])
                marks.append(Line(*place, colour=colour, width=0, dots=True, hover=hover))
        if np.isfinite(row["low"]):
            marks.append(Line(np.array([row["low"], row["high"]]), np.array([y, y]), width=1.2))
        hover = [f"{row['model']} {row['source']}/{row['concept']}, layer {row['layer']}: {row['value']:.3g}"]
        filled = np.array([row["p_decided"] <= ALPHA])
        marks.append(Line(np.array([row["value"]]), np.array([y]), width=0, dots=True, filled=filled, hover=hover))
    names = [f"{row['model']} · {row['source']}/{row['concept']} · {row['layer']}" for row in rows]
    y = Axis(ticks=(-np.arange(len(rows)), names), limits=(-len(rows) + 0.4, 0.6))
    return Panel(
        marks, Axis(MEASURED[measure].title), y, title=structure + "\n" * first, legend="sets" if first else ""
    )
