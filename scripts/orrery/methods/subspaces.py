"""The circle, line and helix that probes find: every coordinate is a prediction by a probe that never saw the value."""

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.cyclic import angular_error, class_means
from orrery.geometry.probes import held_out_r2, held_out_weights
from orrery.methods.linear import directions, library

FOLDS = 20
LINES = ("line", "helix")  # topologies whose labels lie along a line
POINTS = 6000  # whose inner products (288 MB) and their copies fit into a small job


def circle(vectors, spec, *, seed, samples=None, shape=None, **_):
    """Cosine and sine as probes predict them that saw no sample of the label.

    Beside them, without a probe, the samples in the plane of most variance of the class means.
    """
    if shape["topology"] != "circle":
        raise OrreryError(
            f"circle needs a concept whose topology is circle, not {shape['topology']}; take line or pca."
        )
    values, classes = classes_of(samples, "circle", 4)
    weights, _ = _probe(vectors, values, classes, spec, seed)
    angles = 2 * np.pi * values / shape["period"]
    means = class_means(vectors, classes, len(values))
    _, s, axes = directions(means - means.mean(0))
    plane = (vectors - means.mean(0)) @ axes[:2].T
    return {
        "coordinates": (weights @ np.c_[np.cos(angles), np.sin(angles)]).astype(np.float32),
        "plane": np.pad(plane, ((0, 0), (0, 2 - plane.shape[1]))).astype(np.float32),
    }, {
        **_facts(spec, values), "left_out_angle_error": float(angular_error(weights, angles[None], classes)[0]),
        "plane_variance": [float(share) for share in [*(s**2 / (s**2).sum()), 0.0][:2]],
    }  # fmt: skip


def line(vectors, spec, *, seed, samples=None, shape=None, **_):
    """The value as a probe predicts it that never saw it, beside the first principal component of what is left.

    Left is what is orthogonal to the direction of a probe fitted on all samples.
    """
    values, classes = _numbers(samples, shape, "line")
    weights, folds = _probe(vectors, values, classes, spec, seed)
    u, s, axes = directions(vectors - vectors.mean(0))
    k = max(1, min(spec["probe_components"], len(vectors) // 2, len(s)))
    target = values[classes] - values[classes].mean()
    direction = axes[:k].T @ (u[:, :k].T @ target / s[:k])
    direction /= np.linalg.norm(direction)
    scores = u * s
    along = axes @ direction  # the direction in the components' coordinates
    rest, size, _ = directions(scores - np.outer(scores @ along, along))
    second = rest[:, 0] * size[0] if len(size) else np.zeros(len(vectors))
    return {"coordinates": np.c_[weights @ values, second].astype(np.float32)}, {
        **_facts(spec, values), "held_out_r2": float(held_out_r2(weights, values, classes, folds))
    }  # fmt: skip


def helix(vectors, spec, *, seed, samples=None, shape=None, **_):
    """cos(2πn/T), sin(2πn/T) and n (Kantamneni and Tegmark 2025) as probes predict them that never saw n."""
    values, classes = _numbers(samples, shape, "helix")
    period = spec["period"]
    turn = 2 * np.pi * values / period
    targets = np.stack([np.cos(turn), np.sin(turn), values])  # (3, p)
    if targets[:2].std(1).max() < 1e-6 or np.ptp(values) < period:
        raise OrreryError(f"helix: the values do not turn with a period of {period:g}; write another period.")
    weights, folds = _probe(vectors, values, classes, spec, seed)
    with np.errstate(invalid="ignore", divide="ignore"):  # the sine of whole numbers may be nothing but zeros
        r2 = held_out_r2(weights, targets, classes, folds)
    return {"coordinates": (weights @ targets.T).astype(np.float32)}, {
        **_facts(spec, values), "held_out_r2": [float(r) if s > 1e-6 else None for r, s in zip(r2, targets.std(1))]
    }  # fmt: skip


def classes_of(samples, method, fewest):
    """Distinct values (p,) and the class (N,) of each sample."""
    found = np.asarray(samples["value"], dtype=float)
    if np.isnan(found).any():
        raise OrreryError(f"{method} needs a value for every label; give the concept values, or take another method.")
    values, classes = np.unique(found, return_inverse=True)
    if len(values) < fewest:
        raise OrreryError(f"{method} needs {fewest} labels with samples at least, there are {len(values)}; add some.")
    return values, classes


def targets_of(values, shape, method):
    """What is predicted of each value, array (p, q): itself on a line, cosine and sine on a circle."""
    if shape["topology"] not in ("circle", *LINES):
        raise OrreryError(f"{method} needs a concept whose topology is circle, line or helix; take lda.")
    if shape["topology"] in LINES:
        return values[:, None]
    angles = 2 * np.pi * values / shape["period"]
    return np.c_[np.cos(angles), np.sin(angles)]


def value_folds(count, seed):
    """The fold (count,) of each value: its own, or one of twenty that are drawn at random."""
    return np.random.default_rng(seed).permutation(count) % min(FOLDS, count)


def _numbers(samples, shape, method):
    if shape["topology"] not in ("circle", *LINES):
        raise OrreryError(
            f"{method} needs a concept whose topology is line, helix or circle, not {shape['topology']}; take pca."
        )
    return classes_of(samples, method, 4)


def _probe(vectors, values, classes, spec, seed):
    """Weights (N, p) of the values in the prediction of each sample, and the folds (p,)."""
    if len(vectors) > POINTS:
        raise OrreryError(
            f"{len(vectors)} points are too many for {spec['method']}, which holds the inner products of all pairs "
            f"(at most {POINTS}); add class-means to preprocess, or take fewer samples."
        )
    folds = value_folds(len(values), seed)
    return held_out_weights(vectors, classes, folds, spec["probe_components"]), folds


def _facts(spec, values):
    return {"supervised": True, "probe_components": spec["probe_components"], "classes": len(values),
            "folds": "values", "library": library("numpy")}  # fmt: skip
