"""Do labels lie as their places do: on a plane, a sphere, a torus, a grid?

A place is a few coordinates: [latitude, longitude] in degrees on a sphere, one number a period on a torus, any numbers
on a plane or grid. A probe predicts it where the map is flat: the coordinates are embedded first.
"""

import numpy as np

from orrery.geometry.probes import error_form, held_out_baseline, held_out_r2, quadratic_r2

FLAT = 0.05  # share of the places' variance below which a third direction is how a small part of a surface bends
BLOCK = 1 << 22  # numbers of a permutation block in memory


def embedded(coordinates, topology, periods=None):
    """Places as a linear probe can predict them.

    Parameters
    ----------
    coordinates : array (p, k)
        Degrees of latitude and longitude on a sphere, else in units of their own.
    topology : {"plane", "grid", "sphere", "torus"}
    periods : sequence of length k, of a torus

    Returns
    -------
    array (p, q)
        On a sphere the unit vectors (q = 3), on a torus cosine and sine of every angle (q = 2k), on a plane or grid
        each axis centred with variance 1, or 0 where all are the same (q = k).
    """
    coordinates = np.asarray(coordinates, dtype=float)
    if topology == "sphere":
        latitude, longitude = np.radians(coordinates).T
        across = np.cos(latitude)
        return np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=1)
    if topology == "torus":
        angles = 2 * np.pi * coordinates / periods
        return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    spread = coordinates.std(0)
    return (coordinates - coordinates.mean(0)) / np.where(spread > 0, spread, 1)


def distances(coordinates, topology, periods=None):
    """Distances (p, p) of places: great circles in radians, geodesics of the flat torus in turns, or Euclidean.

    On a torus the shorter way round counts of every coordinate, and a turn of each is as long (periods scaled to 1); on
    a plane or grid each axis has variance 1.
    """
    if topology == "torus":
        turns = np.asarray(coordinates, dtype=float) / periods
        apart = turns[:, None] - turns
        return np.linalg.norm(apart - np.round(apart), axis=2)
    points = embedded(coordinates, topology, periods)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    return 2 * np.arcsin(np.minimum(apart / 2, 1)) if topology == "sphere" else apart


def left_out_place_r2(weights, targets, classes, folds, orders):
    """1 - SS_res/SS_tot of places that a probe never saw, summed over the embedded coordinates.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`, the samples of a fold of labels hidden together.
    targets : array (p, q)
        From `embedded`.
    classes : int array (N,)
    folds : int array (p,)
    orders : int array (B, p)
        Which label's place each label is given; the true order first.

    Returns
    -------
    array (B,)
        At most 1, below 0 where the mean of the other labels does better; NaN where all places are one.
    """
    return quadratic_r2(weights, held_out_baseline(classes, folds), classes, targets[orders])


def weakest_axis_r2(weights, targets, classes, folds, orders):
    """Left-out R² along the axis of the map that is predicted worst, whichever way the map is turned.

    The least over all directions in the span of the principal axes of the embedded places: 1 less the largest
    eigenvalue of SS_res against SS_tot. Two axes always count, more only with 5 % of the variance, since a country on a
    sphere is flat. Places in other orders are asked about along the one axis that is the true places' worst. So p is
    valid for "along some axis there is nothing", whatever the others have: the least of all is no more than that of the
    empty axis, and this has the null of a single one (intersection-union test, Berger 1982).

    Parameters
    ----------
    weights, targets, classes, folds, orders
        As `left_out_place_r2`.

    Returns
    -------
    array (B,)
        NaN where the places span fewer than two directions, or the predictions are not finite.
    """
    from scipy.linalg import eigh

    axes, size, _ = np.linalg.svd(targets - targets.mean(0), full_matrices=False)
    if not (np.isfinite(weights).all() and len(size) > 1 and size[1] > 1e-6 * size[0]):
        return np.full(len(orders), np.nan)
    axes = axes[:, : max(2, (size**2 >= FLAT * (size**2).sum()).sum())]
    baseline = held_out_baseline(classes, folds)
    residual, total = (axes.T @ error_form(w, classes) @ axes for w in (weights, baseline))
    worst = axes @ eigh(residual, total)[1][:, -1]
    return held_out_r2(weights, worst[orders], classes, folds)


def distance_rank(means, apart, orders):
    """Spearman correlation of the distances of label means with those of their places, over all pairs of labels.

    A permutation of the places permutes the ranks of their distances, so they are ranked once (Mantel 1967;
    representational similarity analysis, Kriegeskorte, Mur and Bandettini 2008).

    Parameters
    ----------
    means : array (p, D)
    apart : array (p, p)
        Distances of the places, from `distances`.
    orders : int array (B, p)

    Returns
    -------
    array (B,), from -1 to 1
        NaN where all distances of one side are the same.
    """
    first, second = np.triu_indices(len(apart), 1)
    true, found = _ranks(apart[first, second]), _ranks(_lengths(means)[first, second])
    scale = np.sqrt((true**2).sum() * (found**2).sum())
    if not scale > 0:
        return np.full(len(orders), np.nan)
    table = np.zeros(apart.shape, np.float32)
    table[first, second] = table[second, first] = true / scale
    table, orders, found = table.ravel(), orders.astype(np.int32), found.astype(np.float32)
    step = max(1, BLOCK // len(first))
    return np.concatenate([
        table.take(some[:, first] * np.int32(len(apart)) + some[:, second]) @ found
        for some in (orders[i : i + step] for i in range(0, len(orders), step))
    ]).astype(float)  # fmt: skip


def same_places(apart, orders):
    """Which orders (B,) of the places leave all their distances (p, p) as they are: the symmetries of the map."""
    same = np.arange(len(orders))
    for label, row in enumerate(apart):
        some = orders[same]
        same = same[np.isclose(apart[some[:, label, None], some], row, atol=1e-6).all(1)]
    return np.isin(np.arange(len(orders)), same)


def _lengths(means):
    """Euclidean distances (p, p), from the vectors' differences: that of two equal means is 0, not round-off."""
    from scipy.spatial.distance import pdist, squareform

    return squareform(pdist(np.asarray(means, dtype=float)))


def _ranks(values):
    """Ranks less their mean, equal up to round-off is equal."""
    from scipy.stats import rankdata

    ranks = rankdata(np.round(values / max(values.max(), 1e-300), 9))
    return ranks - ranks.mean()
