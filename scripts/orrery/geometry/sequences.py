"""Sequences of integers, the properties that they give to numbers, and what columns have in common with those."""

from math import isqrt

import numpy as np

from orrery.errors import OrreryError

SIGMA = 2  # of the Gaussian that smooths membership, in units of n
PERIODS = (1, 2, 5, 10, 100)
TESTED = ("primes", "fibonacci", "triangular", "squares", "factorials")
COVARIATES = ("log", "digits")  # what a partial correlation removes
LARGEST = 1_000_000
BLOCK = 16_000_000  # numbers of a permutation block in memory


def members(name, stop):
    """Members of a sequence below `stop`: sorted int array without repetitions.

    Fibonacci numbers, squares and triangular numbers begin with 0, factorials and Lucas numbers with 1.

    Raises
    ------
    OrreryError
        There is no sequence of that name.
    """
    makers = {
        "primes": _primes,
        "fibonacci": lambda stop: _recurrence(0, 1, stop),
        "lucas": lambda stop: _recurrence(2, 1, stop),
        "triangular": lambda stop: np.cumsum(np.arange(isqrt(2 * stop) + 2)),
        "squares": lambda stop: np.arange(isqrt(stop) + 1) ** 2,
        "factorials": _factorials,
    }
    if name not in makers:
        raise OrreryError(f"there is no sequence {name!r}; write one of {', '.join(makers)}.")
    found = np.unique(np.asarray(makers[name](max(0, int(stop))), dtype=np.int64))
    return found[found < stop]


def _primes(stop):
    """The sieve of Eratosthenes."""
    prime = np.ones(max(stop, 2), dtype=bool)
    prime[:2] = False
    for n in range(2, isqrt(stop) + 1):
        if prime[n]:
            prime[n * n :: n] = False
    return np.flatnonzero(prime)


def _recurrence(first, second, stop):
    found = []
    while min(first, second) < stop:
        found.append(first)
        first, second = second, first + second
    return found


def _factorials(stop):
    found = [1]
    while found[-1] < stop:
        found.append(found[-1] * (len(found) + 1))
    return found


def smoothed_membership(numbers, name):
    """Membership of a sequence, convolved with a Gaussian of σ = 2 that is cut at 4σ and sums to 1: array like numbers.

    The number line is reflected at 0 (-1 counts as 0, -2 as 1 …) and goes on above the largest number, so a number's
    entry is the same in every set. For the Fibonacci numbers and n < 1000 this correlates -.554 with log10(n + 1), as
    does SciPy's `gaussian_filter1d` of the 0/1 membership in its default mode; with zeros below 0 it is -.562, without
    the member 0 -.565, with exp(-d²/2σ²) of the nearest member -.500.
    """
    offsets = np.arange(-4 * SIGMA, 4 * SIGMA + 1)
    kernel = np.exp(-(offsets**2) / (2 * SIGMA**2))
    around = np.asarray(numbers, dtype=np.int64)[:, None] + offsets
    around = np.where(around < 0, -1 - around, around)
    return np.isin(around, members(name, around.max() + 1)) @ (kernel / kernel.sum())


def number_properties(numbers):
    """What can be said of numbers: their size, digits, membership in sequences, and phase in some periods.

    Kinds are direct (the quantity itself; of a sequence that grows as a polynomial also its n-th member, counted from
    0, while of one that grows faster the last few members would be the whole correlation), one-hot (1 for members),
    smoothed (`smoothed_membership`), fourier (cos and sin of 2πn/T). What does not vary over `numbers` is left out:
    both for T = 1, the sine for T = 2, and the digits that all share.

    Parameters
    ----------
    numbers : int array (V,)
        From 0 to 1,000,000.

    Returns
    -------
    (properties, table) : list of S dicts with name, kind, sequence; and array (V, S)
    """
    n = np.asarray(numbers, dtype=np.int64)
    found = [
        ("n", "direct", "n", n),
        ("log10(n+1)", "direct", "log", np.log10(n + 1)),
        ("digit count", "direct", "digits", np.searchsorted(10 ** np.arange(1, 10), n, side="right") + 1),
        ("parity", "direct", "parity", n % 2),
        *(
            (f"{name} digit", "direct", name, n // ten % 10)
            for name, ten in (("ones", 1), ("tens", 10), ("hundreds", 100))
        ),
        ("n-th prime", "direct", "primes", _first_primes(n.max() + 1)[n]),
        ("n-th triangular number", "direct", "triangular", n * (n + 1) // 2),
        ("n-th square", "direct", "squares", n**2),
        *((name, "one-hot", name, np.isin(n, members(name, n.max() + 1))) for name in TESTED),
        *((f"{name}, smoothed", "smoothed", name, smoothed_membership(n, name)) for name in TESTED),
    ]
    for period in PERIODS:
        phase = 2 * np.pi * (n % period) / period  # reduced first, so that sin(πn) stays at round-off for large n
        found += [(f"cos T={period}", "fourier", f"T={period}", np.cos(phase))]
        found += [(f"sin T={period}", "fourier", f"T={period}", np.sin(phase))]
    kept = [row for row in found if np.ptp(row[3].astype(float)) > 1e-9]
    table = np.stack([row[3] for row in kept], axis=1).astype(float) if kept else np.zeros((len(n), 0))
    return [dict(zip(("name", "kind", "sequence"), row)) for row in kept], table


def _first_primes(count):
    """p_k < k (ln k + ln ln k) from k = 6 on (Rosser and Schoenfeld 1962)."""
    bound = 15 if count < 6 else int(count * (np.log(count) + np.log(np.log(count)))) + 1
    return members("primes", bound)[:count]


def residuals(columns, covariates=None):
    """Columns (V, C) less their least-squares fit on a constant and `covariates` (V, k), scaled to length 1.

    Inner products of such columns are Pearson correlations, partial ones where there are covariates. A column of which
    nothing remains becomes zeros.
    """
    return _residuals(np.asarray(columns, dtype=float), _basis(len(columns), covariates))


def _residuals(columns, basis):
    left = columns - basis @ (basis.T @ columns)
    length = np.linalg.norm(left, axis=0)
    gone = length <= 1e-9 * np.linalg.norm(columns, axis=0)
    return np.where(gone, 0, left / np.where(gone, 1, length))


def _basis(n, covariates):
    """Orthonormal basis (n, ≤ 1 + k) of a constant and of covariates, which may be constant too."""
    constant = np.full((n, 1), n**-0.5)
    if covariates is None or not covariates.shape[1]:
        return constant
    u, s, _ = np.linalg.svd(_residuals(covariates, constant), full_matrices=False)
    return np.hstack([constant, u[:, s > 1e-9]])


def property_correlations(columns, properties, table, permutations, seed):
    """Correlations of every column with every property, and p values corrected for the search over all of them.

    A partial correlation is that of the residuals on log10(n + 1) and digit count; of these two properties themselves,
    on the other one. Its null permutes the columns' residuals and fits the covariates again (Freedman and Lane 1983).
    Over all permutations r has mean 0 and variance 1/(V - 1) whatever the columns are (Pitman 1937), so it is
    standardised by its null as it stands, and |r| is compared with the maximum over columns and properties of the same
    permutation (Westfall and Young 1993, maxT): p = (1 + #{max |r*| ≥ |r|}) / (1 + B).

    Parameters
    ----------
    columns : array (V, C)
        One row for each value: values are what is permuted.
    properties, table : list of S dicts, array (V, S)
        From `number_properties`.
    permutations : int
        B.
    seed : int

    Returns
    -------
    dict of str → array (C, S)
        property_r, property_p, property_partial_r, property_partial_p. A correlation that is not defined, with a
        constant or with what the covariates say in full, is NaN and has p = 1.
    """
    n = len(columns)
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(n, dtype=np.int32), (permutations, 1)), axis=1)
    sequences = np.array([p["sequence"] for p in properties])
    r, maxima = _correlate(columns, table, None, orders)
    partial, partial_maxima = np.empty_like(r), np.zeros(permutations)
    for own in ("", *COVARIATES):
        chosen = sequences == own if own else ~np.isin(sequences, COVARIATES)
        others = np.isin(sequences, COVARIATES) & (sequences != own)
        partial[:, chosen], found = _correlate(columns, table[:, chosen], table[:, others], orders)
        partial_maxima = np.maximum(partial_maxima, found)
    return {
        "property_r": r,
        "property_p": _p_values(r, maxima),
        "property_partial_r": partial,
        "property_partial_p": _p_values(partial, partial_maxima),
    }


def _correlate(columns, table, covariates, orders):
    """(Partial) correlations (C, S), and the largest |r| of each permutation (B,)."""
    basis = _basis(len(columns), covariates)
    y, x = _residuals(columns, basis), _residuals(table, basis)
    r = y.T @ x
    r[~y.any(0)] = r[:, ~x.any(0)] = np.nan
    return r, _null_maxima(y, x, basis, orders)


def _null_maxima(y, x, basis, orders):
    """max over columns and properties of |r| between properties and permuted residuals, in single precision: (B,).

    With Q the basis and P a permutation, the residual of P y is P y - Q Qᵀ P y. Its inner product with x is xᵀ P y, as
    x is orthogonal to Q, and its squared length 1 - |Qᵀ P y|²: one product with [x, Q] gives both.
    """
    rows, y, s = np.hstack([x, basis]).T.astype(np.float32), y.astype(np.float32), x.shape[1]
    if not x.any() or not y.any():
        return np.zeros(len(orders))
    step = max(1, BLOCK // (len(rows) * max(y.shape)))
    maxima = []
    for i in range(0, len(orders), step):
        permuted = rows[:, orders[i : i + step]]  # (S + k, b, V)
        product = (permuted.reshape(-1, len(y)) @ y).reshape(*permuted.shape[:2], -1)  # (S + k, b, C)
        length = np.sqrt(np.maximum(1 - (product[s:] ** 2).sum(0), 1e-6))
        maxima.append((np.abs(product[:s], out=product[:s]).max(0) / length).max(1))
    return np.minimum(np.concatenate(maxima), 1)


def _p_values(r, maxima):
    reached = len(maxima) - np.searchsorted(np.sort(maxima), np.abs(r) - 1e-5)  # round-off of single precision
    return np.where(np.isnan(r), 1, (1 + reached) / (1 + len(maxima)))
