"""Pictures that keep neighbourhoods: t-SNE, UMAP, PaCMAP."""

import os
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from orrery.errors import OrreryError
from orrery.methods.linear import directions, library
from orrery.neighbours import nearest

EXPLORATION = 250  # iterations of t-SNE with exaggeration
FEW = 100  # points below which openTSNE's tree may let them fall together; the exact gradient costs nothing there


def tsne(vectors, spec, *, seed, graph=None, **_):
    """t-SNE (van der Maaten and Hinton 2008) by openTSNE: Barnes-Hut, by interpolation above 10,000 points in 2-D.

    Fewer than 100 points take the exact gradient of scikit-learn. One thread, since sums by several differ from run to
    run. The learning rate is scikit-learn's, a quarter of what other programs call so.
    """
    n, perplexity = len(vectors), spec["perplexity"]
    if perplexity == "auto":
        perplexity = min(30.0, (n - 1) / 4)
    if perplexity >= n / 3:
        raise OrreryError(
            f"perplexity {perplexity} is too large for {n} points; write one below {n / 3:.1f} (a third), or auto."
        )
    if find_spec("cuml") and spec["components"] == 2:
        return _tsne_on_gpu(vectors, spec, seed, perplexity)
    start = _start(vectors, spec, seed)
    if n < FEW:
        return _exact_tsne(vectors, spec, seed, perplexity, start)
    from openTSNE import TSNE, affinity
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    indices, distances = _neighbours(vectors, spec, graph, max(1, min(n - 1, int(3 * perplexity))))
    near = PrecomputedNeighbors(indices.astype(np.int64), distances.astype(np.float64))
    model = TSNE(
        spec["components"], early_exaggeration_iter=EXPLORATION, n_iter=spec["iterations"] - EXPLORATION,
        early_exaggeration=spec["early_exaggeration"], initial_momentum=0.5, final_momentum=0.8, n_jobs=1,
        learning_rate="auto" if spec["learning_rate"] == "auto" else 4 * spec["learning_rate"], random_state=seed,
        negative_gradient_method="bh" if n < 10_000 or spec["components"] > 2 else "fft",
    )  # fmt: skip
    points = model.fit(
        affinities=affinity.PerplexityBasedNN(perplexity=perplexity, knn_index=near, n_jobs=1),
        initialization=start,
    )
    facts = {"perplexity": perplexity, "kl_divergence": float(points.kl_divergence), "library": library("openTSNE")}
    return {"coordinates": np.asarray(points, dtype=np.float32)}, facts


def _exact_tsne(vectors, spec, seed, perplexity, start):
    from sklearn.manifold import TSNE

    model = TSNE(
        spec["components"], perplexity=perplexity, max_iter=spec["iterations"], learning_rate=spec["learning_rate"],
        early_exaggeration=spec["early_exaggeration"], init=start.astype(np.float32), metric=spec["metric"],
        method="exact", random_state=seed,
    )  # fmt: skip
    points = model.fit_transform(vectors).astype(np.float32)
    return {"coordinates": points}, {
        "perplexity": perplexity, "kl_divergence": float(model.kl_divergence_), "library": library("scikit-learn")
    }  # fmt: skip


def _start(vectors, spec, seed):
    """Where the points start (N, components), tiny: on the principal components, or at random."""
    k = spec["components"]
    if spec["init"] == "random":
        return 1e-4 * np.random.default_rng(seed).standard_normal((len(vectors), k))
    u, s, _ = directions(vectors - vectors.mean(0))
    scores = np.pad(u[:, :k] * s[:k], ((0, 0), (0, max(0, k - len(s)))))
    return 1e-4 * scores / scores[:, 0].std()


def _tsne_on_gpu(vectors, spec, seed, perplexity):
    from inspect import signature

    from cuml.manifold import TSNE

    steps = "max_iter" if "max_iter" in signature(TSNE).parameters else "n_iter"  # newer and older releases
    rate = {} if spec["learning_rate"] == "auto" else {"learning_rate_method": "none",
                                                       "learning_rate": spec["learning_rate"]}  # fmt: skip
    model = TSNE(
        n_components=2, perplexity=perplexity, early_exaggeration=spec["early_exaggeration"], init=spec["init"],
        metric=spec["metric"], random_state=seed, **{steps: spec["iterations"]}, **rate,
    )  # fmt: skip
    points = np.asarray(model.fit_transform(vectors.astype(np.float32)))
    return {"coordinates": points}, {
        "perplexity": perplexity, "kl_divergence": float(getattr(model, "kl_divergence_", np.nan)),
        "library": _cuml(),
    }  # fmt: skip


def umap(vectors, spec, *, seed, graph=None, **_):
    """UMAP (McInnes, Healy and Melville 2018) by umap-learn, on one thread, since only that honours a seed."""
    n, neighbors = len(vectors), spec["neighbors"]
    if neighbors == "auto":
        neighbors = min(15, n - 1)
    if neighbors >= n:
        raise OrreryError(f"neighbors {neighbors} is too large for {n} points; write one below {n}, or auto.")
    options = {
        "n_neighbors": neighbors, "n_components": spec["components"], "min_dist": spec["min_dist"],
        "spread": spec["spread"], "metric": spec["metric"], "random_state": seed,
    }  # fmt: skip
    if find_spec("cuml"):
        from cuml.manifold import UMAP

        points = np.asarray(UMAP(**options).fit_transform(vectors.astype(np.float32)))
        return {"coordinates": points}, {"neighbors": neighbors, "library": _cuml()}
    with _compiled_once():
        from umap import UMAP

    indices, distances = _neighbours(vectors, spec, graph, neighbors - 1)
    # umap-learn counts a point as its own first neighbour.
    known = np.c_[np.arange(n), indices], np.c_[np.zeros(n, np.float32), distances]
    model = UMAP(**options, n_jobs=1, init="spectral" if n > 50 else "pca", precomputed_knn=(*known, None))
    return {"coordinates": _quietly(model, vectors.astype(np.float32))}, {
        "neighbors": neighbors, "library": library("umap-learn")
    }  # fmt: skip


def pacmap(vectors, spec, *, seed, **_):
    """PaCMAP (Wang, Huang, Rudin and Shaposhnik 2021), from the principal components."""
    n, neighbors = len(vectors), spec["neighbors"]
    if n < 10:
        raise OrreryError(f"{n} points are too few for pacmap; ten are needed.")
    if neighbors == "auto":
        neighbors = min(10, (n - 1) // 4)
    most = (n - 1) / (1 + spec["mid_near"] + spec["further"])
    if neighbors > most:
        raise OrreryError(
            f"neighbors {neighbors} is too large for {n} points and the pairs of mid_near and further; "
            f"write {most:.0f} at most, or auto."
        )
    with _compiled_once():
        import logging

        import numba
        from pacmap import PaCMAP

    numba.set_num_threads(1)
    logging.getLogger("pacmap").setLevel(logging.ERROR)  # it warns that it has a seed
    model = PaCMAP(
        spec["components"], n_neighbors=neighbors, MN_ratio=spec["mid_near"], FP_ratio=spec["further"],
        distance={"cosine": "angular"}.get(spec["metric"], spec["metric"]), num_iters=spec["iterations"],
        random_state=seed,
    )  # fmt: skip
    points = model.fit_transform(vectors.astype(np.float32), init="pca")
    return {"coordinates": points.astype(np.float32)}, {"neighbors": neighbors, "library": library("pacmap")}


def _neighbours(vectors, spec, graph, k):
    """The first k columns of the graph, which is made where it is not given or too small."""
    if graph is None or graph[0].shape[1] < k:
        graph = nearest(vectors, k, spec["metric"])
    return graph[0][:, :k], graph[1][:, :k]


def _quietly(model, vectors):
    """fit_transform without the warnings that say no more than that a graph was given and a seed takes one thread."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="precomputed_knn|n_jobs value|.*not an NNDescent")
        return model.fit_transform(vectors)


def _cuml():
    import cuml

    return f"cuml {cuml.__version__}"


@contextmanager
def _compiled_once():
    """Let numba keep what it compiles in the user's cache.

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
