"""Is a ring closed, or would an open curve that is as smooth do as well?"""

import numpy as np

from orrery.geometry.arch import draw_walks
from orrery.geometry.probes import RIDGE

FOLDS = 12


def ring_or_walk(means, angles, components, seed, draws):
    """How badly label means close into a ring, and the same of random walks as smooth and with their covariance.

    An open walk through the labels is ordered as well: its middle bends around, and probes place a hidden label of
    it within half a radian. What a walk lacks is the way back from the last label to the first. The statistic is
    the left-out angle error of the means alone, one to a label (predicted by ridge regression on the others), times
    the longest step of the closed sequence over the mean of the others. The walks are those of `arch.draw_walks`,
    noise included. The labels are cut where their step is longest, the most that an open curve could hide.

    From 0, a regular polygon has about 0; walks of seven labels have about 1.5. A low p says that the labels close
    better than a walk would, which with a low p of their order is a ring. Three quarters of a circle pass as one,
    half a circle does not (`curves.best_curve` tells them apart). It does not say that the ring is round, nor that
    a model uses it, and any smooth closed curve passes. By itself it is no test of order.

    Parameters
    ----------
    means : array (p, D)
        In the order of the labels around the circle.
    angles : array (p,)
        In radians.
    components : int or None
        None for ridge regression on all directions; else least squares on so many principal components of the labels
        that are fitted, at most half as many as these, in up to twelve parts.
    seed : int
    draws : int

    Returns
    -------
    array (1 + draws,)
        NaN where the means are all the same.
    """
    x, angles = np.asarray(means, dtype=float), np.asarray(angles)
    cut = -int(np.argmax(np.linalg.norm(x - np.roll(x, 1, 0), axis=1)))
    x, angles = np.roll(x, cut, 0), np.roll(angles, cut)
    walks = draw_walks(x, seed, draws)
    if walks is None:
        return np.full(1 + draws, np.nan)
    centred = x - x.mean(0)
    grams = np.concatenate([(centred @ centred.T)[None], walks])
    errors = _ridge_errors(grams, angles) if components is None else _errors(grams, angles, components)
    return errors * _longest_step(grams)


def _longest_step(grams):
    """The longest step of the closed sequence over the mean of the others (B,), from inner products (B, p, p)."""
    squares = np.einsum("bii->bi", grams)
    to_next = np.roll(np.arange(grams.shape[1]), -1)
    products = grams[:, np.arange(grams.shape[1]), to_next]
    steps = np.sqrt(np.maximum(squares + squares[:, to_next] - 2 * products, 0))
    longest = steps.max(1)
    return longest * (steps.shape[1] - 1) / np.maximum(steps.sum(1) - longest, 1e-300)


def _ridge_errors(grams, angles):
    """Mean wrapped error (B,) of the angles of labels predicted from all others, from inner products (B, p, p).

    With H the matrix of ridge regression on all labels, intercept included, y_c - (y_c - (Hy)_c) / (1 - H_cc).
    """
    p = grams.shape[1]
    targets = np.c_[np.cos(angles), np.sin(angles)]
    grams = grams - grams.mean(1, keepdims=True) - grams.mean(2, keepdims=True) + grams.mean((1, 2), keepdims=True)
    penalty = RIDGE * np.einsum("bii->b", grams)[:, None, None] / p
    smooth = 1 / p + np.linalg.solve(grams + np.maximum(penalty, 1e-300) * np.eye(p), grams)
    own = 1 - np.einsum("bii->bi", smooth)[..., None]
    return _mean_error(targets - (targets - smooth @ targets) / own, angles)


def _errors(grams, angles, components):
    """Mean wrapped error (B,) of the angles of labels predicted from the others, from inner products (B, p, p)."""
    p = grams.shape[1]
    targets, predicted = np.c_[np.cos(angles), np.sin(angles)], np.empty((len(grams), p, 2))
    for fold in range(min(p, FOLDS)):
        hidden = np.arange(p) % FOLDS == fold
        seen, known = np.flatnonzero(~hidden), targets[~hidden]
        train, test = grams[:, seen][:, :, seen], grams[:, hidden][:, :, seen]
        mean = train.mean(1, keepdims=True)
        test = test - test.mean(2, keepdims=True) - mean + mean.mean(2, keepdims=True)
        train = train - mean - mean.transpose(0, 2, 1) + mean.mean(2, keepdims=True)
        k = max(1, min(components, len(seen) // 2))
        s2, u = np.linalg.eigh(train)
        s2, u = s2[:, None, -k:], u[:, :, -k:]
        scores = np.divide(test @ u, s2, out=np.zeros((len(grams), hidden.sum(), k)), where=s2 > 1e-10 * s2[..., -1:])
        predicted[:, hidden] = scores @ (u.transpose(0, 2, 1) @ (known - known.mean(0))) + known.mean(0)
    return _mean_error(predicted, angles)


def _mean_error(predicted, angles):
    turned = np.arctan2(predicted[..., 1], predicted[..., 0]) - angles
    return np.abs((turned + np.pi) % (2 * np.pi) - np.pi).mean(1)
