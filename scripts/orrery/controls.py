"""Vectors in which the structure asked about is not: the noise that goes through the same code as a set."""

import numpy as np

from orrery.geometry.cyclic import class_means


def gaussian(vectors, classes, n_classes, rng):
    """Independent standard normal numbers of the shape of vectors (N, D)."""
    return rng.standard_normal(vectors.shape)


def spectrum(vectors, classes, n_classes, rng):
    """Normal vectors with the mean and covariance of vectors (N, D): the same spectrum, and no other structure."""
    mean = vectors.mean(0)
    centred = np.asarray(vectors - mean, dtype=np.float64)
    return mean + rng.standard_normal((len(vectors), len(vectors))) @ centred / np.sqrt(len(vectors) - 1)


def random_walk(vectors, classes, n_classes, rng):
    """Labels along a random walk of D independent coordinates, samples around them as those of vectors (N, D).

    The walk's labels vary as much as those of the set, so the ratio of labels to scatter is the set's own.
    """
    means = class_means(vectors, classes, n_classes)
    walk = np.cumsum(rng.standard_normal(means.shape), axis=0)
    walk *= np.linalg.norm(means - means.mean(0)) / max(np.linalg.norm(walk - walk.mean(0)), 1e-300)
    return means.mean(0) + (walk - walk.mean(0))[classes] + (vectors - means[classes])


def another_order(n_classes, rng):
    """An order of the labels that is not the true one, nor its reverse nor a rotation where there is another."""
    order = rng.permutation(n_classes)
    for _ in range(100):
        steps = np.diff(order) % n_classes
        if not ((steps == 1).all() or (steps == n_classes - 1).all()):
            break
        order = rng.permutation(n_classes)
    return order


NOISE = {"gaussian": gaussian, "spectrum": spectrum, "random-walk": random_walk}
