"""How class means lie along the order of their labels: turns, path length and harmonics.

Sequences of labels are int arrays (B, p) as `ordered.step_ratio` takes them: `sequences[b, i]` is the i-th label, the
`argsort` of the places that `permutations.linear_orders` and `cyclic_orders` give.
"""

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.bases import principal_coordinates

PLANE = 2  # leading principal coordinates of the means
BLOCK = 1 << 21  # numbers of a permutation block in memory


def turning_angle(means, closed, sequences=None, components=PLANE):
    """Mean angle between successive steps along the labels, in radians.

    0 on a line, 2π/p on a regular polygon (closed), φ/(p - 1) on an arc of φ; low is smooth. It is the discrete
    curvature of Hénaff, Goris and Simoncelli (2019). Its mean over all sequences of any points is exactly 2π/3 (120°),
    as the angles of each triangle sum to π. In all dimensions a regular simplex has it for every sequence.

    It needs no fit and is local: it does not show that a curve closes or has no folds elsewhere. Directions of the
    labels' own and errors of the means do not shrink with the distance of neighbours and turn every step towards 2π/3:
    in all dimensions, 12 labels on a line with half as much variance of their own have 2.04, more than most of their
    permutations. So angles are taken in the plane of the two leading principal coordinates (1.56; p ≤ .05 in .62 of
    sets, a circle in all). The plane knows no order, so permuted sequences are its null. It flattens a curve in space.

    Parameters
    ----------
    means : array (p, D)
    closed : bool
        The last label is followed by the first.
    sequences : int array (B, p), optional
        The true sequence first; by default the means' own order alone.
    components : int or None
        Leading principal coordinates; None for all dimensions.

    Returns
    -------
    array (B,), from 0 to π
        Steps of length 0 have no direction and are left out. NaN where no two successive steps are left, or for fewer
        than three labels.
    """
    squares, sequences = _prepared(means, sequences, components)
    found = np.full(len(sequences), np.nan)
    if len(squares) < 3:
        return found
    turns = len(squares) if closed else len(squares) - 2
    step = max(1, BLOCK // len(squares))
    for i in range(0, len(sequences), step):
        a, b, c = (np.roll(sequences[i : i + step], -k, axis=1)[:, :turns] for k in range(3))
        before, after = squares[a, b], squares[b, c]
        scale = 2 * np.sqrt(before * after)
        defined = scale > 0
        cosine = np.divide(squares[a, c] - before - after, scale, out=np.zeros_like(scale), where=defined)
        angles = np.where(defined, np.arccos(np.clip(cosine, -1, 1)), 0).sum(1)
        np.divide(angles, defined.sum(1), out=found[i : i + step], where=defined.any(1))
    return found


def tortuosity(means, closed, sequences=None, components=PLANE):
    """Length of the path along the labels over the distance of its ends: the arc-chord ratio, 1 on a line.

    The distance metric of Bullitt, Gerig, Pizer, Lin and Aylward (2003) for an open path. The ends of a closed one are
    the same, so each stretch of h = ⌊p/2⌋ steps takes its place: h times the mean step over the mean distance of labels
    that are h steps apart. That is h sin(π/p)/sin(πh/p) for a regular polygon, which tends to π/2. Low is smooth. A
    regular simplex in all dimensions has p - 1 (open) or h (closed) for every sequence.

    Directions of the labels' own and errors of the means lengthen steps more than chords (see `turning_angle`). The
    value of an open path depends on the distance of two labels: it is small where an end is an outlier and large where
    the path returns. That of a closed one is low for any path whose opposite labels are far apart.

    Parameters
    ----------
    means, closed, sequences, components
        As `turning_angle`.

    Returns
    -------
    array (B,), at least 1
        NaN where the ends (closed: all labels h steps apart) are in one place, or for fewer than three labels.
    """
    squares, sequences = _prepared(means, sequences, components)
    n, lengths = len(squares), np.sqrt(squares)
    if n < 3:
        return np.full(len(sequences), np.nan)
    steps = lengths[sequences, np.roll(sequences, -1, axis=1)]
    if closed:
        path, chord = n // 2 * steps.mean(1), lengths[sequences, np.roll(sequences, -(n // 2), axis=1)].mean(1)
    else:
        path, chord = steps[:, :-1].sum(1), lengths[sequences[:, 0], sequences[:, -1]]
    return np.divide(path, chord, out=np.full(len(sequences), np.nan), where=chord > 0)


def harmonic_spectrum(means, angles):
    """Share of the variance of class means at each harmonic of a circle of equally spaced labels.

    F_h = Σ_c μ_c exp(-ihθ_c) on the centred means; (|F_h|² + |F_{p-h}|²) / (p Σ|μ_c|²), where the last harmonic of an
    even number of labels, h = p/2, is its own mirror image and counts once. By Parseval's theorem they sum to 1; the
    first is `cyclic.first_harmonic_share`. A regular simplex, and any means on average over all orders, have 2/(p - 1)
    at each h and 1/(p - 1) at h = p/2. An ellipse has the first alone, labels that pair up across the circle the
    second, alternation the last. A large share does not say whether one direction has it or both that a circle needs.

    Parameters
    ----------
    means : array (p, D)
    angles : array (..., p)
        In radians, equally spaced, in any order; leading axes are permutations.

    Returns
    -------
    array (..., p // 2), from 0 to 1
        Harmonics 1 … p // 2; NaN where the means are all the same.

    Raises
    ------
    OrreryError
        The angles are not equally spaced.
    """
    means, angles = np.asarray(means, dtype=float), np.asarray(angles, dtype=float)
    p = len(means)
    gaps = np.diff(np.sort(angles.reshape(-1, p)[:1] % (2 * np.pi)))
    if not np.allclose(gaps, 2 * np.pi / p, atol=1e-6):
        raise OrreryError("harmonics are those of equally spaced labels; these angles are not: leave the measure out.")
    gram = (means - means.mean(0)) @ (means - means.mean(0)).T
    total = p * gram.trace() if np.ptp(means, axis=0).max(initial=0) > 1e-12 * np.abs(means).max() else np.nan
    power = [
        sum(((f(h * angles) @ gram) * f(h * angles)).sum(-1) for f in (np.cos, np.sin)) for h in range(1, p // 2 + 1)
    ]
    return np.stack(power, axis=-1) * np.where(2 * np.arange(1, p // 2 + 1) == p, 1, 2) / total


def _prepared(means, sequences, components):
    """Squared distances (p, p) of the means or of their leading principal coordinates, and the sequences."""
    from scipy.spatial.distance import pdist, squareform

    points = np.asarray(means, dtype=float)
    points = points if components is None else principal_coordinates(points, components)
    sequences = np.arange(len(points))[None] if sequences is None else np.atleast_2d(sequences)
    if not points.shape[1]:
        return np.zeros((len(points),) * 2), sequences
    squares = pdist(points, "sqeuclidean")
    squares[squares <= 1e-18 * squares.max(initial=0)] = 0
    return squareform(squares), sequences
