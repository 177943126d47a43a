"""Projections: PCA, SVD, t-SNE, UMAP behind one table.

Imports stand inside the functions: a PCA job must not pay for scikit-learn or numba, which cost more than the PCA.
"""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from orrery.errors import OrreryError


def reduce(vectors, spec, seed, noise=None):
    """Project vectors with the method that `spec` names.

    Parameters
    ----------
    vectors : array (N, D)
        Preprocessed.
    spec : dict
        An entry of `reducers:` with its defaults filled in.
    seed : int
    noise : array (N, D), optional
        Gaussian noise preprocessed like the vectors; linear methods put its spectrum beside theirs.

    Returns
    -------
    (arrays, facts) : dict of str → array and dict
        `arrays["coordinates"]` is (N, k); linear methods add their spectrum and loadings. `facts` has the parameters
        that were used in the end.

    Raises
    ------
    OrreryError
        There are too few points for the method or its parameters.
    """
    if len(vectors) < 4:
        raise OrreryError(f"{len(vectors)} points are too few to project; four are needed.")
    if not np.ptp(vectors, axis=0).any():
        raise OrreryError("all points are the same; there is nothing to project.")
    arrays, facts = METHODS[spec["method"]](vectors, spec, seed)
    if noise is not None and "explained_variance_ratio" in arrays:
        arrays["noise_explained_variance_ratio"] = METHODS[spec["method"]](noise, spec, seed)[0][
            "explained_variance_ratio"
        ]
    return arrays, facts


def pca(vectors, spec, seed):
    """Principal components of the centred vectors.

    Signs are fixed: of each component the loading of largest magnitude is positive.
    """
    return _linear(vectors - vectors.mean(0), vectors, spec)


def svd(vectors, spec, seed):
    """Singular vectors of the vectors as they are: uncentred on purpose, distance from the origin counts.

    As in scikit-learn's TruncatedSVD the explained variance is that of the centred coordinates, so the components are
    not sorted by it.
    """
    return _linear(vectors, vectors, spec)


def _linear(matrix, vectors, spec):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(1)])
    u, vt = u * signs, vt * signs[:, None]
    rank = int((s > s[0] * max(matrix.shape) * np.finfo(np.float64).eps).sum())
    k = min(spec["components"], rank)
    arrays = {
        "coordinates": (u[:, :k] * s[:k]).astype(np.float32),
        "loadings": vt[:k].astype(np.float32),
        "singular_values": s,
        "explained_variance_ratio": (u * s).var(0) / vectors.var(0).sum(),
    }
    return arrays, {"components": k}


def tsne(vectors, spec, seed):
    """t-SNE (van der Maaten and Hinton 2008), Barnes-Hut, by scikit-learn; PCA initialisation by default."""
    n = len(vectors)
    perplexity = spec["perplexity"]
    if perplexity == "auto":
        perplexity = min(30.0, (n - 1) / 4)
    if perplexity >= n / 3:
        raise OrreryError(
            f"perplexity {perplexity} is too large for {n} points; write one below {n / 3:.1f} (a third), or auto."
        )
    from sklearn.manifold import TSNE

    model = TSNE(
        spec["components"], perplexity=perplexity, max_iter=spec["iterations"], learning_rate=spec["learning_rate"],
        early_exaggeration=spec["early_exaggeration"], init=spec["init"], metric=spec["metric"], random_state=seed,
    )  # fmt: skip
    coordinates = model.fit_transform(np.ascontiguousarray(_compact(vectors, spec), dtype=np.float32))
    return {"coordinates": coordinates}, {"perplexity": perplexity, "kl_divergence": float(model.kl_divergence_)}


def _compact(vectors, spec):
    """The same distances in fewer dimensions, where there are fewer points than dimensions (a rotation)."""
    if spec["metric"] != "euclidean" or vectors.shape[1] <= len(vectors):
        return vectors
    u, s, _ = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    return u * s


def umap(vectors, spec, seed):
    """UMAP (McInnes, Healy and Melville 2018) by umap-learn, on one thread, since only that honours a seed."""
    n = len(vectors)
    neighbors = spec["neighbors"]
    if neighbors == "auto":
        neighbors = min(15, n - 1)
    if neighbors >= n:
        raise OrreryError(f"neighbors {neighbors} is too large for {n} points; write one below {n}, or auto.")
    with _compiled_once():
        from umap import UMAP

    model = UMAP(
        n_neighbors=neighbors, n_components=spec["components"], min_dist=spec["min_dist"], spread=spec["spread"],
        metric=spec["metric"], random_state=seed, n_jobs=1, init="spectral" if n > 50 else "pca",
    )  # fmt: skip
    return {"coordinates": model.fit_transform(vectors.astype(np.float32))}, {"neighbors": neighbors}


@contextmanager
def _compiled_once():
    """Let numba keep what it compiles for UMAP in the user's cache.

    umap-learn asks for no cache, so every process would compile for 11 s or more before its first projection; with it
    the second process starts in under one. The cache is keyed by source file and processor.
    """
    import numba

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orrery" / "numba"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        yield
        return
    numba.config.CACHE_DIR = str(cache)
    njit = numba.njit
    numba.njit = lambda *args, **options: njit(*args, **{"cache": True, **options})
    try:
        yield
    finally:
        numba.njit = njit


METHODS = {"pca": pca, "svd": svd, "tsne": tsne, "umap": umap}
