"""Exact nearest neighbours by blocks of matrix products, found once for all that asks for them."""

import numpy as np

from orrery.errors import OrreryError

BLOCK = 1 << 24  # distances in memory at a time
SPARE = 16  # candidates beyond k, whose distances are then taken without cancellation


def nearest(vectors, k, metric="euclidean"):
    """The k nearest neighbours of every point, itself left out.

    Candidates come from matrix products in single precision; their distances are then taken from differences, so that
    near duplicates keep their order. Of equal distances the lower index comes first.

    Parameters
    ----------
    vectors : array (N, D)
    k : int
        At most N - 1 are found.
    metric : {"euclidean", "cosine"}
        The cosine distance is 1 - cos; to a vector of zeros it is one half.

    Returns
    -------
    (indices, distances) : int32 and float32 arrays (N, k)

    Raises
    ------
    OrreryError
        There is no other point.
    """
    n = len(vectors)
    if n < 2:
        raise OrreryError(f"{n} points have no neighbours; two are needed at least.")
    k = min(k, n - 1)
    x = as_euclidean(vectors, metric).astype(np.float32)
    squares = np.einsum("nd,nd->n", x, x)
    indices, distances = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    step = max(1, BLOCK // n)
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        near = x[rows] @ x.T
        near *= -2
        near += squares  # (rows, N): squared distances, less a constant of each row
        near[np.arange(len(rows)), rows] = np.inf
        indices[rows], distances[rows] = _refine(x, rows, _candidates(near, k, squares.max()), k)
    return indices, distances**2 / 2 if metric == "cosine" else distances


def as_euclidean(vectors, metric):
    """Vectors (N, D) whose Euclidean distances are in the order of `metric`; 1 - cos is half their square."""
    if metric == "cosine":
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(norms > 0, norms, 1)
    return vectors - vectors.mean(0)  # the same distances, and less to cancel


def _candidates(near, k, scale):
    """Indices (rows, m), ascending, of a few more than the k smallest of each row of `near` (rows, N)."""
    m = min(k + SPARE, near.shape[1] - 1)
    least = np.partition(near, m - 1, axis=1)[:, :m]  # faster than argpartition
    last, kth, slack = least[:, -1], np.partition(least, k - 1, axis=1)[:, k - 1], 1e-5 * scale
    wanted = near <= last[:, None]
    tied = last <= kth + slack  # more are equal, as far as products tell, than fit: the first of them
    for row in np.flatnonzero(tied | (wanted.sum(1) > m)):
        low, high = (kth[row] - slack, kth[row] + slack) if tied[row] else (last[row], last[row])
        equal = (near[row] >= low) & (near[row] <= high)
        chosen = np.r_[np.flatnonzero(near[row] < low), np.flatnonzero(equal)][:m]
        wanted[row] = False
        wanted[row, chosen] = True
    return np.nonzero(wanted)[1].reshape(-1, m)


def _refine(x, rows, found, k):
    """The k nearest of the candidates `found` (rows, m) with their distances: arrays (rows, k)."""
    indices, distances = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
    for i, (row, candidates) in enumerate(zip(rows, found)):
        difference = x[candidates] - x[row]
        distance = np.sqrt(np.einsum("md,md->m", difference, difference))
        order = np.argsort(distance, kind="stable")[:k]
        indices[i], distances[i] = candidates[order], distance[order]
    return indices, distances


def cross_distances(queries, vectors):
    """Squared Euclidean distances (M, N) between two sets of vectors, without the memory of their differences."""
    squares = np.einsum("md,md->m", queries, queries)[:, None] + np.einsum("nd,nd->n", vectors, vectors)
    return np.maximum(squares - 2 * (queries @ vectors.T), 0)
