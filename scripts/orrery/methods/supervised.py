"""Pictures made with the labels, LDA and PLS: what they show counts only as far as it holds for hidden samples."""

import numpy as np

from orrery.errors import OrreryError
from orrery.methods.linear import directions, library, signs_of
from orrery.methods.subspaces import classes_of, targets_of, value_folds

FOLDS = 5


def lda(vectors, spec, *, seed, samples=None, **_):
    """Linear discriminants (Fisher 1936) of the labels on the first principal components.

    The held-out accuracy is that of the whole procedure, fitted on four fifths of the groups (templates, documents),
    or of the samples where there are no groups.
    """
    labels, classes = np.unique(np.asarray(samples["label"]), return_inverse=True)
    if len(labels) < 2 or np.bincount(classes).min() < 2:
        raise OrreryError(
            "lda needs two labels and two samples of each at least; remove class-means from preprocess, or take pls."
        )
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    u, s, axes = directions(vectors - vectors.mean(0))
    p = min(spec["probe_components"], len(s), max(1, (len(vectors) - len(labels)) // 2))
    k = min(spec["components"], len(labels) - 1, p)
    model = LinearDiscriminantAnalysis(n_components=k).fit(u[:, :p] * s[:p], classes)
    k = min(k, model.scalings_.shape[1])
    loadings = model.scalings_[:, :k].T @ axes[:p]
    signs = signs_of(loadings)
    accuracy, folded = _held_out_accuracy(vectors, classes, samples["group"], p, seed)
    return {
        "coordinates": (model.transform(u[:, :p] * s[:p])[:, :k] * signs).astype(np.float32),
        "loadings": (loadings * signs[:, None]).astype(np.float32),
        "between_class_variance_ratio": model.explained_variance_ratio_[:k],
    }, {
        "components": k, "probe_components": p, "supervised": True, "held_out_accuracy": accuracy,
        "chance_accuracy": float(np.bincount(classes).max() / len(classes)), "folds": folded,
        "library": library("scikit-learn"),
    }  # fmt: skip


def _held_out_accuracy(vectors, classes, groups, components, seed):
    """Share of hidden samples whose label is found, and what is hidden together."""
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    groups = np.asarray(groups)
    count = len(np.unique(groups[groups != ""]))
    if count > 1:
        folds, folded = GroupKFold(min(FOLDS, count)), "groups"
    else:
        count = min(FOLDS, np.bincount(classes).min())
        folds, folded, groups = StratifiedKFold(count, shuffle=True, random_state=seed), "samples", None
    trains = [train for train, _ in folds.split(vectors, classes, groups)]
    samples, labels = min(map(len, trains)), [len(np.unique(classes[train])) for train in trains]
    if min(labels) < 2 or any(len(train) <= count for train, count in zip(trains, labels)):
        more = "samples" if groups is None else "templates or documents"
        raise OrreryError(
            f"lda is tried on hidden {folded}, which leaves {samples} samples of {min(labels)} labels; it needs two "
            f"labels and more samples than labels. Add {more} to the set, or take pls."
        )
    pca = PCA(min(components, samples - 1, vectors.shape[1]), svd_solver="full")
    model = make_pipeline(pca, LinearDiscriminantAnalysis())
    scores = cross_val_score(model, vectors, classes, groups=groups, cv=folds)
    sizes = [len(test) for _, test in folds.split(vectors, classes, groups)]
    return float(np.average(scores, weights=sizes)), folded


def pls(vectors, spec, *, seed, samples=None, shape=None, **_):
    """Partial least squares (Wold 1975; PLS2 of scikit-learn) of the values, or of cosine and sine on a circle.

    The held-out R² is of samples whose values took no part in the fit, against the mean of those that did.
    """
    from sklearn.cross_decomposition import PLSRegression

    values, classes = classes_of(samples, "pls", 4)
    targets = targets_of(values, shape, "pls")[classes]
    _, s, _ = directions(vectors - vectors.mean(0))
    k = min(spec["components"], len(s), len(vectors) // 2)
    model = PLSRegression(k, scale=False).fit(vectors, targets)
    loadings = model.x_rotations_.T
    signs = signs_of(loadings)
    power = (model.x_scores_**2).sum(0) * (model.x_loadings_**2).sum(0)
    folds = value_folds(len(values), seed)[classes]
    residual = total = 0
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        part = PLSRegression(min(k, train.sum() - 1), scale=False).fit(vectors[train], targets[train])
        residual += ((part.predict(vectors[test]).reshape(targets[test].shape) - targets[test]) ** 2).sum()
        total += ((targets[train].mean(0) - targets[test]) ** 2).sum()
    return {
        "coordinates": (model.x_scores_ * signs).astype(np.float32),
        "loadings": (loadings * signs[:, None]).astype(np.float32),
        "explained_variance_ratio": power / (len(vectors) * vectors.var(0).sum()),
    }, {
        "components": k, "supervised": True, "held_out_r2": float(1 - residual / total), "folds": "values",
        "library": library("scikit-learn"),
    }  # fmt: skip
