"""Every kind of figure: one small function from the sources, the entry of `figures:` and the set's shape to a chart.

Drawing never computes geometry: what is drawn stands in the files. A new kind is a function here, an entry in KINDS,
what it needs in `figures/needs.py`, and its name in the schema.
"""

from orrery.figures.kinds.clouds import digits, grid, layers, ring, scatter
from orrery.figures.kinds.components import correlation, loadings, pair_table, pairs, variance
from orrery.figures.kinds.measures import metrics
from orrery.figures.kinds.values import cosines, fourier, fourier_map, lines, properties, property_bars, steps

KINDS = {
    "scatter-3d": scatter, "scatter-2d": scatter, "digits": digits, "grid": grid, "layers": layers, "ring": ring,
    "variance": variance, "loadings": loadings, "correlation": correlation, "pairs": pairs, "pair-table": pair_table,
    "lines": lines, "steps": steps, "fourier": fourier, "fourier-map": fourier_map, "properties": properties,
    "property-bars": property_bars, "cosines": cosines, "metrics": metrics,
}  # fmt: skip


def draw(sources, figure, shape):
    """The chart of one entry of `figures:`.

    Parameters
    ----------
    sources : Sources
    figure : dict
        The entry: kind and its options.
    shape : dict
        topology of the concept, and for a circle its period.
    """
    return KINDS[figure["kind"]](sources, figure, shape)
