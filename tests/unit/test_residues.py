"""Residues of numbers: the same in every run, a circle or categories, closed or open, even against odd."""

from itertools import permutations

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.geometry import residues
from orrery.geometry.residues import (
    digit_counts,
    harmonic_share,
    residue_circle,
    residue_closure,
    residue_consistency,
    residue_means,
    residue_parity,
)

N, D = np.arange(100), 48
ANGLES = 2 * np.pi * N / 10


def planted(name, rng, n=N, share=0.1):
    """Means (V, 48) without noise: a line of variance 1 with something beside it, or what must not be a period."""
    d, last = (lambda: rng.standard_normal(D)), n % 10
    line = np.outer((n - n.mean()) / n.std(), d())
    circle = np.outer(np.cos(2 * np.pi * n / 10), d()) + np.outer(np.sin(2 * np.pi * n / 10), d())
    levels = rng.standard_normal((3, D))[digit_counts(n) - 1] * 2
    kernel = np.exp(-0.5 * ((n[:, None] - n) / 5) ** 2) + 1e-6 * np.eye(len(n))
    return {
        "line": line,
        "digits": levels,
        "line, digits": line + levels,
        "walk": np.cumsum(rng.standard_normal((len(n), D)), 0) / np.sqrt(len(n)) * 2,
        "curve": np.linalg.cholesky(kernel) @ rng.standard_normal((len(n), D)),
        "tens": line + rng.standard_normal((len(n) // 10 + 1, D))[n // 10],
        "categories": line + rng.standard_normal((10, D))[last],
        "ends in 0": line + 3 * np.outer(last == 0, d()),
        "parity": line + np.outer((n % 2) * 2 - 1.0, d()),
        "halves": line + np.outer((last >= 5) * 2 - 1.0, d()),
        "sawtooth": line + np.outer((last - 4.5) / 2.87, d()),
        "arc": line + np.outer(np.cos(np.pi * last / 9), d()) + np.outer(np.sin(np.pi * last / 9), d()),
        "circle": np.sqrt(1 - share) * line + np.sqrt(share) * circle,
    }[name]


def noisy(name, seed, share=0.1, noise=0.5):
    rng = np.random.default_rng(seed)
    return planted(name, rng, share=share) + noise * rng.standard_normal((len(N), D))


def p_of(statistics):
    return np.mean(statistics >= statistics[0] - 1e-9 * abs(statistics[0]))


def found(name, test, runs, **options):
    """Share of the runs with p ≤ .05."""
    return np.mean([p_of(test(noisy(name, seed, **options))) <= 0.05 for seed in range(runs)])


def circle_of(means):
    return residue_circle(means, N, 10, 199, 0)


def consistency_of(means):
    return residue_consistency(means, N, 10, 199, 0)


def at_most(runs, alpha=0.05):
    return alpha + 2.5 * np.sqrt(alpha * (1 - alpha) / runs)


def test_residue_means_are_those_planted_beside_a_curve_and_levels_of_digit_counts(rng):
    n = np.arange(342)
    vectors = rng.standard_normal((10, D))
    smooth = np.outer(n, rng.standard_normal(D)) + np.outer((n / 50.0) ** 3, rng.standard_normal(D))
    means = smooth + rng.standard_normal((3, D))[digit_counts(n) - 1] * 9 + vectors[n % 10]
    np.testing.assert_allclose(residue_means(means, n, 10), vectors - vectors.mean(0), atol=1e-9)


def test_smooth_parts_change_no_statistic(rng):
    means = rng.standard_normal((100, D))
    smooth = np.outer(np.polyval([1e-4, -0.02, 3, 1], N), rng.standard_normal(D)) + 5 * np.outer(N >= 10, np.ones(D))
    for test in (circle_of, consistency_of, lambda means: residue_parity(means, N)):
        np.testing.assert_allclose(test(means + smooth), test(means), atol=1e-9)


def test_the_shorter_axis_is_that_of_a_singular_value_decomposition(rng):
    means = rng.standard_normal((42, 5))
    found, orders = residue_circle(means, np.arange(42), 7), residues._circular_orders(7, 0, 0)
    vectors = residue_means(means, np.arange(42), 7)
    assert len(found) == 360
    for order, value in list(zip(orders, found))[::20]:
        angles = 2 * np.pi * order / 7
        axes = np.linalg.svd(np.stack([np.cos(angles), np.sin(angles)]) @ vectors, compute_uv=False)
        np.testing.assert_allclose(value, 4 * axes[1] ** 2 / (7 * (vectors**2).sum()))


def test_circular_orders_of_few_residues_are_all_different():
    orders = residues._circular_orders(6, 0, 0)
    turns = {tuple(row) for row in orders}
    assert len(turns) == 60 and (orders[0] == np.arange(6)).all()
    same = {tuple(s * (row + k) % 6) for row in orders for s in (1, -1) for k in range(6)}
    assert same == set(permutations(range(6)))


def test_values_of_known_shapes():
    """Noise-free: (share of the ellipse, share of the circle)."""
    rng = np.random.default_rng(0)
    known = {
        "circle": (1, None),
        "halves": (0.838, 0),
        "parity": (0, 0),
        "ends in 0": (2 / 9, 0),
        "sawtooth": (0.635, 0),
    }
    for name, (ellipse, circle) in known.items():
        means = planted(name, rng)
        assert harmonic_share(means, N, 10) == pytest.approx(ellipse, abs=0.001), name
        if circle is not None:
            assert circle_of(means)[0] == pytest.approx(circle, abs=1e-6), name
    even = np.zeros((100, D))
    even[:, 0], even[:, 1] = np.cos(ANGLES), np.sin(ANGLES)
    assert circle_of(even)[0] == pytest.approx(1)


@pytest.mark.parametrize(("share", "noise"), [(0.1, 0.5), (0.05, 0.5), (0.02, 0.5), (0.05, 1)])
def test_circles_are_found_and_close(share, noise):
    for test in (circle_of, consistency_of):
        assert found("circle", test, 20, share=share, noise=noise) == 1
    closing = [residue_closure(noisy("circle", seed, share, noise), N, 10, 10, seed, 99) for seed in range(20)]
    assert np.mean([p_of(-t) <= 0.05 for t in closing]) >= 0.9


def test_unordered_digits_are_the_same_in_every_run_and_no_circle():
    assert found("categories", consistency_of, 30) == 1
    assert found("categories", circle_of, 200) <= 0.07
    assert found("ends in 0", circle_of, 150) <= at_most(150) and found("ends in 0", consistency_of, 20) == 1
    assert found("halves", circle_of, 150) <= at_most(150)


@pytest.mark.parametrize("name", ["line", "digits", "line, digits", "walk", "curve", "tens"])
def test_what_is_smooth_or_random_has_no_residues(name):
    """Consistency alone keeps its level; together with the circle nothing is left."""
    p = np.array([[p_of(test(noisy(name, seed))) for test in (consistency_of, circle_of)] for seed in range(150)])
    assert np.mean(p[:, 0] <= 0.05) <= at_most(150)
    assert np.mean(p.max(1) <= 0.05) <= 0.03


def test_an_open_arc_of_digits_does_not_close():
    closing = [residue_closure(noisy("arc", seed), N, 10, 10, seed, 99) for seed in range(30)]
    assert np.mean([p_of(-t) <= 0.05 for t in closing]) <= 0.1


def test_parity_is_one_of_126_splits():
    splits = residues._splits(10)
    assert len(splits) == 126 == len({tuple(s * np.sign(s[0])) for s in splits}) and (splits.sum(1) == 0).all()
    assert found("parity", lambda means: residue_parity(means, N), 20) == 1
    assert residue_parity(noisy("parity", 0, noise=0), N)[0] == pytest.approx(1)
    for name in ("categories", "halves", "line", "circle"):
        assert found(name, lambda means: residue_parity(means, N), 100) <= at_most(100), name


def test_parity_share_is_that_of_the_two_means(rng):
    means = rng.standard_normal((100, D))
    vectors = residue_means(means, N, 10)
    apart = vectors[::2].mean(0) - vectors[1::2].mean(0)
    assert residue_parity(means, N)[0] == pytest.approx(2.5 * (apart**2).sum() / (vectors**2).sum())


def test_signs_are_turned_run_by_run(rng):
    """The null of few runs against residue means from data whose runs were turned by hand."""
    n = np.arange(80)
    means = rng.standard_normal((80, 6))
    parts = residues._run_parts(means, n, 10)
    slope = np.arange(10) - 4.5
    null = residue_consistency(means, n, 10)
    lengths = []
    for signs in residues._signs(8, 0, 0):
        total = np.tensordot(signs, parts, 1)
        total -= np.outer(slope, slope @ total) / (slope @ slope)
        lengths.append((total**2).sum())
    np.testing.assert_allclose(null / null[0], np.array(lengths) / lengths[0])
    assert len(null) == 128 and np.all(null <= 1)


def test_numbers_with_gaps_and_other_periods(rng):
    n = np.setdiff1d(np.arange(-20, 130), [3, 17, 44, 45, 99])
    vectors = rng.standard_normal((7, D))
    means = np.outer(n, rng.standard_normal(D)) + rng.standard_normal((3, D))[digit_counts(n) - 1] + vectors[n % 7]
    np.testing.assert_allclose(residue_means(means, n, 7), vectors - vectors.mean(0), atol=1e-8)


def test_too_few_values_have_nothing(rng):
    means = rng.standard_normal((15, 4))
    assert residue_means(means, np.arange(15), 10) is None and np.isnan(harmonic_share(means, np.arange(15), 10))
    for found in (
        residue_circle(means, np.arange(15), 10, 99),
        residue_consistency(means, np.arange(15), 10, 99),
        residue_parity(means, np.arange(15)),
        residue_closure(means, np.arange(15), 10, 5, 0, 9),
    ):
        assert np.isnan(found).all()
    for smooth in (np.ones((100, 3)), np.outer(N, [1.0, 2])):
        assert np.isnan(circle_of(smooth)).all() and np.isnan(consistency_of(smooth)).all()


def test_what_is_no_integer_or_period_is_refused(rng):
    means = rng.standard_normal((100, 4))
    with pytest.raises(OrreryError, match="integers"):
        residue_means(means, N + 0.5, 10)
    with pytest.raises(OrreryError, match="one mean for each value"):
        residue_means(means, N // 2, 10)
    with pytest.raises(OrreryError, match="from 5 on"):
        residue_circle(means, N, 4)
    with pytest.raises(OrreryError, match="cannot be told"):
        residue_parity(means, N, 7)
    with pytest.raises(OrreryError, match="integer from 2"):
        residue_means(means, N, 2.5)
