"""What the last digit, or another residue, adds to a curve through numbers: categories, or a circle of the period?

All functions take class means (V, D) of V distinct integers. First the smooth part goes: a polynomial in the value and
the level of each count of digits, fitted together with the residues, so that none of these takes what belongs to
another. Then the level of each run of T numbers (each decade, for T = 10) goes, and what is left within the runs is
averaged over the runs: the residue means. All of this is linear in the class means.

Residue means are asked four questions, and each needs its own null. Are they the same in every run? The signs of whole
runs are the null (`residue_consistency`), which a random walk or another smooth curve keeps. Is their order a circle,
or are they categories? The order of the residues is the null (`residue_circle`). Does the curve close? Walks are the
null (`residue_closure`). Is the split into even and odd one of the categories' own accidents? The other splits into
halves are the null (`residue_parity`).
"""

from itertools import combinations, permutations

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.closed import ring_or_walk

DEGREE = 3  # of the polynomial that stands for the smooth part, at the most
ENUMERATE = 8  # residues up to which all circular orders are taken: 7!/2 = 2,520
SIGNS = 12  # runs up to which all signs are taken: 2^11 = 2,048


def digit_counts(values):
    """Decimal digits of integers (V,), without the sign: 1 for 0 … 9, 2 for 10 … 99."""
    values = np.abs(_integers(values))
    return 1 + sum((values >= 10**k).astype(int) for k in range(1, 19))


def residue_means(means, values, period):
    """Mean vector of each residue, without the smooth part and the levels of the runs.

    Parameters
    ----------
    means : array (V, D)
    values : array (V,)
        Distinct integers.
    period : int
        T, from 2 on.

    Returns
    -------
    array (T, D)
        Centred. None where a residue has fewer than two values or there are too few values to tell residues from the
        smooth part.

    Raises
    ------
    OrreryError
        Values that are not distinct integers, or a period below 2.
    """
    parts = _run_parts(means, values, period)
    return None if parts is None else parts.sum(0)


def harmonic_share(means, values, period):
    """Share of the variance of the residue means that turns once around: how much of them is an ellipse.

    (‖F_1‖² + ‖F_{T-1}‖²) / Σ_{h≥1} ‖F_h‖² of the residue means. From 0 to 1; a circle has 1 and unordered categories
    2/(T - 1), .22 for ten. An effect size and no test: ten digits on one straight line have .63, two halves .84.

    Parameters
    ----------
    means, values, period :
        As for `residue_means`.

    Returns
    -------
    float
        NaN where `residue_means` has none, or all residue means are the same.
    """
    found = _harmonics(residue_means(means, values, period), np.arange(period)[None])
    return float("nan") if found is None else float(found[0].sum())


def residue_circle(means, values, period, count=999, seed=0):
    """Share of the variance of the residue means in a circle that turns once around, under orders of the residues.

    With a = Σ_r µ_r cos(2πr/T) and b = Σ_r µ_r sin(2πr/T) the residue means go around an ellipse whose squared axes are
    the eigenvalues of the Gram matrix of a and b. The statistic is 4λ_min/(T Σ‖µ_r‖²), the share of the circle that the
    shorter axis makes. From 0 to 1: a circle has 1, an ellipse of 3:1 .2, and anything on one straight line 0 (digits
    as magnitudes, two halves, "ends in 0", a line or logarithm that the polynomial did not remove), where the share of
    the whole harmonic (`harmonic_share`) is high.

    The null permutes the T residues and not the numbers: under ten unordered categories all orders of the ten are
    equally likely, whatever their vectors. A high p does not show that residues are absent: categories are residues
    too. A low one does not show that residues are the same in every run, as a random walk is smooth and its residue
    means are so by accident: only together with `residue_consistency` (or a held-out κ) is it a circle. A curve that
    l2 makes of digits on a line has a low p at a share of .03: ask for more than the 2/(T - 1) of categories. An open
    arc through the residues passes with .35 (ask `residue_closure`), as does each smooth closed curve.

    Parameters
    ----------
    means, values :
        As for `residue_means`.
    period : int
        T, from 5 on: four residues have three circular orders.
    count : int
        Random orders where T is above 8; otherwise all (T - 1)!/2 circular orders.
    seed : int

    Returns
    -------
    array (1 + B,)
        The true order first. NaN where `residue_means` has none, or all residue means are the same.

    Raises
    ------
    OrreryError
        As for `residue_means`, or a period below 5.
    """
    if period < 5:
        raise OrreryError(f"residues of the period {period:g} have too few circular orders; take a period from 5 on.")
    orders = _circular_orders(int(period), count, seed)
    found = _harmonics(residue_means(means, values, period), orders)
    return np.full(len(orders), np.nan) if found is None else 2 * found.min(1)


def residue_parity(means, values, period=10):
    """Share of the variance of the residue means between even and odd residues, and of all other splits into halves.

    T/4 ‖mean of the even - mean of the odd‖² / Σ‖µ_r‖². From 0 to 1; chance is 1/(T - 1), .11 for ten. The null is all
    C(T, T/2)/2 splits of the residues into halves, 126 for ten, so that p is 1/126 at the least: even and odd digits
    have to differ more than any other fives. It says nothing of whether residues are the same in every run: ask
    `residue_consistency` as well.

    Parameters
    ----------
    means, values :
        As for `residue_means`.
    period : int
        T, even, from 8 (35 splits) to 20.

    Returns
    -------
    array (1 + B,)
        The true split first, then each other one once. NaN as in `residue_circle`.

    Raises
    ------
    OrreryError
        As for `residue_means`, or a period that is odd or out of range.
    """
    if period % 2 or not 8 <= period <= 20:
        raise OrreryError(f"the parity of residues of the period {period:g} cannot be told; take 10 (or 8, 12 … 20).")
    splits = _splits(int(period))
    residues = residue_means(means, values, period)
    total = 0 if residues is None else (residues**2).sum()
    if not total > 0:
        return np.full(len(splits), np.nan)
    return ((splits @ residues) ** 2).sum(1) / period / total


def residue_consistency(means, values, period, count=999, seed=0):
    """Are the residue means the same in every run of T numbers? Their squared length, and under signs of whole runs.

    Each run's part in the residue means is a matrix (T, D); the residue means are the sum over the runs. If residues
    are nothing, the parts of different runs are independent and as likely as their negatives, so their signs are
    turned at random (Fisher 1935; for regression residuals, Liu 1988). What is smooth within a run stays so, and hence
    a random walk is no more than chance, where permuted numbers would take its smoothness for a period. The part of the
    residue means that is linear in the residue is left out: an error in the slope of the smooth part is the same in
    every run. Chance is the mean of the null, not 0. It cannot tell a circle from categories, nor from one special
    digit ("ends in 0"), and it does not see digits that lie evenly on one straight line.

    Parameters
    ----------
    means, values, period :
        As for `residue_means`.
    count : int
        Random signs where there are more than 12 runs; otherwise all 2^(K - 1) of K runs. Below six runs p is above
        .05 in any case.
    seed : int

    Returns
    -------
    array (1 + B,)
        Σ_r ‖µ_r‖² over its sum in the case that all runs are alike, the true signs first; 0 to 1. NaN as in
        `residue_circle`.

    Raises
    ------
    OrreryError
        As for `residue_means`.
    """
    parts = _run_parts(means, values, period)
    signs = _signs(1 if parts is None else len(parts), count, seed)
    if parts is None:
        return np.full(len(signs), np.nan)
    slope = np.arange(period) - (period - 1) / 2
    slope /= np.linalg.norm(slope)
    parts = parts - slope[:, None] * (slope @ parts)[:, None]
    gram = np.einsum("ktd,ltd->kl", parts, parts, optimize=True)
    most = np.sqrt(np.diag(gram)).sum() ** 2
    squares = np.einsum("bk,kl,bl->b", signs, gram, signs, optimize=True)
    return squares / most if most > 0 else np.full(len(signs), np.nan)


def residue_closure(means, values, period, components, seed, draws):
    """How badly the residue means close into a ring, and the same of random walks: `closed.ring_or_walk` of them.

    It tells a circle from an open arc, which `residue_circle` does not: digits along half a circle have no way back
    from 9 to 0. From 0; a low value is a ring. It is no test of order by itself.

    Parameters
    ----------
    means, values, period :
        As for `residue_circle`.
    components, seed, draws :
        As for `closed.ring_or_walk`.

    Returns
    -------
    array (1 + draws,)
        Low is a ring, the set's own first. NaN as in `residue_circle`.

    Raises
    ------
    OrreryError
        As for `residue_means`.
    """
    residues = residue_means(means, values, period)
    if residues is None:
        return np.full(1 + draws, np.nan)
    return ring_or_walk(residues, 2 * np.pi * np.arange(period) / period, components, seed, draws)


def runs_of(values, period):
    """The run (V,) of T numbers in which each value lies, ⌊v/T⌋, numbered from 0 on without gaps."""
    return np.unique(_integers(values) // int(period), return_inverse=True)[1]


def _run_parts(means, values, period):
    """Each run's part (K, T, D) in the residue means, or None."""
    values = _checked(values, period)
    residues, runs = values % int(period), runs_of(values, period)
    if np.bincount(residues, minlength=int(period)).min() < 2:
        return None
    onehot = np.eye(int(period))[residues]
    left = _without_smooth(np.asarray(means, dtype=float), values, onehot, runs)
    if left is None:
        return None
    levels = np.eye(runs.max() + 1)[runs]
    within = onehot - levels @ ((levels.T @ onehot) / levels.sum(0)[:, None])
    operator = np.linalg.pinv(within, rcond=1e-9)  # (T, V); takes no level of a run, and the residues sum to zero
    parts = np.stack([operator[:, runs == run] @ left[runs == run] for run in range(runs.max() + 1)])
    return parts * (np.abs(parts).max() > 1e-9 * np.abs(means).max())  # round-off of a smooth curve is nothing


def _without_smooth(means, values, onehot, runs):
    """Class means less polynomial and digit counts as fitted beside the residues, or None where that cannot be."""
    degree = min(DEGREE, (runs.max() + 1) // 2)
    scaled = (values - values.mean()) / max(np.ptp(values) / 2, 1)
    counts = digit_counts(values)
    polynomial = np.polynomial.legendre.legvander(scaled, degree)[:, 1:]
    smooth = np.hstack([polynomial, counts[:, None] == np.unique(counts)[1:]])
    design = np.hstack([onehot, smooth])
    if len(values) <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    fitted = np.linalg.lstsq(design, means, rcond=None)[0]
    return means - smooth @ fitted[onehot.shape[1] :]


def _harmonics(residues, orders):
    """Shares (B, 2) of the squared axes of the ellipse of residue means (T, D) in orders (B, T), or None."""
    if residues is None:
        return None
    gram = residues @ residues.T
    if not gram.trace() > 0:
        return None
    angles = 2 * np.pi * orders / orders.shape[1]
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (B, 2, T)
    small = (waves @ gram) @ waves.transpose(0, 2, 1)
    middle = (small[:, 0, 0] + small[:, 1, 1]) / 2
    half = np.hypot((small[:, 0, 0] - small[:, 1, 1]) / 2, small[:, 0, 1])
    return np.stack([middle + half, middle - half], axis=1) * 2 / (orders.shape[1] * gram.trace())


def _circular_orders(n, count, seed):
    """Places (B, n) of residues on the circle, the true order first; distinct ones where n is at most 8."""
    if n <= ENUMERATE:
        rest = [r for r in permutations(range(1, n)) if r[0] < r[-1]]
        return np.argsort([(0, *r) for r in rest], axis=1)
    drawn = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (count, 1)), axis=1)
    return np.vstack([np.arange(n), drawn])


def _splits(n):
    """All splits (B, n) of n residues into halves, as signs, that into even and odd first."""
    halves = np.array([(0, *rest) for rest in combinations(range(1, n), n // 2 - 1)])
    splits = -np.ones((len(halves), n))
    np.put_along_axis(splits, halves, 1, axis=1)
    true = (splits == np.where(np.arange(n) % 2, -1, 1)).all(1)
    return np.vstack([splits[true], splits[~true]])


def _signs(n, count, seed):
    """Signs (B, n), all positive first; each pattern once, up to its negative, where n is at most 12."""
    if n <= SIGNS:
        bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1
        return 1.0 - 2 * bits
    drawn = np.random.default_rng(seed).choice([-1.0, 1.0], (count, n))
    return np.vstack([np.ones(n), drawn])


def _integers(values):
    values = np.asarray(values, dtype=float)
    if not np.isfinite(values).all() or (np.rint(values) != values).any():
        raise OrreryError("residues are those of integers; these values are not: leave the measure out.")
    return values.astype(np.int64)


def _checked(values, period):
    values = _integers(values)
    if period != int(period) or period < 2:
        raise OrreryError(f"there are no residues of the period {period:g}; write an integer from 2 on.")
    if len(np.unique(values)) < len(values):
        raise OrreryError("residues are taken of one mean for each value; join the classes of equal values.")
    return values
