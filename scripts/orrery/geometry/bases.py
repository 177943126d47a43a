"""What functions of the value predict about class means of values that were hidden: helix, polynomial, digits.

The other direction than a probe: the vectors are predicted from the value. The held-out prediction is linear in the
vectors, so a permutation of them against the basis costs two products with matrices of one column per function.
"""

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.permutations import linear_orders

COORDINATES = 100  # as many as Kantamneni and Tegmark (2025)
BLOCK = 4_000_000  # numbers of a permutation block in memory, in single precision; larger ones leave the cache
TREND = 3  # degree of the polynomial that is removed before a spectrum


def principal_coordinates(means, most=COORDINATES):
    """Leading principal coordinates of class means: what is to be predicted, so that no fold has to be kept from it.

    Up to 101 classes this is a rotation and loses nothing: an R² summed over all coordinates is that of the vectors
    themselves. Fewer coordinates would drop what varies least and raise every R², the permuted ones as well.

    Parameters
    ----------
    means : array (V, D)

    Returns
    -------
    array (V, k)
        k = min(most, V - 1), less where the means span fewer dimensions; centred, largest variance first. No columns
        where the means are all the same or not finite.
    """
    means = np.asarray(means, dtype=float)
    if not np.isfinite(means).all():
        return np.zeros((len(means), 0))
    centred = means - means.mean(0)
    squares, vectors = np.linalg.eigh(centred @ centred.T)
    squares, vectors = squares[::-1][:most], vectors[:, ::-1][:, :most]
    kept = squares > max(squares[:1].sum() * 1e-10, 1e-12 * (means**2).sum())
    return vectors[:, kept] * np.sqrt(squares[kept])


def resolvable(values, periods):
    """Which periods T a set of values can tell: 2·step ≤ T ≤ max - min + step.

    The step is the greatest common divisor of the gaps of integers, or else the smallest gap; a shorter period is that
    of a longer one in disguise (aliasing). One longer than the set is a trend that does not turn once; one that turns
    but once or twice is still hard to tell from a trend (see `fourier_power`).

    Returns
    -------
    list
    """
    values = np.unique(np.asarray(values, dtype=float))
    if len(values) < 2:
        return []
    gaps = np.diff(values)
    step = np.gcd.reduce(gaps.astype(np.int64)) if (values == np.rint(values)).all() else gaps.min()
    span = values[-1] - values[0] + step
    return [t for t in periods if 2 * step * (1 - 1e-9) <= t <= span * (1 + 1e-9)]


def fourier_basis(values, periods):
    """B(n) = [1, n, cos(2πn/T), sin(2πn/T) for each period T], the helix of Kantamneni and Tegmark (2025).

    Periods that the values cannot tell are left out, and so are columns that vanish on them: sin(πn) is 0 for integers,
    so that the ten columns of T = 2, 5, 10, 100 are nine.

    Parameters
    ----------
    values : array (V,)
    periods : sequence of float
        Empty for the straight line alone.

    Returns
    -------
    array (V, q)
        The columns but the first are centred and have mean square 1.
    """
    values = np.asarray(values, dtype=float)
    columns = [values, *(wave for t in resolvable(values, periods) for wave in _waves(values, t).T)]
    centred = np.stack(columns, axis=1) - np.mean(columns, axis=1)
    size = np.sqrt((centred**2).mean(0))
    kept = size > 1e-9 * np.maximum(1, np.abs(values).max())
    return np.hstack([np.ones((len(values), 1)), centred[:, kept] / size[kept]])


def _waves(values, period):
    """Cosine and sine (V, 2); reduced first, so that sin(πn) stays at round-off for large n."""
    phase = 2 * np.pi * (values % period) / period
    return np.stack([np.cos(phase), np.sin(phase)], axis=1)


def polynomial_basis(values, size):
    """Polynomials of degree 0 … size - 1, orthonormal on the values (times √V): what a smooth curve of equal size says.

    Raises
    ------
    OrreryError
        More polynomials than values.
    """
    values = np.asarray(values, dtype=float)
    if not 1 <= size <= len(np.unique(values)):
        raise OrreryError(f"{len(np.unique(values))} values carry no polynomial basis of {size} columns; take fewer.")
    middle, half = (values.max() + values.min()) / 2, max(np.ptp(values) / 2, 1e-300)
    q, r = np.linalg.qr(np.polynomial.legendre.legvander((values - middle) / half, size - 1))
    return q * np.sign(np.diag(r)) * np.sqrt(len(values))


def digit_basis(values):
    """A constant and one column for each digit that occurs at each place: ones, tens, hundreds …, added up.

    What is written, without any size: no interaction of places, no distances between digits. A number without a place
    has the digit 0 there. Of 0 … 99 the columns are 21 and their rank 19, so compare it with bases of its own size, and
    with the other two only by held-out R².

    Raises
    ------
    OrreryError
        Values that are no integers from 0 on.
    """
    values = np.asarray(values, dtype=float)
    if not np.isfinite(values).all() or (values != np.rint(values)).any() or values.min() < 0:
        raise OrreryError("digits are those of integers from 0 on; these values are not: leave the digit basis out.")
    n, columns, place = values.astype(np.int64), [np.ones(len(values))], 1
    while place <= max(n.max(), 1):
        digits = n // place % 10
        found = np.unique(digits)
        columns += [(digits == d).astype(float) for d in found if len(found) > 1]
        place *= 10
    return np.stack(columns, axis=1)


def basis_r2(coordinates, basis, folds, orders):
    """Held-out R² of class means on functions of their value, summed over all coordinates: 1 - SS_res / SS_tot.

    Least squares fitted without the values of a fold predicts those; SS_tot is about the mean of the same training
    values. At most 1; chance is below 0, by about q/V, further for a polynomial that is extrapolated at an end. R²
    weighs coordinates by their variance. A high one does not show that the functions are what the model uses: any
    smooth set suits the slow waves of a helix as well as a polynomial of equal size, and whatever depends on the
    written digits suits its fast ones. Only what the helix has beyond those two is its own.

    Parameters
    ----------
    coordinates : array (V, k)
        From `principal_coordinates`, or the class means.
    basis : array (V, q)
        With a constant.
    folds : int array (V,)
        The fold of each value.
    orders : int array (B, V)
        `coordinates[orders[b]]` are those of the values under order b; the first order is the true one.

    Returns
    -------
    array (B,)
        NaN where the coordinates are all the same or a fold leaves too few values for the columns.
    """
    squares = _held_out_squares(coordinates, [basis, np.ones((len(basis), 1))], folds, orders)
    return _ratio(squares[1] - squares[0], squares[1])


def unique_r2(coordinates, values, period, periods, folds, permutations, seed):
    """What one period adds to the helix: held-out R² with all periods less that without this one, and its null.

    The null permutes the residuals of the fit without the period and adds them to that fit (Freedman and Lane 1983).
    Chance is a little below 0. Beside the waves the fit has a straight line and no other curve, so that the longest
    period takes any curve for a wave: over 0 … 99 a logarithm and every random walk have a unique R² of T = 100. The
    null takes the residuals for exchangeable, which those of a smooth curve are not: it is too narrow there.

    Parameters
    ----------
    coordinates : array (V, k)
    values : array (V,)
    period : float
        T, one of `periods`.
    periods : sequence of float
        All of the helix; those that the values cannot tell are left out.
    folds : int array (V,)
    permutations : int
        B.
    seed : int

    Returns
    -------
    array (1 + B,)
        The difference of the set, then those of the null. NaN as in `basis_r2`.

    Raises
    ------
    OrreryError
        A period that is not in the helix.
    """
    known = resolvable(values, periods)
    if period not in known:
        found = ", ".join(f"{t:g}" for t in known) or "none"
        raise OrreryError(f"the values cannot tell the period {period:g}; take one of these: {found}.")
    full = fourier_basis(values, known)
    reduced = fourier_basis(values, [t for t in known if t != period])
    q = _orthonormal(reduced)
    fit = q @ (q.T @ np.asarray(coordinates, dtype=float))
    orders, _ = linear_orders(len(fit), permutations, seed)
    bases = [full, reduced, np.ones((len(fit), 1))]
    squares = _held_out_squares(coordinates - fit, bases, folds, orders, fit)
    return _ratio(squares[1] - squares[0], squares[2])


def fourier_power(coordinates, values, period, orders):
    """Share of the class means' variance at frequency 1/T, after a cubic trend is removed.

    ‖projection on cos(2πn/T) and sin(2πn/T), detrended‖² / ‖detrended‖², summed over coordinates: the periodogram at
    exactly 1/T, by least squares where the set is not a whole number of periods or has gaps (Lomb 1976; Scargle 1982;
    with the trend in the fit, Zechmeister and Kürster 2009). From 0 to 1. White noise has 2/(V - 4), 1/(V - 4) at
    T = 2. Harmonics are not in it: numbers that turn three times in ten have κ = 1 for n mod 10 and no power at T = 10.
    Permuted values are the null of no order at all, which any smooth set exceeds at long periods: a random walk of 100
    or 1,000 points does at T = 100 always, and at T = 2, 5, 10 never. Power alone is *no evidence* of arithmetic:
    spikes at 2, 5 and 10 appear in raw token frequencies too, and e(n) = A·(n mod T) + B·⌊n/T⌋ on one line has large
    power with residues at chance (Fu et al. 2026). Read it beside `modulo_kappa`.

    Parameters
    ----------
    coordinates : array (V, k)
    values : array (V,)
    period : float
        T.
    orders : int array (B, V)
        `coordinates[orders[b]]` are those of the values under order b.

    Returns
    -------
    array (B,)
        NaN where nothing but the trend varies, or the values cannot tell the period.
    """
    coordinates, orders = np.asarray(coordinates, dtype=float), np.atleast_2d(orders)
    found = np.full(len(orders), np.nan)
    if not resolvable(values, [period]) or len(values) < TREND + 4 or not coordinates.size:
        return found
    trend = polynomial_basis(values, TREND + 1) / np.sqrt(len(values))
    waves = _waves(np.asarray(values, dtype=float), period)
    wave = _orthonormal(waves - trend @ (trend.T @ waves))
    centred = coordinates - coordinates.mean(0)
    rows = np.hstack([wave, trend[:, 1:]])
    total = (centred**2).sum()
    step = max(1, BLOCK // (rows.size + rows.shape[1] * centred.shape[1]))
    for i in range(0, len(orders), step):
        products = rows[np.argsort(orders[i : i + step], axis=1)].transpose(0, 2, 1) @ centred  # (b, rows, k)
        power = (products**2).sum(2)
        left = total - power[:, wave.shape[1] :].sum(1)
        enough = left > 1e-9 * total
        found[i : i + step][enough] = power[enough, : wave.shape[1]].sum(1) / left[enough]
    return found


def _orthonormal(basis):
    """Orthonormal columns (V, rank) of the same span."""
    u, s, _ = np.linalg.svd(basis, full_matrices=False)
    return u[:, s > s[:1].sum() * 1e-9]


def _ratio(a, b):
    return np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0)


def _held_out_squares(coordinates, bases, folds, orders, fit=0):
    """Σ ‖coordinates[order] + fit - prediction‖² over hidden values, for each basis and order: array (bases, B).

    With orthonormal columns Q, hidden rows f and targets T, the prediction is Q_f (I - Q_fᵀ Q_f)⁺ (Qᵀ T - Q_fᵀ T_f):
    2 V q k multiplications. The folds are stacked, filled up with zeros to the largest.
    """
    y = np.asarray(coordinates, dtype=float)
    fit, n = np.broadcast_to(np.asarray(fit, dtype=float), y.shape), len(y)
    rows = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    longest = max(map(len, rows))
    place = np.stack([np.pad(row, (0, longest - len(row)), constant_values=n) for row in rows])  # (F, m)
    bases = [_orthonormal(basis) for basis in bases]
    squares = np.full((len(bases), len(orders)), np.nan)
    size = np.square(y).sum() + np.square(fit).sum()
    if not np.isfinite(size) or size <= 1e-24 or any(n - longest <= q.shape[1] for q in bases):
        return squares
    operators = [_fold_operators(np.pad(q, ((0, 1), (0, 0)))[place]) for q in bases]
    y, fit = (np.pad(a, ((0, 1), (0, 0))).astype(np.float32) for a in (y, fit))
    fit = fit[place]
    for i, order in enumerate(np.atleast_2d(orders)):
        targets = y[np.append(order, n)[place]] + fit  # (F, m, k)
        for j, (products, predict) in enumerate(operators):
            hidden = products @ targets
            error = targets - predict @ (hidden.sum(0) - hidden)
            squares[j, i] = np.vdot(error, error)
    return squares


def _fold_operators(q):
    """Q_fᵀ (F, q, m) and Q_f (I - Q_fᵀ Q_f)⁺ (F, m, q) of the rows Q_f (F, m, q) of every fold."""
    transposed = np.ascontiguousarray(q.transpose(0, 2, 1))
    inverse = np.linalg.pinv(np.eye(q.shape[2]) - transposed @ q, rcond=1e-8, hermitian=True)
    return transposed.astype(np.float32), (q @ inverse).astype(np.float32)
