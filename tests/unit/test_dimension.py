"""Known answers for dimensions, lengths and the irreducibility of a plane, beside the reference packages."""

import numpy as np
import pytest
import skdim
from orrery.geometry.dimension import (
    anisotropy,
    norms,
    participation_ratio,
    two_nn,
    two_nn_curve,
)
from orrery.geometry.irreducible import (
    _without_structure,
    mixture_index,
    mixture_test,
    separability,
    separability_test,
)
from sklearn.metrics import mutual_info_score
from sklearn.metrics.pairwise import cosine_similarity


def in_many(rng, x, d):
    """x (N, k) in k random orthogonal directions of d, away from the origin."""
    return x @ np.linalg.qr(rng.standard_normal((d, x.shape[1])))[0].T + 3


def ring(rng, p, per_class, noise):
    classes = np.repeat(np.arange(p), per_class)
    theta = 2 * np.pi * classes / p
    return np.c_[np.cos(theta), np.sin(theta)] + noise * rng.standard_normal((len(classes), 2)), classes


def simplex_plane(rng, p, per_class, noise, d=500):
    """First two principal components of random class means and noise, in d dimensions."""
    classes = np.repeat(np.arange(p), per_class)
    x = rng.standard_normal((p, d))[classes] + noise * rng.standard_normal((len(classes), d))
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    return u[:, :2] * s[:2], classes


@pytest.mark.parametrize("n, d", [(30, 3), (200, 2), (500, 20), (300, 100), (120, 4096)])
@pytest.mark.parametrize("discard", [0.1, 0.3])
def test_two_nn_equals_scikit_dimension(rng, n, d, discard):
    x = rng.standard_normal((n, d)) * np.geomspace(1, 0.2, d)
    assert two_nn(x, discard) == pytest.approx(skdim.id.TwoNN(discard_fraction=discard).fit(x).dimension_, rel=1e-6)


def test_of_equal_rows_one_counts(rng):
    x = rng.standard_normal((150, 5))
    double = np.vstack([x, x[:70], x[:70]])[rng.permutation(290)]
    assert two_nn(double) == pytest.approx(two_nn(x), rel=1e-9)
    assert two_nn(double + 1000.0) == pytest.approx(two_nn(x), rel=1e-6)
    assert two_nn_curve(double, 0)[0][0] == 150


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("d", [16, 1024])
def test_two_nn_finds_planted_dimensions(rng, k, d):
    assert two_nn(in_many(rng, rng.uniform(size=(1500, k)), d)) == pytest.approx(k, rel=0.12)


def test_two_nn_of_a_sphere_and_of_noise(rng):
    sphere = rng.standard_normal((2000, 3))
    assert two_nn(sphere / np.linalg.norm(sphere, axis=1, keepdims=True)) == pytest.approx(2, rel=0.1)
    assert 100 < two_nn(rng.standard_normal((1000, 576))) < 150  # far below 576: there are too few points


def test_the_curve_tells_a_plane_from_a_blurred_line(rng):
    points, plane = two_nn_curve(in_many(rng, rng.uniform(size=(1600, 2)), 50), 0)
    assert points.tolist() == [1600, 800, 400, 200] and np.abs(plane - 2).max() < 0.25
    line = np.c_[np.linspace(0, 30, 1600), 0.01 * rng.standard_normal((1600, 4))]
    _, blurred = two_nn_curve(line, 0)
    assert (np.diff(blurred) < 0).all() and blurred[0] > 2 and blurred[-1] < 1.5


def test_the_curve_averages_disjoint_subsamples(rng):
    x = rng.standard_normal((90, 4))
    points, found = two_nn_curve(x, 5, sizes=(1, 1 / 2, 1 / 4, 1 / 8), repeats=2)
    assert points.tolist() == [90, 45, 22]  # eleven points are too few
    assert found[0] == two_nn(x)
    order = np.random.default_rng(5)
    halves = [half for _ in range(2) for half in np.split(order.permutation(90), 2)]
    assert found[1] == pytest.approx(np.mean([two_nn(x[half]) for half in halves]))


def test_what_has_no_dimension():
    assert np.isnan(two_nn(np.ones((50, 9)))) and np.isnan(two_nn(np.eye(40)))
    assert np.isnan(participation_ratio(np.ones((50, 9))))
    assert np.isnan(anisotropy(np.zeros((5, 3)))) and np.isnan(norms(np.zeros((5, 3)))[1])
    flat = 0.1 + np.zeros((50, 9)) + 1e-12 * np.random.default_rng(0).standard_normal((50, 9))
    assert np.isnan(participation_ratio(flat))


@pytest.mark.parametrize("n, d", [(40, 16), (60, 300)])
def test_participation_ratio_by_eigenvalues(rng, n, d):
    x = 2 + rng.standard_normal((n, d)) * np.geomspace(1, 0.1, d)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    assert participation_ratio(x) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    assert participation_ratio(np.outer(np.arange(9.0), np.ones(4))) == pytest.approx(1)


@pytest.mark.parametrize("n, d", [(1000, 4096), (224, 576), (700, 64), (49, 16)])
def test_participation_ratio_of_noise_counts_samples_too(rng, n, d):
    x = rng.standard_normal((n, d))
    assert participation_ratio(x) == pytest.approx(n * d / (n + d), rel=0.03)


def test_anisotropy_is_the_mean_cosine_of_pairs(rng):
    x = rng.standard_normal((40, 12)) + 0.7
    cosines = cosine_similarity(x)
    assert anisotropy(x) == pytest.approx(cosines[np.triu_indices(40, 1)].mean())
    assert anisotropy(np.vstack([x, np.zeros(12)])) == pytest.approx(anisotropy(x))
    assert anisotropy(np.eye(9)) == pytest.approx(0) and anisotropy(np.ones((9, 3))) == pytest.approx(1)
    assert abs(anisotropy(rng.standard_normal((500, 4096)))) < 1e-3


def test_norms(rng):
    assert norms(np.array([[3.0, 4.0], [0.0, 5.0]])) == (5, 0)
    mean, cv = norms(rng.standard_normal((2000, 576)))
    assert mean == pytest.approx(24, rel=0.01) and cv == pytest.approx(1 / np.sqrt(2 * 576), rel=0.1)


def test_separability_by_the_definition(rng):
    x, _ = ring(rng, 5, 36, 0.3)
    x = (x - x.mean(0)) @ np.linalg.eigh(np.cov(x.T))[1][:, ::-1]
    found = []
    for angle in np.radians(np.arange(90)):
        turned = x @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        bins = turned.argsort(0).argsort(0) // 30  # six of 180 samples
        found.append(mutual_info_score(bins[:, 0], bins[:, 1]))
    assert separability(x) == pytest.approx((min(found) - 25 / 360) / np.log(2), abs=2e-3)


def best_window(x, epsilon, angles=180):
    """M by its definition, at the middle of every interval of c between two points where the count changes."""
    best = 0
    for angle in np.pi * np.arange(angles) / angles:
        y = x @ [np.cos(angle), np.sin(angle)]
        ends = []
        for value in y:  # (y + c)² = ε² E[(y + c)²], a quadratic equation in c
            e = epsilon**2
            ends += list(np.roots([1 - e, 2 * value - 2 * e * y.mean(), value**2 - e * (y**2).mean()]).real)
        ends = np.sort(ends)
        for c in (ends[1:] + ends[:-1]) / 2:
            best = max(best, (np.abs(y + c) < epsilon * np.sqrt(((y + c) ** 2).mean())).mean())
    return best


@pytest.mark.parametrize("shape", ["gaussian", "ring", "lines"])
@pytest.mark.parametrize("epsilon", [0.1, 0.6])
def test_mixture_index_by_the_definition(rng, shape, epsilon, monkeypatch):
    monkeypatch.setattr("orrery.geometry.irreducible.EPSILON", epsilon)
    n = 24
    lines = np.r_[np.zeros((8, 2)), np.c_[rng.standard_normal(8), np.zeros(8)], np.c_[np.zeros(8), np.arange(8) - 3]]
    x = {"gaussian": rng.standard_normal((n, 2)), "ring": ring(rng, 6, 4, 0.1)[0], "lines": lines}[shape]
    x = x + 0.01 * rng.standard_normal(x.shape)
    x = x - x.mean(0)
    variances, axes = np.linalg.eigh(x.T @ x / n)
    white = (x @ axes / np.sqrt(variances))[:, ::-1]
    assert mixture_index(white) == pytest.approx(best_window(white, epsilon), abs=1e-9)


def test_an_invertible_map_is_no_mixture(rng):
    x = rng.standard_normal((200, 2)) ** 3
    skewed = x @ np.array([[30.0, 1.0], [2.0, 0.1]]) + 100
    assert mixture_index(skewed) == pytest.approx(mixture_index(x), abs=0.011)


def test_known_planes(rng):
    n = 700
    theta = rng.uniform(0, 2 * np.pi, n)
    circle = np.c_[np.cos(theta), np.sin(theta)]
    exact = 2 * np.pi * (np.arange(20_000) + 0.5) / 20_000
    assert mixture_index(np.c_[np.cos(exact), np.sin(exact)]) == pytest.approx(0.219, abs=1e-3)
    assert separability(circle) > 1.5 and 0.2 < mixture_index(circle) < 0.3
    gaussian = rng.standard_normal((n, 2)) * [10, 1]
    assert abs(separability(gaussian)) < 0.05 and 0.1 < mixture_index(gaussian) < 0.14
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    bimodal = (np.sign(rng.standard_normal((n, 2))) + 0.1 * rng.standard_normal((n, 2))) @ turn
    assert abs(separability(bimodal)) < 0.05
    coordinates = np.zeros((n, 2))
    coordinates[300:500, 0], coordinates[500:, 1] = rng.standard_normal((2, 200))
    assert mixture_index(coordinates + 1e-3 * rng.standard_normal((n, 2))) >= 5 / 7
    assert np.isnan(separability(np.c_[theta, 2 * theta])) and np.isnan(mixture_index(np.ones((n, 2))))


def test_random_labels_look_irreducible_without_their_own_null(rng):
    """A random simplex fails a Gaussian null as a ring does, and is like other random labels; a ring has a lower M."""
    plane, classes = simplex_plane(rng, 7, 32, 1.0)
    against_gaussian, against_labels = (separability_test(plane, 0, 99, c) for c in (None, classes))
    assert against_gaussian[0] > against_gaussian[1:].max() + 0.2
    assert (against_labels >= against_labels[0]).mean() > 0.05
    rings, classes = ring(rng, 7, 32, 0.05)
    assert separability_test(rings, 0, 99)[0] > separability_test(rings, 0, 99)[1:].max() + 0.2
    assert (separability_test(rings, 0, 99, classes) >= separability(rings)).mean() > 0.05
    assert (mixture_test(rings, 0, 99, classes) <= mixture_index(rings)).mean() <= 0.03
    assert (mixture_test(rings, 0, 99) <= mixture_index(rings)).mean() == 1  # a Gaussian is lower still


def test_draws_are_seeded_and_keep_what_they_should(rng):
    x, classes = ring(rng, 5, 20, 0.2)
    for test in (separability_test, mixture_test):
        for labels in (None, classes):
            first = test(x, 3, 9, labels)
            assert first.shape == (10,) and (first == test(x, 3, 9, labels)).all()
            assert (first[1:] != test(x, 4, 9, labels)[1:]).any()
    assert np.isnan(separability_test(np.c_[np.arange(50.0), np.zeros(50)], 0, 5)).all()
    assert np.isnan(mixture_test(np.ones((50, 2)), 0, 5, np.arange(50) % 3)).all()


def test_arrangements_of_labels_keep_their_covariance_and_what_is_within(rng):
    x, classes = simplex_plane(rng, 5, 6, 0.5, d=40)
    clouds = _without_structure(x, 0, 60, classes)
    means = np.stack([[cloud[classes == c].mean(0) for c in range(5)] for cloud in [x, *clouds]])
    np.testing.assert_allclose([np.cov(m.T) for m in means[1:]], np.tile(np.cov(means[0].T), (60, 1, 1)), atol=1e-9)
    within = [x - m[classes] for x, m in zip([x, *clouds], means)]
    np.testing.assert_allclose(within[1:], np.tile(within[0], (60, 1, 1)), atol=1e-9)
    towards = (means[1:, 0] - means[1:].mean(1)) @ np.linalg.eigh(np.cov(means[0].T))[1]
    assert (np.abs((towards > 0).sum(0) - 30) < 15).all()  # no side is preferred


@pytest.mark.parametrize("labelled", [False, True])
def test_false_positives_of_irreducibility(labelled):
    rng = np.random.default_rng(4)
    found = {"separability": [], "mixture": []}
    for run in range(200):
        if labelled:
            x, classes = simplex_plane(rng, 6, 8, 0.5, d=60)
        else:
            x, classes = rng.standard_normal((60, 2)) * [3, 1], None
        s, m = separability_test(x, run, 19, classes), mixture_test(x, run, 19, classes)
        found["separability"].append((s >= s[0] - 1e-9).mean())
        found["mixture"].append((m <= m[0] + 1e-9).mean())
    for name, p in found.items():
        assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200), name
        assert 0.42 < np.mean(p) < 0.66, name  # M has few values, and ties count against the finding
