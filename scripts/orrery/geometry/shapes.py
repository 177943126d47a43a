"""Which hypothesised shape do the class means of an ordered set follow: distances and held-out predictions of each.

A shape is a matrix of squared distances (p, p). Circle, arc and line share the order of their labels, so evidence of
order supports all of them: their scores rank the shapes, and permuted labels give each score its null. Each label also
has a direction of its own, and its mean has an error: both add a part a_i + a_j to the squared distance of labels i and
j. U-centring (Székely and Rizzo 2014) removes that part from shape and means alike. The `simplex` consists of nothing
else, so it has no score; `simplex_share` is its effect size.
"""

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.bases import resolvable
from orrery.geometry.ordered import log_values
from orrery.geometry.places import embedded
from orrery.geometry.probes import held_out_baseline, quadratic_r2
from orrery.geometry.similarity import u_centre

ORDERED = ("circle", "line", "helix")  # topologies whose values are an order
DECIMAL = 10  # period of the helix
LONG = 20  # span of the values from which two turns of the helix fit
RING = 4  # groups on a circle; three are as far from each other as clusters are
DIMENSIONS = 10  # coordinates of a shape that are predicted
BLOCK = 1 << 21  # numbers of a permutation block in memory


def hypotheses(values, topology, *, period=None, parents=None, coordinates=None, target=None):
    """Squared distances of the labels on each shape that a set may have.

    Of values in an order (topologies circle, line and helix), all of these: `circle`, with the values as angles on a
    circle of that period, else the whole order once round with a step between the last and the first label; `arc`, half
    a circle; `line`; `log line`, where `ordered.log_values` exist; `helix`, a line and a circle of period ten with the
    same variance, for topologies other than circle whose values span 20 and resolve ten; `clusters`, ⌈√p⌉ groups of
    neighbours, all equally far apart; `ring of clusters`, the same groups on a circle, for four groups or more, as
    three are the same as clusters; `tree`, see below.

    Of every set: `tree`, siblings in one place where parents are known, else (ordered sets only) a balanced binary tree
    that halves the order again and again, each branch a direction of its own, so that squared distances are path
    lengths; `simplex`, all equally far; `map`, chords between the places where coordinates are known; `target`, the
    caller's.

    Groups and branches begin at the lowest value. Clusters that begin elsewhere score lower: pass them as parents. Two
    shapes with proportional distances (a map that is a line) score the same.

    Parameters
    ----------
    values : array (p,)
        They define the order; tied values keep the order of the labels.
    topology : str
        That of the set, as in its file.
    period : float or sequence of float, optional
        Of the values of a circle, or of each coordinate of a torus.
    parents : sequence (p,), optional
    coordinates : array (p, k), optional
        Used with the topologies plane, grid, sphere and torus, as `places.embedded` has them.
    target : array (p, p), optional
        Distances that the caller supposes, not squared.

    Returns
    -------
    dict of str → array (p, p)

    Raises
    ------
    OrreryError
        The target is no matrix of distances of these labels.
    """
    values = np.asarray(values, dtype=float)
    shapes = _of_order(values, topology, period) if topology in ORDERED and np.ptp(values) > 0 else {}
    if parents is not None:
        shapes["tree"] = (parents := np.asarray(parents))[:, None] != parents
    if coordinates is not None and topology in ("plane", "grid", "sphere", "torus"):
        shapes["map"] = _squared(embedded(coordinates, topology, period))
    if target is not None:
        shapes["target"] = _checked(target, len(values)) ** 2
    shapes["simplex"] = 1 - np.eye(len(values))
    return {name: np.asarray(squares, dtype=float) for name, squares in shapes.items()}


def distance_scores(means, shapes, orders):
    """How well each shape agrees with the distances of class means.

    The correlation of squared distances over all pairs of labels after U-centring of both, which is the unbiased linear
    CKA (Song et al. 2012) of means and shape, from -1 to 1 and 0 by chance. The best shape has the largest. It cannot
    show that no other shape fits as well: half a circle and a line have .93 with each other for seven labels, so a gap
    between two scores is evidence only if it is larger than that of resampled labels.

    Parameters
    ----------
    means : array (p, D)
        Of about as many samples each: errors that grow along the order are no shape, but make the scores of a line more
        variable than those of permuted labels (p ≤ .05 in .085 of sets of 12 labels with 4 to 44 samples).
    shapes : dict of str → array (p, p)
        From `hypotheses`.
    orders : int array (B, p)
        Which label's place in the shape each label is given; the true order first, from `permutations.linear_orders`.
        The cyclic orders are too few for open shapes, which a rotation changes.

    Returns
    -------
    array (B, number of shapes)
        NaN for a simplex, which no order of labels changes, for means that are all the same, and for fewer than five
        labels. Cost: B p²/2 products a shape.
    """
    orders, n, gram = np.asarray(orders), len(means), _gram(means)
    found = np.full((len(orders), len(shapes)), np.nan)
    if n < 5 or not np.isfinite(gram).all():
        return found
    first, second = np.triu_indices(n, 1)
    tables = np.stack([_unit(-squares / 2) for squares in shapes.values()], axis=2).reshape(n * n, -1)
    profile = 2 * _unit(gram)[first, second]
    step = max(1, BLOCK // (len(first) * tables.shape[1]))
    for i in range(0, len(orders), step):
        some = orders[i : i + step]
        found[i : i + step] = profile @ tables[some[:, first] * n + some[:, second]]
    return found


def prediction_score(weights, classes, folds, squares, orders):
    """How well a probe predicts a shape's coordinates: R² for labels that it never saw.

    At most 1, below 0 where the mean of the other labels does better, which is also chance. Coordinates come from
    classical scaling (Torgerson 1952), at most p/2 or ten, and equal eigenvalues are kept or dropped together. A part
    in which all labels are equally far from each other is removed first, as no probe can predict a hidden label's own
    direction. The R² ranks shapes badly: a line is one coordinate of an arc and the easier of the two, and most trees
    and helices rank below it. It shows that a shape can be decoded, not that it is the shape.

    Parameters
    ----------
    weights : array (N, p)
        From `probes.held_out_weights` or `probes.smoothed_weights`, whole labels hidden.
    classes : int array (N,)
    folds : int array (p,)
    squares : array (p, p)
        Squared distances of the shape, from `hypotheses`.
    orders : int array (B, p)
        As for `distance_scores`.

    Returns
    -------
    array (B,)
        NaN for a simplex and for means that are all the same.
    """
    orders, targets = np.asarray(orders), _kept(_scaled(squares))
    if not targets.shape[1] or not np.isfinite(weights).all():
        return np.full(len(orders), np.nan)
    baseline = held_out_baseline(classes, folds)
    found, step = np.empty(len(orders)), max(1, BLOCK // targets.size)
    for i in range(0, len(orders), step):
        found[i : i + step] = quadratic_r2(weights, baseline, classes, targets[orders[i : i + step]])
    return found


def shape_shares(means, shapes):
    """Share of the variance of class means that lies on each shape: the effect size of a ranking.

    Squared distances are modelled as b times those of the shape plus a_i + a_j, by least squares over the pairs: the
    share is b times the variance of the shape over that of the means. Directions of the labels' own and errors of the
    means are in a_i + a_j, so the expectation of a simplex and of noise is 0, unlike that of the first-harmonic share
    (2/(p - 1)). If the means are the shape and equal orthogonal directions of their own, it is exact. Shapes overlap:
    the shares do not sum to 1, and a wrong shape with more dimensions can have a larger share than the right one.

    Parameters
    ----------
    means : array (p, D)
    shapes : dict of str → array (p, p)

    Returns
    -------
    dict of str → float, from 0 to 1
        NaN as in `distance_scores`.
    """
    aligned = distance_scores(means, shapes, np.arange(len(means))[None])[0]
    gram = _gram(means)
    found = {}
    for r, (name, squares) in zip(aligned, shapes.items()):
        shape = _scaled(squares)
        own = np.linalg.norm(u_centre(gram)) * (shape**2).sum() / max(np.linalg.norm(u_centre(shape @ shape.T)), 1e-300)
        found[name] = float(np.clip(r * own / gram.trace(), 0, 1)) if np.isfinite(r) else np.nan
    return found


def simplex_share(means, shapes):
    """Share of the variance of class means that the best of the shapes leaves to the labels' own directions.

    1 less the `shape_shares` of the shape whose distances agree best. 1 is a regular simplex, 0 the pure shape. Labels
    are told as a simplex where the share is near 1 and no shape has a small p. It does not tell a simplex from noise
    or from a shape that is not among the hypotheses: all three leave their variance unexplained.

    Parameters
    ----------
    means : array (p, D)
    shapes : dict of str → array (p, p)

    Returns
    -------
    float, from 0 to 1
        NaN where no shape has a score; 1 where all correlations are 0 or below.
    """
    aligned = distance_scores(means, shapes, np.arange(len(means))[None])[0]
    if np.isnan(aligned).all():
        return np.nan
    return 1 - list(shape_shares(means, shapes).values())[np.nanargmax(aligned)]


def _of_order(values, topology, period):
    """The shapes of values in an order."""
    p, span = len(values), np.ptp(values)
    along = (values - values.min()) / span
    angles = 2 * np.pi * (values / period if topology == "circle" and period else along * (p - 1) / p)
    logs = log_values(values)
    shapes = {"circle": _squared(_circle(angles)), "arc": _squared(_circle(np.pi * along)), "line": _squared(along)}
    if logs is not None:
        shapes["log line"] = _squared(logs)
    if topology != "circle" and span >= LONG and resolvable(values, [DECIMAL]):
        turns = _circle(2 * np.pi * values / DECIMAL)
        turns = turns - turns.mean(0)
        shapes["helix"] = _squared(along / along.std()) + _squared(turns / np.sqrt((turns**2).sum(1).mean()))
    place = np.empty(p, dtype=int)
    place[np.argsort(values, kind="stable")] = np.arange(p)
    groups = int(np.ceil(np.sqrt(p)))
    group = np.repeat(np.arange(groups), [len(part) for part in np.array_split(np.arange(p), groups)])[place]
    shapes["clusters"] = group[:, None] != group
    if groups >= RING:
        shapes["ring of clusters"] = _squared(_circle(2 * np.pi * group / groups))
    shapes["tree"] = 2.0 * _levels(p)[np.ix_(place, place)]
    return shapes


def _levels(p):
    """Levels (p, p) up to the common ancestor of leaves in a balanced binary tree over 0 … p - 1."""
    halves, found = [np.arange(p)], np.zeros((p, p))
    while max(map(len, halves)) > 1:
        halves = [half for part in halves for half in (part[: (len(part) + 1) // 2], part[(len(part) + 1) // 2 :])]
        member = np.zeros(p, dtype=int)
        for i, half in enumerate(halves):
            member[half] = i
        found += member[:, None] != member
    return found


def _scaled(squares):
    """Coordinates (p, k) of squared distances less what is equal for all pairs, by classical scaling."""
    p = len(squares)
    centre = np.eye(p) - 1 / p
    variances, axes = np.linalg.eigh(-centre @ squares @ centre / 2 + np.abs(squares).sum() / p**2)  # the mean is last
    variances, axes = variances[-2::-1], axes[:, -2::-1]
    variances = variances - max(variances[-1], 0)
    kept = variances > 1e-9 * np.abs(squares).max()
    return axes[:, kept] * np.sqrt(variances[kept])


def _kept(coordinates):
    """The leading coordinates, at most p/2 or ten, without those that equal the first one that is dropped."""
    most = min(len(coordinates) // 2, DIMENSIONS)
    variances = (coordinates**2).sum(0)
    if len(variances) <= most:
        return coordinates
    before = variances[:most] > variances[most] * (1 + 1e-6)
    return coordinates[:, :most][:, before] if before.any() else coordinates


def _gram(means):
    """Of centred means (p, D); NaN where they are the same up to round-off."""
    means = np.asarray(means, dtype=float)
    if not np.ptp(means, axis=0).max(initial=0) > 1e-9 * np.abs(means).max(initial=0):
        return np.full((len(means),) * 2, np.nan)
    centred = means - means.mean(0)
    return centred @ centred.T


def _unit(gram):
    """U-centred, of length 1; NaN where nothing but round-off is left."""
    left = u_centre(gram)
    length = np.linalg.norm(left)
    return left / (length if length > 1e-9 * np.linalg.norm(gram) else np.nan)


def _circle(angles):
    return np.c_[np.cos(angles), np.sin(angles)]


def _squared(points):
    """Squared distances (p, p) of points (p,) or (p, k)."""
    points = points.reshape(len(points), -1)
    return ((points[:, None] - points) ** 2).sum(2)


def _checked(target, p):
    target = np.asarray(target, dtype=float)
    if target.shape != (p, p):
        raise OrreryError(f"the target distances are {' × '.join(map(str, target.shape))} numbers, not {p} × {p}.")
    if not (np.isfinite(target).all() and (target >= 0).all() and np.allclose(target, target.T)):
        raise OrreryError("target distances are finite, not negative, and the same from i to j as from j to i.")
    if np.diag(target).any():
        raise OrreryError("the target distance of a label from itself is 0; write distances, not similarities.")
    return target
