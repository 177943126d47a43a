"""Which samples can stand for each other: documents that repeat or hold several labels, and templates of all labels."""

import numpy as np

UNEVEN = 1.5  # samples of the most frequent label for each of the rarest that tests of an order take
CROSSED = 0.9  # share of pairs of label and group that there are, from which groups are templates


def joined(groups, texts):
    """Groups (N,) of samples, where those in which the same text stands are one group.

    A text that stands in several documents (boilerplate, mirrors) is one observation, so its documents are no
    independent ones.

    Parameters
    ----------
    groups : int array (N,)
    texts : sequence of str of length N

    Returns
    -------
    int array (N,), from 0 on
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, text = np.unique(np.asarray(texts), return_inverse=True)
    n_groups, n_texts = groups.max(initial=-1) + 1, text.max(initial=-1) + 1
    size = n_groups + n_texts
    links = coo_array((np.ones(len(groups)), (groups, n_groups + text)), shape=(size, size))
    return np.unique(connected_components(links, directed=False)[1][groups], return_inverse=True)[1]


def crossed(classes, groups):
    """Whether groups may be templates: nearly all of them hold nearly all classes.

    Where more than a tenth of the pairs is missing, the mean of a group is no longer the same for all classes: taken
    away, it would make an order of classes that share groups, or hide one.

    Parameters
    ----------
    classes, groups : int arrays (N,), from 0 on

    Returns
    -------
    bool
    """
    held = _held(classes, groups)
    return bool(held.shape[1] > 1 and (held > 0).mean() >= CROSSED and (held > 0).sum(1).min() > 1)


def holds_several(classes, groups):
    """Whether a group holds samples of two classes or more: int arrays (N,), from 0 on."""
    return bool((_held(classes, groups) > 0).sum(1).max(initial=0) > 1)


def without_common_direction(vectors):
    """Vectors (N, D) of length 1 less their component along the direction of their mean.

    The mean of vectors of length 1 is the shorter the more they scatter. So labels that differ in scatter have means
    that differ along the common direction, and a scatter that grows along the labels would be an order: of 12 labels
    whose scatter grows fourfold and whose centres are random, .9 of simulated sets are in order without this and .07
    with it. Lengths say nothing after scaling, so what is lost is of second order.
    """
    mean = vectors.mean(0)
    length = np.linalg.norm(mean)
    return vectors - np.outer(vectors @ mean, mean) / length**2 if length > 1e-9 else vectors


def without_template_effects(vectors, groups):
    """Vectors (N, D) less the mean of their template, each template's remainder brought to the same mean square.

    What a template adds to all labels, and how strongly it tells them apart, says nothing about the labels.
    """
    counts = np.bincount(groups)[:, None]
    x = vectors - (_sums(vectors, groups) / counts)[groups]
    squares = np.bincount(groups, (x**2).sum(1))[:, None] / counts
    scale = np.sqrt(squares / max(squares.mean(), 1e-300))
    return x / np.where(scale > 1e-6, scale, 1)[groups]


def document_of_each_label(classes, groups, n_classes, seed):
    """Samples such that no group holds two classes, as many groups of each class as can be.

    The largest number m is found for which every class can have m groups of its own (maximum bipartite matching); the
    groups that are left go to the class that has the fewest samples.

    Parameters
    ----------
    classes, groups : int arrays (N,)
    n_classes : int
    seed : int

    Returns
    -------
    int array (n,), sorted, or None
        None where the groups are too few for every class to have one.
    """
    held = _held(classes, groups, n_classes)
    mixed = (held > 0).sum(1) > 1
    if not mixed.any():
        return np.arange(len(classes))
    chosen = np.where(mixed, -1, held.argmax(1))
    pure = np.bincount(chosen[~mixed], minlength=n_classes)
    matched, m = None, 1
    while (found := _matching(held, mixed, np.maximum(m - pure, 0))) is not None:
        matched, m = found, m + 1
        if m > len(held):
            break
    if matched is None:
        return None
    chosen[matched[:, 0]] = matched[:, 1]
    kept = np.bincount(chosen[chosen >= 0], held[chosen >= 0, chosen[chosen >= 0]], minlength=n_classes)
    for group in np.random.default_rng(seed).permutation(np.flatnonzero(chosen < 0)):
        there = np.flatnonzero(held[group])
        chosen[group] = there[np.argmin(kept[there])]
        kept[chosen[group]] += held[group, chosen[group]]
    return np.flatnonzero(chosen[groups] == classes)


def balanced(classes, n_classes, seed):
    """Indices, sorted, of samples of each class, at most 1.5 times as many as of the rarest; drawn with the seed."""
    counts = np.bincount(classes, minlength=n_classes)
    most = max(1, int(UNEVEN * counts.min()))
    if counts.max() <= most:
        return np.arange(len(classes))
    order = np.random.default_rng(seed).permutation(len(classes))
    return np.sort(np.concatenate([order[classes[order] == c][:most] for c in range(n_classes)]))


def _held(classes, groups, n_classes=None):
    """How many samples of each class each group holds: (G, p)."""
    held = np.zeros((groups.max(initial=-1) + 1, n_classes or classes.max(initial=-1) + 1), dtype=int)
    np.add.at(held, (groups, classes), 1)
    return held


def _matching(held, mixed, wanted):
    """Pairs (group, class) that give each class its wanted number of mixed groups, or None."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    slots = np.repeat(np.arange(len(wanted)), wanted)
    if not len(slots):
        return np.zeros((0, 2), dtype=int)
    members = np.flatnonzero(mixed)
    match = maximum_bipartite_matching(csr_array(held[members][:, slots].T > 0), perm_type="column")
    return None if (match < 0).any() else np.c_[members[match], slots]


def _sums(vectors, groups):
    order = np.argsort(groups, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(groups[order])) + 1]
    return np.add.reduceat(vectors[order], starts, axis=0)
