"""Linear probes that never see the concept they are asked about, ready for thousands of permutations.

A least-squares prediction is linear in the targets, and the targets are constant within a class. So one pass over the
folds gives a matrix W (N × p) of weights of the classes' targets in each sample's prediction, and a permutation of the
labels costs one small matrix product.
"""

import numpy as np


def held_out_weights(vectors, classes, folds, components):
    """Weights of the classes' targets in the held-out prediction of each sample.

    For every fold: principal components fitted on the other folds, least squares with intercept on the first
    `components` of them.

    Parameters
    ----------
    vectors : array (N, D)
    classes : int array (N,)
    folds : int array (p,)
        The fold of each class; its samples are hidden together.
    components : int
        At most this many; never more than half of the training samples.

    Returns
    -------
    array (N, p)
        `W @ targets` are the predictions; a class has no weight in the prediction of its own samples, rows sum to 1.
    """
    onehot = np.eye(len(folds))[classes]
    gram = vectors @ vectors.T
    weights = np.zeros((len(vectors), len(folds)))
    for fold in np.unique(folds):
        train, test = folds[classes] != fold, folds[classes] == fold
        operator = _prediction_operator(gram[np.ix_(train, train)], gram[np.ix_(test, train)], components)
        weights[test] = operator @ onehot[train]
    return weights


def _prediction_operator(train, test, components):
    """Least squares on principal components, from inner products alone: targets (n,) → predictions (m,).

    Parameters
    ----------
    train : array (n, n)
        Inner products of the training samples.
    test : array (m, n)
        Of the test samples with them.
    """
    from scipy.linalg import eigh

    n = len(train)
    mean = train.mean(0)
    centred = train - mean - mean[:, None] + mean.mean()
    k = max(1, min(components, n // 2))
    s2, u = eigh(centred, subset_by_index=[n - k, n - 1])
    u = u[:, s2 > s2[-1] * 1e-10]
    s2 = s2[s2 > s2[-1] * 1e-10]
    cross = test - test.mean(1, keepdims=True) - mean + mean.mean()
    return (cross @ u / s2) @ u.T + 1 / n


def held_out_r2(weights, values, classes, folds):
    """1 - SS_res / SS_tot of held-out predictions, against the mean of the training samples; below 0 is worse than it.

    Parameters
    ----------
    weights : array (N, p)
        From `held_out_weights`.
    values : array (..., p)
        Value of each class; leading axes are permutations.

    Returns
    -------
    array (...)
    """
    values = np.asarray(values, dtype=float)
    counts = np.bincount(classes, minlength=len(folds)).astype(float)
    baseline = np.stack([np.where(folds == f, 0, counts) for f in folds])  # row c: counts of what trains for class c
    baseline /= baseline.sum(1, keepdims=True)
    truth = values[..., classes]
    residual = ((values @ weights.T - truth) ** 2).sum(-1)
    total = ((values @ baseline.T - values) ** 2 * counts).sum(-1)
    return 1 - residual / total
