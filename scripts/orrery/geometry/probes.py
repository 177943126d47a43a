"""Linear probes that never see what they are asked about, ready for thousands of permutations.

A ridge prediction is linear in the targets, and the targets are constant within a class. So one factorisation of the
vectors gives a matrix W (N × p) of weights of the classes' targets in each sample's held-out prediction, and the
squared error of all predictions is a quadratic form (p × p) in the targets: a permutation of the labels costs p²
operations.

The penalty is `ridge` times the mean eigenvalue of the Gram matrix of all samples, so it knows no labels and is the
same in every fold and under every permutation. With `components` only the leading principal components of the training
samples take part; without a penalty (`ridge=0`) that is principal component regression.
"""

from dataclasses import dataclass

import numpy as np

RIDGE = 0.1  # penalty in units of the mean eigenvalue
LANCZOS_FROM = 400  # rows of a covariance, below which LAPACK is as fast for a few eigenvectors
RESTARTS = 30  # of Lanczos, after which LAPACK is as fast


def held_out_weights(vectors, classes, folds, components=None, ridge=RIDGE):
    """Weights of the classes' targets in the held-out prediction of each sample.

    Ridge regression with an intercept that is not penalised, fitted on the other folds.

    Parameters
    ----------
    vectors : array (N, D)
    classes : int array (N,)
    folds : int array (p,)
        The fold of each class; its samples are hidden together.
    components : int, optional
        Leading principal components of the training samples that take part, at most half as many as these; all by
        default.
    ridge : float
        Penalty in units of the mean eigenvalue of the Gram matrix.

    Returns
    -------
    array (N, p)
        `W @ targets` are the predictions; a class has no weight in the prediction of its own samples, rows sum to 1.
        NaN where the vectors are all the same or nothing is left to train on.
    """
    folds = np.asarray(folds)
    return _weights(vectors, np.asarray(classes), len(folds), folds[classes], components, ridge)


def grouped_weights(vectors, classes, n_classes, folds, components=None, ridge=RIDGE, smoother=None):
    """Weights of the classes' targets in the held-out prediction of each sample, with folds of samples.

    As `held_out_weights`, but a sample's class may be among those of the training samples: what is hidden together is
    what the caller takes for exchangeable, documents or templates.

    Parameters
    ----------
    vectors : array (N, D)
    classes : int array (N,)
    n_classes : int
        p.
    folds : int array (N,)
        The fold of each sample, for example from `group_folds`.
    components, ridge :
        As for `held_out_weights`.
    smoother : Smoother, optional
        That of the vectors, where it is known.

    Returns
    -------
    (weights, baseline) : arrays (N, p)
        `weights @ targets` are the predictions, `baseline @ targets` the means of the samples that they were fitted on.
        NaN where the vectors are all the same or nothing is left to train on.
    """
    classes, folds = np.asarray(classes), np.asarray(folds)
    if smoother is None:
        weights = _weights(vectors, classes, n_classes, folds, components, ridge)
    else:
        weights = smoothed_weights(smoother, classes, n_classes, folds)
    counts = np.bincount(classes, minlength=n_classes).astype(float)
    baseline = np.full_like(weights, np.nan)
    for fold in np.unique(folds):
        test = folds == fold
        left = counts - np.bincount(classes[test], minlength=n_classes)
        if left.any():
            baseline[test] = left / left.sum()
    return weights, baseline


def sample_weights(vectors, folds, components=None, ridge=RIDGE):
    """`grouped_weights` of samples that are each a class of their own: weights and baseline (N, N).

    Times one-hot labels they are those of the labels, so they are made once for all permutations of them.
    """
    each = np.arange(len(vectors))
    return grouped_weights(vectors, each, len(each), folds, components, ridge)


@dataclass(frozen=True)
class Smoother:
    """Ridge regression of any targets on the vectors of N samples, from one factorisation.

    The fitted values are H y with H = 1/N + R Rᵀ, R = U (Λ/(Λ + λ))^½ for the centred Gram matrix UΛUᵀ. A prediction
    for samples g without the samples h ⊇ g follows from H alone: with e = (I - H_hh)⁻¹ (y - Hy)_h, it is y_g - e_g
    (the leave-out identity of linear smoothers; Hastie, Tibshirani and Friedman 2009, §7.10, in blocks).
    """

    factor: np.ndarray  # R (N, r)

    @classmethod
    def of(cls, vectors, ridge=RIDGE):
        """The smoother of vectors (N, D), or None where they are all the same."""
        x = np.asarray(vectors, dtype=float)
        scale = np.abs(x).max(initial=0)
        x = x - x.mean(0)
        if np.abs(x).max(initial=0) <= 1e-12 * scale:
            return None
        wide = x.shape[1] >= len(x)
        values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
        kept = values > max(values.max(), 0) * 1e-12
        values, vectors = values[kept], vectors[:, kept]
        shrunk = 1 / (values + ridge * values.sum() / len(x))
        return cls(vectors * np.sqrt(values * shrunk) if wide else (x @ vectors) * np.sqrt(shrunk))

    def without(self, hidden, onehot, sums):
        """Weights (n_h, p) of the classes in the predictions for samples `hidden` (n_h,) that were not fitted.

        onehot (N, p) are the classes of the samples, sums (r + 1, p) what `class_sums` gives.
        """
        rows = self._rows(hidden)
        own = rows.T @ onehot[hidden]
        return self._solve(rows, rows @ (sums - own))

    def class_sums(self, onehot):
        """Products (r + 1, p) of [1/√N, R] with the classes."""
        return np.vstack([onehot.sum(0) / np.sqrt(len(onehot)), self.factor.T @ onehot])

    def _rows(self, hidden):
        rows = self.factor[hidden]
        return np.hstack([np.full((len(rows), 1), len(self.factor) ** -0.5), rows])

    @staticmethod
    def _solve(rows, right):
        """(I - A Aᵀ)⁻¹ right for rows A (n, r), by the smaller of both systems (Woodbury)."""
        n, r = rows.shape
        if n <= r:
            return np.linalg.solve(np.eye(n) - rows @ rows.T, right)
        return right + rows @ np.linalg.solve(np.eye(r) - rows.T @ rows, rows.T @ right)


def jackknifed_weights(smoother, classes, n_classes, folds):
    """Weights of the classes in held-out predictions when each fold in turn is missing altogether.

    Parameters
    ----------
    smoother : Smoother
    classes : int array (N,)
    n_classes : int
        p.
    folds : int array (N,)
        The fold of each sample, from 0 to U - 1.

    Yields
    ------
    (kept, weights) : bool array (N,), array (n, p)
        The samples that are not in fold u, and the weights in their predictions by probes that saw neither their own
        fold nor u.
    """
    onehot = np.eye(n_classes)[classes]
    sums = smoother.class_sums(onehot)
    members = [np.flatnonzero(folds == u) for u in range(folds.max() + 1)]
    weights = np.full((len(members), *onehot.shape), np.nan)
    for u, first in enumerate(members):
        for v in range(u + 1, len(members)):
            both = np.concatenate([first, members[v]])
            if len(both) < len(onehot):
                found = smoother.without(both, onehot, sums)
                weights[v, first], weights[u, members[v]] = found[: len(first)], found[len(first) :]
    for u in range(len(members)):
        kept = folds != u
        yield kept, weights[u, kept]


def smoothed_weights(smoother, classes, n_classes, folds):
    """Weights (N, p) of the classes in the predictions of each sample by a smoother that did not see its fold (N,).

    NaN where there is no smoother or nothing is left to train on.
    """
    weights = np.full((len(classes), n_classes), np.nan)
    if smoother is None:
        return weights
    onehot = np.eye(n_classes)[classes]
    sums = smoother.class_sums(onehot)
    for fold in np.unique(folds):
        hidden = np.flatnonzero(folds == fold)
        if len(hidden) < len(weights):
            weights[hidden] = smoother.without(hidden, onehot, sums)
    return weights


def group_folds(groups, count, seed):
    """The fold (N,) of each sample, whole groups in one fold, the folds about equally large.

    Groups are drawn in a random order and the largest first put into the fold that has the fewest samples (Graham 1969,
    longest processing time first).

    Parameters
    ----------
    groups : sequence of length N
        Equal entries are one group.
    count : int
        Number of folds, at most one for each group.
    seed : int
    """
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(members)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.zeros(len(names), dtype=int), np.zeros(max(1, min(count, len(names))))
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[members]


def quadratic_r2(weights, baseline, classes, targets):
    """1 - SS_res / SS_tot of held-out predictions, against the mean of what they were fitted on.

    With E the classes of the samples one-hot, the squared error of the predictions Wt of targets t is tᵀMt,
    M = (W - E)ᵀ(W - E), and that of the training means is tᵀM₀t of the baseline in the same way. For several targets
    (cosine and sine) both are summed over them.

    Parameters
    ----------
    weights, baseline : arrays (N, p)
        From `grouped_weights`; rows sum to 1.
    classes : int array (N,)
    targets : array (B, p) or (B, p, m)
        One or m targets of each class under each order.

    Returns
    -------
    array (B,)
        At most 1; at most about 0 on average where there is nothing to learn; NaN where the targets do not vary.
    """
    targets = np.asarray(targets, dtype=float)
    targets = targets if targets.ndim == 2 else np.moveaxis(targets, 2, 1)  # (B, p) or (B, m, p)
    targets = targets - targets.mean(-1, keepdims=True)  # as rows sum to 1, a constant changes no error
    residual = _squares(targets, error_form(weights, classes))
    total = _squares(targets, error_form(baseline, classes))
    return 1 - np.divide(residual, total, out=np.full_like(total, np.nan), where=total > 0)


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
    found = quadratic_r2(weights, held_out_baseline(classes, folds), classes, values.reshape(-1, values.shape[-1]))
    return found.reshape(values.shape[:-1])


def held_out_baseline(classes, folds):
    """Weights (N, p) of the classes in the mean of the training samples of each sample (N,), folds (p,) of classes.

    NaN where nothing is left to train on.
    """
    folds = np.asarray(folds)
    counts = np.bincount(classes, minlength=len(folds)).astype(float)
    baseline = np.where(folds[:, None] == folds, 0, counts)  # row c: counts of what trains for class c
    trained = baseline.sum(1, keepdims=True)
    return np.divide(baseline, trained, out=np.full_like(baseline, np.nan), where=trained > 0)[classes]


def error_form(weights, classes):
    """M = (W - E)ᵀ(W - E) (p, p) of weights W (N, p): tᵀMt is the squared error of the predictions Wt of targets t."""
    error = np.array(weights, dtype=float)
    error[np.arange(len(error)), classes] -= 1
    return error.T @ error


def _squares(targets, form):
    """Σ_t tᵀMt over the targets (B, p) or (B, m, p): array (B,)."""
    products = (targets.reshape(-1, len(form)) @ form).reshape(targets.shape)
    return (products * targets).reshape(len(targets), -1).sum(1)


def _weights(vectors, classes, n_classes, folds, components, ridge):
    """Weights (N, p) of the classes in the prediction of each sample, with a fold (N,) for each sample."""
    if components is None and ridge > 0:
        return smoothed_weights(Smoother.of(vectors, ridge), classes, n_classes, folds)
    x = np.asarray(vectors, dtype=float)
    weights = np.full((len(x), n_classes), np.nan)
    scale = np.abs(x).max(initial=0)
    x = x - x.mean(0)  # changes no prediction, and inner products lose fewer digits
    if np.abs(x).max(initial=0) <= 1e-12 * scale:
        return weights
    onehot = np.eye(n_classes)[classes]
    predict = _in_coordinates if x.shape[1] < len(x) else _in_samples
    components = len(x) if components is None else components
    for test, predicted in predict(x, onehot, folds, components, ridge * (x**2).sum() / len(x)):
        weights[test] = predicted
    return weights


def _in_samples(x, onehot, folds, components, penalty):
    """Predictions fold by fold from the inner products of all samples, for N ≤ D."""
    gram = x @ x.T
    for train, test in _splits(folds):
        inner = gram[np.ix_(train, train)]
        mean = inner.mean(0)
        s2, u = _leading(inner - mean - mean[:, None] + mean.mean(), _at_most(components, len(inner)))
        cross = gram[np.ix_(test, train)]
        cross = cross - cross.mean(1, keepdims=True) - mean + mean.mean()
        yield test, _predict(cross @ u, s2 + penalty, u.T @ onehot[train], onehot[train].mean(0))


def _in_coordinates(x, onehot, folds, components, penalty):
    """Predictions fold by fold from the covariance of the coordinates, for D < N; a fold's part of it is taken away."""
    scatter, sums = x.T @ x, x.T @ onehot  # (D, D), (D, p)
    for train, test in _splits(folds):
        n, hidden, counts = train.sum(), x[test], onehot[train].sum(0)
        mean = -hidden.sum(0) / n  # of the training samples: all samples sum to 0
        s2, v = _leading(scatter - hidden.T @ hidden - n * np.outer(mean, mean), _at_most(components, n))
        between = sums - hidden.T @ onehot[test] - np.outer(mean, counts)
        between[:, counts == 0] = 0  # exactly, not up to round-off: no weight for a hidden class
        yield test, _predict((hidden - mean) @ v, s2 + penalty, v.T @ between, counts / n)


def _splits(folds):
    """Masks (train, test) of every fold that leaves something to train on."""
    for fold in np.unique(folds):
        test = folds == fold
        if not test.all():
            yield ~test, test


def _at_most(components, n):
    return max(1, min(components, n // 2))


def _predict(scores, s2, between, mean):
    """Ridge on orthogonal scores (m, k), s2 their sums of squares and the penalty, `between` (k, p) with targets."""
    return (scores / s2) @ between + mean


def _leading(symmetric, k):
    """The k largest eigenvalues of a positive semidefinite matrix (n, n) that are not 0, and their vectors (n, ≤ k).

    Lanczos (ARPACK) converges in a few dozen products where the spectrum falls, as that of representations does; where
    it does not, as that of noise, LAPACK takes over.
    """
    from scipy.linalg import eigh
    from scipy.sparse.linalg import ArpackError, eigsh

    n, found = len(symmetric), None
    k = min(k, n)
    if n >= LANCZOS_FROM and 10 * k <= n:
        start = np.random.default_rng(0).standard_normal(n)
        try:
            found = eigsh(symmetric, k, which="LA", v0=start, maxiter=RESTARTS, rng=0)
        except ArpackError:  # no convergence, or nothing but zeros
            found = None
    s2, u = found or eigh(symmetric, subset_by_index=[n - k, n - 1])
    kept = s2 > max(s2.max(), 0) * 1e-10
    return s2[kept], u[:, kept]
