"""Is each factor of a torus or grid arranged, where a label has one level of each of two or more factors?

A probe that hides single labels has seen each of their levels with other levels of the other factor. It then places
unordered categories as well as a circle or a line. So here whole levels of one factor are hidden, and its levels are
exchanged among themselves.
"""

from itertools import permutations
from math import factorial

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.permutations import cyclic_orders
from orrery.geometry.probes import held_out_baseline, quadratic_r2

ENUMERATE = 2520  # 7!/2: orders of seven levels on a line or eight on a circle
MAX_FOLDS = 20


def levels_of(coordinates, periods=None):
    """The level of each label on each factor, from 0, in the order of the coordinates.

    Parameters
    ----------
    coordinates : array (p, k)
        One number a factor.
    periods : sequence of length k, of a torus
        Coordinates that differ by a whole period are one level.

    Returns
    -------
    list of k int arrays (p,)
    """
    coordinates = np.asarray(coordinates, dtype=float)
    if periods is not None:
        turns = np.round(coordinates / periods, 9) % 1
        coordinates = np.where(np.isclose(turns, 1), 0, turns)
    scale = np.abs(coordinates).max(0)
    rounded = np.round(coordinates / np.where(scale > 0, scale, 1), 9)  # equal up to round-off is equal
    return [np.unique(column, return_inverse=True)[1] for column in rounded.T]


def evenly_spaced(values, period=None):
    """Are the distinct values (n,) of a factor equally far apart: on a line, or round a circle of this period?"""
    values = np.asarray(values, dtype=float)
    if period is not None:
        values = values % period
    values = np.unique(np.round(values, 9))
    steps = np.diff(values if period is None else np.append(values, values[:1] + period))
    return bool(np.allclose(steps, steps[:1], rtol=1e-6))


def level_folds(levels, count=MAX_FOLDS):
    """The fold (p,) of each label: one for each level, or `count` folds of several levels that do not stand together.

    Neighbouring levels come into different folds, so that a hidden level has neighbours on a circle or line to be
    placed between.
    """
    levels = np.asarray(levels)
    return levels % min(count, levels.max() + 1)


def level_orders(n_levels, count, seed, closed, even=True):
    """Distinct orders of the levels of one factor; the true one is the first.

    Parameters
    ----------
    n_levels : int
    count : int
        Random orders, where there are too many to enumerate.
    seed : int
    closed : bool
        Levels lie on a circle and not on a line.
    even : bool
        Levels are equally spaced. Then a rotation or reflection of the circle, or a reversal of the line, changes no
        R²: W(-t) = -Wt, and W(tR) = (Wt)R for a rotation R. They count as one order. Otherwise they do not.

    Returns
    -------
    (orders, exact) : int array (B, n_levels) and bool
        `orders[b, c]` is the level whose coordinate level c is given. All distinct orders where there are at most 2,520
        or 1 + `count`, else the true one and `count` random ones. p cannot be less than 1/B: with equal spacing .083
        for four levels on a line (12 orders) or five on a circle (12), .017 for five (60) and six (60).
    """
    if closed and even:
        if n_levels < 4:
            return np.arange(n_levels)[None], True
        return cyclic_orders(n_levels, count, seed)
    number = factorial(n_levels) // (2 if even and n_levels > 1 else 1)
    if number <= max(ENUMERATE, 1 + count):
        found = permutations(range(n_levels))
        return np.array([one for one in found if not even or one[0] <= one[-1]]), True
    orders = np.tile(np.arange(n_levels), (1 + count, 1))
    orders[1:] = np.random.default_rng(seed).permuted(orders[1:], axis=1)
    return orders, False


def factor_r2(weights, coordinate, classes, levels, orders, folds=None):
    """1 - SS_res/SS_tot of one factor's coordinate at levels that a probe never saw.

    All labels with one level are hidden together, so the probe has to place the level by where the others are. The null
    exchanges the levels; all labels of a level move together, and the other factors stay. It is exact for a factor
    whose levels are exchangeable (unordered categories, or no effect at all), whatever the others have.

    That all factors are arranged is the intersection of single claims: p of each at most α, and R² above 0, in the same
    layer. The rate of false claims is at most α (intersection-union test, Berger 1982).

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights` with the folds of `level_folds`.
    coordinate : array (p,) or (p, m)
        The factor's own embedded coordinate: cosine and sine on a torus, the standardised number on a grid. The same
        for all labels of one level.
    classes : int array (N,)
    levels : int array (p,)
        From `levels_of`.
    orders : int array (B, n_levels)
        From `level_orders`.
    folds : int array (p,), optional
        The folds of the weights; by default those of `level_folds`.

    Returns
    -------
    array (B,)
        At most 1, 0 for the mean of the training labels, below 0 on average where nothing is known. NaN where the
        factor has one level or the weights are not finite.

    Raises
    ------
    OrreryError
        If labels of one level have different coordinates.

    Notes
    -----
    It cannot show a circle: any order that cosine and sine follow does as well, two halves of the levels among them
    (ask `places.weakest_axis_r2` too). Nor can it show that factors have directions of their own: a single number a + b
    is a line in each (the weakest axis of the whole map is not there).
    """
    levels = np.asarray(levels)
    coordinate = np.asarray(coordinate, dtype=float).reshape(len(levels), -1)
    first = np.unique(levels, return_index=True)[1]
    table = coordinate[first]
    if not np.allclose(table[levels], coordinate, atol=1e-6 * max(1, np.abs(table).max())):
        raise OrreryError("labels of one level of a factor have different coordinates.")
    if len(first) < 2:
        return np.full(len(orders), np.nan)
    folds = level_folds(levels) if folds is None else np.asarray(folds)
    onehot = np.eye(len(first))[levels]  # the targets are constant within a level: p × p forms become n_levels squared
    baseline = held_out_baseline(classes, folds) @ onehot
    return quadratic_r2(np.asarray(weights) @ onehot, baseline, levels[classes], table[orders])
