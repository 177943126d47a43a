"""Ordered sets and integers: every measure the slow way, and what it must say of sets that are known."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.geometry.arch import arch_null, arch_share
from orrery.geometry.bases import (
    basis_r2,
    digit_basis,
    fourier_basis,
    fourier_power,
    polynomial_basis,
    principal_coordinates,
    resolvable,
    unique_r2,
)
from orrery.geometry.information import mutual_information
from orrery.geometry.ordered import (
    class_weights,
    digit_kappa,
    held_out_rank,
    log_values,
    modulo_kappa,
    step_ratio,
)
from orrery.geometry.permutations import linear_orders
from orrery.geometry.probes import held_out_r2, held_out_weights

PERIODS = (2, 5, 10, 100)
HUNDRED = np.arange(100)


def probe(vectors, components=10, n_folds=20, seed=0):
    """Least-squares weights of one sample for each class, whole classes hidden at random: (W, classes, folds)."""
    n = len(vectors)
    folds = np.random.default_rng(seed).permutation(n) % min(n_folds, n)
    return held_out_weights(vectors, np.arange(n), folds, components, ridge=0), np.arange(n), folds


def embed(rng, columns, d=64, noise=0.0):
    """Columns (V, k) turned into d dimensions, with noise of that standard deviation in each."""
    directions, _ = np.linalg.qr(rng.standard_normal((d, columns.shape[1])))
    return columns @ directions.T + noise * rng.standard_normal((len(columns), d))


def ring(values, period):
    return np.c_[np.cos(2 * np.pi * values / period), np.sin(2 * np.pi * values / period)]


def p_value(statistics):
    return (statistics >= statistics[0] - 1e-9).mean()


def false_positives(p_values, alpha=0.05):
    """The rate at `alpha`, and what it may be for a sound test in all but one of 1,000 such suites."""
    return np.mean(np.array(p_values) <= alpha), alpha + 3.1 * np.sqrt(alpha * (1 - alpha) / len(p_values))


# Rank, logarithm, steps


def test_class_weights_are_means_of_the_samples(rng):
    weights, classes = rng.standard_normal((9, 4)), np.array([2, 0, 1, 1, 0, 2, 2, 0, 2])
    found = class_weights(weights, classes)
    for c in range(3):
        np.testing.assert_allclose(found[c], weights[classes == c].mean(0))
    assert np.isnan(found[3]).all()


@pytest.mark.parametrize("tied", [False, True])
def test_rank_is_spearmans(rng, tied):
    from scipy.stats import spearmanr

    classes = rng.permutation(np.repeat(np.arange(8), 5))
    weights = rng.standard_normal((40, 8))
    if tied:
        weights = np.floor(rng.standard_normal((8, 8)))[classes]
        weights[:, 2:] = 0
    values = np.array([0, 1, 2, 3, 5, 8, 13, 21.0])[linear_orders(8, 30, 0)[0]]
    means = np.stack([weights[classes == c].mean(0) for c in range(8)])
    expected = [spearmanr(v, (means @ v).astype(np.float32)).statistic for v in values]
    np.testing.assert_allclose(held_out_rank(weights, values, classes), expected, atol=1e-6)


def test_rank_of_vectors_that_say_nothing_is_minus_one():
    """A hidden value is predicted by the mean of the others, which falls as it grows."""
    blind = (1 - np.eye(9)) / 8
    assert held_out_rank(blind, np.arange(9.0)[None], np.arange(9)) == pytest.approx(-1)


def test_rank_of_a_line_and_of_its_permutations(rng):
    vectors = embed(rng, np.log10(np.arange(40)[:, None] + 1) * 3, noise=0.1)
    weights, classes, folds = probe(vectors, 5)
    values = np.arange(40.0)[linear_orders(40, 200, 0)[0]]
    found = held_out_rank(weights, values, classes)
    assert found[0] > 0.95 and found[1:].max() < 0.8 and found[1:].mean() < 0.02
    assert held_out_r2(weights, log_values(values[0]), classes, folds) > held_out_r2(weights, values[0], classes, folds)


def test_rank_where_there_is_none():
    values = np.arange(4.0)[None]
    assert np.isnan(held_out_rank(np.zeros((4, 4)), values, np.arange(4)))[0]
    assert np.isnan(held_out_rank(np.full((4, 4), np.nan), values, np.arange(4)))[0]


def test_rank_leaves_out_classes_without_samples():
    values = np.array([[0.0, 1, 2, 3], [2.0, 1, 0, 3]])
    np.testing.assert_allclose(held_out_rank(np.eye(4), values, np.array([0, 1, 2, 2])), [1, 0.5])


def test_logarithms_only_where_they_differ_from_a_line():
    np.testing.assert_allclose(log_values([0, 9, 99]), [0, 1, 2])
    assert log_values(np.arange(7)) is None and log_values(np.arange(1900, 2027)) is None
    assert log_values(np.arange(-1, 99)) is None and log_values([0, np.nan, 99]) is None
    assert log_values(np.arange(9)) is None and log_values(np.arange(10)) is not None


@pytest.mark.parametrize("closed", [False, True])
def test_steps_one_by_one(rng, closed):
    from scipy.spatial.distance import pdist, squareform

    distances = squareform(pdist(rng.standard_normal((6, 3))))
    orders = linear_orders(6, 20, 0)[0]
    for order, ratio in zip(orders, step_ratio(distances, orders, closed)):
        steps = [distances[a, b] for a, b in pairwise([*order, order[0]] if closed else order)]
        assert ratio == pytest.approx(np.mean(steps) / np.mean(distances[~np.eye(6, dtype=bool)]))


def test_steps_of_a_line_of_a_ring_and_of_all_orders(rng):
    line = np.abs(np.subtract.outer(HUNDRED, HUNDRED))
    assert step_ratio(line, HUNDRED[None], False) == pytest.approx(3 / 101)
    points = ring(np.arange(7), 7)
    chords = np.linalg.norm(points[:, None] - points, axis=2)
    assert step_ratio(chords, np.arange(7)[None], True) == pytest.approx(
        chords[0, 1] / np.mean([chords[0, k] for k in range(1, 7)])
    )
    distances = rng.random((5, 5))
    distances += distances.T
    everything = np.array(list(permutations(range(5))))
    for closed in (False, True):
        assert step_ratio(distances, everything, closed).mean() == pytest.approx(1)
    assert np.isnan(step_ratio(np.zeros((4, 4)), np.arange(4)[None], False)).all()


# Residues and digits


@pytest.mark.parametrize("period", [2, 3, 10])
def test_kappa_by_fitting_and_counting(rng, period):
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import cohen_kappa_score

    classes = rng.permutation(np.repeat(np.arange(30), 3))
    vectors = embed(rng, ring(np.arange(30), period), 6, 0.0)[classes] + 0.4 * rng.standard_normal((90, 6))
    folds = rng.permutation(30) % 5
    values = np.arange(30)[linear_orders(30, 3, 0)[0]]
    found = modulo_kappa(held_out_weights(vectors, classes, folds, 6, ridge=0), values, classes, period, folds)
    for v, kappa in zip(values, found):
        scores = np.zeros((90, period))
        for fold in range(5):
            hidden = folds[classes] == fold
            onehot = np.eye(period)[v[classes[~hidden]] % period]
            scores[hidden] = LinearRegression().fit(vectors[~hidden], onehot / onehot.sum(0)).predict(vectors[hidden])
        answers = [scores[classes == c].mean(0).argmax() for c in range(30)]
        assert kappa == pytest.approx(cohen_kappa_score(v % period, answers))


def test_kappa_of_a_ring_is_one_and_of_noise_none(rng):
    values = HUNDRED[linear_orders(100, 300, 0)[0]]
    vectors = embed(rng, ring(HUNDRED, 10), noise=0.05)
    weights, classes, folds = probe(vectors, 2)
    found = modulo_kappa(weights, values, classes, 10, folds)
    assert found[0] == 1 and found[1:].max() < 0.25 and abs(found[1:].mean()) < 0.03
    weights, classes, folds = probe(vectors, 5)  # components of noise blur the probe, and hide nothing
    found = modulo_kappa(weights, values, classes, 10, folds)
    assert found[0] > 0.5 and p_value(found) == 1 / 301
    helix = np.c_[HUNDRED / 30, *(ring(HUNDRED, t) for t in (2, 5, 10))]
    weights, classes, folds = probe(embed(rng, helix, noise=0.05), 10)
    assert min(modulo_kappa(weights, HUNDRED[None], classes, t, folds)[0] for t in (2, 5, 10)) > 0.95
    weights, classes, folds = probe(rng.standard_normal((100, 64)), 5)
    found = modulo_kappa(weights, values, classes, 10, folds)
    assert p_value(found) > 0.01 and abs(found.mean()) < 0.05


def test_kappa_is_not_asked_what_cannot_be_learnt(rng):
    weights, classes, folds = probe(rng.standard_normal((100, 8)), 5)
    assert np.isnan(modulo_kappa(weights, HUNDRED[None], classes, 100, folds)).all()  # each residue has one value
    assert np.isnan(modulo_kappa(weights, 10 * HUNDRED[None], classes, 10, folds)).all()
    assert np.isnan(modulo_kappa(weights * np.nan, HUNDRED[None], classes, 10, folds)).all()
    with pytest.raises(OrreryError, match="those of integers"):
        modulo_kappa(weights, HUNDRED[None] / 2, classes, 2, folds)
    with pytest.raises(OrreryError, match="from 2 on"):
        modulo_kappa(weights, HUNDRED[None], classes, 1, folds)
    with pytest.raises(OrreryError, match="no place of a digit"):
        digit_kappa(weights, HUNDRED[None], classes, 20, folds)


def test_the_leading_digit_follows_from_magnitude_and_the_tens_of_hundreds_do_not(rng):
    line = np.c_[HUNDRED, (HUNDRED - 50) ** 2 / 50]
    weights, classes, folds = probe(embed(rng, line, noise=0.1), 2)
    assert digit_kappa(weights, HUNDRED[None], classes, 10, folds)[0] > 0.35
    assert abs(digit_kappa(weights, HUNDRED[None], classes, 1, folds)[0]) < 0.15
    thousand = np.arange(0, 1000, 4)
    line = np.c_[thousand, (thousand - 500) ** 2 / 500]
    weights, classes, folds = probe(embed(rng, line, noise=0.1), 2)
    assert digit_kappa(weights, thousand[None], classes, 100, folds)[0] > 0.35
    assert abs(digit_kappa(weights, thousand[None], classes, 10, folds)[0]) < 0.15
    ones = np.eye(10)[HUNDRED % 10]
    weights, classes, folds = probe(embed(rng, ones, noise=0.05), 12)
    np.testing.assert_array_equal(
        digit_kappa(weights, HUNDRED[None], classes, 1, folds), modulo_kappa(weights, HUNDRED[None], classes, 10, folds)
    )
    assert digit_kappa(weights, HUNDRED[None], classes, 1, folds)[0] == 1


# Bases


def test_principal_coordinates_turn_and_lose_nothing(rng):
    means = rng.standard_normal((40, 300)) + 5
    centred = means - means.mean(0)
    found = principal_coordinates(means)
    assert found.shape == (40, 39)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-9)
    few = principal_coordinates(means, 7)
    s = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose((few**2).sum(0), s[:7] ** 2)
    assert principal_coordinates(np.ones((9, 4)) + 1e-12 * rng.standard_normal((9, 4))).shape == (9, 0)
    assert principal_coordinates(np.full((9, 4), np.nan)).shape == (9, 0)


@pytest.mark.parametrize(
    "values, periods",
    [
        (range(100), [2, 5, 10, 100]),
        (range(99), [2, 5, 10]),
        (range(7), [2, 5]),
        (range(0, 100, 5), [10, 100]),
        ([0, 1, 50, 99], [2, 5, 10, 100]),
        (np.arange(0, 50, 0.5), [2, 5, 10]),
        ([3], []),
    ],
)
def test_periods_that_values_can_tell(values, periods):
    assert resolvable(values, PERIODS) == periods


def test_the_helix_of_a_hundred_integers_has_nine_columns():
    basis = fourier_basis(HUNDRED, PERIODS)
    assert basis.shape == (100, 9) and np.linalg.matrix_rank(basis) == 9 and np.linalg.cond(basis) < 5
    np.testing.assert_allclose(basis[:, 2], 1 - 2 * (HUNDRED % 2), atol=1e-12)
    np.testing.assert_allclose((basis**2).mean(0), 1)
    assert fourier_basis(HUNDRED, ()).shape == (100, 2)
    # by chance it explains (9 - 1)/(100 - 1) of anything in sample, which is why no R² here is in sample
    noise = np.random.default_rng(0).standard_normal((100, 4000))
    left = noise - basis @ np.linalg.lstsq(basis, noise, rcond=None)[0]
    in_sample = 1 - (left**2).sum() / ((noise - noise.mean(0)) ** 2).sum()
    assert in_sample == pytest.approx(0.081, abs=0.002)
    assert basis_r2(noise, basis, HUNDRED % 20, HUNDRED[None])[0] < -0.05


def test_polynomials_are_orthonormal_and_of_their_degree():
    values = np.arange(1000)
    basis = polynomial_basis(values, 10)
    np.testing.assert_allclose(basis.T @ basis / 1000, np.eye(10), atol=1e-9)
    x = values / 999
    for degree in range(10):
        inside = basis[:, : degree + 1]
        np.testing.assert_allclose(inside @ (inside.T @ x**degree) / 1000, x**degree, atol=1e-9)
    assert (polynomial_basis(values, 2)[:, 1] > 0)[-1]
    with pytest.raises(OrreryError, match="7 values carry no polynomial basis of 9 columns"):
        polynomial_basis(np.arange(7), 9)


@pytest.mark.parametrize("stop, rank", [(10, 10), (100, 19), (1000, 28)])
def test_digits_add_up(rng, stop, rank):
    values = np.arange(stop)
    basis = digit_basis(values)
    assert np.linalg.matrix_rank(basis) == rank and set(np.unique(basis)) == {0, 1}
    if stop > 10:
        tables = rng.standard_normal((3, 10))
        sums = sum(table[values // 10**i % 10] for i, table in enumerate(tables))[:, None]
        folds = rng.permutation(stop) % 20
        assert basis_r2(sums, basis, folds, values[None])[0] == pytest.approx(1, abs=1e-5)
    with pytest.raises(OrreryError, match="integers from 0 on"):
        digit_basis(values - 1)


@pytest.mark.parametrize("name", ["fourier", "polynomial", "digits"])
def test_r2_by_fitting_each_fold(rng, name):
    coordinates = embed(rng, np.c_[ring(HUNDRED, 10), HUNDRED / 40], 30, 0.3)
    basis = {
        "fourier": fourier_basis(HUNDRED, PERIODS),
        "polynomial": polynomial_basis(HUNDRED, 9),
        "digits": digit_basis(HUNDRED),
    }[name]
    folds = np.sort(rng.permutation(100) % 15)[rng.permutation(100)]
    orders = linear_orders(100, 4, 0)[0]
    found = basis_r2(coordinates, basis, folds, orders)
    for order, r2 in zip(orders, found):
        y = coordinates[order]
        residual = total = 0
        for fold in range(15):
            hidden = folds == fold
            beta = np.linalg.lstsq(basis[~hidden], y[~hidden], rcond=None)[0]
            residual += ((y[hidden] - basis[hidden] @ beta) ** 2).sum()
            total += ((y[hidden] - y[~hidden].mean(0)) ** 2).sum()
        assert r2 == pytest.approx(1 - residual / total, abs=1e-5)


def test_a_planted_helix_is_more_than_a_polynomial(rng):
    helix = np.c_[HUNDRED / 30, *(ring(HUNDRED, t) for t in PERIODS)]
    coordinates = principal_coordinates(embed(rng, helix, noise=0.05))
    folds, orders = rng.permutation(100) % 20, linear_orders(100, 300, 0)[0]
    found = {
        "helix": basis_r2(coordinates, fourier_basis(HUNDRED, PERIODS), folds, orders),
        "polynomial": basis_r2(coordinates, polynomial_basis(HUNDRED, 9), folds, orders),
        "shuffled": basis_r2(coordinates, fourier_basis(HUNDRED, PERIODS)[rng.permutation(100)], folds, orders),
    }
    assert found["helix"][0] > 0.9 and found["helix"][1:].max() < 0.2 and found["helix"][1:].mean() < -0.05
    assert found["polynomial"][0] < 0.6 and found["shuffled"][0] < 0.2


def test_a_smooth_set_suits_the_polynomial_better_than_the_helix(rng):
    curve = np.log10(HUNDRED + 1)
    coordinates = embed(rng, np.c_[curve, curve**2, np.sqrt(HUNDRED) / 5], noise=0.02)
    folds, orders = rng.permutation(100) % 20, HUNDRED[None]
    polynomial = basis_r2(coordinates, polynomial_basis(HUNDRED, 9), folds, orders)[0]
    assert polynomial > basis_r2(coordinates, fourier_basis(HUNDRED, PERIODS), folds, orders)[0] > 0.5


def test_r2_where_there_is_none(rng):
    basis, folds, orders = fourier_basis(HUNDRED, PERIODS), HUNDRED % 20, linear_orders(100, 3, 0)[0]
    assert np.isnan(basis_r2(np.zeros((100, 4)), basis, folds, orders)).all()
    assert np.isnan(basis_r2(np.zeros((100, 0)), basis, folds, orders)).all()
    assert np.isnan(basis_r2(np.full((100, 4), np.nan), basis, folds, orders)).all()
    assert np.isnan(
        basis_r2(rng.standard_normal((7, 4)), polynomial_basis(np.arange(7), 6), np.arange(7), np.arange(7)[None])
    ).all()


def test_unique_r2_by_fitting_twice(rng):
    coordinates = embed(rng, np.c_[ring(HUNDRED, 10), HUNDRED / 40], 20, 0.3)
    folds = rng.permutation(100) % 15
    found = unique_r2(coordinates, HUNDRED, 10, PERIODS, folds, 4, 3)
    full, reduced = fourier_basis(HUNDRED, PERIODS), fourier_basis(HUNDRED, (2, 5, 100))
    fit = reduced @ np.linalg.lstsq(reduced, coordinates, rcond=None)[0]
    orders = linear_orders(100, 4, 3)[0]
    for order, difference in zip(orders, found):
        y = fit + (coordinates - fit)[order]
        r2 = [basis_r2(y, basis, folds, HUNDRED[None])[0] for basis in (full, reduced)]
        assert difference == pytest.approx(r2[0] - r2[1], abs=1e-5)


def test_only_the_planted_period_adds(rng):
    coordinates = principal_coordinates(embed(rng, np.c_[ring(HUNDRED, 10), HUNDRED / 20], noise=0.1))
    folds = rng.permutation(100) % 20
    found = {t: unique_r2(coordinates, HUNDRED, t, PERIODS, folds, 300, 0) for t in PERIODS}
    assert p_value(found[10]) == 1 / 301 and found[10][0] > 0.2
    assert all(found[t][0] < 0.01 for t in (2, 5, 100))
    with pytest.raises(OrreryError, match="cannot tell the period 7; take one of these: 2, 5, 10, 100"):
        unique_r2(coordinates, HUNDRED, 7, PERIODS, folds, 9, 0)


def test_another_period_is_not_taken_for_the_one_asked_about():
    """With a trend and T = 10 in the set, the unique R² of T = 5 is below .05 about one time in twenty."""
    rng = np.random.default_rng(1)
    planted, folds = np.c_[ring(HUNDRED, 10), HUNDRED / 30], rng.permutation(100) % 10
    p = [p_value(unique_r2(embed(rng, planted, 8, 0.5), HUNDRED, 5, PERIODS, folds, 99, seed)) for seed in range(400)]
    rate, limit = false_positives(p)
    assert rate <= limit and np.mean(np.array(p) <= 0.5) > 0.35


# Power


@pytest.mark.parametrize("values, period", [(np.arange(100), 10), (np.arange(97), 10), (np.arange(60), 2), (None, 7)])
def test_power_by_least_squares(rng, values, period):
    if values is None:  # with gaps
        values = np.sort(rng.choice(90, 50, replace=False))
    coordinates = rng.standard_normal((len(values), 6))
    orders = linear_orders(len(values), 5, 0)[0]
    trend = np.vander(values / values.max(), 4)
    waves = np.hstack([trend, ring(values, period)])
    for order, power in zip(orders, fourier_power(coordinates, values, period, orders)):
        y = coordinates[order]
        without, within = (((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum() for x in (trend, waves))
        assert power == pytest.approx(1 - within / without)


def test_power_is_that_of_the_transform_where_no_trend_is_in_the_way(rng):
    x = ring(HUNDRED, 10)[:, :1] + 0.5 * ring(HUNDRED, 4)[:, 1:]
    x -= polynomial_basis(HUNDRED, 4) @ (polynomial_basis(HUNDRED, 4).T @ x) / 100
    spectrum = np.abs(np.fft.rfft(x[:, 0])) ** 2
    found = fourier_power(x, HUNDRED, 10, HUNDRED[None])[0]
    assert found == pytest.approx(spectrum[10] / spectrum[1:].sum(), rel=0.01) and found == pytest.approx(0.8, abs=0.01)


def test_power_of_noise(rng):
    orders = linear_orders(100, 2000, 0)[0]
    coordinates = rng.standard_normal((100, 40))
    assert fourier_power(coordinates, HUNDRED, 10, orders).mean() == pytest.approx(2 / 96, rel=0.02)
    assert fourier_power(coordinates, HUNDRED, 2, orders).mean() == pytest.approx(1 / 96, rel=0.03)
    flat = fourier_power(np.outer(HUNDRED, rng.standard_normal(3)), HUNDRED, 10, orders[:2])
    assert np.isnan(flat[0]) and np.isfinite(flat[1])
    for values, period in ((HUNDRED * 10, 10), (np.arange(6), 2)):
        assert np.isnan(fourier_power(coordinates[: len(values)], values, period, orders[:1, : len(values)])).all()
    assert np.isnan(fourier_power(np.ones((100, 3)), HUNDRED, 10, orders[:1])).all()


@pytest.mark.parametrize("a, b", [(1, 30), (0, 1), (3, 500)])
def test_power_without_separability(rng, a, b):
    """e(n) = A·(n mod 10) + B·⌊n/10⌋ with A and B on one line (Fu et al. 2026).

    Residue means differ and their differences recur every ten numbers, so that the power at T = 10 is most of what a
    trend leaves, even for A = 0, the tens digit alone. But within a residue the numbers are spread over all the line.
    """
    orders = linear_orders(100, 500, 0)[0]
    line = (a * (HUNDRED % 10) + b * (HUNDRED // 10))[:, None] / b
    vectors = embed(rng, line, noise=1e-3)
    power = fourier_power(principal_coordinates(vectors), HUNDRED, 10, orders)
    assert power[0] > 0.5 and p_value(power) == 1 / 501 and power[0] > 10 * power[1:].mean()
    weights, classes, folds = probe(vectors, 1)
    kappa = modulo_kappa(weights, HUNDRED[orders], classes, 10, folds)
    assert -0.12 < kappa[0] < 0.05 and p_value(kappa) > 0.1


@pytest.mark.parametrize("turns", [1, 3])
def test_separability_without_power(rng, turns):
    """A small ring beside large waves of another period, or one that turns three times in ten numbers."""
    orders = linear_orders(100, 200, 0)[0]
    small = (0.05 if turns == 1 else 1) * ring(turns * HUNDRED, 10)
    other = (1 if turns == 1 else 0.01) * ring(HUNDRED, 25)
    vectors = embed(rng, np.c_[small, other], noise=1e-4)
    power = fourier_power(vectors, HUNDRED, 10, orders)[0]
    assert power < 2 / 96  # less than noise has
    weights, classes, folds = probe(vectors, 4)
    kappa = modulo_kappa(weights, HUNDRED[orders], classes, 10, folds)
    assert kappa[0] > 0.6 and p_value(kappa) == 1 / 201


# The arch of a walk


def walk(rng, v, d, noise=0.0):
    return np.cumsum(rng.standard_normal((v, d)), axis=0) + noise * rng.standard_normal((v, d))


def curve(kind, v):
    """A line or a half circle, centred, with Σ‖x‖² = 1: (v, 2)."""
    t = np.linspace(0, 1, v)
    x = np.c_[t, 0 * t] if kind == "line" else np.c_[np.cos(np.pi * t), np.sin(np.pi * t)]
    x -= x.mean(0)
    return x / np.sqrt((x**2).sum())


def test_principal_components_of_a_walk_are_half_and_full_cosine():
    """Nothing but a random walk, and 76 % of it is an arch."""
    x = walk(np.random.default_rng(0), 1000, 4096)
    squares, vectors = np.linalg.eigh((x - x.mean(0)) @ (x - x.mean(0)).T)
    assert squares[-2:][::-1] / squares.sum() == pytest.approx([0.607, 0.154], abs=0.006)
    for h in (1, 2):
        cosine = np.cos(np.pi * h * (np.arange(1000) + 0.5) / 1000) * np.sqrt(2 / 1000)
        assert abs(vectors[:, -h] @ cosine) > 0.99
    assert arch_share(x) == pytest.approx(7.5 / np.pi**2, abs=0.01)
    assert p_value(arch_null(x, 0, 199)) > 0.05


def test_share_by_projection(rng):
    x = rng.standard_normal((9, 5)) + 3
    centred = x - x.mean(0)
    cosines = np.stack([np.cos(np.pi * h * (np.arange(9) + 0.5) / 9) for h in (1, 2)]) / np.sqrt(9 / 2)
    assert arch_share(x) == pytest.approx(((cosines @ centred) ** 2).sum() / (centred**2).sum())
    assert arch_share(curve("line", 100)) == pytest.approx(0.986, abs=5e-4)
    assert arch_share(curve("half circle", 100)) == pytest.approx(0.992, abs=5e-4)
    assert arch_share(ring(HUNDRED, 100)) == pytest.approx(0.860, abs=5e-4)


@pytest.mark.parametrize("v", [7, 40])
def test_null_sets_made_in_full(rng, v):
    """The walks themselves, one by one: their shares, step covariance and von Neumann ratio."""
    from scipy.fft import dct, idct

    x = walk(rng, v, 20, 1.0)
    found = arch_null(x, 5, 3)
    assert found[0] == pytest.approx(arch_share(x))
    cosines = dct(x, norm="ortho", axis=0)
    laplacian = 4 * np.sin(np.pi * np.arange(1, v) / (2 * v)) ** 2
    low, high = min(12, v - 1), min(12, (v - 1) // 2)
    power = (cosines[1:] ** 2).sum(1)
    power[high:] = np.minimum(power[high:], np.median(power[high:]))
    ratio = (power * laplacian).sum() / power.sum()
    beta = max(0, (ratio * (v + 1) / 6 - 1) / (2 - ratio))
    expected = 1 / laplacian + beta
    if beta:
        assert (expected * laplacian).sum() / expected.sum() == pytest.approx(ratio)
    gaussian = np.random.default_rng(5).standard_normal((3, low, low))
    for share, matrix in zip(found[1:], gaussian):
        q, r = np.linalg.qr(matrix)
        turn = q * np.sign(np.diag(r))
        np.testing.assert_allclose(turn @ turn.T, np.eye(low), atol=1e-12)
        drawn = cosines.copy()
        steps = cosines[1 : low + 1] / np.sqrt(expected[:low, None])
        drawn[1 : low + 1] = np.sqrt(expected[:low, None]) * (turn @ steps)
        assert share == pytest.approx(arch_share(idct(drawn, norm="ortho", axis=0)))


@pytest.mark.parametrize("noise", [0, 1, 5])
@pytest.mark.parametrize("v, d", [(7, 16), (7, 1024), (12, 64), (30, 64), (100, 16), (100, 256), (1000, 16)])
def test_random_walks_are_flagged(v, d, noise):
    rng = np.random.default_rng([v, d, noise, 1])
    runs = [p_value(arch_null(walk(rng, v, d, noise), run, 99)) for run in range(300)]
    rate, limit = false_positives(runs)
    assert rate <= limit
    if not noise:
        assert np.mean(np.array(runs) <= 0.5) > 0.35  # the test is exact, not merely cautious


@pytest.mark.parametrize("kind", ["few dimensions", "spikes", "autoregression", "heavy steps"])
def test_walks_of_other_kinds_are_flagged(kind):
    rng = np.random.default_rng(3)
    p = []
    for run in range(300):
        if kind == "few dimensions":  # of the walk, with noise in all
            x = np.hstack([walk(rng, 100, 2), np.zeros((100, 62))]) + rng.standard_normal((100, 64))
        elif kind == "spikes":  # what odd numbers share, a third of the variance, is no noise
            x = walk(rng, 100, 64) + 3 * (HUNDRED[:, None] % 2) * rng.standard_normal(64)
        elif kind == "autoregression":
            x = rng.standard_normal((100, 16))
            for t in range(1, 100):
                x[t] += 0.9 * x[t - 1]
        else:
            x = np.cumsum(rng.standard_t(3, (100, 16)), axis=0)
        p += [p_value(arch_null(x, run, 99))]
    rate, limit = false_positives(p)
    assert rate <= limit


@pytest.mark.parametrize("kind", ["line", "half circle"])
@pytest.mark.parametrize("v, d, share", [(7, 64, 0.05), (12, 64, 0.1), (30, 64, 0.3), (100, 64, 0.5), (100, 576, 0.8)])
def test_a_clean_arch_is_not_flagged(kind, v, d, share):
    """`share` of the variance is noise; the power falls as it grows, the later the more classes there are."""
    rng = np.random.default_rng(2)
    p = []
    for run in range(40):
        noise = rng.standard_normal((v, d))
        noise *= np.sqrt(share / (noise**2).sum())
        p += [p_value(arch_null(np.sqrt(1 - share) * embed(rng, curve(kind, v), d) + noise, run, 199))]
    assert np.mean(np.array(p) <= 0.05) >= 0.9


def test_power_falls_with_noise(rng):
    found = []
    for share in (0.01, 0.3, 0.95):
        noise = rng.standard_normal((30, 40, 16))
        noise *= np.sqrt(share / (noise**2).sum((1, 2), keepdims=True))
        arch = np.sqrt(1 - share) * embed(rng, curve("line", 40), 16)
        found += [np.mean([p_value(arch_null(arch + e, 0, 99)) <= 0.05 for e in noise])]
    assert found[0] == 1 and found[2] < 0.3 and found[0] >= found[1] >= found[2]


def test_a_closed_circle_is_no_arch(rng):
    vectors = embed(rng, ring(HUNDRED, 100), noise=0.001)
    assert arch_share(vectors) > 0.8 and p_value(arch_null(vectors, 0, 199)) > 0.05


def test_arches_where_there_are_none(rng):
    for x in (np.ones((9, 4)), np.ones((9, 4)) + 1e-9 * rng.standard_normal((9, 4)), rng.standard_normal((3, 4))):
        assert np.isnan(arch_share(x)) and np.isnan(arch_null(x, 0, 5)).all() and len(arch_null(x, 0, 5)) == 6
    x = rng.standard_normal((20, 4))
    np.testing.assert_array_equal(arch_null(x, 1, 9), arch_null(x, 1, 9))
    assert (arch_null(x, 1, 9)[1:] != arch_null(x, 2, 9)[1:]).any()


# Mutual information


def test_information_one_pair_at_a_time(rng):
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    columns = rng.standard_normal((60, 3))
    table = np.c_[np.arange(60), np.arange(60) % 3, np.ones(60)]
    found = mutual_information(columns, table, 4)
    assert found.shape == (3, 3) and np.isnan(found[:, 2]).all()
    np.testing.assert_array_equal(found[:, 0], mutual_info_regression(columns, table[:, 0], random_state=4))
    np.testing.assert_array_equal(found[:, 1], mutual_info_classif(columns, table[:, 1], random_state=4))


def test_information_that_no_correlation_sees(rng):
    """A square has no correlation with n and says all of it but the sign."""
    n = np.arange(400)
    centred = (n - n.mean()) / 100
    columns = np.c_[centred**2, n % 2 + 0.01 * rng.standard_normal(400), rng.standard_normal(400)]
    found = mutual_information(columns, np.c_[n, n % 2], 0)
    assert abs(np.corrcoef(columns[:, 0], n)[0, 1]) < 1e-9 and found[0, 0] > 2
    assert found[1, 1] == pytest.approx(np.log(2), abs=0.02)
    assert found[2].max() < 0.1


def test_only_the_columns_that_correlate_most_are_asked_about(rng):
    n = np.arange(50)
    columns = rng.standard_normal((50, 8))
    columns[:, 5] += n / 10
    columns[:, 2] -= n / 10
    columns[:, 7] = 3
    assert np.isfinite(mutual_information(columns, n[:, None], 0, 2))[:, 0].nonzero()[0].tolist() == [2, 5]
    everything = mutual_information(columns, n[:, None], 0, None)
    assert np.isnan(everything).nonzero()[0].tolist() == [7]
    assert np.isnan(mutual_information(np.ones((50, 2)), n[:, None], 0)).all()
