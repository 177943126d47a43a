"""Do vectors know where labels lie, or only the region that each lies in?

Vectors that know nothing but the region (one direction a region, in any arrangement) predict places well: the region's
mean place is most of a place. Two questions tell a map from regions. Are places predicted for a region that the probe
never saw? And does a label lie, within its region, where the probe puts it?
"""

from functools import cache
from itertools import permutations, product
from math import factorial, prod

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.probes import held_out_baseline, quadratic_r2

FEWEST, MOST = 3, 10  # regions of a map
ENUMERATE = 720  # orders of six regions


def regions_from_distances(apart, least=2, count=None):
    """Regions of labels that lie near each other: average linkage (Sokal and Michener 1958), cut into a few regions.

    A region of fewer than `least` labels joins the region at the least mean distance. Where that leaves fewer regions
    than wanted, the tree is cut lower. The same distances give the same regions; no random numbers are used.

    Parameters
    ----------
    apart : array (p, p)
        Distances of the places in any unit, or of the label means.
    least : int
        Labels of a region at least. A region of one label has no order of its own.
    count : int, optional
        Regions that are wanted; √p by default, from 3 to 10. There are never more than p // least (two for four or five
        labels, one for fewer), and fewer than wanted where small regions have to join at every cut.

    Returns
    -------
    int array (p,)
        From 0, numbered in the order of their first labels.

    Notes
    -----
    Regions of a map are no more than a guess at what the vectors may know. Where the vectors' own regions overlap on
    the map or are finer, a test within the map's regions takes them for a map: `clearest_regions` of the vectors'
    distances is the guard.
    """
    apart = np.asarray(apart, dtype=float)
    p = len(apart)
    wanted = min(int(np.clip(round(p**0.5), FEWEST, MOST)) if count is None else count, p // least)
    return _cut(_cutter(apart, least), wanted, apart, least)


def clearest_regions(apart, least=2):
    """The regions of labels that stand out most: of 3 to p // least regions those with the largest mean silhouette.

    Where these are fewer than p // 4, the tree is cut into p // 4: regions that are too fine cost power, regions that
    are too coarse make false maps.

    For distances of label means, not of places: under "vectors know only the region" these regions are those of the
    vectors, whatever the map looks like. They are made without the places, so places may still be exchanged within
    them.

    Parameters
    ----------
    apart : array (p, p)
    least : int

    Returns
    -------
    int array (p,)
        As `regions_from_distances`.

    Notes
    -----
    Silhouette: Rousseeuw 1987. It finds no regions that differ by less than the labels in them.
    """
    apart = np.asarray(apart, dtype=float)
    p, best, cutter = len(apart), -np.inf, _cutter(apart, least)
    fine = chosen = _cut(cutter, min(max(FEWEST, p // 4), p // least), apart, least)
    for count in range(FEWEST, p // least + 1):
        regions = _cut(cutter, count, apart, least)
        width = _silhouette(apart, regions) if regions.max() else -np.inf
        if width > best + 1e-9:
            chosen, best = regions, width
        if regions.max() + 1 < count:  # nor are there more
            break
    return chosen if chosen.max() > fine.max() else fine


def within_region_orders(regions, count, seed, enumerated=True):
    """Orders of places that keep every place in its region: the null of vectors that know only the region.

    Parameters
    ----------
    regions : int array (p,)
    count : int
    seed : int
    enumerated : bool
        Whether all orders are taken where there are few. Layers with regions of their own need equally many instead.

    Returns
    -------
    (orders, exact) : int array (B, p) and bool
        `orders[b, c]` is the label whose place label c is given; the true order first. All of them where there are at
        most 1 + `count` and they are `enumerated`, else the true one and `count` random ones.
    """
    regions = np.asarray(regions)
    members = [np.flatnonzero(regions == region) for region in np.unique(regions)]
    if enumerated and prod(factorial(len(some)) for some in members) <= 1 + count:
        chosen = [np.concatenate(one) for one in product(*(permutations(some) for some in members))]
        orders = np.empty((len(chosen), len(regions)), dtype=int)
        orders[:, np.concatenate(members)] = chosen
        return orders, True
    orders = np.tile(np.arange(len(regions)), (1 + count, 1))
    rng = np.random.default_rng(seed)
    for some in members:
        orders[1:, some] = rng.permuted(orders[1:, some], axis=1)
    return orders, False


def region_orders(regions, count, seed):
    """Orders of whole regions, for `left_out_region_r2`: the true one first, all k! for at most six regions.

    Three regions have six orders and four have 24: p cannot be less than 1/6 and 1/24.

    Returns
    -------
    (orders, exact) : int array (B, k) and bool
        `orders[b, r]` is the region whose centre region r is given. Else the true order and `count` random ones.
    """
    k = len(np.unique(regions))
    if factorial(k) <= max(ENUMERATE, 1 + count):
        return np.array(list(permutations(range(k)))), True
    orders = np.tile(np.arange(k), (1 + count, 1))
    orders[1:] = np.random.default_rng(seed).permuted(orders[1:], axis=1)
    return orders, False


def left_out_region_r2(weights, targets, classes, regions, orders):
    """1 - SS_res/SS_tot of places in regions that a probe never saw, summed over the coordinates.

    SS_tot is about the mean of the training labels, so 0 is what a probe reaches that knows nothing of the hidden
    region. The mean of all places would not be fair: it holds the hidden places, and a hidden region lies farther from
    the mean of the others than from that of all.

    The null gives regions the centres of other regions; how labels lie about their centre stays. It is exact where the
    vectors' regions are these and exchangeable, as those of a simplex are. Regions cut from a map divide overlapping
    ones of the vectors, so that they are seen in training: p is at most .05 in .40, .79 and .32 of simulated sets of 4,
    6 and 10 overlapping regions, in .03 to .05 where the true regions are given. So R² above 0 is asked for beside
    `within_region_r2` with the vectors' regions, and decides nothing alone. Orders of single labels are no null here:
    they break the regions of the targets, and vectors that know only the region beat them in .8 of simulated runs.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights` with `folds=regions`.
    targets : array (p, q)
        From `places.embedded`.
    classes : int array (N,)
    regions : int array (p,)
        From 0 to k - 1.
    orders : int array (B, k)
        From `region_orders`.

    Returns
    -------
    array (B,)
        At most 1. Below 0 where nothing is known, as predictions scatter about the training mean: -.2 to -.3 on average
        for a simplex of 4 to 10 regions, yet above 0 in a quarter of such sets. NaN with one region, or where places
        are all the same.

    Notes
    -----
    It cannot show that places within a region are known, nor tell a map of regions from one of labels. Regions that the
    hidden one only neighbours by an arbitrary cut of the map are known from the rest of it: vectors' regions that the
    cut divides raise it. It asks for a map that continues beyond the labels seen, so a strongly bent one fails.
    """
    targets, regions = np.asarray(targets, dtype=float), np.asarray(regions)
    counts = np.bincount(regions)
    if len(counts) < 2:
        return np.full(len(orders), np.nan)
    onehot = np.eye(len(counts))[regions]
    centres = onehot.T @ targets / counts[:, None]
    moved = centres[orders][:, regions] + (targets - centres[regions])
    return quadratic_r2(weights, held_out_baseline(classes, regions), classes, moved)


def within_region_r2(weights, targets, classes, regions, orders):
    """How much of where labels lie within their regions is predicted: the signed squared correlation r·|r|.

    A probe of all places predicts hidden labels. Predictions are averaged over the samples of a label, and the mean of
    its region's labels is taken away from both predictions and places; r is the correlation of what is left, over all
    labels and coordinates (the cosine of the two arrays). r² is 1 - SS_res/SS_tot after the best common scale, so that
    shrinkage and a wrong mean of a region cost nothing. Vectors without region means predict worse, as the map's
    directions are seen best between regions: weak bent maps of 24, 48 and 40 labels are found in .28, .62 and .58 of
    simulated runs with all of the vectors, in .10, .13 and .18 without region means.

    The null exchanges places within regions. It is exact for vectors that know the region and nothing of the place
    within it, in any arrangement of the regions, and also for regions made from the vectors.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights`, folds of labels hidden together.
    targets : array (p, q)
        From `places.embedded`.
    classes : int array (N,)
    regions : int array (p,)
        From `regions_from_distances` of the map or `clearest_regions` of the vectors.
    orders : int array (B, p)
        From `within_region_orders`.

    Returns
    -------
    array (B,)
        From -1 to 1. By chance about 0. NaN where all places of a region are the same or the predictions within regions
        are.

    Raises
    ------
    OrreryError
        If an order moves a place into another region.

    Notes
    -----
    It cannot show that regions lie as on the map; a feature that places follow within regions (size along a coast) does
    as well. Where the vectors know finer regions than those given, the null does not hold.
    """
    regions, orders = np.asarray(regions), np.asarray(orders)
    if (regions[orders] != regions).any():
        raise OrreryError("an order of the places within regions moves a place into another region.")
    targets = np.asarray(targets, dtype=float)
    targets = targets - targets.mean(0)
    onehot = np.eye(regions.max() + 1)[regions]
    within = np.eye(len(regions)) - onehot @ (onehot / np.maximum(onehot.sum(0), 1)).T
    labels = np.eye(len(regions))[classes]
    predict = within @ (labels.T @ weights / labels.sum(0)[:, None])  # rows sum to 0
    around = within @ targets
    moved = np.moveaxis(targets[orders], 2, 1)  # (B, q, p)
    common = (np.moveaxis(around[orders], 2, 1) * (moved @ predict.T)).sum((1, 2))
    size = ((moved @ predict.T) ** 2).sum((1, 2)) * (around**2).sum()
    least = 1e-20 * (targets**2).sum() ** 2
    r = common / np.sqrt(size, out=np.full_like(size, np.nan), where=size > least)
    return r * np.abs(r)


def _cutter(apart, least):
    """A function: number of branches of the tree of average linkage to the regions (p,) made of them."""
    from scipy.cluster.hierarchy import average, cut_tree
    from scipy.spatial.distance import squareform

    if len(apart) < 2:
        return lambda number: np.zeros(len(apart), dtype=int)
    tree = average(squareform((apart + apart.T) / 2, checks=False))
    branches = cut_tree(tree)[:, ::-1]
    return cache(lambda number: _joined(branches[:, number - 1], apart, least))


def _cut(cutter, wanted, apart, least):
    """The regions (p,) of the highest cut that gives as many as wanted, else the most that any cut gives."""
    best = np.zeros(len(apart), dtype=int)
    if wanted < 2:
        return best
    for number in range(wanted, len(apart) + 1):
        regions = cutter(number)
        if regions.max() > best.max():
            best = regions
        if best.max() + 1 >= wanted:
            return best
    return best if best.max() else _halves(apart, least)


def _halves(apart, least):
    """Two regions (p,) of `least` labels at least, cut at the widest gap between the two labels farthest apart."""
    one, other = np.unravel_index(apart.argmax(), apart.shape)
    order = np.argsort(apart[one] - apart[other], kind="stable")
    along = (apart[one] - apart[other])[order]
    cut = least + np.diff(along)[least - 1 : len(order) - least].argmax()
    second = np.isin(np.arange(len(order)), order[cut:])
    return (second ^ second[0]).astype(int)


def _joined(branches, apart, least):
    """Regions (p,) of `least` labels at least, numbered by their first labels: small branches join the nearest."""
    onehot = np.eye(branches.max() + 1)[branches]
    counts, sums, into = onehot.sum(0), onehot.T @ apart @ onehot, np.arange(onehot.shape[1])
    left = np.ones(len(into), dtype=bool)
    while left.sum() > 1 and counts[left].min() < least:
        small = np.where(left, counts, np.inf).argmin()
        left[small] = False
        nearest = np.where(left, sums[small] / counts, np.inf).argmin()
        sums[nearest] += sums[small]
        sums[:, nearest] += sums[:, small]
        counts[nearest] += counts[small]
        into[into == small] = nearest
    regions = np.unique(into[branches], return_inverse=True)[1]
    first = np.unique(regions, return_index=True)[1]
    return np.argsort(np.argsort(first))[regions]


def _silhouette(apart, regions):
    """Mean of (b - a)/max(a, b): a the mean distance of a label to its own region, b to the nearest other region."""
    onehot = np.eye(regions.max() + 1)[regions]
    counts, sums, each = onehot.sum(0), apart @ onehot, np.arange(len(regions))
    own = sums[each, regions] / np.maximum(counts[regions] - 1, 1)
    others = sums / counts
    others[each, regions] = np.inf
    nearest = others.min(1)
    longer = np.maximum(own, nearest)
    return np.divide(nearest - own, longer, out=np.zeros(len(own)), where=longer > 0).mean()
