"""An arch bends: a straight line, a logarithm along it and groups do not."""

import numpy as np
import pytest
from orrery.geometry.arch import arch_null, second_cosine_share

BEND = 0.08


def curve(name, p, rng, d=64):
    """Means (p, 64) in their order, without noise."""
    u, direction = np.linspace(0, 1, p), lambda: rng.standard_normal(d)
    if name.startswith("arc"):
        angle = np.pi * u * float(name[3:]) / 180
        return np.outer(np.cos(angle), direction()) + np.outer(np.sin(angle), direction())
    if name.endswith("groups"):
        count = int(name[0])
        return rng.standard_normal((count, d))[np.minimum((u * count).astype(int), count - 1)]
    if name == "walk":
        return np.cumsum(rng.standard_normal((p, d)), 0) / np.sqrt(p) * 1.7
    along = {"line": u * 3.5, "log": np.log(1 + u * (p - 1)), "cubic": 3.5 * u**3, "none": 0 * u}[name]
    return np.outer(along, direction())


def called(name, p, runs):
    """Share of the runs that are called an arch."""
    found = []
    for seed in range(runs):
        rng = np.random.default_rng([seed, p])
        means = curve(name, p, rng) + 0.4 * rng.standard_normal((p, 64))
        shares = arch_null(means, seed, 99)
        found.append(np.mean(shares >= shares[0] - 1e-9) <= 0.05 and second_cosine_share(means) >= BEND)
    return np.mean(found)


@pytest.mark.parametrize("p", [12, 40, 200])
def test_known_shares(p):
    u = np.linspace(0, 1, p)
    for turn, share in ((0.25, 0.04), (0.5, 0.16), (0.75, 0.35)):
        angle = 2 * np.pi * turn * u
        assert second_cosine_share(np.c_[np.cos(angle), np.sin(angle)]) == pytest.approx(share, rel=0.12)
    for along in (u, np.log(1 + u * p), u**3):
        assert second_cosine_share(np.outer(along, [3, 4.0])) == pytest.approx(0, abs=1e-9)


def test_chance_is_that_of_noise_and_walks(rng):
    noise = [second_cosine_share(rng.standard_normal((12, 200))) for _ in range(20)]
    walks = [second_cosine_share(np.cumsum(rng.standard_normal((100, 200)), 0)) for _ in range(20)]
    assert np.mean(noise) == pytest.approx(1 / 11, rel=0.1)
    assert np.mean(walks) == pytest.approx(3 / (2 * np.pi**2), rel=0.1)


def test_means_that_are_the_same_have_none():
    assert np.isnan(second_cosine_share(np.ones((8, 3)))) and np.isnan(second_cosine_share(np.eye(3)))
    assert second_cosine_share(np.eye(5)[[0, 1, 1, 1, 0]]) > 0  # nothing in the first cosine


@pytest.mark.parametrize("p", [12, 40])
@pytest.mark.parametrize("name", ["line", "log", "cubic", "arc90", "2 groups", "3 groups", "4 groups", "walk", "none"])
def test_no_arch(name, p):
    assert called(name, p, 60) <= 0.08


@pytest.mark.parametrize(("p", "power"), [(12, 0.8), (24, 0.9), (40, 0.9)])
def test_half_circles_are_arches(p, power):
    assert called("arc180", p, 40) >= power
