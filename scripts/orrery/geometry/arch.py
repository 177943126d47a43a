"""Is the arch of an ordered set more than what any random walk shows?

Neighbours in value have similar vectors, in models as elsewhere, and that alone bends the picture: the principal
components of a random walk in many dimensions are the cosines of the discrete cosine transform, so that PC1 and PC2
make an arch (Antognini and Sohl-Dickstein 2018; known as Guttman effect or horseshoe, Diaconis, Goel and Holmes 2008).
"""

import numpy as np

LOW = 12  # cosines within which the null turns the set: the arch, and enough beside it to tell the steps' covariance


def _laplacian(n):
    return 4 * np.sin(np.pi * np.arange(1, n) / (2 * n)) ** 2


def _cosines(means):
    """Coefficients (V - 1, D) of the DCT-II along the classes, orthonormal, without the mean."""
    from scipy.fft import dct

    return dct(np.asarray(means, dtype=float), type=2, norm="ortho", axis=0)[1:]


def arch_share(coordinates):
    """Share of the variance of class means, in their order, in half and full cosine: how much of the set is an arch.

    The first two components of the discrete cosine transform (DCT-II, Ahmed, Natarajan and Rao 1974), which need no
    fit. From 0 to 1: a straight line has .99, a half circle .99, a closed circle .86, white noise 2/(V - 1), a random
    long walk about 7.5/π² = .76. A high share is no evidence by itself: `arch_null` says what a walk would have.

    Parameters
    ----------
    coordinates : array (V, k)
        Class means or their principal coordinates, in the order of the classes.

    Returns
    -------
    float
        NaN where the means are all the same or fewer than four.
    """
    power = _power(_cosines(coordinates), coordinates)
    return float(power[:2].sum() / power.sum()) if power is not None else np.nan


def _power(cosines, means):
    """Squared lengths (V - 1,), or None where there is nothing to test."""
    power = (cosines**2).sum(1)
    if len(power) < 3 or not power.sum() > 1e-12 * np.square(means, dtype=float).sum():
        return None
    return power


def second_cosine_share(means):
    """Share of the variance of class means, in their order, in the second cosine across the first: how much they bend.

    The second component of the discrete cosine transform (DCT-II, Ahmed, Natarajan and Rao 1974) turns once up and once
    down along the order. Counted is the part of it that is at right angles to the direction of the first component, so
    that a logarithm or another uneven spacing along one straight line, whose second cosine is along the line, has 0.
    From 0 to 1: a straight line has 0, a quarter circle .04, a half circle .16 (.19 with seven classes), three quarters
    .36; white noise 1/(V - 1), a random walk about 3/(2π²) = .15. So it is no test: a low p of `arch_null` says that
    the curve is smoother than a walk, and a share of .08 or more that it bends by more than a quarter circle.

    Parameters
    ----------
    means : array (V, D)
        Class means or their principal coordinates, in the order of the classes.

    Returns
    -------
    float
        NaN where the means are all the same or fewer than four.
    """
    cosines = _cosines(means)
    power = _power(cosines, means)
    if power is None:
        return float("nan")
    along = (cosines[0] @ cosines[1]) ** 2 / power[0] if power[0] > 0 else 0
    return float((power[1] - along) / power.sum())


def arch_null(means, seed, draws):
    """`arch_share` of a set, and of random walks with noise that are as smooth and whose steps have its covariance.

    Of a walk the cosines, divided by their standard deviations λ_h^(-1/2), are like independent draws of one
    distribution, so that turning them into each other changes nothing that a walk has: a rotation test (Langsrud 2005),
    exact for Gaussian steps of any covariance, any number of classes and any dimension. Noise on top of a walk (class
    means of a finite number of samples) makes the standard deviations (1/λ_h + β)^(1/2). β is chosen so that walk and
    noise have the set's von Neumann ratio Σ‖x_{t+1} - x_t‖² / Σ‖x_t - x̄‖² (von Neumann 1941), in which no cosine above
    the twelfth (with few classes, of the faster half) counts for more than their median: what repeats every ten numbers
    is no noise. A set smoother than a walk is compared with a walk without noise. Only the twelve slowest cosines are
    turned; the rest of the set, digits and all, stays as it is.

    An autoregression x_t = ρ x_{t-1} + e_t of the same ratio is *not* the null here: at equal smoothness it has less of
    its variance in slow cosines than a walk with noise, and calls every such walk a true arch.

    A high p means that a walk as smooth gives the same arch. A low one means that steps keep their direction for longer
    than a walk's. It does not say which curve they follow, a line, a half circle or another: every curve smoother
    than a walk passes. There is no power for a closed circle, whose slow cosines could be a walk's, and little where
    most of the variance is noise and the classes are few.

    Parameters
    ----------
    means : array (V, D)
        Class means in the order of the classes.
    seed : int
    draws : int

    Returns
    -------
    array (1 + draws,)
        The set's share, then those of the walks. NaN as in `arch_share`.
    """
    cosines, eigenvalues = _cosines(means), _laplacian(len(means))
    power = _power(cosines, means)
    if power is None:
        return np.full(1 + draws, np.nan)
    low = min(LOW, len(power))
    spread = 1 / eigenvalues[:low] + _noise(power, eigenvalues)
    standard = cosines[:low] / np.sqrt(spread)[:, None]
    gram = standard @ standard.T
    turns = _rotations(low, draws, np.random.default_rng(seed))
    drawn = np.einsum("bij,jk,bik->bi", turns, gram, turns, optimize=True) * spread
    shares = drawn[:, :2].sum(1) / (drawn.sum(1) + power[low:].sum())
    return np.r_[power[:2].sum() / power.sum(), shares]


def draw_walks(means, seed, draws):
    """Inner products (draws, V, V) of random walks with noise, as smooth as means (V, D) and with their covariance.

    As in `arch_null`, with all cosines turned. None where the means are all the same.
    """
    from scipy.fft import idct

    cosines, eigenvalues = _cosines(means), _laplacian(len(means))
    power = _power(cosines, means)
    if power is None:
        return None
    spread = np.sqrt(1 / eigenvalues + _noise(power, eigenvalues))
    standard = cosines / spread[:, None]
    turns = _rotations(len(power), draws, np.random.default_rng(seed)) * spread[:, None]
    basis = idct(np.eye(len(means))[:, 1:], type=2, norm="ortho", axis=0)  # (V, V - 1)
    turned = basis @ turns
    return turned @ (standard @ standard.T) @ turned.transpose(0, 2, 1)


def _noise(power, eigenvalues):
    """β: variance of the noise at each frequency, in units of that of the steps."""
    n = len(power) + 1
    high = min(LOW, len(power) // 2)
    capped = np.r_[power[:high], np.minimum(power[high:], np.median(power[high:]))]
    ratio = (capped * eigenvalues).sum() / capped.sum()
    if ratio >= 2:  # white noise
        return 1e9
    return max(0, (ratio * (n + 1) / 6 - 1) / (2 - ratio))


def _rotations(n, count, rng):
    """Orthogonal matrices (count, n, n), uniformly distributed (Stewart 1980)."""
    q, r = np.linalg.qr(rng.standard_normal((count, n, n)))
    return q * np.sign(np.einsum("bii->bi", r))[:, None, :]
