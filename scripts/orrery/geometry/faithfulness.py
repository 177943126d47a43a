"""How far a picture can be trusted: are neighbours there neighbours in the vectors, and the other way round?"""

import numpy as np

from orrery.neighbours import BLOCK, as_euclidean, cross_distances

NEIGHBOURS = 15
QUERIES = 2000  # above so many points, a sample of them is asked about its neighbours among all


def faithfulness(vectors, points, metric="euclidean", seed=0, k=NEIGHBOURS, graph=None):
    """Trustworthiness and continuity (Venna and Kaski 2001) of a picture of some vectors.

    Trustworthiness is 1 - 2/(m k (2n - 3k - 1)) Σ_i Σ_j max(0, r(i, j) - k), over the m points i that are asked and
    the k nearest neighbours j of i in the picture, where r is the rank of j among the neighbours of i in the vectors.
    Continuity is the same with vectors and picture swapped. Of equal distances the lower index is the nearer.

    Parameters
    ----------
    vectors : array (N, D)
        Compared by `metric`.
    points : array (N, q)
        Compared by Euclidean distance, as an eye does.
    k : int
        Lowered to below half of the points.
    graph : (indices, distances), optional
        Arrays (N, ≥ k) of `neighbours.nearest` of the vectors.

    Returns
    -------
    dict
        trustworthiness and continuity (1 is faithful), faithfulness_k, and faithfulness_points, how many were asked.
    """
    n = len(vectors)
    k = min(k, (n - 1) // 2)
    queries = np.arange(n)
    if n > QUERIES:
        queries = np.sort(np.random.default_rng(seed).choice(n, QUERIES, replace=False))
    spaces = as_euclidean(np.asarray(vectors, np.float64), metric), as_euclidean(np.float64(points), "euclidean")
    penalties = np.zeros(2)
    step = max(1, BLOCK // 4 // n)
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        true, shown = (_others(x, rows) for x in spaces)
        known = _nearest(true, k) if graph is None or graph[0].shape[1] < k else graph[0][rows, :k]
        penalties += _penalty(true, _nearest(shown, k), k), _penalty(shown, known, k)
    scores = 1 - penalties * 2 / (len(queries) * k * (2 * n - 3 * k - 1))
    return {
        "trustworthiness": float(scores[0]), "continuity": float(scores[1]),
        "faithfulness_k": k, "faithfulness_points": len(queries),
    }  # fmt: skip


def _others(x, rows):
    """Squared distances (rows, N) of some points to all; to themselves infinite."""
    distances = cross_distances(x[rows], x)
    distances[np.arange(len(rows)), rows] = np.inf
    return distances


def _penalty(distances, neighbours, k):
    """Σ max(0, r - k) over `neighbours` (rows, k), r being their ranks by `distances` (rows, N)."""
    total, index = 0, np.arange(distances.shape[1])
    for column in neighbours.T[:, :, None]:
        own = np.take_along_axis(distances, column, 1)
        rank = 1 + (distances < own).sum(1) + ((distances == own) & (index < column)).sum(1)
        total += np.maximum(rank - k, 0).sum()
    return total


def _nearest(distances, k):
    """Indices (rows, k) of the k smallest of each row, of equal ones the first."""
    limit = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    below, equal = distances < limit, distances == limit
    wanted = below | (equal & (equal.cumsum(1) <= k - below.sum(1, keepdims=True)))
    return np.nonzero(wanted)[1].reshape(-1, k)


def of_picture(vectors, coordinates, metric, seed, graph=None):
    """`faithfulness` of the first two of the coordinates (N, k), and where there are more of the first three.

    Returns
    -------
    dict
        As of `faithfulness`, and perhaps trustworthiness_3d and continuity_3d.
    """
    facts = faithfulness(vectors, coordinates[:, :2], metric, seed, graph=graph)
    if coordinates.shape[1] > 2:
        deep = faithfulness(vectors, coordinates[:, :3], metric, seed, graph=graph)
        facts |= {f"{name}_3d": deep[name] for name in ("trustworthiness", "continuity")}
    return facts
