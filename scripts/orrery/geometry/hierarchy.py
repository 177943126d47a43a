"""Do the means of labels follow a tree, and are they spread as evenly as can be?

In many dimensions random means are nearly a regular simplex, random differences are nearly orthogonal, and children
scattered at random around random parents are a perfect orthogonal hierarchy (Golechha et al. 2025). So each number
stands beside its null or the controls: what it is for the same means under other parents, or for noise.
"""

import numpy as np

from orrery.errors import OrreryError

BLOCK = 1 << 20  # numbers of a permutation block in memory
SIGNS = 12  # units up to which all signs are taken: 2^11 = 2,048


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
    parents, gram = _checked(means, parents), _gram(means)
    if not gram.trace() > 0:
        return np.full(len(parents), np.nan)
    counts = np.unique(parents[0], return_counts=True)[1]
    between = [_between(onehot, gram, counts).sum(1) for onehot in _indicators(parents)]
    return np.concatenate(between) / gram.trace()


def _indicators(parents):
    """Blocks (b, q, p) of rows of parents (B, p): 1 where a class is a child of a parent."""
    names = np.unique(parents[0])
    step = max(1, BLOCK // (parents.shape[1] * len(names)))
    for start in range(0, len(parents), step):
        yield (parents[start : start + step, None] == names[:, None]).astype(float)


def _between(onehot, gram, counts):
    """Sum of squares (b, q) of each parent's mean."""
    return ((onehot @ gram) * onehot).sum(2) / counts


def family_statistic(means, parents):
    """Variance of the class means between parents over that within, for parents of unequal size and scatter.

    F2 = SS_between / Σ_q (1 - n_q/p) V_q, V_q being the variance within parent q with divisor n_q - 1: the modified F
    ratio of Brown and Forsythe (1974), for many dimensions Anderson, Walsh, Clarke, Gorley and Guerra-Castro (2017).
    If parents do not differ, its expectation is near 1 whatever their sizes and scatters; for equal sizes it is the
    usual F. From 0 on. A parent with one child has no scatter of its own and gets the mean scatter within the others.

    Permuted parents are an exact null if labels are exchangeable and an approximate one if scatters differ: with a
    scatter of 4 to 1 it still fires in .09 to .15 of sets. `sibling_cosine` keeps each label's own scatter.

    Parameters
    ----------
    means : array (p, D)
    parents : int array (B, p)
        Parent of each class, the true ones first, then permuted.

    Returns
    -------
    array (B,)
        NaN where there is one parent only or none has two children, or no variance within parents.
    """
    parents, gram = _checked(means, parents), _gram(means)
    counts = np.unique(parents[0], return_counts=True)[1]
    if not gram.trace() > 0 or len(counts) < 2 or counts.max() < 2:
        return np.full(len(parents), np.nan)
    return np.concatenate([_modified_f(onehot, gram, counts) for onehot in _indicators(parents)])


def _modified_f(onehot, gram, counts):
    """F2 (b,) of parents' indicators (b, q, p)."""
    between = _between(onehot, gram, counts)
    within = np.maximum(onehot @ np.diag(gram) - between, 0)
    several = counts > 1
    pooled = within[:, several].sum(1) / (counts[several] - 1).sum()
    variances = np.where(several, within / np.maximum(counts - 1, 1), pooled[:, None])
    expected = variances @ (1 - counts / counts.sum())
    least = 1e-12 * gram.trace()
    return np.divide(between.sum(1), expected, out=np.full(len(between), np.nan), where=expected > least)


def sibling_cosine(means, parents, count=999, seed=0, units=None, covariates=None, direction=None):
    """Mean cosine of siblings beyond that of other classes, and the same under signs of the classes.

    With y_i = (µ_i - fit_i)/s_i, s_i being the distance of a class from the fit of the intercept and the covariates,
    T = Σ A_ij y_i·y_j over pairs of classes. A is the matrix next to "siblings, 1/n_q" that has zeros on the diagonal
    and for pairs of one unit, and rows that sum to zero, also when weighted by a covariate (both in units of s). So T
    has mean 0 if the classes of all parents have one centre, whatever their scatters, numbers of samples and sizes (for
    no covariates and equal s it is U-centring, Székely and Rizzo 2014; the statistic without a diagonal is that of Chen
    and Qin 2010). Siblings that do not share a unit are the only evidence.

    The null gives all classes of a unit a random sign (Fisher 1935; for regression residuals, Liu 1988), of pairs
    centred in the same way, times √(pairs / (pairs - constraints)) for what centring takes. Signs keep each class's own
    scatter, so that wide, tight, rare or heavy-tailed parents are no evidence of families; permuted parents mix them.
    Classes that share a first token are one unit: they neither count as evidence nor move apart. A covariate (logarithm
    of the frequency, length) is removed linearly, together with all that families have in common with it.

    The value is T / Σ_siblings A_ij: 0 by chance, 1 where siblings are the same, and about the share of the variance
    of the classes that is between parents. It can be negative. A high value says that siblings lie in one direction
    from the centre, not why. Three families of four have little power at a share of .05 (.28; .60 at .1).

    Vectors that were scaled to length 1 have families that differ in scatter at different heights along their common
    mean, a true difference of centres: take means of vectors as they are, or pass that mean as `direction`.

    Parameters
    ----------
    means : array (p, D)
    parents : int array (p,)
    count : int
        Random signs where there are more than 12 units; otherwise all 2^(u - 1) of u units.
    seed : int
    units : int array (p,), optional
        Classes with the same number share a token; each its own by default.
    covariates : array (p,) or (p, k), optional
    direction : array (D,), optional
        Removed from the means first.

    Returns
    -------
    array (1 + B,)
        The true signs first. NaN where no siblings of different units are left, there is one parent only, or the means
        are all the same or follow from the covariates.

    Raises
    ------
    OrreryError
        Parents, units or covariates that are not one for each class.
    """
    units = np.arange(len(means)) if units is None else np.unique(units, return_inverse=True)[1]
    design = _design(len(means), covariates)
    if not len(means) == len(parents) == len(units) == len(design):
        raise OrreryError(f"parents, units and covariates must be one for each of the {len(means)} classes.")
    signs = _signs(units.max() + 1, count, seed)
    products = _sibling_products(_centred(means, design, direction), np.asarray(parents), units, design)
    if products is None:
        return np.full(len(signs), np.nan)
    products, lost = products
    found = np.einsum("bu,uv,bv->b", signs, products, signs, optimize=True)
    found[1:] *= lost
    return found


def _design(p, covariates):
    """Intercept and standardised covariates (p, 1 + k)."""
    if covariates is None:
        return np.ones((p, 1))
    columns = np.asarray(covariates, dtype=float).reshape(len(covariates), -1)
    columns = columns - columns.mean(0)
    spread = columns.std(0)
    return np.hstack([np.ones((len(columns), 1)), columns[:, spread > 0] / spread[spread > 0]])


def _centred(means, design, direction):
    """Residuals (p, D) of the means; None where nothing is left."""
    x = np.asarray(means, dtype=float)
    size = np.abs(x).max()
    if direction is not None:
        unit = np.asarray(direction, dtype=float) / max(np.linalg.norm(direction), 1e-300)
        x = x - np.outer(x @ unit, unit)
    left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    return left if np.abs(left).max() > 1e-9 * size else None


def _sibling_products(left, parents, units, design):
    """Terms (u, u) of the statistic between units, and what centring takes from their spread; None without evidence."""
    siblings = parents[:, None] == parents
    allowed = (units[:, None] != units).astype(float)
    if left is None or siblings.all() or not (siblings * allowed).any():
        return None
    lengths = np.linalg.norm(left, axis=1)
    lengths = np.maximum(lengths, 1e-3 * np.median(lengths[lengths > 0]))
    scaled = left / lengths[:, None]
    weights, cosines = _project([siblings / siblings.sum(1), scaled @ scaled.T], design / lengths[:, None], allowed)
    total = (weights * siblings).sum()
    if not total > 1e-9:
        return None
    pairs = allowed.sum() / 2
    onehot = np.eye(units.max() + 1)[units]
    return onehot.T @ (weights * cosines / total) @ onehot, np.sqrt(pairs / max(pairs - design.size, 1))


def _project(matrices, design, allowed):
    """Symmetric matrices (p, p) without the pairs that are not allowed, made orthogonal to the design (p, k).

    The nearest matrix A with A·design = 0 and zeros where not allowed is allowed ∘ (M - X Λᵀ - Λ Xᵀ).
    """
    from scipy.linalg import cho_factor, cho_solve

    p, k = design.shape
    design = design / np.linalg.norm(design, axis=0)
    system = np.einsum("ij,ia,jb->ibja", allowed, design, design)
    system[np.arange(p), :, np.arange(p), :] += np.einsum("il,la,lb->iba", allowed, design, design)
    system = system.reshape(p * k, p * k)
    system[np.diag_indices(p * k)] += 1e-11 * system.trace()  # two columns of the design leave Λ undetermined, not A
    sides = np.stack([((allowed * m) @ design).ravel() for m in matrices], axis=1)
    solved = cho_solve(cho_factor(system, overwrite_a=True), sides).T.reshape(-1, p, k)
    return [allowed * (m - design @ s.T - s @ design.T) for m, s in zip(matrices, solved)]


def _signs(n, count, seed):
    """Signs (B, n), all positive first; each pattern once, up to its negative, where n is at most 12."""
    if n <= SIGNS:
        return 1.0 - 2 * ((np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1)
    return np.vstack([np.ones(n), np.random.default_rng(seed).choice([-1.0, 1.0], (count, n))])


def matched_orders(strata, count, seed):
    """Orders of classes that move only within strata: the null of an order, or of parents, given a covariate.

    Parameters
    ----------
    strata : array (p,)
        Count of digits, or quantiles of the frequency; classes of equal strata are exchanged.
    count : int
    seed : int

    Returns
    -------
    int array (1 + count, p)
        The true order first, then random ones. `values[orders]` or `parents[orders]` are those of the classes. With
        few classes in a stratum there are few orders, and p cannot be below one over their number.
    """
    strata = np.unique(strata, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(len(strata)), (1 + count, 1))
    for stratum in range(strata.max() + 1):
        members = np.flatnonzero(strata == stratum)
        orders[1:, members] = rng.permuted(np.tile(members, (count, 1)), axis=1)
    return orders


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
