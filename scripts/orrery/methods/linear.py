"""Projections onto directions: PCA, SVD, ICA. PCA and SVD need NumPy only."""

import numpy as np

from orrery.geometry.cyclic import class_means


def pca(vectors, spec, *, samples=None, **_):
    """Principal components of the centred vectors, or of the class means with every sample projected on their axes.

    Signs are fixed: of each component the loading of largest magnitude is positive.
    """
    if spec.get("fit", "samples") == "samples":
        return _svd(vectors - vectors.mean(0), vectors, spec)
    means = means_of(vectors, samples)
    _, s, axes = directions(means - means.mean(0))
    coordinates = (vectors - means.mean(0)) @ axes.T
    k = min(spec["components"], len(axes))
    return {
        "coordinates": coordinates[:, :k].astype(np.float32),
        "loadings": axes[:k].astype(np.float32),
        "singular_values": s,
        "explained_variance_ratio": coordinates.var(0) / vectors.var(0).sum(),
        "class_means_variance_ratio": s**2 / (s**2).sum(),
    }, {"components": k, "library": library("numpy")}


def svd(vectors, spec, **_):
    """Singular vectors of the vectors as they are: uncentred on purpose, distance from the origin counts.

    As in scikit-learn's TruncatedSVD the explained variance is that of the centred coordinates, so the components are
    not sorted by it.
    """
    return _svd(vectors, vectors, spec)


def _svd(matrix, vectors, spec):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    signs = signs_of(vt)
    u, vt = u * signs, vt * signs[:, None]
    k = min(spec["components"], rank_of(s, matrix.shape))
    arrays = {
        "coordinates": (u[:, :k] * s[:k]).astype(np.float32),
        "loadings": vt[:k].astype(np.float32),
        "singular_values": s,
        "explained_variance_ratio": (u * s).var(0) / vectors.var(0).sum(),
    }
    return arrays, {"components": k, "library": library("numpy")}


def ica(vectors, spec, *, seed, **_):
    """Independent components (Hyvärinen and Oja 2000) by scikit-learn's FastICA, those of most variance first.

    The sources have unit variance and are uncorrelated, so a component explains the squared length of its column of
    the mixing matrix, which is its loading.
    """
    import warnings

    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    scores, s, axes = directions(vectors - vectors.mean(0))
    k = min(spec["components"], len(axes))
    model = FastICA(k, whiten="unit-variance", max_iter=spec["iterations"], random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told in the facts
        sources = model.fit_transform(scores[:, :k] * s[:k])
    loadings = model.mixing_.T @ axes[:k]
    power = (loadings**2).sum(1)
    order = np.argsort(-power, kind="stable")
    signs = signs_of(loadings)
    return {
        "coordinates": (sources * signs)[:, order].astype(np.float32),
        "loadings": (loadings * signs[:, None])[order].astype(np.float32),
        "explained_variance_ratio": (power / vectors.var(0).sum())[order],
    }, {"components": k, "converged": model.n_iter_ < spec["iterations"], "library": library("scikit-learn")}


def directions(centred):
    """(u, s, axes) of the singular value decomposition of centred (N, D), null directions left out, signs fixed."""
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    k = rank_of(s, centred.shape)
    signs = signs_of(vt[:k])
    return u[:, :k] * signs, s[:k], vt[:k] * signs[:, None]


def signs_of(loadings):
    """The sign (k,) of the loading of largest magnitude of each component (k, D)."""
    return np.sign(loadings[np.arange(len(loadings)), np.abs(loadings).argmax(1)])


def rank_of(s, shape):
    """Number of singular values that are not round-off."""
    return int((s > s[0] * max(shape) * np.finfo(np.float64).eps).sum())


def means_of(vectors, samples):
    """Mean vector of each label: array (C, D)."""
    labels, classes = np.unique(np.asarray(samples["label"]), return_inverse=True)
    return class_means(vectors, classes, len(labels))


def library(name):
    """Name and version of an installed package."""
    from importlib.metadata import version

    return f"{name} {version(name)}"
