"""Do the means of labels follow a tree, and are they spread as evenly as can be?

In many dimensions random means are nearly a regular simplex, random differences are nearly orthogonal, and children
scattered at random around random parents are a perfect orthogonal hierarchy (Golechha et al. 2025). So each number
stands beside its null or the controls: what it is for the same means under other parents, or for noise.
"""

import numpy as np

from orrery.errors import OrreryError

BLOCK = 1 << 20  # numbers of a permutation block in memory


def parent_share(means, parents):
    """Share of the variance of the class means that is between parents (η²).

    From 0 to 1. Over all permutations its mean is (q - 1)/(p - 1) for q parents of p classes, whatever the means are:
    .09 for two parents of 12 classes, .64 for eight. 1 - (1 - η²)(p - 1)/(p - q) has mean 0 instead. A share beyond
    chance says that parents differ, not why (longer words, rarer words), and no more levels of a tree are tested.

    Parameters
    ----------
    means : array (p, D)
    parents : int array (B, p)
        Parent of each class, the true ones first, then permuted.

    Returns
    -------
    array (B,)
        NaN where the means are all the same.
    """
    parents = _checked(means, parents)
    gram, p = _gram(means), parents.shape[1]
    if not gram.trace() > 0:
        return np.full(len(parents), np.nan)
    names, counts = np.unique(parents[0], return_counts=True)
    step = max(1, BLOCK // (p * len(names)))
    between = []
    for start in range(0, len(parents), step):
        onehot = (parents[start : start + step, None] == names[:, None]).astype(float)  # (b, q, p)
        between.append((((onehot @ gram) * onehot).sum(2) / counts).sum(1))
    return np.concatenate(between) / gram.trace()


def difference_cosine(means, parents):
    """Mean |cosine| between the difference of two children and the direction of their parent, estimated without them.

    For all pairs of children of one parent: between µ_a - µ_b and (mean of the other children) - (mean of the classes
    of all other parents). No class is on both sides. That matters: with the child in the parent's mean, the deviations
    of a parent's children sum to zero, so their mean inner product with its direction is zero for any means; with only
    the child left out, both sides share the error of the parent's mean, and n random children have a cosine of -1/√n.

    From 0 to 1. Of random means it is √(2/(πd)), d being the number of dimensions that they fill: .013 for 4096. A
    hierarchy that is orthogonal (Park et al. 2025) is below the null of permuted parents if parents differ, as random
    children then differ in the parents' direction too; one above it has children that differ in how much they are of
    the parent. Random children around random parents are below the null as well, so a low value is no sign of learning.
    Park et al. use the causal inner product of the unembeddings, this the Euclidean one.

    Parameters
    ----------
    means : array (p, D)
    parents : int array (B, p)
        Parent of each class, the true ones first, then permuted.

    Returns
    -------
    array (B,)
        NaN where no parent has three children, there is one parent only, or the means are all the same.
    """
    parents = _checked(means, parents)
    gram, p = _gram(means), parents.shape[1]
    _, counts = np.unique(parents[0], return_counts=True)
    a, b, start, size = _pairs(counts)
    if not len(a) or len(counts) < 2 or not gram.trace() > 0:
        return np.full(len(parents), np.nan)
    order = np.argsort(parents, axis=1, kind="stable")  # (B, p): classes, parent by parent
    step = max(1, BLOCK // max(len(a), p * len(counts)))
    return np.concatenate(
        [_mean_cosine(gram, order[i : i + step], counts, (a, b, start, size)) for i in range(0, len(order), step)]
    )


def _pairs(counts):
    """Pairs of children of one parent with three at least: places of both, number of the parent, its children."""
    first = np.r_[0, np.cumsum(counts)[:-1]]
    found = [np.stack([*(np.triu_indices(n, 1) + f), np.full(n * (n - 1) // 2, i)]) for i, (f, n) in enumerate(
        zip(first, counts)) if n > 2]  # fmt: skip
    a, b, parent = np.concatenate(found, axis=1) if found else np.zeros((3, 0), dtype=int)
    return a, b, parent, counts[parent]


def _mean_cosine(gram, order, counts, pairs):
    """Mean |cosine| (B,) of pairs of places in `order` (B, p).

    With means centred and s the sum of a parent's n children, the direction is d = (s - µ_a - µ_b)/(n - 2) + s/(p - n).
    """
    a, b, parent, n = pairs
    p = order.shape[1]
    onehot = np.repeat(np.eye(len(counts)), counts, axis=0)  # (p, q), the parent of each place
    ordered = np.zeros((len(order), len(counts), p))  # [b, q, c]: 1 if class c is a child of q
    np.put_along_axis(ordered.reshape(len(order), -1), onehot.argmax(1) * p + order, 1, axis=1)
    with_sum = ordered @ gram  # (B, q, p): inner products of each class with the sum of each parent's children
    left, right = order[:, a], order[:, b]
    rows = np.arange(len(order))[:, None]
    sum_left, sum_right = with_sum[rows, parent, left], with_sum[rows, parent, right]
    sum_sum = (with_sum * ordered).sum(2)[:, parent]
    square_left, square_right, between = gram[left, left], gram[right, right], gram[left, right]
    alpha = 1 / (n - 2)
    kappa = alpha + 1 / (p - n)
    inner = kappa * (sum_left - sum_right) - alpha * (square_left - square_right)
    difference = square_left + square_right - 2 * between
    both = square_left + square_right + 2 * between
    direction = kappa**2 * sum_sum - 2 * kappa * alpha * (sum_left + sum_right) + alpha**2 * both
    length = np.sqrt(np.maximum(difference * direction, 0))
    least = 1e-12 * gram.trace()
    return np.abs(np.divide(inner, length, out=np.zeros_like(inner), where=length > least)).mean(1)


def simplex_cv(means):
    """Coefficient of variation of the distances of all pairs of class means: 0 for a regular simplex.

    Random means are nearly regular: for an isotropic Gaussian of D dimensions it is 1/√(2D), .011 for 4096 and .029 for
    576, so a small value says that labels differ in many directions and no more. A circle of seven has .31, a line of
    seven .56. The errors of means of few samples add the same to all distances and make them more even. The mean angle
    at the corners, 60° in a regular simplex, is no measure: the three angles of every triangle have that mean.

    Parameters
    ----------
    means : array (p, D)

    Returns
    -------
    float
        NaN for fewer than three classes, or where the means are all the same.
    """
    gram = _gram(means)
    return _cv(gram) if len(gram) > 2 and gram.trace() > 0 else float("nan")


def _cv(gram):
    squares = np.diag(gram)
    upper = np.triu_indices(len(gram), 1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * gram, 0)[upper])
    return float(distances.std() / distances.mean())


def _gram(means):
    """Inner products (p, p) of the centred means; zeros where they are all the same."""
    x = np.asarray(means, dtype=float)
    centred = x - x.mean(0)
    if not np.abs(centred).max() > 1e-9 * np.abs(x).max():
        return np.zeros((len(x), len(x)))
    return centred @ centred.T


def _checked(means, parents):
    parents = np.atleast_2d(parents)
    if parents.shape[1] != len(means) or (np.sort(parents, axis=1) != np.sort(parents[0])).any():
        raise OrreryError(f"each row of parents must be an order of the parents of the {len(means)} classes.")
    return parents
