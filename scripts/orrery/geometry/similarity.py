"""How alike two representations of the same rows are, whatever their widths, beside what chance alone would give.

Every measure is taken between all layers of one model (L) and all of another (M) under many pairings of their rows:
order 0 is the true pairing, the others are permutations. All start from Gram matrices, so widths cost nothing, and a
permutation is one matrix product. `calibrate` turns the pile into scores that chance and the search over layers cannot
raise.
"""

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from orrery.geometry.permutations import p_values

LEVEL = 0.05
FEW = 0.25  # of the median number of units: labels with fewer are left out
EXACT = 5_000  # entries of a matrix up to which sums are in double precision: ties of few rows must stay ties


def gram(vectors):
    """Inner products (n, n) of the rows of vectors (n, D) around their mean; NaN where all rows are the same."""
    x = np.asarray(vectors, dtype=np.float64)
    if np.ptp(x, axis=0).max() <= 1e-6 * np.abs(x).max():
        return np.full((len(x), len(x)), np.nan)
    x = x - x.mean(0)
    return x @ x.T


def joined_units(columns):
    """Units (N,) of samples that share something, as numbers 0 … U - 1.

    Samples with the same name in one of the columns are in one unit, and so are those that others link (the connected
    components of the graph of samples and names).

    Parameters
    ----------
    columns : list of sequence of str, each of length N
        As document and text; an empty name joins nothing.

    Returns
    -------
    int array (N,)
    """
    n = len(columns[0])
    rows, nodes, end = [], [], n
    for names in (np.asarray(column).astype(str) for column in columns):
        rows.append(np.flatnonzero(names != ""))
        found, index = np.unique(names[rows[-1]], return_inverse=True)
        nodes.append(end + index)
        end += len(found)
    ends = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_array((np.ones(len(ends[0]), bool), ends), shape=(end, end))
    return np.unique(connected_components(graph, directed=False)[1][:n], return_inverse=True)[1]


def half_means(classes, units, rng):
    """Operators that take the label means of two halves of the samples, where no unit is in both halves.

    The means of one model are taken from one half and those of another model from the other half. What the models
    share about single texts is then in one half only, so that the two sets of means are independent where the labels
    have no effect of their own, and permuted labels are an exact null. This requires that no label differs from
    another by design:

    - A unit that holds all labels (a template) contributes to all of them. These units are divided at random.
    - Any other unit contributes to one of its labels, the one with the fewest units so far. Otherwise, labels that
      occur in the same documents would have similar means in both halves. The units of each label are dealt to the
      halves in turn.
    - All labels have the same number of units in a half, and their i-th largest units contribute the same number of
      random samples. Otherwise, labels with fewer samples would have noisier means, which lie farther out in both
      models.
    - A mean is the mean of the means of its units.

    A label with less than a quarter of the units of the median label, overall or in its smaller half, is left out, and
    so is one without a unit in both halves. The assignment does not depend on the vectors. Means of the two
    assignments of models to halves must not be averaged within a permutation: their sum varies more for the true
    pairing than for permuted labels, since both terms contain the same texts.

    Parameters
    ----------
    classes : int array (N,)
        0 … p - 1, all present.
    units : int array (N,)
        0 … U - 1, as from `joined_units`.
    rng : numpy Generator

    Returns
    -------
    (labels, operators, counts) : int array (n,), (sparse array (n, N), sparse array (n, N)), (int, int)
        The labels that remain; what takes vectors (N, D) to the means (n, D) of each half; the units of a label in each
        half.
    """
    cells, cell, sizes = np.unique(np.c_[units, classes], axis=0, return_inverse=True, return_counts=True)
    use = _uses(cells, sizes, rng)
    half = _dealt(cells, use, rng)
    fewest = np.min([np.bincount(cells[half == h, 1], minlength=classes.max() + 1) for h in (0, 1)], axis=0)
    labels = np.flatnonzero(fewest >= max(1, FEW * np.median(fewest)))
    if not len(labels):
        return labels, (csr_array((0, len(classes))),) * 2, (0, 0)
    order = rng.permutation(len(classes))
    samples = np.split(order[np.argsort(cell.ravel()[order], kind="stable")], np.cumsum(sizes)[:-1])
    tables = [_table(cells, sizes, use, half == h, labels) for h in (0, 1)]
    operators = tuple(_averaging(table, samples, sizes) for table in tables)
    return labels, operators, tuple(table.shape[1] for table in tables)


def _uses(cells, sizes, rng):
    """What each cell (unit, label) is for: 2, its unit contributes to all labels; 1, to this label; 0, not to it."""
    units, of = cells.T
    held = np.bincount(of)
    common = (held >= FEW * np.median(held))[of]
    width = np.bincount(units[common], minlength=units.max() + 1)
    whole = width == len(np.unique(of[common]))
    whole &= whole.sum() > 1
    use = np.where(whole[units], 2, (width == 1)[units]) * common
    taken = np.bincount(of[use == 1], minlength=len(held))
    mixed = rng.permutation(np.flatnonzero((width > 1) & ~whole))
    ends = np.searchsorted(units, np.arange(len(width) + 1))
    for unit in mixed[np.argsort(width[mixed], kind="stable")]:
        own = np.arange(ends[unit], ends[unit + 1])
        own = own[common[own]]
        best = own[np.lexsort([rng.random(len(own)), -sizes[own], taken[of[own]]])[0]]
        use[best] = 1
        taken[of[best]] += 1
    return use


def _dealt(cells, use, rng):
    """The half of each cell, 0 or 1; -1 where it is not used."""
    units, of = cells.T
    half, place = np.full(len(cells), -1), np.zeros(units.max() + 1, dtype=int)
    whole = rng.permutation(np.unique(units[use == 2]))
    place[whole] = np.arange(len(whole)) % 2
    half[use == 2] = place[units[use == 2]]
    single = rng.permutation(np.flatnonzero(use == 1))
    half[single] = (_ranks(of[single]) + rng.integers(0, 2, of.max() + 1)[of[single]]) % 2
    return half


def _table(cells, sizes, use, there, labels):
    """Cells (n, K) of the labels in one half: units that hold all labels, then the largest others of each label."""
    of = cells[:, 1]
    there = there & np.isin(of, labels)
    whole, single = (np.flatnonzero(there & (use == kind)) for kind in (2, 1))
    single = single[np.lexsort([-sizes[single], of[single]])]
    shared = np.bincount(of[single], minlength=of.max() + 1)[labels].min()
    single = single[_ranks(of[single]) < shared]
    return np.hstack([whole.reshape(-1, len(labels)).T, single.reshape(len(labels), shared)])


def _averaging(table, samples, sizes):
    """The operator (n, N) that takes the mean over the means of each row's cells.

    Of all cells in a column, as many of their shuffled `samples` count as the smallest cell has.
    """
    drawn = [[samples[cell][: sizes[column].min()] for cell in column] for column in table.T]
    lengths = np.array([[len(own) for own in column] for column in drawn])  # (K, n)
    rows = np.repeat(np.tile(np.arange(table.shape[0]), table.shape[1]), lengths.ravel())
    weights = np.repeat(1 / (lengths * table.shape[1]).ravel(), lengths.ravel())
    own = np.concatenate([own for column in drawn for own in column])
    return csr_array((weights, (rows, own)), shape=(table.shape[0], sum(map(len, samples))))


def _ranks(keys):
    """How many equal keys come before each of keys (N,)."""
    order = np.argsort(keys, kind="stable")
    ranks = np.empty(len(keys), dtype=int)
    ranks[order] = np.arange(len(keys)) - np.searchsorted(keys[order], keys[order])
    return ranks


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
