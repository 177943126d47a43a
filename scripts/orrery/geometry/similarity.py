"""How alike two representations of the same rows are, whatever their widths, beside what chance alone would give.

Every measure is taken between all layers of one model (L) and all of another (M) under many pairings of their rows:
order 0 is the true pairing, the others are permutations. All start from Gram matrices, so widths cost nothing, and a
permutation is one matrix product. `calibrate` turns the pile into scores that chance and the search over layers cannot
raise.
"""

import numpy as np

from orrery.geometry.permutations import p_values

LEVEL = 0.05
EXACT = 5_000  # entries of a matrix up to which sums are in double precision: ties of few rows must stay ties


def gram(vectors):
    """Inner products (n, n) of the rows of vectors (n, D) around their mean; NaN where all rows are the same."""
    x = np.asarray(vectors, dtype=np.float64)
    if np.ptp(x, axis=0).max() <= 1e-6 * np.abs(x).max():
        return np.full((len(x), len(x)), np.nan)
    x = x - x.mean(0)
    return x @ x.T


def u_centre(grams):
    """Gram matrices (..., n, n), n ≥ 4, without diagonal, whose rows and columns all sum to zero.

    g_ij - Σ_k g_ik/(n - 2) - Σ_k g_kj/(n - 2) + Σ_kl g_kl/((n - 1)(n - 2)) off the diagonal, where g_ii = 0. The inner
    product of two such matrices over n(n - 3) estimates HSIC without bias (Székely and Rizzo 2014, equation 3.2; it is
    HSIC₁ of Song et al. 2012).
    """
    n, diagonal = grams.shape[-1], np.eye(grams.shape[-1], dtype=bool)
    g = np.where(diagonal, 0, grams)
    rows = g.sum(-1, keepdims=True) / (n - 2)
    columns = g.sum(-2, keepdims=True) / (n - 2)
    return np.where(diagonal, 0, g - rows - columns + g.sum((-1, -2), keepdims=True) / ((n - 1) * (n - 2)))


def cka(grams_a, grams_b, orders):
    """Unbiased linear centred kernel alignment of all pairs of layers under every pairing of the rows.

    HSIC₁(A, B) / √(HSIC₁(A, A) HSIC₁(B, B)), with the unbiased HSIC₁ of Song et al. (2012) as Nguyen, Raghu and
    Kornblith (2021) use it in the CKA of Kornblith et al. (2019). It compares all distances between rows at once, the
    largest most. 1 for equal up to rotation and scale, 0 on average for unrelated, at any width (the biased estimator
    of two clouds of Gaussian noise tends to 1 with the width); single values may be negative. It does not see what few
    large directions hide, nor whether the likeness lies in near or in far rows.

    Parameters
    ----------
    grams_a : array (L, n, n)
    grams_b : array (M, n, n)
    orders : int array (B, n)
        Row i of A is paired with row `orders[b, i]` of B.

    Returns
    -------
    array (B, L, M)
        NaN for a layer whose rows are all the same, or all equally far from each other.
    """
    a, b = (_unit(u_centre(np.asarray(g)), np.asarray(g)) for g in (grams_a, grams_b))
    return _paired(2 * np.triu(a), b, orders)


def _unit(centred, grams):
    """U-centred matrices with norm 1; NaN where nothing but round-off is left of the Gram matrices."""
    norms, whole = (np.sqrt((x**2).sum((-1, -2), keepdims=True)) for x in (centred, grams))
    return centred / np.where(norms > 1e-9 * whole, norms, np.nan)


def neighbours(gram, k):
    """Who is among the k nearest (Euclidean) of whom: array (n, n) of weights whose rows sum to k.

    Of rows that are equally far where not all of them fit, each counts in part: its chance to be drawn. Equal vectors
    (every row of a label in the embedding) would otherwise be chosen by their place in the file, alike in all models.
    """
    if not np.isfinite(gram).all():
        return np.full(gram.shape, np.nan)
    squares = np.diag(gram)
    distances = squares[:, None] + squares - 2 * gram
    slack = 1e-6 * distances.mean()
    np.fill_diagonal(distances, np.inf)
    limit = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    nearer = distances < limit - slack
    equal = (distances <= limit + slack) & ~nearer
    return nearer + equal * ((k - nearer.sum(1, keepdims=True)) / equal.sum(1, keepdims=True))


def mutual_neighbours(neighbours_a, neighbours_b, orders):
    """Share of the k nearest neighbours of a row that both representations have, on average over the rows.

    Σ_i |N_A(i) ∩ N_B(i)| / (nk) (Huh et al. 2024); with ties the expected share if each model broke its own at random.
    Between 0 and 1; chance is k/(n - 1), exactly, at any width. It looks at the nearest only: what clusters stand
    beside each other, or how far, it cannot say; and it is coarse where n is small.

    Parameters
    ----------
    neighbours_a : array (L, n, n)
        From `neighbours`.
    neighbours_b : array (M, n, n)
    orders : int array (B, n)
        As of `cka`.

    Returns
    -------
    array (B, L, M)
    """
    both = np.sqrt(np.multiply.outer(np.sum(neighbours_a, (1, 2)), np.sum(neighbours_b, (1, 2))))
    return _paired(np.asarray(neighbours_a), np.asarray(neighbours_b), orders) / both


def component_scores(gram, k):
    """The first k principal components (n, k) of the rows of a Gram matrix around their mean; zeros beyond its rank."""
    if not np.isfinite(gram).all():
        return np.full((len(gram), k), np.nan)
    values, vectors = np.linalg.eigh(gram)
    kept = np.clip(values[: -k - 1 : -1], 0, None)
    return vectors[:, : -k - 1 : -1] * np.sqrt(np.where(kept > 1e-10 * kept[0], kept, 0))


def procrustes(scores_a, scores_b, orders):
    """How well one cloud fits the other after the best rotation, reflection and scale.

    ‖AᵀB‖_* / (‖A‖ ‖B‖) of centred A and B with equally many columns (nuclear norm over Frobenius norms), between 0 and
    1. Its square is one minus the standardised Procrustes distance (Schönemann 1966; Gower 1975; the disparity of
    scipy.spatial.procrustes). Chance is high, the more so the fewer the rows and the more the columns: uncalibrated it
    says little. It sees nothing beyond the components that were kept.

    Parameters
    ----------
    scores_a : array (L, n, k)
        From `component_scores`, as many for all: then width cannot matter.
    scores_b : array (M, n, k)
    orders : int array (B, n)
        As of `cka`.

    Returns
    -------
    array (B, L, M)
    """
    a, b = (_fitted(np.asarray(s, dtype=np.float64)) for s in (scores_a, scores_b))
    there_a, there_b = (np.isfinite(s).all((1, 2)) for s in (a, b))
    single = np.float64 if a.shape[1] ** 2 <= EXACT else np.float32
    a, b = a[there_a].astype(single), b[there_b].astype(single)
    (layers, n, k), others = a.shape, len(b)
    left, found = a.transpose(0, 2, 1).reshape(-1, n), np.full((len(orders), len(there_a), len(there_b)), np.nan)
    right = np.ascontiguousarray(b.transpose(1, 0, 2)).reshape(n, -1)
    for i, order in enumerate(orders):
        cross = (left @ right[order]).reshape(layers, k, others, k).transpose(0, 2, 1, 3)
        found[i][np.ix_(there_a, there_b)] = np.linalg.svd(cross, compute_uv=False).sum(-1)
    return found


def _fitted(scores):
    """Clouds (L, n, k) of norm 1; NaN for a point."""
    norms = np.sqrt((scores**2).sum((1, 2), keepdims=True))
    return scores / np.where(norms > 0, norms, np.nan)


def _paired(a, b, orders):
    """Σ_ij a[l, i, j] b[m, π_i, π_j] under every order π: array (B, L, M)."""
    n = a.shape[-1]
    i, j = np.nonzero((a != 0).any(0))
    single = np.float64 if n * n <= EXACT else np.float32
    left = np.ascontiguousarray(a[:, i, j], dtype=single)
    right = np.ascontiguousarray(np.moveaxis(b, 0, -1), dtype=single).reshape(n * n, -1)  # all layers of a pair of rows
    return np.stack([left @ right[order[i] * n + order[j]] for order in orders]).astype(np.float64)


def calibrate(statistics):
    """Scores that neither chance nor the search over pairs of layers can raise.

    (s - τ)/(1 - τ), 0 where that is negative, with τ a critical value at 5 % under the permutations, which count the
    true pairing among them (Gröger, Wen and Brbić 2026, algorithms 1 and 2). τ allows for the search: the pairs of one
    permutation are standardised by their own null, the largest of each permutation gives the critical value, and that
    is put back on the scale of each pair. So a score is above 0 exactly where the corrected p is at most .05.

    Parameters
    ----------
    statistics : array (B, L, M)
        At most 1; the true pairing first. A pair that is not finite has p = 1 and takes no part.

    Returns
    -------
    dict of str → array (L, M)
        value; null_mean, and null_high, the pair's own critical value at 5 %; threshold, τ; p, and p_corrected over all
        pairs (maxT); calibrated.
    """
    t = np.asarray(statistics, dtype=np.float64)
    shape, t = t.shape[1:], t.reshape(len(t), -1).T
    p, corrected = p_values(t)
    defined = np.isfinite(t).all(1)
    found = {"value": np.where(defined, t[:, 0], np.nan), "p": p, "p_corrected": corrected}
    found |= {name: np.full(len(t), np.nan) for name in ("null_mean", "null_high", "threshold", "calibrated")}
    if defined.any():
        t, place = t[defined], int(np.ceil((1 - LEVEL) * t.shape[1])) - 1
        mean, spread = t.mean(1, keepdims=True), t.std(1, keepdims=True)
        z = (t - mean) / np.where(spread > 1e-6 * np.abs(t).max(1, keepdims=True), spread, 1)
        limit = np.sort(z.max(0))[place]
        threshold = (mean + limit * spread)[:, 0]
        room = np.where(threshold < 1, 1 - threshold, np.inf)
        scores = np.where(corrected[defined] <= LEVEL, (t[:, 0] - threshold) / room, 0)
        found["null_mean"][defined] = (t[:, 1:] if t.shape[1] > 1 else t).mean(1)
        found["null_high"][defined] = np.sort(t, axis=1)[:, place]
        found["threshold"][defined] = threshold
        found["calibrated"][defined] = np.clip(scores, 0, 1)
    return {name: values.reshape(shape) for name, values in found.items()}
