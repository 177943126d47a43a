"""What covariates leave of an order: distances (RSA) and probe targets, plain and partial."""

import numpy as np

BLOCK = 1 << 21  # numbers of a permutation block in memory


def concept_distances(values, topology, period=None):
    """Distances of values: the shorter way round on a circle, else the absolute difference.

    `places.distance_rank` (RSA; Kriegeskorte, Mur and Bandettini 2008) and `partial_rsa` compare them with distances of
    class means. Only their ranks count there, so a line and half a circle are the same question, a line and a
    logarithm (`ordered.log_values`) are not.

    Parameters
    ----------
    values : array (p,)
    topology : str
    period : float, optional
        Of a circle; left out, the values go once round with a step between the last and the first.

    Returns
    -------
    array (p, p)
        In units of the values.
    """
    values = np.asarray(values, dtype=float)
    apart = np.abs(values[:, None] - values)
    if topology != "circle":
        return apart
    period = period or np.ptp(values) * len(values) / (len(values) - 1)
    apart = apart % period
    return np.minimum(apart, period - apart)


def partial_rsa(means, apart, other, orders):
    """Spearman correlation of the distances of class means with those of their concepts, given covariates' distances.

    Ranks of all three over the pairs of labels; the residuals of the first two after regression on the ranks of the
    covariates are correlated (partial Mantel test, Smouse, Long and Sokal 1986). The labels of concepts and covariates
    are permuted together against the means, which keeps what concepts and covariates have in common. Chance is 0.

    It is an effect size and its p value is too small, as is known of partial Mantel tests (Guillot and Rousset 2013):
    ranks of distances are not linear in each other, so a part of the covariate stays. If means follow nothing but a
    covariate that correlates with the values by .8 or .95, p ≤ .05 in .10 and .15 of sets for seven labels, in .26 and
    .33 for 24. `residual_rsa` has a valid p value for the same question.

    Parameters
    ----------
    means : array (p, D)
    apart : array (p, p)
        From `concept_distances` or `places.distances`.
    other : array (m, p, p)
        Distances of m covariates, for example |difference| of the labels' lengths.
    orders : int array (B, p)
        Which label's place each label is given; the true order first.

    Returns
    -------
    array (B,), from -1 to 1
        NaN where the means are all the same or equally far apart, or the covariates say all that the concepts' or the
        means' distances say. Without covariates it is `places.distance_rank`.
    """
    from scipy.spatial.distance import pdist

    apart, orders, n = np.asarray(apart, dtype=float), np.asarray(orders), len(apart)
    first, second = np.triu_indices(n, 1)
    found, concept = _ranks(pdist(np.asarray(means, dtype=float))), _ranks(apart[first, second])
    given = np.array([_ranks(np.asarray(one, dtype=float)[first, second]) for one in other]).reshape(-1, len(first))
    basis = _orthonormal(given.T).T
    left = concept - (basis @ concept) @ basis
    length = np.linalg.norm(left)
    if not (found.any() and length > 1e-6):
        return np.full(len(orders), np.nan)
    tables = np.zeros((n, n, 1 + len(basis)))
    tables[first, second] = tables[second, first] = np.vstack([left / length, basis]).T
    tables, step = tables.reshape(n * n, -1), max(1, BLOCK // (len(first) * tables.shape[-1]))
    products = np.concatenate([
        found @ tables[some[:, first] * n + some[:, second]]
        for some in (orders[i : i + step] for i in range(0, len(orders), step))
    ])  # fmt: skip
    unexplained = 1 - (products[:, 1:] ** 2).sum(1)
    return np.divide(
        products[:, 0],
        np.sqrt(np.maximum(unexplained, 0)),
        out=np.full(len(orders), np.nan),
        where=unexplained > 1e-9,
    )


def residual_rsa(means, targets, covariate, orders):
    """Spearman correlation of distances of class means and of targets, both after regression on covariates.

    Means and targets are regressed on the covariates themselves, not on their distances, and the distances of what is
    left are compared. The null is that of `partial_targets` (Freedman and Lane 1983). If means follow nothing but a
    covariate that correlates with the values by .5 to .95, p ≤ .05 in .04 to .07 of sets of 7 to 24 labels, where
    `partial_rsa` has up to .33. Chance is above 0, as labels with extreme covariates keep little on either side: noise
    has .18, .25 and .58 for seven labels and one, two and four covariates, .01 to .06 for 24. The null has it too, so
    report the difference from its mean. Only linear effects of the covariate are removed, and what the values share
    with it goes too: a covariate close to the value leaves little power.

    Parameters
    ----------
    means : array (p, D)
    targets : array (p, m) or (p,)
        The values of a line, or cosine and sine of the angles of a circle.
    covariate : array (p,) or (p, k)
    orders : int array (B, p)
        The true order first.

    Returns
    -------
    array (B,), from -1 to 1
        NaN where nothing is left of the means or of a target.
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import rankdata

    means, orders, n = np.asarray(means, dtype=float), np.asarray(orders), len(means)
    found = _ranks(pdist(partial_targets(means, covariate)))
    first, second = np.triu_indices(n, 1)
    values, step = np.full(len(orders), np.nan), max(1, BLOCK // (len(first) * max(1, np.size(targets) // n)))
    for i in range(0, len(orders), step):
        left = partial_targets(targets, covariate, orders[i : i + step]).reshape(-1, n, np.size(targets) // n)
        apart = ((left[:, first] - left[:, second]) ** 2).sum(2)
        most = apart.max(1, keepdims=True)
        ranks = rankdata(np.round(apart / np.where(most > 0, most, 1), 9), axis=1) - (len(first) + 1) / 2
        length = np.linalg.norm(ranks, axis=1)
        np.divide(ranks @ found, length, out=values[i : i + step], where=(length > 0) & found.any())
    return values


def partial_targets(targets, covariate, orders=None):
    """Residuals of a probe's targets after linear regression on covariates, true and permuted.

    A probe of the residuals asks what the vectors say of the value beyond what is linear in the covariate. Its null is
    that of Freedman and Lane (1983), with the target as the response and the covariate as the reduced model: the
    residuals are permuted, added to the fitted values, and the sum is regressed on the covariate again. The fitted
    values cancel, so member b is the residual of residuals[orders[b]]. Unlike permuted values, these keep the relation
    of targets and covariate. The permutation is exact only in large sets (errors of the fit are exchangeable, residuals
    nearly). The regression sees the hidden labels' targets, in all members alike.

    A covariate that fits the targets (r near 1) leaves residuals that are mostly round-off or noise, with little power;
    a non-linear effect of the covariate stays in.

    Parameters
    ----------
    targets : array (p, m) or (p,)
        For example the values, or cosine and sine of angles.
    covariate : array (p,) or (p, k)
    orders : int array (B, p), optional
        The true order first.

    Returns
    -------
    array like targets, or (B, *targets.shape) with orders
        Of mean 0; all 0 where the covariates fit the targets exactly. For `probes.quadratic_r2`.
    """
    targets = np.asarray(targets, dtype=float)
    covariate = np.asarray(covariate, dtype=float).reshape(len(targets), -1)
    basis = _orthonormal(np.c_[np.ones(len(targets)), covariate - covariate.mean(0)])
    residuals = targets - basis @ (basis.T @ targets)
    spread = np.abs(targets - targets.mean(0)).max(initial=0)
    residuals[np.abs(residuals) <= max(1e-9 * spread, 1e-12 * np.abs(targets).max(initial=0))] = 0
    if orders is None:
        return residuals
    permuted = residuals[np.asarray(orders)].reshape(len(orders), len(targets), -1)
    return (permuted - basis @ (basis.T @ permuted)).reshape(-1, *targets.shape)


def _ranks(values):
    """Ranks less their mean, of length 1, or all 0; what is equal up to round-off has equal ranks."""
    from scipy.stats import rankdata

    ranks = rankdata(np.round(values / max(values.max(), 1e-300), 9))
    ranks -= ranks.mean()
    return ranks / max(np.linalg.norm(ranks), 1e-300)


def _orthonormal(columns):
    """Orthonormal basis (n, ≤ m) of the span of the columns (n, m)."""
    length = np.linalg.norm(columns, axis=0)
    axes, size, _ = np.linalg.svd(columns / np.where(length > 0, length, 1), full_matrices=False)
    return axes[:, size > 1e-9 * max(size.max(initial=0), 1e-300)]
