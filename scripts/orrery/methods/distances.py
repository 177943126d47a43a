"""Pictures that keep distances: classical and metric MDS, Isomap, kernel PCA. All hold a matrix of all pairs."""

import numpy as np

from orrery.errors import OrreryError
from orrery.methods.linear import library, signs_of
from orrery.neighbours import as_euclidean, cross_distances, nearest

PAIRS = 6000  # points whose distances (288 MB) and their copies fit into a small job


def classical_mds(vectors, spec, *, seed, **_):
    """Classical MDS (Torgerson 1952): eigenvectors of the doubly centred squared distances."""
    distances = pair_distances(vectors, spec)
    arrays, facts, _ = _eigen(-0.5 * distances**2, spec["components"], seed)
    if spec["metric"] != "euclidean":
        del arrays["explained_variance_ratio"]  # shares would not sum to 1
    return arrays, {**facts, "stress": stress(distances, arrays["coordinates"])}


def mds(vectors, spec, *, seed, **_):
    """Metric MDS by stress majorization (SMACOF, de Leeuw 1977) of scikit-learn, from the classical solution."""
    from sklearn.manifold import MDS

    distances = pair_distances(vectors, spec)
    start = _eigen(-0.5 * distances**2, spec["components"], seed)[0]["coordinates"]
    start = np.pad(start, ((0, 0), (0, spec["components"] - start.shape[1]))).astype(np.float64)
    model = MDS(
        spec["components"], metric="precomputed", n_init=1, init="classical_mds", max_iter=spec["iterations"],
        random_state=seed, normalized_stress=False,
    )  # fmt: skip
    coordinates = model.fit_transform(distances, init=start)
    facts = {"stress": stress(distances, coordinates), "converged": model.n_iter_ < spec["iterations"]}
    return {"coordinates": coordinates.astype(np.float32)}, {**facts, "library": library("scikit-learn")}


def isomap(vectors, spec, *, seed, graph=None, **_):
    """Isomap (Tenenbaum, de Silva and Langford 2000): classical MDS of the paths along a neighbour graph."""
    n, wanted = len(vectors), spec["neighbors"]
    _check_pairs(n, spec)
    if wanted != "auto" and wanted >= n:
        raise OrreryError(f"neighbors {wanted} is too large for {n} points; write one below {n}, or auto.")
    neighbors, parts, paths = min(15, n - 1) if wanted == "auto" else wanted, 2, None
    while parts > 1:
        if graph is None or graph[0].shape[1] < neighbors:
            graph = nearest(vectors, neighbors, spec["metric"])
        paths, parts = _paths(*(array[:, :neighbors] for array in graph))
        if parts > 1 and wanted != "auto":
            raise OrreryError(
                f"neighbors {wanted} leaves the points in {parts} parts that no path joins; write more, or auto."
            )
        neighbors = neighbors if parts == 1 else min(2 * neighbors, n - 1)
    arrays, facts, norm = _eigen(-0.5 * paths**2, spec["components"], seed)
    del arrays["explained_variance_ratio"]  # paths are no Euclidean distances: shares would not sum to 1
    # As scikit-learn has it: Frobenius norm of what the eigenvalues shown leave of the centred kernel, over n.
    error = np.sqrt(max(0, norm**2 - (arrays["eigenvalues"] ** 2).sum())) / n
    return arrays, {**facts, "neighbors": neighbors, "reconstruction_error": float(error)}


def _paths(indices, distances):
    """Lengths (N, N) of the shortest paths along the graph, and the number of its parts."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, shortest_path

    n, k = indices.shape
    # A sparse graph takes a length of zero for no edge, which would part points that coincide.
    lengths = np.maximum(distances.astype(np.float64), 1e-12).ravel()
    edges = csr_array((lengths, indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    parts, _ = connected_components(edges, directed=False)
    return (shortest_path(edges, directed=False) if parts == 1 else None), parts


def kernel_pca(vectors, spec, *, seed, **_):
    """Principal components in the space of a kernel (Schölkopf, Smola and Müller 1998)."""
    _check_pairs(len(vectors), spec)
    from sklearn.metrics.pairwise import pairwise_kernels

    gamma = spec["gamma"]
    if gamma == "auto":
        gamma = 1 / (2 * vectors.var(0).sum())  # one over the mean squared distance
    options = {} if spec["kernel"] == "cosine" else {"gamma": gamma}
    if spec["kernel"] == "polynomial":
        options["degree"] = spec["degree"]
    kernel = pairwise_kernels(vectors, metric=spec["kernel"], **options)
    arrays, facts, _ = _eigen(kernel, spec["components"], seed)
    return arrays, {**facts, "gamma": gamma}


def _eigen(kernel, components, seed):
    """(arrays, facts, norm): coordinates, eigenvalues and explained variance of a kernel (N, N), doubly centred."""
    from scipy.sparse.linalg import eigsh

    n = len(kernel)
    mean = kernel.mean(0)
    kernel = kernel - mean - mean[:, None] + mean.mean()
    k = min(components, n - 1)
    if n <= 500 or k > n // 10:
        from scipy.linalg import eigh

        values, axes = eigh(kernel, subset_by_index=[n - k, n - 1])
    else:
        values, axes = eigsh(kernel, k, which="LA", v0=np.random.default_rng(seed).uniform(-1, 1, n))
    order = np.argsort(-values, kind="stable")
    values, axes = values[order], axes[:, order]
    kept = values > max(values[0], 0) * 1e-10
    values, axes = values[kept], axes[:, kept]
    return (
        {
            "coordinates": (axes * signs_of(axes.T) * np.sqrt(values)).astype(np.float32),
            "eigenvalues": values,
            "explained_variance_ratio": values / np.trace(kernel),
        },
        {"components": len(values), "library": library("scipy")},
        np.linalg.norm(kernel),
    )


def pair_distances(vectors, spec):
    """Distances (N, N) of all pairs by the metric of `spec`."""
    _check_pairs(len(vectors), spec)
    x = as_euclidean(vectors, spec["metric"])
    squared = cross_distances(x, x)
    np.fill_diagonal(squared, 0)
    return squared / 2 if spec["metric"] == "cosine" else np.sqrt(squared)


def _check_pairs(n, spec):
    if n > PAIRS:
        raise OrreryError(
            f"{n} points are too many for {spec['method']}, which holds the distances of all pairs (at most {PAIRS}); "
            "add class-means to preprocess, or take fewer samples."
        )


def stress(distances, coordinates):
    """Kruskal's (1964) stress-1 of a picture: √(Σ (d - δ)² / Σ d²) over all pairs, d in the picture; 0 is perfect."""
    x = np.asarray(coordinates, np.float64)
    shown = np.sqrt(cross_distances(x, x))
    np.fill_diagonal(shown, 0)
    return float(np.sqrt(((shown - distances) ** 2).sum() / (shown**2).sum()))
