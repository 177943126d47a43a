"""Mutual information of columns with what is known of numbers: what a correlation does not see."""

import numpy as np

LEVELS = 10  # distinct values, up to which a property is a label and not a quantity
NEIGHBOURS = 3  # as the estimators' authors recommend, 2 to 4
MOST = 64  # columns asked about


def mutual_information(columns, table, seed, most=MOST):
    """Mutual information of columns with properties, in nats, by nearest neighbours.

    Kraskov, Stögbauer and Grassberger (2004, the first estimator) for two quantities, Ross (2014) for a quantity and a
    label, as scikit-learn has them. From 0, where both are independent; at most about the entropy of a label, ln 2 for
    parity. For independent columns the estimate scatters about 0, by some .02 with 1,000 values and .05 with 100, and
    what is below 0 is set to 0: by chance it is above 0 half the time, and the largest of many columns far above. This
    is no test: nothing counts what was searched over, and magnitude is not removed, so that a column of magnitude
    shares information with all that grows. Quantities that are 0 for most numbers (smoothed membership) have ties, for
    which the estimator is not made.

    Parameters
    ----------
    columns : array (V, C)
    table : array (V, S)
        From `sequences.number_properties`. One of at most ten distinct values counts as a label.
    seed : int
        Of the tiny noise that scikit-learn adds to break ties.
    most : int
        Only so many columns are asked about, those with the largest |r| with any property: a pair takes
        milliseconds. What depends on a column in no straight line at all may so be missed; None asks all.

    Returns
    -------
    array (C, S)
        NaN in the columns that were not asked about, and where a column or property does not vary.
    """
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    from orrery.geometry.sequences import residuals

    columns, table = np.asarray(columns, dtype=float), np.asarray(table, dtype=float)
    x, y = residuals(columns), residuals(table)
    strength = np.abs(x.T @ y).max(1, initial=0)
    asked = np.argsort(-strength, kind="stable")[:most]
    asked = np.sort(asked[x[:, asked].any(0)])
    found = np.full((columns.shape[1], table.shape[1]), np.nan)
    for s in np.flatnonzero(y.any(0)) if len(asked) else []:
        levels, label = np.unique(table[:, s].round(9), return_inverse=True)
        if len(levels) <= LEVELS:
            found[asked, s] = mutual_info_classif(
                columns[:, asked], label, discrete_features=False, n_neighbors=NEIGHBOURS, random_state=seed
            )
        else:
            found[asked, s] = mutual_info_regression(
                columns[:, asked], table[:, s], discrete_features=False, n_neighbors=NEIGHBOURS, random_state=seed
            )
    return found
