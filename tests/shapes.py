"""Sets whose structure is known: shapes planted in random directions of d dimensions, and noise without any."""

import numpy as np


def planted(points, labels, d, noise, rng):
    """Samples (N, d): the points (p, k) of their labels (N,) in k random orthogonal directions, and Gaussian noise.

    The points are scaled to a mean square of 1 a direction, and `noise` is the noise's standard deviation along each
    of the d dimensions.
    """
    points = (points - points.mean(0)) / max(np.sqrt(((points - points.mean(0)) ** 2).mean()), 1e-300)
    directions, _ = np.linalg.qr(rng.standard_normal((d, points.shape[1])))
    return points[labels] @ directions.T + noise * rng.standard_normal((len(labels), d))


def circle(p, width=1.0):
    """Equally spaced on a circle, or on an ellipse whose second axis is `width`."""
    theta = 2 * np.pi * np.arange(p) / p
    return np.c_[np.cos(theta), width * np.sin(theta)]


def line(p):
    """Equally spaced on a line."""
    return np.arange(p, dtype=float)[:, None]


def arch(p):
    """Equally spaced on half a circle."""
    theta = np.pi * np.arange(p) / (p - 1)
    return np.c_[np.cos(theta), np.sin(theta)]


def helix(p, period=10, rise=1.0):
    """A circle of some period, and a line of the same variance times `rise`."""
    theta = 2 * np.pi * np.arange(p) / period
    n = np.arange(p) - (p - 1) / 2
    return np.c_[np.cos(theta), np.sin(theta), rise * n / (np.sqrt(2) * n.std())]


def simplex(p):
    """Every label as far from every other."""
    return np.eye(p)


def clusters(p, d, rng):
    """Labels at random places: clusters without any order."""
    return rng.standard_normal((p, min(d, p)))


def walk(p, d, rng):
    """A random walk of independent coordinates."""
    return np.cumsum(rng.standard_normal((p, d)), axis=0)


def power_without_separability(p, rng, period=10, scatter=64):
    """e(n) = A·r(n) + B·m(n): a wave of some period along one direction, drowned in scatter of the labels along it.

    The wave's power adds up over all n at one frequency while the scatter's is spread over all, so the spectrum has a
    spike; yet a number's residue cannot be read off, for each is moved by more than the residues differ.
    """
    wave = np.cos(2 * np.pi * np.arange(p) / period)
    return (wave / np.sqrt(scatter) * 4 + rng.standard_normal(p))[:, None]
