"""A ring closes, an open walk does not, and neither do labels without an order."""

import numpy as np
import pytest
from orrery.geometry import probes
from orrery.geometry.arch import draw_walks
from orrery.geometry.closed import ring_or_walk
from orrery.geometry.cyclic import angular_error
from shapes import arch, circle, planted, walk


def p_of(means, seed, draws=59, components=None):
    """p of the closing of some means."""
    angles = 2 * np.pi * np.arange(len(means)) / len(means)
    found = ring_or_walk(means, angles, components, seed, draws)
    return np.mean(found <= found[0] + 1e-9)


@pytest.mark.parametrize("p, components", [(7, None), (12, None), (7, 10)])
def test_rings_close_and_half_circles_do_not(p, components):
    found = {name: [] for name in ("ring", "half")}
    for seed in range(20):
        for name, points in (("ring", circle(p)), ("half", arch(p))):
            rng = np.random.default_rng(seed)
            found[name].append(p_of(planted(points, np.arange(p), 64, 0.06, rng), seed, components=components))
    assert np.mean(np.array(found["ring"]) <= 0.05) > 0.9 and np.mean(np.array(found["half"]) <= 0.05) < 0.2


@pytest.mark.parametrize("noise", [0, 1])
@pytest.mark.parametrize("d", [3, 64])
def test_walks_are_not_called_rings(d, noise):
    """More than .05 of 200 walks by no more than two and a half standard errors."""
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        means = walk(7, d, rng)
        found.append(p_of(means + noise * rng.standard_normal(means.shape), seed) <= 0.05)
    assert np.mean(found) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 200)


def test_labels_without_order_are_not_called_rings():
    found = [p_of(np.random.default_rng(seed).standard_normal((7, 64)), seed) for seed in range(60)]
    assert np.mean(np.array(found) <= 0.05) <= 0.05


def test_the_error_is_that_of_the_probe(rng):
    means, angles = rng.standard_normal((7, 20)), 2 * np.pi * np.arange(7) / 7
    steps = np.sort(np.linalg.norm(means - np.roll(means, -1, 0), axis=1))
    for components, ridge in ((None, probes.RIDGE), (10, 0)):
        weights = probes.held_out_weights(means, np.arange(7), np.arange(7), components, ridge)
        expected = angular_error(weights, angles[None], np.arange(7))[0] * steps[-1] / steps[:-1].mean()
        assert ring_or_walk(means, angles, components, 0, 1)[0] == pytest.approx(expected, rel=1e-5)
    turned = ring_or_walk(np.roll(means, 3, 0), angles, 10, 0, 1)[0]
    assert turned == pytest.approx(ring_or_walk(means, np.roll(angles, -3), 10, 0, 1)[0])


def test_walks_have_the_covariance_of_the_steps(rng):
    """Of a smooth set without noise, a walk's coordinates vary as the set's and its steps are as long."""
    means = np.cumsum(rng.standard_normal((40, 5)) * [9, 1, 1, 1, 1], axis=0)
    grams = draw_walks(means, 0, 400)
    squares = np.einsum("bii->bi", grams)
    steps = (
        squares[:, 1:] + squares[:, :-1] - 2 * np.einsum("bij->bij", grams)[:, np.arange(39), np.arange(1, 40)]
    ).mean()
    assert steps == pytest.approx((np.diff(means, axis=0) ** 2).sum(1).mean(), rel=0.5)
    np.testing.assert_allclose(grams.sum((1, 2)), 0, atol=1e-6)


def test_means_that_are_all_the_same():
    assert np.isnan(ring_or_walk(np.ones((7, 4)), np.arange(7.0), 10, 0, 5)).all()
