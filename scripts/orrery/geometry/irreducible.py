"""Is a plane one two-dimensional thing, or two one-dimensional ones? The indices of Engels et al. (2024).

A feature in the plane is reducible if a rotation makes its coordinates independent (then it is two features), or if it
is a mixture of parts that do not use all of the plane. Irreducible is: high separability index, low mixture index.
"""

from functools import lru_cache

import numpy as np

MANY = 100  # classes, above which their arrangements are drawn alike in all layers
ANGLES = 180  # directions, one degree apart
BINS = 10
EPSILON = 0.1
BLOCK = 1 << 20  # projections in memory; more do not fit into the cache


def separability(points):
    """Mutual information of the two coordinates, in bits, at the rotation that has the least: 0 is separable.

    Each coordinate is cut into b bins of equal counts, b = √(N/5), from 2 to 10, so that the index does not depend on
    outliers or on the range; the expected excess (b - 1)²/(2N ln 2) of independent coordinates is subtracted (Miller
    1955). Rotations are a degree apart, from the principal axes on.

    From about 0 (slightly below, as a minimum over rotations of an estimate) to log₂ b. A Gaussian has about 0 whatever
    its axes. A high index is no ring: labels that are tight clusters anywhere in the plane, such as those of a random
    simplex on its first two principal components, have dependent coordinates at every rotation. And only rotations are
    tried: two independent features on axes that are not orthogonal look inseparable.

    Parameters
    ----------
    points : array (N, 2)

    Returns
    -------
    float
        NaN where the points are on one line.
    """
    return float(_separability(np.asarray(points, dtype=float)[None])[0])


def separability_test(points, seed, draws, classes=None):
    """`separability` of points, and of as many points without structure: higher is less separable.

    Without `classes` the null is a Gaussian of the same variances. Samples that are labelled fail it by being clusters:
    seven random means in 500 dimensions have an index of .9 on their first two components, as a ring has. So with
    `classes` the null keeps each sample where it is within its class and arranges the class means anew: a random
    rotation among classes, which keeps the means' covariance. If the means are independent draws of one Gaussian, of
    any covariance, all arrangements are equally likely (a rotation test, Langsrud 2005), even if the plane is chosen
    as that of their largest variance.

    Parameters
    ----------
    points : array (N, 2)
    seed : int
        The same seed and size give the same standard normal numbers.
    draws : int
    classes : int array (N,), optional
        From 0, none left out.

    Returns
    -------
    array (1 + draws,)
    """
    x = np.asarray(points, dtype=float)
    return np.concatenate([_separability(x[None]), _separability(_without_structure(x, seed, draws, classes))])


def mixture_index(points):
    """Largest share of the points that one direction with one offset takes for zero.

    M = max over v and c of P(|z| < ε), z = (v·x + c)/√E[(v·x + c)²], ε = .1. v runs over 180 directions of the whitened
    points (an invertible linear map of the points does not change M), and for each of them the best c is exact. With y
    the coordinate, scaled to mean 0 and variance 1, and u = -c, |z| < ε if u is between (y ± ε√(y² + 1 - ε²))/(1 - ε²).
    Both ends grow with y, so the most intervals that share a point are found by running over the sorted y. A search by
    gradient ends at another, lower value for each start.

    From about .08 to 1. A mixture of a feature that is on in a share q of the samples, and zero else, has M ≥ 1 - q. As
    the maximum over windows it is the larger the fewer points: a Gaussian has .080 in the limit, .10 with 3000 points,
    .12 with 700, .15 with 224 and .23 with 49. A perfect circle has .219 and a tight heptagon 2/7, more than a
    Gaussian: low means well below one half, not below noise. A few far points make M large too, as the others then are
    near zero.

    Parameters
    ----------
    points : array (N, 2)

    Returns
    -------
    float
        NaN where the points are on one line.
    """
    axes, variances = _principal(np.asarray(points, dtype=float)[None])
    return float("nan") if _flat(variances)[0] else _most_in_a_window(axes[0] / np.sqrt(variances[0]))


def mixture_test(points, seed, draws, classes=None):
    """`mixture_index` of points, and of as many points without structure: lower is less of a mixture.

    The null is that of `separability_test`. Without `classes` it is one for all covariances, as M is, and drawn once
    for each N; but even a perfect circle is above it. With `classes` a ring can be below it: of random means three or
    more are in a row in some direction, of a heptagon two.

    Parameters
    ----------
    points : array (N, 2)
    seed, draws, classes
        As of `separability_test`.

    Returns
    -------
    array (1 + draws,)
    """
    if classes is None:
        return np.r_[mixture_index(points), _gaussian_mixture(len(points), seed, draws)]
    x = np.asarray(points, dtype=float)
    return np.array([mixture_index(cloud) for cloud in (x, *_without_structure(x, seed, draws, classes))])


@lru_cache(maxsize=64)
def _gaussian_mixture(n, seed, draws):
    return np.array([mixture_index(x) for x in np.random.default_rng(seed).standard_normal((draws, n, 2))])


def _without_structure(x, seed, draws, classes):
    """Clouds (draws, N, 2): Gaussian, or the classes of x (N, 2) with their means arranged anew."""
    rng = np.random.default_rng(seed)
    if classes is None:
        _, variances = _principal(x[None])
        return rng.standard_normal((draws, len(x), 2)) * np.sqrt(np.maximum(variances, 0))
    counts = np.bincount(classes)
    means = np.stack([np.bincount(classes, column) / counts for column in x.T], axis=1)
    centre = means.mean(0)
    return (x - means[classes]) + centre + _turned(means - centre, draws, rng)[:, classes]


def _turned(means, draws, rng):
    """Centred means (p, 2) arranged anew: turned as points of the space of p classes that sum to zero.

    The same turns in every layer, so that layers that are arranged differently have draws that differ. Of more than a
    hundred classes only where they go is drawn, which takes a frame (p, 2) in place of a turn (p, p).
    """
    p = len(means)
    if p > MANY:
        noise = rng.standard_normal((draws, p, 2))
        frames = np.linalg.qr(noise - noise.mean(1, keepdims=True))[0]
        frames *= rng.choice([-1, 1], size=(draws, 1, frames.shape[2]))  # QR's signs are no coin's
        _, s, axes = np.linalg.svd(means, full_matrices=False)
        return frames * s @ axes
    space = np.linalg.qr(np.eye(p) - 1 / p)[0][:, : p - 1]
    q, r = np.linalg.qr(rng.standard_normal((draws, p - 1, p - 1)))
    turns = q * np.sign(np.einsum("bii->bi", r))[:, None]  # uniform (Stewart 1980)
    return space @ (turns @ (space.T @ means))


def _separability(clouds):
    """The index of each of clouds (M, N, 2): array (M,)."""
    m, n, _ = clouds.shape
    axes, variances = _principal(clouds)
    b = int(np.clip(np.sqrt(n / 5), 2, BINS))
    x_log_x = np.r_[0, np.arange(1, n + 1) * np.log(np.arange(1, n + 1))]
    found = np.full(m, np.nan)
    step, half = max(1, BLOCK // (ANGLES * n)), ANGLES // 2
    for start in range(0, m, step):
        bins = _equal_bins(_project(axes[start : start + step]), b)
        cells = np.arange(len(bins) * half).reshape(-1, half, 1) * b**2 + (
            bins[:, :half] * np.uint8(b) + bins[:, half:]
        )
        counts = np.bincount(cells.ravel(), minlength=len(bins) * half * b**2).reshape(-1, half, b, b)
        joint, first, second = (
            x_log_x[c].sum(-1) for c in (counts.reshape(-1, half, b**2), counts.sum(3), counts.sum(2))
        )
        found[start : start + step] = ((joint - first - second) / n + np.log(n)).min(1)
    return np.where(_flat(variances), np.nan, (found - (b - 1) ** 2 / (2 * n)) / np.log(2))


def _principal(clouds):
    """Points (M, N, 2) on their principal axes, the larger first, and the variances (M, 2)."""
    centred = clouds - clouds.mean(1, keepdims=True)
    variances, directions = np.linalg.eigh(centred.swapaxes(1, 2) @ centred / clouds.shape[1])
    return (centred @ directions)[..., ::-1], variances[:, ::-1]


def _flat(variances):
    return ~(variances[:, 1] > 1e-12 * variances[:, 0])


def _project(clouds):
    """Coordinates (M, A, N) of points (M, N, 2) in A directions over half a turn, A/2 further is at right angles."""
    angles = np.pi * np.arange(ANGLES) / ANGLES
    return np.c_[np.cos(angles), np.sin(angles)].astype(np.float32) @ clouds.swapaxes(1, 2).astype(np.float32)


def _equal_bins(values, b):
    """Which of b bins of equal counts each of values (..., N) is in, as bytes."""
    n = values.shape[-1]
    ordered = np.sort(values, axis=-1)
    bins = np.zeros(values.shape, dtype=np.uint8)
    for i in range(1, b):
        bins += values >= ordered[..., n * i // b, None]
    return bins


def _most_in_a_window(white):
    """M of whitened points (N, 2)."""
    n = len(white)
    y = np.sort(_project(white[None])[0], axis=1)
    half = EPSILON * np.sqrt(y**2 + np.float32(1 - EPSILON**2))
    low, high = y - half, y + half  # both times 1 - ε²
    enough, too_many = 1, n + 1
    while too_many - enough > 1:
        k = (enough + too_many) // 2
        if (low[:, k - 1 :] < high[:, : n - k + 1]).any():
            enough = k
        else:
            too_many = k
    return enough / n
