"""Is a set of class means a circle in cyclic order?"""

import numpy as np

BLOCK = 32_768  # angles at a time: what the passes over them need stays in a core's cache
# arctan x = x (1 + a₂x² + … + a₁₆x¹⁶) for 0 ≤ x ≤ 1 within 2e-8 (Abramowitz and Stegun 1964, 4.4.49)
ARCTAN = (-0.3333314528, 0.1999355085, -0.1420889944, 0.1065626393, -0.0752896400, 0.0429096138, -0.0161657367,
          0.0028662257)  # fmt: skip


def class_means(vectors, classes, n_classes):
    """Mean vector of each class: array (n_classes, D); NaN for a class without samples."""
    sums = np.zeros((n_classes, vectors.shape[1]))
    np.add.at(sums, classes, vectors)
    counts = np.bincount(classes, minlength=n_classes)[:, None]
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def first_harmonic_share(means, angles):
    """Share of the class means' variance that turns once around the circle.

    F_h = Σ_c μ_c exp(-ihθ_c) on the centred means μ; share = (|F_1|² + |F_{p-1}|²) / Σ_{h≥1} |F_h|². No fit, so
    nothing to overfit: a regular simplex of p classes gives 2/(p - 1). The denominator is p·Σ|μ_c|² by Parseval, for
    equally spaced angles.

    Parameters
    ----------
    means : array (p, D)
    angles : array (..., p)
        In radians, equally spaced; leading axes are permutations.

    Returns
    -------
    array (...), between 0 and 1; NaN where the means are all the same
    """
    centred = means - means.mean(0)
    gram = centred @ centred.T
    power = sum(((f(angles) @ gram) * f(angles)).sum(-1) for f in (np.cos, np.sin))  # |F_1|²
    total = np.trace(gram)
    return 2 * power / (len(means) * (total if total > 0 else np.nan))


def angular_error(weights, angles, classes):
    """Mean absolute wrapped difference between predicted and true angle, in radians; π/2 for a blind guess.

    In single precision and with a polynomial for the arctangent (within 1e-6): a permutation test takes this of
    millions of predictions.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights` or `probes.grouped_weights`: `weights @ cos(angles)` and `weights @ sin(angles)`
        are the predictions. One that is exactly the centre of the circle has an error of π/2.
    angles : array (B, p)
        True angle of each class under each order.
    classes : int array (N,)

    Returns
    -------
    array (B,), from 0 to π
    """
    classes = np.asarray(classes)
    weights = np.ascontiguousarray(np.asarray(weights, np.float32).T)
    cos, sin = (np.asarray(f(angles), np.float32) for f in (np.cos, np.sin))
    errors, step = np.empty(len(cos)), max(1, BLOCK // len(classes))
    for i in range(0, len(cos), step):
        c, s = cos[i : i + step], sin[i : i + step]
        x, y = c @ weights, s @ weights
        c, s = c.take(classes, 1), s.take(classes, 1)
        errors[i : i + step] = _mean_angle(x * c + y * s, y * c - x * s)
    return errors


def _mean_angle(x, y):
    """Mean over the last axis of |arctan2(y, x)| of arrays (B, N) of single precision, which it overwrites.

    |φ| = π/2 + sign(x) (2 arctan t - π/2), where t = |y| / (√(x² + y²) + |x|) is between 0 and 1.
    """
    t = np.abs(x) + np.float32(1e-30)
    x /= t  # the sign, and 0 for 0
    np.multiply(y, y, out=(square := np.empty_like(y)))
    t += np.sqrt(square + t * t)
    np.abs(y, out=y)
    y /= t
    np.multiply(y, y, out=square)
    polynomial = np.multiply(square, np.float32(ARCTAN[-1]), out=t)
    for coefficient in ARCTAN[-2::-1]:
        polynomial += np.float32(coefficient)
        polynomial *= square
    polynomial += 1
    polynomial *= y
    polynomial *= 2
    polynomial -= np.float32(np.pi / 2)
    polynomial *= x
    return np.pi / 2 + polynomial.mean(-1, dtype=np.float64)


def ring_regularity(weights, angles, classes):
    """How far the held-out predictions of the classes are from a regular polygon, in radius and in spacing.

    The mean predictions (cos, sin) of the classes are shifted together until their centre is that of the targets. With
    r_c exp(iφ_c) for what this gives, radius_cv = std(r) / mean(r), and spacing_cv = rms of the wrapped differences
    between the predicted gap φ_{c+1} - φ_c and the true gap θ_{c+1} - θ_c, divided by 2π/p, going once round through
    the classes in the order of the true angles. Where the angles are equally spaced and the predictions go once round
    this is the standard deviation of the gaps over their mean.

    The mean of the other classes lies opposite to the class that is left out, so predictions by a probe that knows
    nothing are a regular polygon turned by π. The intercept is therefore the mean over all samples instead of that
    over the training samples, while the slope stays the one that never saw the class: where f_c is the share of the
    samples in c, this is (1 - f_c) ŷ_c + f_c y_c. Then a probe that knows nothing predicts the centre for all classes.

    For equally spaced angles a shift or turn of all predictions and their common size change nothing. A reflection
    does: targets have a sense of turning, so predictions that go the other way miss every gap by 4π/p, a spacing_cv of
    2. Classes that all fall together miss every gap by 2π/p, a spacing_cv of 1.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`, each class a fold of its own.
    angles : array (B, p)
        True angle of each class under each order, all different within a turn.
    classes : int array (N,)

    Returns
    -------
    (radius_cv, spacing_cv) : arrays (B,)
        0 is a regular polygon. Angles without any order have a spacing_cv of p/√12 or a little more: about 2.0 for
        seven classes and 3.5 for twelve. NaN where a class has no samples or has no weights.
    """
    angles = np.asarray(angles, dtype=float)
    p = angles.shape[1]
    share = np.bincount(classes, minlength=p) / len(classes)
    weights = (1 - share[:, None]) * class_means(weights, classes, p) + np.diag(share)
    targets = np.exp(1j * angles)
    predicted = targets @ weights.T  # (B, p)
    predicted += targets.mean(1, keepdims=True) - predicted.mean(1, keepdims=True)
    predicted[np.abs(predicted) < 1e-9] = 0  # the centre, with no angle but of round-off
    radii = np.abs(predicted)
    mean = radii.mean(1)
    radius_cv = radii.std(1) / np.where(mean > 0, mean, np.nan)
    order = np.argsort(angles % (2 * np.pi), axis=1)
    found, true = (np.take_along_axis(a, order, axis=1) for a in (np.angle(predicted), angles))
    missed = np.roll(found, -1, axis=1) - found - (np.roll(true, -1, axis=1) - true)
    missed -= 2 * np.pi * np.round(missed / (2 * np.pi))
    return radius_cv, np.sqrt((missed**2).mean(1)) * p / (2 * np.pi)
