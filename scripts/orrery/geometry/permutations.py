"""Orders of labels under the null hypothesis, and p values that count what was searched over."""

from itertools import permutations
from math import factorial

import numpy as np

ENUMERATE = 8  # 7!/2 = 2,520 cyclic orders


def cyclic_orders(n_classes, count, seed):
    """Distinct cyclic orders of classes, up to rotation and reflection; the true one is the first.

    Returns
    -------
    (orders, exact) : int array (B, n_classes) and bool
        All (n - 1)!/2 where n is at most 8; otherwise the true order and `count` random ones. `orders[b, c]` is the
        place of class c on the circle.
    """
    if n_classes < 3:
        return np.arange(n_classes)[None], True
    if n_classes <= ENUMERATE:
        rest = [r for r in permutations(range(1, n_classes)) if r[0] < r[-1]]
        sequences = np.array([(0, *r) for r in rest])
        orders = np.argsort(sequences, axis=1)
        assert len(orders) == max(1, factorial(n_classes - 1) // 2)
        return orders, True
    return _random(n_classes, count, seed), False


def linear_orders(n_classes, count, seed):
    """The true order and `count` random permutations: int array (1 + count, n_classes), and False (not exhaustive)."""
    return _random(n_classes, count, seed), False


def tied_orders(groups, count, seed):
    """The true order and `count` random ones in which groups exchange places with groups of their size.

    Labels that have one value lie together without any order of the values, so they move together.

    Parameters
    ----------
    groups : int array (p,)
        The group of each label, from 0 on.
    count : int
    seed : int

    Returns
    -------
    (orders, exact) : int array (1 + count, p) and False
    """
    rng, orders = np.random.default_rng(seed), np.tile(np.arange(len(groups)), (1 + count, 1))
    sizes = np.bincount(groups)
    for size in np.unique(sizes):
        blocks = np.array([np.flatnonzero(groups == group) for group in np.flatnonzero(sizes == size)])
        moved = rng.permuted(np.tile(np.arange(len(blocks)), (count, 1)), axis=1)
        orders[1:, blocks.ravel()] = blocks[moved].reshape(count, -1)
    return orders, False


def _random(n_classes, count, seed):
    rng = np.random.default_rng(seed)
    return np.vstack([np.arange(n_classes), rng.permuted(np.tile(np.arange(n_classes), (count, 1)), axis=1)])


def p_values(statistics):
    """One-sided p values, alone and corrected for the search over layers.

    The same permutations are used in all layers. Statistics are standardised by their own null and compared with the
    maximum over layers of each permutation (Westfall and Young 1993, maxT). The true order counts among the
    permutations, so p = (1 + #{T* ≥ T}) / (1 + B), and the smallest is 1 / (number of orders).

    Parameters
    ----------
    statistics : array (L, B)
        Larger is more structure; column 0 is the true order. A layer that is not finite has p = 1 and takes no part.

    Returns
    -------
    (p, corrected) : arrays (L,)
    """
    t = np.asarray(statistics, dtype=float)
    p, corrected = np.ones(len(t)), np.ones(len(t))
    defined = np.isfinite(t).all(1)
    if not defined.any():
        return p, corrected
    t = t[defined]
    slack = 1e-6 * np.abs(t).max(1, keepdims=True)  # single precision: equal up to round-off is equal
    p[defined] = (t >= t[:, :1] - slack).mean(1)
    spread = t.std(1, keepdims=True)
    z = (t - t.mean(1, keepdims=True)) / np.where(spread > slack, spread, 1)
    corrected[defined] = (z.max(0)[None, :] >= z[:, :1] - 1e-6).mean(1)
    return p, corrected
