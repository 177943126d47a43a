"""Projections: every method behind one table, and their pictures laid over one another.

The methods import what they need when they run: a PCA job must not pay for scikit-learn or numba, which cost more than
the PCA.
"""

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.faithfulness import of_picture
from orrery.methods.distances import classical_mds, isomap, kernel_pca, mds
from orrery.methods.embeddings import pacmap, tsne, umap
from orrery.methods.linear import ica, pca, svd
from orrery.methods.subspaces import circle, helix, line
from orrery.methods.supervised import lda, pls
from orrery.neighbours import nearest
from orrery.preprocess import prepare

METHODS = {
    "pca": pca, "svd": svd, "ica": ica, "kernel-pca": kernel_pca,
    "tsne": tsne, "umap": umap, "pacmap": pacmap,
    "isomap": isomap, "classical-mds": classical_mds, "mds": mds,
    "lda": lda, "pls": pls, "circle": circle, "line": line, "helix": helix,
}  # fmt: skip
SEEDED = ("tsne", "umap", "pacmap")  # whose picture may be another one with another seed
GRAPH = 90  # neighbours of a layer that several steps ask for; methods that need more find them
ALIGNMENT = "each layer turned, mirrored and moved onto the one before (orthogonal Procrustes, sizes kept), centred"


def reduce(vectors, spec, seed, *, noise=None, samples=None, shape=None, graph=None):
    """Project vectors with the method that `spec` names.

    Parameters
    ----------
    vectors : array (N, D)
        Preprocessed.
    spec : dict
        An entry of `reducers:` with its defaults filled in.
    seed : int
    noise : array (N, D), optional
        Gaussian noise preprocessed like the vectors; PCA and SVD put its spectrum beside their own.
    samples : dict of str → sequence of length N, optional
        label, value and group, for the methods that look at them.
    shape : dict, optional
        topology, and for a circle its period.
    graph : (indices, distances), optional
        Arrays (N, k) of `neighbours.nearest` by the metric of `spec`; made where a method needs it and it is missing.

    Returns
    -------
    (arrays, facts) : dict of str → array and dict
        `arrays["coordinates"]` is (N, k); methods add their spectrum and loadings. `facts` has the parameters that
        were used in the end, the library, and what the method says of its own picture.

    Raises
    ------
    OrreryError
        There are too few points for the method or its parameters, or they have no such shape.
    """
    if len(vectors) < 4:
        raise OrreryError(f"{len(vectors)} points are too few to project; four are needed.")
    if coincide(vectors):
        raise OrreryError("all points are the same; there is nothing to project.")
    method, given = METHODS[spec["method"]], {"samples": samples, "shape": shape}
    arrays, facts = method(vectors, spec, seed=seed, graph=graph, **given)
    if noise is not None and spec["method"] in ("pca", "svd"):
        of_noise, _ = method(noise, spec, seed=seed, **given)
        arrays["noise_explained_variance_ratio"] = of_noise["explained_variance_ratio"]
    if spec["method"] in SEEDED:
        facts |= _compared(arrays["coordinates"], method, vectors, spec, seed, graph)
    return arrays, facts


def coincide(vectors):
    """Whether all points are the same."""
    return not np.ptp(vectors, axis=0).any()


def _compared(coordinates, method, vectors, spec, seed, graph):
    """Procrustes disparity (Gower 1975) to a second picture: 0 the same but for place, size and turn, 1 unrelated.

    t-SNE that starts from principal components has no other chance in it, so its second picture starts at random.
    """
    from scipy.spatial import procrustes

    second = {**spec, "init": "random"} if "init" in spec else spec
    start = " started at random" if spec.get("init", "random") != "random" else ""
    other = method(vectors, second, seed=seed + 1, graph=graph)[0]["coordinates"]
    disparity = procrustes(coordinates.astype(np.float64), other.astype(np.float64))[2]
    return {"seed_procrustes": float(disparity), "seed_procrustes_to": f"seed {seed + 1}{start}"}


def onto(points, before, k):
    """Lay a picture over the one before by a rotation or reflection and a translation, sizes kept.

    The orthogonal Procrustes solution (Schönemann 1966) on centred points; what is missing of the k-th dimension is
    zero.

    Parameters
    ----------
    points : array (N, c)
        Of which the first k columns are taken.
    before : array (N, k) or None
        Of the same points; None for the first picture, which is centred.

    Returns
    -------
    array (N, k) float64
    """
    kept = points[:, :k].astype(np.float64)
    centred = np.pad(kept - kept.mean(0), ((0, 0), (0, k - kept.shape[1])))
    if before is None:
        return centred
    u, _, vt = np.linalg.svd(centred.T @ before)
    return centred @ u @ vt


def film(layers, samples, spec, seed, shape):
    """Project layer after layer with one method, and `align` the pictures.

    Parameters
    ----------
    layers : dict of str → array (N, D)
    samples : dict of str → sequence of length N
    spec, seed, shape
        As of `reduce`.

    Returns
    -------
    (arrays, samples, facts)
        coordinates (L, N, 2 or 3), and explained_variance_ratio (L, 2 or 3) of the components before they were
        aligned, where the method has it. `facts` has layers, left_out (layers whose points coincide), alignment, and
        what `reduce` and `of_picture` say, as a list where it differs from layer to layer; of faithfulness always.

    Raises
    ------
    OrreryError
        In every layer all points are the same.
    """
    metric, shown, frames, told = spec.get("metric", "euclidean"), [], [], []
    k = min(3, spec.get("components") or (3 if spec["method"] == "helix" else 2))
    for name, x in layers.items():
        vectors, columns = prepare(x, samples, spec["preprocess"])
        if coincide(x) or coincide(vectors):
            continue
        graph = nearest(vectors, GRAPH, metric)
        arrays, facts = reduce(vectors, spec, seed, samples=columns, shape=shape, graph=graph)
        points = onto(arrays["coordinates"], frames[-1][0] if frames else None, k)
        shown.append(name)
        frames.append((points, arrays.get("explained_variance_ratio", [])[:k]))
        told.append(facts | of_picture(vectors, points, metric, seed, graph) | {"dimensions": vectors.shape[1]})
    if not shown:
        raise OrreryError("in every layer all points are the same; there is nothing to project.")
    arrays = {"coordinates": np.stack([points for points, _ in frames]).astype(np.float32)}
    if all(len(ratio) for _, ratio in frames):
        arrays["explained_variance_ratio"] = np.stack([np.pad(r[:k], (0, k - len(r[:k]))) for _, r in frames])
    facts = {key: _one_or_all([one.get(key) for one in told], key) for key in told[0]}
    left_out = [name for name in layers if name not in shown]
    return arrays, columns, {**facts, "layers": shown, "left_out": left_out, "alignment": ALIGNMENT}


def _one_or_all(values, key):
    listed = key.startswith(("trustworthiness", "continuity"))
    return values if listed or any(value != values[0] for value in values) else values[0]
