"""Is a set of class means a circle in cyclic order?"""

import numpy as np


def class_means(vectors, classes, n_classes):
    """Mean vector of each class: array (n_classes, D)."""
    sums = np.zeros((n_classes, vectors.shape[1]))
    np.add.at(sums, classes, vectors)
    return sums / np.bincount(classes, minlength=n_classes)[:, None]


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
    array (...), between 0 and 1
    """
    centred = means - means.mean(0)
    gram = centred @ centred.T
    phases = np.exp(1j * np.asarray(angles))
    power = np.einsum("...c,cd,...d->...", phases.conj(), gram, phases, optimize=True).real
    return 2 * power / (len(means) * np.trace(gram))


def angular_error(weights, angles, classes):
    """Mean absolute wrapped difference between predicted and true angle, in radians; π/2 for a blind guess.

    In single precision: a permutation test takes this of millions of predictions.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`: `weights @ cos(angles)` and `weights @ sin(angles)` are the predictions.
    angles : array (B, p)
        True angle of each class under each order.
    classes : int array (N,)

    Returns
    -------
    array (B,)
    """
    cos, sin, weights = (np.asarray(a, np.float32) for a in (np.cos(angles), np.sin(angles), weights.T))
    x, y = cos @ weights, sin @ weights
    cos, sin = cos[:, classes], sin[:, classes]
    return np.abs(np.arctan2(y * cos - x * sin, x * cos + y * sin)).mean(-1, dtype=np.float64)
