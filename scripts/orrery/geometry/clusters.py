"""Do samples of one label lie together? Three answers, each ready for thousands of permutations of the labels.

What is permuted are the labels of samples, not the order of classes. All three statistics are sums over the samples of
a class, of rows of a matrix (N × N) that does not know the labels: so a permutation costs one matrix product.
"""

import numpy as np

from orrery.errors import OrreryError
from orrery.neighbours import cross_distances

NEIGHBOURS = 10
BLOCK = 1 << 24  # numbers of a permutation block in memory


def label_permutations(classes, groups, count, seed):
    """The true classes of the samples, and `count` permutations of them that the null hypothesis cannot tell from it.

    Where every group holds several classes (templates: each has each label), labels are permuted within groups, so
    what a group's samples share cannot count for or against the labels. Else (documents) what is exchangeable is the
    group: the labels of a whole group go to another group of as many samples, in random order among them. With one
    sample in each group that is a permutation of all samples. A group of several samples of one label keeps them
    together, as neighbours in a document are no independent evidence; a group whose size no other has keeps its labels,
    or if they differ swaps them among its own samples. Nothing but "the labels say nothing about the vectors, groups of
    one size are alike, and so are the samples within a group" is assumed, and each class keeps its number of samples.
    If few groups can move, few permutations differ and p cannot be small.

    Parameters
    ----------
    classes : int array (N,)
    groups : sequence of length N
        Equal entries are one group: a template, or a document.
    count : int
    seed : int

    Returns
    -------
    int array (1 + count, N)
        Row 0 are the true classes.
    """
    rng = np.random.default_rng(seed)
    classes = np.asarray(classes, dtype=np.int32)
    sizes, groups_of_size, mixed = _group_members(classes, groups)
    labels = np.tile(classes, (1 + count, 1))
    for size in sizes:
        members = groups_of_size[size]  # (G, size)
        if mixed.all():
            drawn = np.broadcast_to(classes[members], (count, *members.shape))
        else:
            sources = rng.permuted(np.tile(np.arange(len(members)), (count, 1)), axis=1)
            drawn = classes[members][sources]
        labels[1:, members] = rng.permuted(drawn, axis=2) if size > 1 else drawn
    return labels


def _group_members(classes, groups):
    """Sizes of groups, members (G, size) of the groups of each size, and which groups hold several classes."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.bincount(index)
    first = np.r_[0, np.cumsum(counts)[:-1]]
    order = np.argsort(index, kind="stable")
    sizes = np.unique(counts)
    members = {size: order[first[counts == size][:, None] + np.arange(size)] for size in sizes}
    pairs = np.unique(np.c_[index, classes], axis=0)
    return sizes, members, np.bincount(pairs[:, 0]) > 1


def balanced_subsample(classes, groups, cap, seed):
    """Indices of at most `cap` samples, as many of each class as can be.

    Of each class at most m samples are kept, m being the largest number for which the total fits; a rarer class keeps
    all. Samples come from as many groups as can be, and groups are drawn in one random order for all classes, so that
    templates stay whole. Where not even two samples of each class fit, cap // 2 random classes are kept.

    Parameters
    ----------
    classes : int array (N,)
    groups : sequence of length N
    cap : int
    seed : int

    Returns
    -------
    int array (n,), sorted
        With all samples where there are at most `cap`. Not all classes need be left.

    Raises
    ------
    OrreryError
        `cap` is below 4.
    """
    if cap < 4:
        raise OrreryError(f"a subsample of {cap} samples cannot hold two classes of two; allow 4 at least.")
    rng = np.random.default_rng(seed)
    classes = np.asarray(classes)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    names, counts = np.unique(classes, return_counts=True)
    if len(classes) <= cap:
        return np.arange(len(classes))
    if 2 * len(names) > cap:
        kept = rng.choice(len(names), cap // 2, replace=False)
        names, counts = names[kept], counts[kept]
    most = max(m for m in range(counts.max() + 1) if np.minimum(counts, m).sum() <= cap)
    chance, place = rng.permutation(len(classes)), rng.permutation(group.max() + 1)[group]
    turn = _rank_within(classes * (group.max() + 1) + group, chance)  # a group's second sample comes after all firsts
    rank = _rank_within(classes, np.lexsort((chance, place, turn)).argsort())
    return np.flatnonzero((rank < most) & np.isin(classes, names))


def _rank_within(keys, priority):
    """Rank (N,) of each sample by `priority` (N,) among those with the same key, from 0."""
    order = np.lexsort((priority, keys))
    starts = np.r_[True, np.diff(keys[order]) != 0]
    place = np.arange(len(keys))
    rank = np.empty(len(keys), dtype=int)
    rank[order] = place - np.maximum.accumulate(np.where(starts, place, 0))
    return rank


def pairwise_distances(vectors):
    """Euclidean distances (N, N) of vectors (N, D), 0 on the diagonal and where all are the same up to round-off."""
    x = np.asarray(vectors, dtype=float)
    scale = np.abs(x).max()
    x = x - x.mean(0)  # less to cancel
    if not np.abs(x).max() > 1e-9 * scale:
        return np.zeros((len(x), len(x)))
    distances = np.sqrt(cross_distances(x, x))
    np.fill_diagonal(distances, 0)
    return distances


def silhouette(distances, labels, p):
    """Mean silhouette of the samples (Rousseeuw 1987).

    s_i = (b_i - a_i) / max(a_i, b_i), with a_i the mean distance to the other samples of the own class and b_i the
    smallest mean distance to the samples of another class; 0 for the only sample of a class. From -1 (each sample is
    nearer to another class) to 1 (tight, far apart). Chance is a little below 0, the more so the more classes there
    are, as b is a minimum over them: compare with the permutations, not with 0. In many dimensions all distances are
    alike and s is small even where classes separate perfectly; with templates, s compares labels across the distances
    between templates, so it can be below 0 for labels that a probe tells apart.

    Parameters
    ----------
    distances : array (N, N)
    labels : int array (B, N)
        From `label_permutations`.
    p : int
        Number of classes.

    Returns
    -------
    array (B,)
        NaN where all distances are 0 or fewer than two classes are there.
    """
    scale = np.max(distances)
    if not scale > 0:
        return np.full(len(labels), np.nan)
    found = []
    for own_class, onehot, sums in _class_sums(np.asarray(distances) / scale, labels, p):
        counts = onehot.sum(2)
        own = np.take_along_axis(counts, own_class, 1)
        inside = np.take_along_axis(sums, own_class[:, None], 1)[:, 0] / np.maximum(own - 1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(counts[:, :, None] > 0, sums / counts[:, :, None], np.inf)
            np.put_along_axis(means, own_class[:, None], np.inf, 1)
            outside = means.min(1)
            s = np.where(own > 1, np.nan_to_num((outside - inside) / np.maximum(inside, outside)), 0)
        found.append(np.where((counts > 0).sum(1) > 1, s.mean(1, dtype=float), np.nan))
    return np.concatenate(found)


def _class_sums(matrix, labels, p):
    """Sums of matrix (N, N) over the samples of each class: blocks of labels (b, N), one-hot labels, sums (b, p, N).

    Sum c of row i is Σ_j [label j = c] matrix[i, j]. In single precision.
    """
    n = len(matrix)
    transposed = np.ascontiguousarray(np.asarray(matrix).T, dtype=np.float32)
    step = max(1, BLOCK // (p * n))
    for start in range(0, len(labels), step):
        block = np.asarray(labels[start : start + step])
        onehot = (block[:, None] == np.arange(p)[:, None]).astype(np.float32)
        yield block, onehot, (onehot.reshape(-1, n) @ transposed).reshape(onehot.shape)


def neighbours_elsewhere(distances, classes, groups):
    """The k nearest neighbours of each sample that are not in its own group.

    Samples of one template or document share a context, and of one template no other sample has the same label: with
    them a purity would be about contexts, below chance for templates and above it for documents. Left out, it asks
    whether a label brings together samples of different contexts, and chance is the share of that label there.

    Parameters
    ----------
    distances : array (N, N)
    classes : int array (N,)
        k is 10, or how many samples of its own class the least lucky sample has in other groups, and 1 at least.
    groups : sequence of length N
        Where all are one group, every sample counts as its own.

    Returns
    -------
    int array (N, k)
        In no particular order. k is 0 for a single sample, or where all distances are 0.
    """
    classes = np.asarray(classes)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    if group.max() == 0:
        group = np.arange(len(group))
    elsewhere = group[:, None] != group
    alike = (elsewhere & (classes[:, None] == classes)).sum(1).min()
    k = min(NEIGHBOURS, max(1, alike), elsewhere.sum(1).min()) if np.max(distances) > 0 else 0
    allowed = np.where(elsewhere, distances, np.inf)
    return np.argpartition(allowed, max(k - 1, 0), axis=1)[:, :k]


def neighbour_purity(neighbours, labels):
    """Mean share of a sample's k nearest neighbours that have its label.

    From 0 to 1; chance is the mean of the null, 1/p for templates. It sees clusters of any shape, but nothing beyond
    them: a ring of labels and a simplex of labels score the same. Where templates differ more than labels do, the
    neighbours are those of the most similar template and purity stays near chance for labels that are plain within
    each; centre the templates first. A few points that are neighbours of very many (hubs, common in many dimensions)
    can decide it.

    Parameters
    ----------
    neighbours : int array (N, k)
        From `neighbours_elsewhere`.
    labels : int array (B, N)
        From `label_permutations`.

    Returns
    -------
    array (B,)
        NaN where k is 0.
    """
    if not neighbours.size:
        return np.full(len(labels), np.nan)
    step = max(1, BLOCK // neighbours.size)
    blocks = (labels[i : i + step] for i in range(0, len(labels), step))
    return np.concatenate([(b[:, neighbours] == b[:, :, None]).mean((1, 2)) for b in blocks])


def probe_accuracy(weights, labels, p):
    """Balanced accuracy of a linear probe on samples that it has not seen.

    For every fold: principal components fitted on the other folds, least squares with intercept of the one-hot labels
    on the first `components` of them; the class with the largest prediction is the answer. Accuracy is the mean over
    classes of the share of its samples that are found, so a class counts the same whatever its size, and chance is 1/p
    for any answer that does not look at the vectors. The components do not know the labels, so neither does the matrix
    (N × N) that takes labels to predictions, which is made once.

    It can be 1 in enough dimensions for labels that have no geometry but being different. A class in the middle of
    others on a line is masked by its neighbours (Hastie, Tibshirani and Friedman 2009, §4.2), and a rare class is
    seldom the answer, so a low accuracy does not say that the label is not there.

    Parameters
    ----------
    weights : array (N, N)
        From `probes.sample_weights`, whole documents or templates hidden together.
    labels : int array (B, N)
        From `label_permutations`.
    p : int
        Number of classes.

    Returns
    -------
    array (B,)
        NaN where the weights are not finite.
    """
    if not np.isfinite(weights).all():
        return np.full(len(labels), np.nan)
    found = []
    for truth, onehot, scores in _class_sums(weights, labels, p):
        found.append(_balanced(scores.argmax(1) == truth, onehot))
    return np.concatenate(found)


def balanced_accuracy(scores, classes):
    """Mean over the p classes of the share of their samples whose largest score (N, p) is that of their class."""
    onehot = (np.asarray(classes) == np.arange(scores.shape[1])[:, None]).astype(np.float32)
    return float(_balanced((scores.argmax(1) == classes)[None], onehot[None])[0])


def _balanced(hits, onehot):
    """Mean recall (b,) of the classes that are there: hits (b, N), onehot (b, p, N)."""
    counts = onehot.sum(2)
    recall = np.divide((onehot @ hits[:, :, None].astype(np.float32))[..., 0], counts,
                       out=np.zeros_like(counts), where=counts > 0)  # fmt: skip
    return recall.sum(1, dtype=float) / (counts > 0).sum(1)
