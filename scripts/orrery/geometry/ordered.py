"""Is a set of classes in the order of its values: rank, residues and digits of values that a probe never saw, steps."""

import numpy as np

from orrery.errors import OrreryError

BLOCK = 12_500_000  # numbers of a permutation block in memory, in single precision
DECADE = 10  # values that span less than this factor are as straight in their logarithm as they are


def class_weights(weights, classes):
    """Weights of the classes' targets in the mean held-out prediction of each class.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`.
    classes : int array (N,)

    Returns
    -------
    array (p, p)
        `class_weights @ targets` are the class means of `weights @ targets`; NaN in the row of a class without samples.
    """
    counts = np.bincount(classes, minlength=weights.shape[1])
    means = np.full((weights.shape[1],) * 2, np.nan)
    starts = np.r_[0, np.cumsum(counts)[:-1]][counts > 0]
    ordered = np.asarray(weights)[np.argsort(classes, kind="stable")]
    means[counts > 0] = np.add.reduceat(ordered, starts, axis=0) / counts[counts > 0, None]
    return means


def held_out_rank(weights, values, classes):
    """Spearman correlation of the true values of the classes with their mean held-out predictions.

    The product-moment correlation of ranks, ties having their average rank (Spearman 1904). From -1 to 1. Chance is
    *below* 0: without any structure a prediction is the mean of the other classes, which is the smaller the larger the
    hidden value is, so that vectors that say nothing can have -1. The permutations show it. It is blind to how large
    an error is, and cannot tell a line from a logarithm.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`, whole classes hidden.
    values : array (B, p)
        Value of each class under each order.
    classes : int array (N,)

    Returns
    -------
    array (B,)
        NaN where the predictions are not finite or all the same.
    """
    means, values = class_weights(weights, classes).astype(np.float32), np.atleast_2d(values)
    there = np.bincount(classes, minlength=len(means)) > 0
    means, found = means[there], np.full(len(values), np.nan)
    if not np.isfinite(means).all():
        return found
    step = max(1, BLOCK // 4 // values.shape[1])
    for i in range(0, len(values), step):
        some = values[i : i + step]
        truth, guess = _ranks(some[:, there]), _ranks(some.astype(np.float32) @ means.T)
        length = np.sqrt((truth**2).sum(1, dtype=float) * (guess**2).sum(1, dtype=float))
        products = np.einsum("bp,bp->b", truth, guess, dtype=float)
        found[i : i + step] = np.divide(products, length, out=np.full(len(truth), np.nan), where=length > 0)
    return found


def rank_within(weights, values, classes, strata, count, seed):
    """`held_out_rank` within strata: are values in order that share what explains most of their order?

    Ranks of true values and of mean held-out predictions are taken within each stratum (numbers of equally many
    digits), less their mean there, and correlated over all classes. From -1 to 1; chance is below 0, as for the whole.
    The null exchanges values within strata, so it is exact for vectors that know the stratum and nothing beyond it.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`, whole classes hidden.
    values : array (p,)
    classes : int array (N,)
    strata : int array (p,)
    count : int
        Permutations.
    seed : int

    Returns
    -------
    array (1 + count,)
        The true order first. NaN where the predictions are not finite, or no stratum has two classes.
    """
    strata = np.unique(strata, return_inverse=True)[1]
    orders = np.tile(np.arange(len(values)), (1 + count, 1))
    members = [np.flatnonzero(strata == stratum) for stratum in range(strata.max() + 1)]
    rng, means = np.random.default_rng(seed), class_weights(weights, classes)
    for some in members:
        orders[1:, some] = rng.permuted(orders[1:, some], axis=1)
    truth = np.asarray(values, dtype=np.float32)[orders]
    if not np.isfinite(means).all():
        return np.full(len(orders), np.nan)
    guess = truth @ means.T.astype(np.float32)
    parts = [(_ranks(truth[:, some]), _ranks(guess[:, some])) for some in members if len(some) > 1]
    sums = [sum(((a if one else b) * (b if two else a)).sum(1, dtype=float) for a, b in parts)
            for one, two in ((True, True), (True, False), (False, True))]  # fmt: skip
    length = np.sqrt(np.asarray(sums[1]) * np.asarray(sums[2])) if parts else np.zeros(len(orders))
    return np.divide(sums[0], length, out=np.full(len(orders), np.nan), where=length > 0)


def _ranks(x):
    """Ranks within each row of x (B, p), less their mean; equal entries have their average rank."""
    n = x.shape[1]
    order = np.argsort(x, axis=1)
    ranks = np.empty(x.shape, np.float32)
    np.put_along_axis(ranks, order, np.arange(n, dtype=np.float32)[None, :] - (n - 1) / 2, axis=1)
    ordered = np.take_along_axis(x, order, axis=1)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(1)
    if tied.any():
        from scipy.stats import rankdata

        ranks[tied] = rankdata(x[tied], axis=1) - (n + 1) / 2
    return ranks


def log_values(values):
    """log10(n + 1) of values n, magnitude on a logarithmic scale: a second target of the held-out R², beside n itself.

    Returns
    -------
    array like values, or None
        None where a value is below 0 or not finite, or (max + 1) < 10 (min + 1): over less than a decade the logarithm
        is nearly a line in n and the two R² would say the same twice. Over 0 … 99 a line still explains 80 % of the
        logarithm, so that a small difference of the two R² does not say which of them a model has.
    """
    values = np.asarray(values, dtype=float)
    if not values.size or not np.isfinite(values).all() or values.min() < 0:
        return None
    return np.log10(values + 1) if values.max() + 1 >= DECADE * (values.min() + 1) else None


def modulo_kappa(weights, values, classes, period, folds):
    """How well n mod T is told for numbers n that the probe never saw: Cohen's κ.

    The probe is least squares on the one-hot residues, each divided by how often it is among the training samples, and
    its answer the residue with the largest mean prediction of a class. Without the division the hidden number's own
    residue, always the rarer one, loses: a clean ring of ten in 0 … 99 would have .6. κ = (a - e) / (1 - e), where a is
    the share of classes answered correctly and e what it would be by chance, Σ_r (share of r among the truths) (share
    of r among the answers) (Cohen 1960). 1 is perfect, 0 chance. It asks for what Fourier power alone does not show,
    residues that are linearly separable (Fu et al. 2026). A low κ does not show that residues are absent: least squares
    on one-hot targets masks classes that lie between others (Hastie, Tibshirani and Friedman 2009, §4.2), a lone ring
    of ten in 0 … 99 falls from 1 to about .5 with eight components of noise beside it, and a small ring may be left out
    of the principal components altogether. A high one may be reading and not arithmetic: where T is 2, 5 or a power of
    ten, n mod T is written in the last digits.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`, whole values hidden.
    values : array (B, p)
        Integers, the value of each class under each order.
    classes : int array (N,)
    period : int
        T.
    folds : int array (p,)
        As they were given to `held_out_weights`.

    Returns
    -------
    array (B,)
        NaN where no residue has two values (the hidden one's could not be learnt), all have the same, or a prediction
        is not finite.

    Raises
    ------
    OrreryError
        Values that are no integers, or a period below 2.
    """
    if period != int(period) or period < 2:
        raise OrreryError(f"n mod {period:g} has nothing to tell; write an integer period from 2 on.")
    return _kappa(weights, _integers(values) % int(period), classes, folds)


def digit_kappa(weights, values, classes, place, folds):
    """How well a digit is told for numbers that the probe never saw: Cohen's κ, by the probe of `modulo_kappa`.

    A number without that place has the digit 0. The *leading* digit of the set (tens of 0 … 99) follows from the
    magnitude alone: any curve, even a random walk's, gives κ well above 0, so it is no evidence of digits. The tens
    digit of 0 … 999 is.

    Parameters
    ----------
    weights, values, classes, folds :
        As for `modulo_kappa`.
    place : int
        1, 10, 100 …

    Returns
    -------
    array (B,)
        NaN as in `modulo_kappa`.

    Raises
    ------
    OrreryError
        Values that are no integers, or a place that is no power of ten.
    """
    if place < 1 or place != 10 ** (len(str(int(place))) - 1):
        raise OrreryError(f"{place!r} is no place of a digit; write 1, 10, 100 or a higher power of ten.")
    return _kappa(weights, np.abs(_integers(values)) // int(place) % 10, classes, folds)


def _integers(values):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    rounded = np.rint(values)
    if not np.isfinite(values).all() or (rounded != values).any():
        raise OrreryError("residues and digits are those of integers; these values are not: leave the measure out.")
    return rounded.astype(np.int64)


def _kappa(weights, truth, classes, folds):
    """κ (B,) of held-out one-hot least squares, the true labels of the classes being `truth` (B, p)."""
    means, found = class_weights(weights, classes).astype(np.float32), np.full(len(truth), np.nan)
    there = np.bincount(classes, minlength=len(means)) > 0
    means, (labels, counts) = means[there], np.unique(truth[0], return_counts=True)
    if not np.isfinite(means).all() or len(labels) < 2 or counts.max() < 2:
        return found
    fold = np.unique(folds, return_inverse=True)[1]
    trained = np.where(fold == np.arange(fold.max() + 1)[:, None], 0, np.bincount(classes, minlength=len(fold)))
    operator = np.vstack([means, trained]).T.astype(np.float32)  # (p, p + folds)
    truth, index = np.searchsorted(labels, truth).astype(np.int16), np.arange(len(labels), dtype=np.int16)
    step = max(1, BLOCK // (len(labels) * operator.shape[1]))
    for i in range(0, len(truth), step):
        true = truth[i : i + step]
        onehot = (true[:, None, :] == index[:, None]).astype(np.float32)  # (b, labels, p)
        product = (onehot.reshape(-1, len(there)) @ operator).reshape(*onehot.shape[:2], -1)
        scores, trained = product[..., : len(means)], product[..., len(means) :]
        np.divide(1, trained, out=trained, where=trained > 0)
        scores *= trained[..., fold[there]]
        answer, true = scores.argmax(1), true[:, there]
        answers = (answer[:, None, :] == index[:, None]).sum(2) / len(means)
        agreed, chance = (answer == true).mean(1), answers @ (counts / counts.sum())
        found[i : i + step] = (agreed - chance) / (1 - chance)
    return found


def step_ratio(distances, orders, closed):
    """How long the steps between neighbours are, in units of the mean distance of all pairs.

    (mean of d(c_i, c_{i+1})) / (mean of d(c, c') over all pairs): the ratio of von Neumann (1941), with distances in
    place of squares. Its mean over all orders is exactly 1, which is chance. Low is smooth: p points at equal distances
    on a line have 3/(p + 1), a random walk in many dimensions about 1.9/√p. It needs no fit. A low value shows that
    neighbours in value are neighbours in space and no more, neither a line nor a ring: a random walk passes, as does
    anything whose nearby values have similar contexts.

    Parameters
    ----------
    distances : array (p, p)
        Between class means.
    orders : int array (B, p)
        Sequences of classes: `orders[b, i]` is the i-th class.
    closed : bool
        The last class is followed by the first, as on a ring.

    Returns
    -------
    array (B,)
        NaN where all distances are 0 or one is not finite.
    """
    distances, orders = np.asarray(distances, dtype=float), np.atleast_2d(orders)
    n = len(distances)
    mean = (distances.sum() - np.trace(distances)) / (n * (n - 1)) if n > 1 else 0
    if not mean > 0 or not np.isfinite(mean):
        return np.full(len(orders), np.nan)
    following = np.roll(orders, -1, axis=1)
    last = n if closed else n - 1
    return distances[orders[:, :last], following[:, :last]].mean(1) / mean
