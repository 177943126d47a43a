"""What is done to vectors before they are projected or measured."""

import numpy as np

from orrery.errors import OrreryError

EPS = 1e-8


def preprocess(vectors, steps, groups=None):
    """Apply `steps` in order.

    Parameters
    ----------
    vectors : array (N, D)
    steps : list of str
        l2 (each row to length 1, eps 1e-8), center (subtract the mean), standardize (also divide by the standard
        deviation), group-center (subtract the mean of the row's group).
    groups : sequence of length N
        Needed by group-center.

    Returns
    -------
    array (N, D) float64

    Raises
    ------
    OrreryError
        A group to centre has one sample, which centring would make zero.
    """
    x = np.asarray(vectors, dtype=np.float64)
    for step in steps:
        if step == "l2":
            x = x / (np.linalg.norm(x, axis=1, keepdims=True) + EPS)
        elif step == "center":
            x = x - x.mean(0)
        elif step == "standardize":
            x = (x - x.mean(0)) / (x.std(0) + EPS)
        elif step == "group-center":
            if groups is None or not any(groups):
                raise OrreryError("preprocess: group-center needs prompts; these samples have no groups.")
            x = x - _group_means(x, groups)
        else:
            raise OrreryError(f"preprocess: {step} is no step here; write l2, center, standardize or group-center.")
    return x


def _group_means(x, groups):
    """The mean (N, D) of each row's group."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    if np.bincount(index).min() < 2:
        raise OrreryError("preprocess: group-center needs two samples in every group; use it for prompts only.")
    sums = np.zeros((index.max() + 1, x.shape[1]))
    np.add.at(sums, index, x)
    return (sums / np.bincount(index)[:, None])[index]


def prepare(vectors, samples, steps):
    """Apply `steps`, of which the last may be class-means: vectors and samples shrink to one row a label.

    Parameters
    ----------
    vectors : array (N, D)
    samples : dict of str → sequence of length N
    steps : list of str
        As `preprocess` takes them, and class-means.

    Returns
    -------
    (vectors, samples) : array (N or C, D) float64 and dict

    Raises
    ------
    OrreryError
        class-means is not the last step, or a step does not fit the samples.
    """
    if "class-means" in steps[:-1]:
        raise OrreryError("preprocess: class-means leaves one point a label, so it comes last; move it to the end.")
    means = steps[-1:] == ["class-means"]
    x = preprocess(vectors, steps[:-1] if means else steps, samples["group"])
    return to_class_means(x, samples) if means else (x, samples)


def to_class_means(vectors, samples):
    """Replace the samples of each label by their mean.

    Parameters
    ----------
    vectors : array (N, D)
    samples : dict of str → sequence of length N

    Returns
    -------
    (vectors, samples) : array (C, D) and dict
        Labels in the order of their values. Each is its own text and has its `count`; the other columns of text are
        empty, other numbers are left out.
    """
    labels, first, classes, counts = np.unique(
        np.asarray(samples["label"]), return_index=True, return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(labels), vectors.shape[1]))
    np.add.at(sums, classes, vectors)
    order = np.argsort(np.asarray(samples["value"], dtype=float)[first], kind="stable")
    names = [str(label) for label in labels[order]]
    columns = {name: [""] * len(names) for name, column in samples.items() if isinstance(column[0], str)}
    columns |= {"label": names, "text": names, "value": np.asarray(samples["value"], dtype=float)[first][order]}
    columns |= {"start": np.zeros(len(names), int), "end": np.array([len(name) for name in names])}
    return (sums / counts[:, None])[order], columns | {"count": counts[order]}
