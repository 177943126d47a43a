"""How many dimensions a cloud of points fills, how long its vectors are, and how far they lean one way.

None of these has a null distribution of its own: their control is the same function on noise of the same shape and of
the same spectrum. `variance.components_for` is the third count of dimensions.
"""

import numpy as np

from orrery.neighbours import cross_distances

DISCARD = 0.1
SIZES = (1, 1 / 2, 1 / 4, 1 / 8)
REPEATS = 4
LEAST = 20  # points of a subsample


def two_nn(vectors, discard=DISCARD):
    """Intrinsic dimension from the distances r₁ < r₂ of each point's two nearest neighbours (Facco et al. 2017).

    On a d-dimensional manifold whose density hardly changes over these distances, µ = r₂/r₁ has F(µ) = 1 - µ^-d. d is
    the slope of the line through the origin that fits -log(1 - F) against log µ, with F the empirical distribution
    i/N of the sorted µ, and the largest 10 % of them left out as in the paper.

    Above 0, without an upper bound. Chance is what noise gives, and that is far less than D, since the points that are
    needed grow exponentially with the dimension: a Gaussian 1000 × 10 has 9.5, 1000 × 50 has 31, 1000 × 576 about 125
    and 1000 × 4096 about 360. Neighbours are the smallest scale, so noise around a curve counts in full, and of tight
    clusters it is the dimension within them.

    Parameters
    ----------
    vectors : array (N, D)
        In double precision. Of equal rows one is kept; points at a distance of 0 by round-off are left out.
    discard : float

    Returns
    -------
    float
        NaN for fewer than three different points, or where all r₂ = r₁, as in a regular simplex.
    """
    return _slope(_squared_distances(vectors), discard)


def two_nn_curve(vectors, seed, sizes=SIZES, repeats=REPEATS):
    """`two_nn` of smaller and smaller random subsamples: a dimension that depends on the scale is none.

    The points are dealt `repeats` times into as many disjoint subsamples of each size as there are, and the mean of d
    over all of these is taken (the block analysis of Facco et al. 2017). A flat curve supports the number. One that
    rises with more points, to the last, means noise at the smallest scale or too few points for the dimension.

    Parameters
    ----------
    vectors : array (N, D)
    seed : int
    sizes : sequence of float
        Shares of the points. Those with fewer than 20 points are left out, all points are not.
    repeats : int

    Returns
    -------
    (points, dimensions) : int and float arrays (S,)
    """
    rng = np.random.default_rng(seed)
    squared = _squared_distances(vectors)
    n = len(squared)
    points, dimensions = [], []
    for share in sizes:
        size = int(n * share)
        if share < 1 and size < LEAST:
            continue
        parts = [np.arange(n)] if share >= 1 else _deal(rng, n, size, repeats)
        points.append(size)
        dimensions.append(np.mean([_slope(squared[np.ix_(part, part)], DISCARD) for part in parts]))
    return np.array(points, dtype=int), np.array(dimensions, dtype=float)


def _deal(rng, n, size, repeats):
    orders = [rng.permutation(n) for _ in range(repeats)]
    return [order[i : i + size] for order in orders for i in range(0, n - size + 1, size)]


def _squared_distances(vectors):
    """Squared distances of the different rows of vectors (N, D), infinite of a row to itself."""
    x = np.ascontiguousarray(vectors, dtype=float)
    x = x[sorted({row.tobytes(): i for i, row in enumerate(x)}.values())]
    x = x - x.mean(0)  # less to cancel
    squared = cross_distances(x, x)
    np.fill_diagonal(squared, np.inf)
    return squared


def _slope(squared, discard):
    if len(squared) < 3:
        return float("nan")
    first, second = np.partition(squared, 1, axis=1)[:, :2].T
    log_mu = np.sort(np.log(second[first > 0] / first[first > 0])) / 2
    keep = int(len(log_mu) * (1 - discard))
    if keep < 2:
        return float("nan")
    survival = -np.log1p(-np.arange(1, keep + 1) / len(log_mu))
    x = log_mu[:keep]
    return float(x @ survival / (x @ x)) if x @ x > 1e-18 else float("nan")


def participation_ratio(vectors):
    """(Σλ)² / Σλ² of the eigenvalues λ of the covariance: how many equal directions would have this spread.

    From 1 (a line) to min(N - 1, D). It is biased downwards: for isotropic Gaussian noise it is about N·D/(N + D), not
    D, and in general 1/PR of the sample is about 1/PR of the population + 1/N. So compare sets at the same N, with
    noise of the same shape. One direction of very large variance, as trained models have, brings it near 1 whatever the
    others do.

    Parameters
    ----------
    vectors : array (N, D)

    Returns
    -------
    float
        NaN where the vectors are all the same.
    """
    x = np.asarray(vectors, dtype=float)
    scale, x = np.abs(x).max(), x - x.mean(0)
    if len(x) < 2 or np.abs(x).max() <= 1e-9 * scale:
        return float("nan")
    inner = x @ x.T if len(x) <= x.shape[1] else x.T @ x
    return float(np.trace(inner) ** 2 / (inner**2).sum())


def anisotropy(vectors):
    """Mean cosine of all pairs of vectors (Ethayarajh 2019), as (‖Σu‖² - N) / (N(N - 1)) of the unit vectors u.

    From -1/(N - 1) to 1; 0 for directions at random. It is about the raw vectors: centring makes it 0 whatever they
    are. A common offset or a single dimension of huge values makes it 1 (Timkey and van Schijndel 2021), so a high
    value says little about the others.

    Parameters
    ----------
    vectors : array (N, D)
        Rows of zeros have no direction and are left out.

    Returns
    -------
    float
        NaN for fewer than two vectors.
    """
    x = np.asarray(vectors, dtype=float)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x[length[:, 0] > 0] / length[length[:, 0] > 0]
    n = len(unit)
    return float(((unit.sum(0) ** 2).sum() - n) / (n * (n - 1))) if n > 1 else float("nan")


def norms(vectors):
    """Mean length of vectors (N, D), in units of the activations, and standard deviation / mean.

    Of raw vectors: after `l2` all lengths are 1. A Gaussian of D dimensions has a coefficient of variation of 1/√(2D).

    Returns
    -------
    (mean, cv) : floats
        cv is NaN where all vectors are zero.
    """
    length = np.linalg.norm(np.asarray(vectors, dtype=float), axis=1)
    mean = float(length.mean())
    return mean, float(length.std() / mean) if mean > 0 else float("nan")
