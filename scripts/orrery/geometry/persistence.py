"""Do the class means have a hole in their middle, whatever their order?"""

from functools import cache

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.cyclic import class_means

CAP = 120  # classes: a draw of so many takes about 5 ms
FEWEST = 4  # points that can have a loop
LEAST = 0.02  # of a score: points that are all about equally far apart have loops that are filled at once


def h1_score(vectors, classes, seed, draws, cap=CAP, components=None):
    """How much one loop of the class means stands out, and the same for Gaussian means of the same spectrum.

    Of the Vietoris-Rips filtration of the class means under Euclidean distance, with the lifetimes ℓ₁ ≥ ℓ₂ of the two
    most persistent loops (H₁ over Z/2) and the scale d₁ at which the first is filled: (ℓ₁ - ℓ₂) / d₁. No labels'
    order, no fit, no scale. A regular polygon has (d - b) / d: .29 for four classes, .38 for five, .42 for six, .56 for
    seven, .70 for twelve, toward 1 for a dense circle.

    A score below .02 counts as 0. Without that, two groups of classes would pass for a ring one time in five: both
    they and the null have no loop but for some that are filled at once.

    The null keeps all principal variances of the means (UΣVᵀ) exactly and replaces U by a random orthonormal basis of
    the centred space (a rotation test, Langsrud 2005), which is what U is where the means are drawn independently from
    any one Gaussian. Each is then brought to the length of one of the set's centred means: vectors of length 1 have
    means that are more alike in length than a Gaussian's, and without this a simplex of them passes one time in eight.
    The same seed turns equally many classes in the same way in every layer.

    Parameters
    ----------
    vectors : array (N, D)
    classes : int array (N,)
    seed : int
        Of the classes that are kept, and of the draws.
    draws : int
    cap : int
        Of more classes than this only so many take part, drawn at random.
    components : int, optional
        Leading principal components of the means that take part; all by default.

    Returns
    -------
    array (1 + draws,), from 0 to 1
        The data's score first. 0 where there is no loop. NaN for fewer than four classes, or means that are all the
        same.

    Raises
    ------
    OrreryError
        The library does not find the loop of a regular polygon.
    """
    rng = np.random.default_rng(seed)
    _, classes = np.unique(np.asarray(classes), return_inverse=True)
    means = class_means(np.asarray(vectors, dtype=float), classes, classes.max(initial=-1) + 1)
    if len(means) > cap:
        means = means[np.sort(rng.permutation(len(means))[:cap])]
    if len(means) < FEWEST or np.ptp(means, axis=0).max(initial=0) <= 1e-12 * np.abs(means).max(initial=0):
        return np.full(1 + draws, np.nan)
    u, s, _ = np.linalg.svd(means - means.mean(0), full_matrices=False)
    s = s[s > 1e-9 * s[0]][:components]
    own = u[:, : len(s)] * s
    lengths = np.linalg.norm(own, axis=1, keepdims=True)
    drawn = [_random_basis(rng, len(means))[:, : len(s)] * s for _ in range(draws)]
    return _scores([own, *(x * lengths / np.linalg.norm(x, axis=1, keepdims=True) for x in drawn)])


def _random_basis(rng, n):
    """Orthonormal basis (n, n - 1) of the vectors that sum to 0, uniform but for signs, which change no distance."""
    z = rng.standard_normal((n, n - 1))
    return np.linalg.qr(z - z.mean(0))[0]


def _scores(clouds):
    """(ℓ₁ - ℓ₂) / d₁ of each of some clouds of points (n, k)."""
    _check()
    scores = np.zeros(len(clouds))
    for i, loops in enumerate(_loops(clouds)):
        if len(loops):
            lifetimes = loops[:, 1] - loops[:, 0]
            first, *rest = np.argsort(-lifetimes, kind="stable")[:2]
            scores[i] = (lifetimes[first] - lifetimes[rest].sum()) / loops[first, 1]
    return np.where(scores < LEAST, 0, scores)


def _loops(clouds):
    """Births and deaths (m, 2) of the loops of each of some clouds of points (n, k)."""
    from gudhi.sklearn.rips_persistence import RipsPersistence
    from scipy.spatial.distance import pdist, squareform

    rips = RipsPersistence(homology_dimensions=1, input_type="full distance matrix", homology_coeff_field=2)
    return rips.fit_transform([squareform(pdist(cloud)) for cloud in clouds])


@cache
def _check():
    """There are releases of such libraries that return no loops at all.

    Twelve points on a circle are connected at the side of their polygon, and filled where a triangle fits around the
    centre, at √3.
    """
    theta = 2 * np.pi * np.arange(12) / 12
    (loops,) = _loops([np.c_[np.cos(theta), np.sin(theta)]])
    if np.shape(loops) != (1, 2) or not np.allclose(loops, [[2 * np.sin(np.pi / 12), 3**0.5]], atol=1e-4):
        from gudhi import __version__

        raise OrreryError(
            f"gudhi {__version__} does not find the loop of twelve points on a circle, so no H1 score can be trusted; "
            "install the release that envs/requirements.txt names."
        )
