"""Could a control show a structure at all? The claimed shape is put into it and looked for by the same code."""

import zlib
from dataclasses import replace

import numpy as np

from orrery.geometry import places
from orrery.geometry.cyclic import class_means


def planted(cloud, shape, seed):
    """A cloud whose label means are a perfect shape with the label variance that they had.

    Everything else stays: the scatter of the samples around their means, the number of samples, templates. What is not
    found here cannot be missed, and a control that does not show it is blind.

    Parameters
    ----------
    cloud : Cloud
    shape : str
        One of `SHAPES`.
    seed : int
        The shape lies in random directions, the same in all layers.

    Returns
    -------
    Cloud
    """
    points = SHAPES[shape](cloud, np.random.default_rng([seed, zlib.crc32(shape.encode())]))
    points = points - points.mean(0)
    rng = np.random.default_rng([seed, zlib.crc32(shape.encode()), 1])
    width = min(points.shape[1], cloud.x.shape[1])
    directions = np.linalg.qr(rng.standard_normal((cloud.x.shape[1], width)))[0].T
    shaped = points[:, :width] @ directions
    return replace(cloud, x=_shaped(cloud, cloud.x, shaped), raw=_shaped(cloud, cloud.raw, shaped))


def _shaped(cloud, vectors, shaped):
    """Vectors whose label means are a shape (p, D), in the size of the deviations that they had."""
    means = class_means(vectors, cloud.classes, cloud.p)
    own = means - means.mean(0)
    size = np.linalg.norm(own) / max(np.linalg.norm(shaped), 1e-300)
    return vectors + (size * shaped - own)[cloud.classes]


def _circle(turns):
    return np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)], axis=1)


def _line(cloud):
    spread = cloud.values.std()
    return (cloud.values - cloud.values.mean())[:, None] / (spread if spread > 0 else 1)


def _ranks(cloud):
    return np.argsort(np.argsort(cloud.values, kind="stable")) / max(cloud.p - 1, 1)


def _families(cloud, rng):
    return np.eye(cloud.parents.max() + 1)[cloud.parents] if cloud.parents is not None else np.eye(cloud.p)


SHAPES = {
    "circle": lambda cloud, rng: _circle(cloud.values / cloud.shape["period"]),
    "line": lambda cloud, rng: _line(cloud),
    "helix": lambda cloud, rng: np.hstack([_line(cloud), _circle(cloud.values / 10)]),
    "arch": lambda cloud, rng: _circle(_ranks(cloud) / 2),
    "period 10": lambda cloud, rng: _circle(cloud.values / 10),
    "parity": lambda cloud, rng: (cloud.values % 2)[:, None],
    "places": lambda cloud, rng: places.embedded(*cloud.surface),
    "clusters": lambda cloud, rng: rng.standard_normal((cloud.p, max(cloud.p - 1, 1))),
    "families": _families,
}
