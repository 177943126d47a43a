"""Which closed or open curve do the distances of class means follow, and how far is it from closing?

Distances of class means hold more than a curve: each label has a direction of its own, some longer than others, and
the means have errors. Both add a part a_i + a_j to the squared distance of labels i and j. So squared distances are
compared after the best such part was taken out of them (U-centring, Székely and Rizzo 2014): what is left of the
comparison is the unbiased linear CKA of the means with the curve, and a regular simplex has nothing left.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

MOST = 60  # labels whose distances are compared; of more, so many in equal steps
TURNS = np.linspace(0.05, 0.975, 38)  # of an arc, in units of the whole turn that the labels' angles make
ASPECTS = (1, 0.85, 0.7, 0.6, 0.5, 0.4, 0.33, 0.25, 0.15, 0)
GROWTHS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3)  # of a spiral's radius over one turn, in units of its start
OPEN = 0.8  # residual of an open curve, as a share of that of a closed one, below which it fits better
SPIRAL = 0.5  # … of a spiral


class Curve(NamedTuple):
    """The curve that fits best.

    gap: steps from the last label to the first, 1 on a closed curve, at most as many as there are labels. aspect:
    short over long axis of the best closed curve, 0 where the labels go to and fro on one line. closed, arc,
    spiral: correlations with the best curve of each kind. growth: of the radius over one turn of a spiral, 0 where
    it fits no better than a closed curve.
    """

    gap: float
    aspect: float
    closed: float
    arc: float
    spiral: float
    growth: float


def best_curve(means, angles):
    """The closed curve, arc or spiral whose squared distances are most like those of class means.

    Closed curves are ellipses with axes from 1:1 to a flat one, arcs turn by .05 to .975 of the whole and are cut
    at any label, spirals make one turn while their radius grows by a quarter to threefold, inwards or outwards from
    any label. The labels stand on each at their angles, an arc's shortened. An arc is taken for the better curve
    only where it leaves less than .8 of the variance that the best closed one leaves, a spiral less than .5: noise
    alone gives the richer curves a few per cent.

    The smallest arc that passes as closed (a gap below two steps: fewer labels could be missing than one) turns by
    360° (p - 1)/(p + 1): 270° for seven labels, 305° for twelve. With as much of the labels' variance in directions
    of their own as in the ring, seven labels on a circle have a gap below 2 in .95 of simulations, on an arc of
    225° in .05, of 270° in about .5.

    One feature that rises and falls, and two halves of the order, have a flat closed curve: an aspect below .2 in
    .9 of simulations or more, as long as directions of the labels' own hold no more variance than the curve; an
    ellipse of 3:1 has one of .33 ± .08.

    Parameters
    ----------
    means : array (p, D)
    angles : array (p,)
        Of the labels, in radians, in any order.

    Returns
    -------
    Curve
        NaN where the means are all the same or fewer than five.
    """
    means, angles = np.asarray(means, dtype=float), np.asarray(angles, dtype=float) % (2 * np.pi)
    order = np.argsort(angles, kind="stable")
    steps = np.diff(np.append(angles[order], angles[order[0]] + 2 * np.pi))
    if len(order) > MOST:
        order = order[np.unique(np.linspace(0, len(order) - 1, MOST).astype(int))]
    profile = pair_profile(means[order])
    if profile is None:
        return Curve(*[np.nan] * 6)
    closed, aspects, arcs, gaps, spirals, growths = _curves(tuple(np.round(angles[order], 9)))
    fits = [shapes @ profile for shapes in (closed, arcs, spirals)]
    best = [fit.argmax() for fit in fits]
    r = [float(fit[i]) for fit, i in zip(fits, best)]
    left = [1 - max(value, 0) ** 2 for value in r]
    is_open, is_spiral = left[1] < OPEN * left[0], left[2] < SPIRAL * left[0]
    gap = min(gaps[best[1]] if is_open else steps.max() / max(np.median(steps), 1e-9), len(order))
    return Curve(gap, aspects[best[0]], *r, growths[best[2]] if is_spiral else 0.0)


def pair_profile(means):
    """Squared distances of all pairs of class means (p, D), U-centred, as a vector of length 1.

    None for fewer than five means, or where they are all the same or equally far from each other.
    """
    means = np.asarray(means, dtype=float)
    p = len(means)
    if p < 5 or not np.isfinite(means).all() or not np.ptp(means, axis=0).max() > 1e-9 * np.abs(means).max():
        return None
    centred = means - means.mean(0)
    gram = centred @ centred.T
    squares = np.diag(gram)
    distances = (squares[:, None] + squares - 2 * gram)[np.triu_indices(p, 1)]
    return unit_profiles(distances[None], p)[0]


def seam_closeness(means, angles):
    """How close the labels on either side of the last and the first are, as a share of how close they are elsewhere.

    The squared distance of a pair is a_i + a_j - k(lag) where both labels are on one side of the seam, and a_i + a_j -
    s k(lag) where the shorter way from one to the other crosses it. The lag is counted the shorter way round; k is what
    labels share with those near them, 0 for pairs far apart. Both are least-squares fits: k beside free values for the
    pairs across, then s.
    A ring has 1, with a scatter of .25 to .35 where the labels' own directions hold as much variance as the ring. A
    chain, in which labels share something with the next ones and the last nothing with the first, has 0 ± .3 in 64
    dimensions and 0 ± .1 in 512. An arc of 270° has .4 with 7 labels and .2 with 12; a random walk is below 0.

    Parameters
    ----------
    means : array (p, D)
    angles : array (p,)
        Of the labels, in radians; the last label is the one with the largest.

    Returns
    -------
    float
        NaN where the means are all the same or fewer than five, or labels share nothing with those near them.
    """
    order = np.argsort(np.asarray(angles, dtype=float) % (2 * np.pi), kind="stable")
    p, profile = len(order), pair_profile(np.asarray(means)[order])
    if profile is None:
        return float("nan")
    near, across = _lags(p)
    shared = np.maximum(-np.linalg.lstsq(np.c_[near, across], profile, rcond=None)[0][: near.shape[1]], 0)
    shared = np.minimum.accumulate(shared)  # those further apart share no more
    if not shared.any():
        return float("nan")
    elsewhere, seam = -np.linalg.lstsq(np.c_[near @ shared, across @ shared], profile, rcond=None)[0]
    return float(seam / elsewhere) if elsewhere > 0 else float("nan")


@cache
def _lags(p):
    """Which pairs (p(p-1)/2, m) are 1, 2, … apart on one side of the seam, and which across it, both U-centred."""
    first, second = np.triu_indices(p, 1)
    lags, q = np.arange(1, max(2, (p - 1) // 2)), _additive(p)
    pairs = [(apart[:, None] == lags).astype(float) for apart in (second - first, p - (second - first))]
    return [one - q @ (q.T @ one) for one in pairs]


def unit_profiles(distances, p):
    """Rows (m, p(p-1)/2) of squared distances of pairs i < j less their best a_i + a_j, each of length 1.

    NaN for rows of which nothing is left.
    """
    q = _additive(p)
    left = distances - (distances @ q) @ q.T
    length = np.linalg.norm(left, axis=1, keepdims=True)
    return left / np.where(length > 1e-9 * np.linalg.norm(distances, axis=1, keepdims=True), length, np.nan)


@cache
def _additive(p):
    """Orthonormal basis (p(p-1)/2, p) of what is a_i + a_j."""
    first, second = np.triu_indices(p, 1)
    basis = np.zeros((len(first), p))
    basis[np.arange(len(first)), first] = basis[np.arange(len(first)), second] = 1
    return np.linalg.qr(basis)[0]


@cache
def _curves(angles):
    """Profiles of closed curves with their aspects, of arcs with their gaps in steps, of spirals with their growth."""
    t, p = np.array(angles), len(angles)
    closed, aspects = [], []
    for aspect in ASPECTS:
        turns = np.arange(2 * p) * np.pi / (2 * p) if aspect < 1 else (0,)
        closed += [np.c_[np.cos(t - turn), aspect * np.sin(t - turn)] for turn in turns]
        aspects += [aspect] * len(turns)
    arcs, gaps, spirals, growths = [], [], [], []
    for cut in range(p):
        along = (t - t[cut]) % (2 * np.pi)
        span = along.max()
        arcs += [np.c_[np.cos(turn * along), np.sin(turn * along)] for turn in TURNS]
        gaps += [(2 * np.pi - turn * span) / (turn * span / (p - 1)) for turn in TURNS]
        for growth in GROWTHS:
            for part in (along / span, 1 - along / span):
                spirals.append((1 + growth * part)[:, None] * np.c_[np.cos(along), np.sin(along)])
                growths.append(growth)
    return _profiles(closed), np.array(aspects), _profiles(arcs), np.array(gaps), _profiles(spirals), np.array(growths)


def _profiles(points):
    first, second = np.triu_indices(len(points[0]), 1)
    distances = np.stack([((x[first] - x[second]) ** 2).sum(1) for x in points])
    return np.nan_to_num(unit_profiles(distances, len(points[0])))
