"""How much of what tells labels apart is the shape that is claimed of them?"""

import numpy as np


def explained_share(means, columns, orders):
    """Share of the variance of the class means that linear functions of some columns explain.

    ‖P M‖² / ‖M‖² of centred class means M, P being the projection on the centred columns. From 0 to 1. By chance, and
    for a regular simplex in any order, it is their rank over p - 1: the mean over all orders, whatever the means are.
    Errors of the means add to the denominator, and by chance to the numerator, as a simplex does.

    Parameters
    ----------
    means : array (p, D)
    columns : array (p, k)
        The value for a line, cosine and sine for a circle, embedded places for a map.
    orders : int array (B, p)
        Which label's columns each label is given; the true order first.

    Returns
    -------
    array (B,)
        NaN where the means or the columns are all the same.
    """
    centred = np.asarray(means, dtype=float) - np.mean(means, axis=0)
    gram = centred @ centred.T
    u, s, _ = np.linalg.svd(columns - np.mean(columns, axis=0), full_matrices=False)
    basis = u[:, s > 1e-9 * max(s.max(initial=0), 1e-300)]
    if not gram.trace() > 1e-18 * (np.asarray(means, dtype=float) ** 2).sum() or not basis.size:
        return np.full(len(orders), np.nan)
    moved = np.moveaxis(basis[orders], 2, 1)  # (B, k, p)
    return ((moved @ gram) * moved).sum((1, 2)) / gram.trace()
