"""Rings: probes and their regularity against slow implementations, loops against planted ones and against noise."""

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.geometry import persistence, probes
from orrery.geometry.cyclic import angular_error, class_means, first_harmonic_share, ring_regularity
from orrery.geometry.permutations import cyclic_orders, p_values
from orrery.geometry.persistence import h1_score
from orrery.geometry.probes import group_folds, grouped_weights, held_out_r2, held_out_weights, quadratic_r2


def angles_of(p):
    return 2 * np.pi * np.arange(p) / p


def ring(rng, p=7, per_class=12, d=64, noise=0.1):
    """Points around a regular polygon in two random directions: (vectors, classes)."""
    plane, _ = np.linalg.qr(rng.standard_normal((d, 2)))
    classes = np.tile(np.arange(p), per_class)
    theta = angles_of(p)[classes]
    return np.c_[np.cos(theta), np.sin(theta)] @ plane.T + noise * rng.standard_normal((len(classes), d)), classes


def random_orders(rng, p, count):
    return np.vstack([np.arange(p), rng.permuted(np.tile(np.arange(p), (count, 1)), axis=1)])


def refit(vectors, targets, folds, components):
    """Held-out predictions (N, m) by a new PCA and least squares in every fold, and the training means (N, m)."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    predicted, means = np.empty_like(targets), np.empty_like(targets)
    for fold in np.unique(folds):
        test = folds == fold
        k = min(components, (~test).sum() // 2, np.linalg.matrix_rank(vectors[~test] - vectors[~test].mean(0)))
        model = make_pipeline(PCA(k, svd_solver="full"), LinearRegression()).fit(vectors[~test], targets[~test])
        predicted[test], means[test] = model.predict(vectors[test]), targets[~test].mean(0)
    return predicted, means


SHAPES = {
    "few samples": (60, 200, 6, 8),
    "few coordinates": (300, 20, 10, 7),
    "more components than coordinates": (90, 4, 6, 10),
    "one sample each": (12, 40, 12, 10),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("spectrum", ["noise", "falling", "offset"])
def test_held_out_weights_are_those_of_sklearn(rng, name, spectrum):
    n, d, p, k = SHAPES[name]
    scale = 1 if spectrum == "noise" else np.arange(1, d + 1) ** -1.5
    vectors = rng.standard_normal((n, d)) * scale + (1000 if spectrum == "offset" else 0)
    classes, folds = np.arange(n) % p, np.arange(p) % 5
    targets = rng.standard_normal((p, 3))
    weights = held_out_weights(vectors, classes, folds, k, ridge=0)
    np.testing.assert_allclose(weights @ targets, refit(vectors, targets[classes], folds[classes], k)[0], atol=1e-7)
    np.testing.assert_allclose(weights.sum(1), 1)
    assert (np.abs(weights) * (folds[classes][:, None] == folds)).max() < 1e-12  # of what is hidden together


@pytest.mark.parametrize("shape", [(500, 450), (450, 500)])
@pytest.mark.parametrize("spectrum", ["noise", "falling", "simplex"])
def test_lanczos_agrees_with_lapack(rng, monkeypatch, shape, spectrum):
    n, d = shape
    classes, folds = np.arange(n) % 9, np.arange(9)
    vectors = {
        "noise": lambda: rng.standard_normal(shape),
        "falling": lambda: rng.standard_normal(shape) * np.arange(1, d + 1) ** -1.0,
        "simplex": lambda: np.eye(9, d)[classes],  # eigenvalues equal, and fewer than components
    }[spectrum]()
    fast = held_out_weights(vectors, classes, folds, 10)
    monkeypatch.setattr(probes, "LANCZOS_FROM", 10**9)
    np.testing.assert_allclose(fast, held_out_weights(vectors, classes, folds, 10), atol=1e-8)


def test_lapack_takes_over_where_lanczos_does_not_converge(rng, monkeypatch):
    vectors, classes = rng.standard_normal((450, 500)), np.arange(450) % 9
    expected = held_out_weights(vectors, classes, np.arange(9), 10)
    monkeypatch.setattr(probes, "RESTARTS", 1)
    np.testing.assert_allclose(held_out_weights(vectors, classes, np.arange(9), 10), expected, atol=1e-8)


def test_weights_are_the_same_every_time(rng):
    vectors, classes = rng.standard_normal((500, 420)), np.arange(500) % 10
    first, second = (held_out_weights(vectors, classes, np.arange(10), 10) for _ in range(2))
    assert (first == second).all()


def test_vectors_that_are_all_the_same_have_no_weights():
    classes = np.arange(12) % 4
    same = np.full((12, 30), 3.7)
    assert np.isnan(held_out_weights(same, classes, np.arange(4), 3)).all()
    weights, baseline = grouped_weights(same, classes, 4, np.arange(12) % 3, 3)
    assert np.isnan(weights).all() and np.isfinite(baseline).all()
    angles = angles_of(4)[None]
    assert np.isnan(angular_error(weights, angles, classes)).all()
    assert np.isnan(quadratic_r2(weights, baseline, classes, np.cos(angles))).all()
    assert np.isnan(ring_regularity(weights, angles, classes)).all()
    assert np.isnan(first_harmonic_share(np.ones((4, 3)), angles)).all()


def test_nothing_to_train_on_is_nan(rng):
    vectors, classes = rng.standard_normal((12, 5)), np.arange(12) % 4
    weights, baseline = grouped_weights(vectors, classes, 4, np.zeros(12, int), 3)
    assert np.isnan(weights).all() and np.isnan(baseline).all()
    assert np.isnan(held_out_weights(vectors, classes, np.zeros(4, int), 3)).all()


@pytest.mark.parametrize("d", [15, 200])
def test_grouped_weights_are_those_of_sklearn(rng, d):
    vectors, classes = ring(rng, per_class=9, d=d, noise=0.5)
    folds = group_folds(rng.integers(0, 9, len(classes)), 4, 0)
    targets = rng.standard_normal((7, 2))
    weights, baseline = grouped_weights(vectors, classes, 7, folds, 6, ridge=0)
    predicted, means = refit(vectors, targets[classes], folds, 6)
    np.testing.assert_allclose(weights @ targets, predicted, atol=1e-8)
    np.testing.assert_allclose(baseline @ targets, means, atol=1e-12)


def test_grouped_weights_with_a_class_in_one_group_alone(rng):
    classes = np.array([0, 1, 2] * 6 + [3])
    folds = np.array([*np.repeat(np.arange(3), 6), 3])
    weights, baseline = grouped_weights(rng.standard_normal((19, 8)), classes, 5, folds, 3)
    assert np.abs(weights[18, 3:]).max() < 1e-12 and (baseline[18, 3:] == 0).all()  # 4 has no samples at all
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(baseline.sum(1), 1)


@pytest.mark.parametrize("sizes", [[8] * 28, [1] * 50, [50, *[3] * 30], [5, 4]])
def test_group_folds_keep_groups_whole_and_are_balanced(rng, sizes):
    groups = rng.permutation(np.repeat([f"document {i}" for i in range(len(sizes))], sizes))
    folds = group_folds(groups, 5, 0)
    assert all(len(set(folds[groups == g])) == 1 for g in set(groups))
    filled = np.bincount(folds)
    assert len(filled) == min(5, len(sizes)) and filled.min() > 0
    others = filled[filled < max(sizes)] if max(sizes) > sum(sizes) / 5 else filled
    assert np.ptp(others) <= np.sort(sizes)[len(sizes) // 2]
    assert (folds == group_folds(groups, 5, 0)).all()
    assert len(sizes) < 5 or len({tuple(group_folds(groups, 5, seed)) for seed in range(5)}) == 5


def test_quadratic_r2_is_that_of_the_predictions(rng):
    vectors, classes = ring(rng, per_class=9, noise=0.8)
    folds = rng.integers(0, 4, len(classes))
    weights, baseline = grouped_weights(vectors, classes, 7, folds, 6, ridge=0)
    angles = angles_of(7)[random_orders(rng, 7, 20)]
    targets = np.stack([np.cos(angles), np.sin(angles)], axis=2) + 5
    found = quadratic_r2(weights, baseline, classes, targets)
    single = quadratic_r2(weights, baseline, classes, targets[..., 0])
    for b, t in enumerate(targets):
        residual, total = ((weights @ t - t[classes]) ** 2).sum(0), ((baseline @ t - t[classes]) ** 2).sum(0)
        assert found[b] == pytest.approx(1 - residual.sum() / total.sum(), abs=1e-9)
        assert single[b] == pytest.approx(1 - residual[0] / total[0], abs=1e-9)


def test_quadratic_r2_of_targets_that_do_not_vary_is_nan(rng):
    weights, baseline = grouped_weights(rng.standard_normal((30, 5)), np.arange(30) % 3, 3, np.arange(30) // 10, 2)
    found = quadratic_r2(weights, baseline, np.arange(30) % 3, [[1, 2, 3], [4, 4, 4]])
    assert np.isfinite(found[0]) and np.isnan(found[1])


@pytest.mark.parametrize("shift", [0, 2000])
def test_held_out_r2_is_that_of_the_predictions(rng, shift):
    classes, folds = rng.permutation(np.arange(90) % 30), np.arange(30) % 6
    vectors = np.outer(np.arange(30.0), rng.standard_normal(20))[classes] + 5 * rng.standard_normal((90, 20))
    values = np.arange(30.0)[random_orders(rng, 30, 10)] + shift
    weights = held_out_weights(vectors, classes, folds, 4)
    found = held_out_r2(weights, values, classes, folds)
    for b, v in enumerate(values):
        means = np.array([v[classes][folds[classes] != f].mean() for f in folds[classes]])
        residual, total = ((weights @ v - v[classes]) ** 2).sum(), ((means - v[classes]) ** 2).sum()
        assert found[b] == pytest.approx(1 - residual / total, abs=1e-8)
    assert held_out_r2(weights, values[0], classes, folds) == pytest.approx(found[0])
    assert found[0] > 0.8 > found[1:].max()


def test_angular_error_is_the_wrapped_difference_of_predictions(rng):
    for n, p, count in ((50, 7, 40), (3, 3, 5), (700, 12, 300)):
        classes = rng.integers(0, p, n)
        weights, angles = rng.standard_normal((n, p)), rng.uniform(-9, 9, (count, p))
        predicted = np.exp(1j * angles) @ weights.T
        expected = np.abs(np.angle(predicted * np.exp(-1j * angles[:, classes]))).mean(1)
        np.testing.assert_allclose(angular_error(weights, angles, classes), expected, atol=1e-5)


def test_angular_error_of_known_predictions():
    p, classes = 12, np.arange(12)
    angles = angles_of(p)[None]
    for step in range(p):  # each class taken for the one `step` places on
        expected = min(step, p - step) * 2 * np.pi / p
        assert angular_error(np.roll(np.eye(p), step, axis=1), angles, classes)[0] == pytest.approx(expected, abs=1e-6)
    assert angular_error(np.zeros((p, p)), angles, classes)[0] == pytest.approx(np.pi / 2)
    assert angular_error(np.full((p, p), np.nan), angles, classes).shape == (1,)


def test_ring_regularity_by_the_definition(rng):
    p, classes = 9, rng.permutation(np.arange(45) % 9)
    weights = rng.standard_normal((45, p))
    angles = angles_of(p)[random_orders(rng, p, 30)]
    radius_cv, spacing_cv = ring_regularity(weights, angles, classes)
    for b, theta in enumerate(angles):
        y = np.exp(1j * theta)
        z = np.array([np.mean((weights @ y)[classes == c]) * (1 - 1 / p) + y[c] / p for c in range(p)])
        z += y.mean() - z.mean()
        assert radius_cv[b] == pytest.approx(np.std(np.abs(z)) / np.mean(np.abs(z)))
        order = sorted(range(p), key=lambda c, t=theta: t[c])
        missed = [
            np.angle(z[j] / z[i] * np.exp(-1j * (theta[j] - theta[i]))) for i, j in zip(order, order[1:] + order[:1])
        ]
        assert spacing_cv[b] == pytest.approx(np.sqrt(np.mean(np.square(missed))) / (2 * np.pi / p))


def from_predictions(points, theta):
    """Weights (p, p) whose predictions for these angles, with the mean of all as intercept, are these complex points."""
    p, y = len(theta), np.exp(1j * theta)
    points = (points - y / p) / (1 - 1 / p)
    return np.c_[points.real, points.imag] @ np.linalg.pinv(np.c_[y.real, y.imag])


def test_ring_regularity_of_known_polygons():
    p, classes, theta = 7, np.arange(7), angles_of(7)
    regular = np.exp(1j * theta)

    def regularity(points):
        return np.ravel(ring_regularity(from_predictions(points, theta), theta[None], classes))

    np.testing.assert_allclose(regularity(regular), 0, atol=1e-12)
    moved = 0.2 * regular * np.exp(2.5j) + (0.7 - 0.1j)  # turned, shrunken, shifted
    np.testing.assert_allclose(regularity(moved), 0, atol=1e-12)
    np.testing.assert_allclose(regularity(regular.conj()), [0, 2], atol=1e-12)  # the other way round
    np.testing.assert_allclose(regularity(np.ones(p) + 0j), [np.nan, 1], atol=1e-12)  # all in one place
    ellipse = 2 * regular.real + 1j * regular.imag
    radii, gaps = (
        np.hypot(2 * np.cos(theta), np.sin(theta)),
        np.diff(np.unwrap(np.arctan2(np.sin(theta), 2 * np.cos(theta)))),
    )
    gaps = np.append(gaps, 2 * np.pi - gaps.sum())
    np.testing.assert_allclose(regularity(ellipse), [radii.std() / radii.mean(), gaps.std() / gaps.mean()], atol=1e-12)


@pytest.mark.parametrize("places", [[0, 1, 2, 3, 4, 9], [0, 1, 2, 3]])
def test_ring_regularity_measures_gaps_against_the_true_ones(places):
    """Also one of more than half a turn."""
    theta = 2 * np.pi * np.array(places) / 12
    weights = from_predictions(np.exp(1j * theta) + 0.3, theta)
    found = ring_regularity(weights, theta[None], np.arange(len(places)))
    np.testing.assert_allclose(np.ravel(found), 0, atol=1e-9)


@pytest.mark.parametrize("size", [0, 5])
def test_a_probe_that_knows_nothing_predicts_no_polygon(size):
    """Though the mean of the other classes is opposite to the one left out, and so a regular polygon."""
    rng, classes, theta = np.random.default_rng(0), np.tile(np.arange(7), 8), angles_of(7)[None]
    radius, spacing = ring_regularity((1 - np.eye(7))[classes] / 6, theta, classes)
    assert np.isnan(radius) and spacing == pytest.approx(1)
    spacing = []
    for _ in range(100):
        vectors = size * rng.standard_normal((7, 64))[classes] + rng.standard_normal((56, 64))
        weights = held_out_weights(vectors, classes, np.arange(7), 10)
        spacing.append(ring_regularity(weights, theta, classes)[1][0])
    assert np.mean(spacing) == pytest.approx(7 / np.sqrt(12), abs=0.15)


@pytest.mark.parametrize("p", [7, 12])
def test_spacing_of_angles_without_order(p):
    rng = np.random.default_rng(0)
    found = [
        ring_regularity(from_predictions(np.exp(2j * np.pi * rng.random(p)), angles_of(p)), angles_of(p)[None],
                        np.arange(p))[1]
        for _ in range(1000)
    ]  # fmt: skip
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(p / np.sqrt(12), rel=0.08)


def test_a_missing_class_has_no_regularity():
    weights = from_predictions(np.exp(1j * angles_of(7)), angles_of(7))[:6]
    assert np.isnan(ring_regularity(weights, angles_of(7)[None], np.arange(6))).all()
    assert np.isnan(class_means(np.ones((2, 3)), np.array([0, 2]), 3)[1]).all()


def ring_tests(vectors, classes, groups, p=7):
    """p values of the label-order tests of a set in one layer."""
    orders, _ = cyclic_orders(p, 199, 0)
    angles = angles_of(p)[orders]
    own = held_out_weights(vectors, classes, np.arange(p), 10)
    weights, baseline = grouped_weights(vectors, classes, p, group_folds(groups, 5, 0), 10)
    targets = np.stack([np.cos(angles), np.sin(angles)], axis=2)
    radius, spacing = ring_regularity(own, angles, classes)
    statistics = {
        "first_harmonic_share": first_harmonic_share(class_means(vectors, classes, p), angles),
        "left_out_angle_error": -angular_error(own, angles, classes),
        "circle_probe_r2": quadratic_r2(weights, baseline, classes, targets),
        "circle_probe_error": -angular_error(weights, angles, classes),
        "ring_radius_cv": -radius,
        "ring_spacing_cv": -spacing,
    }
    return {name: p_values(found[None])[0][0] for name, found in statistics.items()}


@pytest.mark.parametrize("scene", ["noise", "simplex", "uneven simplex", "uneven sizes"])
def test_false_positives_of_the_label_order_tests(scene):
    """200 sets without order: p ≤ .05 as often as it may be, three standard errors allowed."""
    rng, runs, groups = np.random.default_rng(3), 200, np.repeat(np.arange(8), 7)
    classes = np.tile(np.arange(7), 8)
    if scene == "uneven sizes":
        classes = rng.permutation(np.repeat(np.arange(7), [2, 4, 6, 8, 10, 12, 14]))
    hits = {}
    for _ in range(runs):
        size = {"noise": 0, "uneven sizes": 0, "simplex": 1, "uneven simplex": 3 * rng.random((7, 1)) ** 2}[scene]
        means = size * rng.standard_normal((7, 64))
        documents = rng.standard_normal((8, 64))
        vectors = means[classes] + documents[groups] + rng.standard_normal((56, 64))
        for name, p in ring_tests(vectors, classes, groups).items():
            hits[name] = hits.get(name, 0) + (p <= 0.05)
    if (
        scene == "uneven sizes"
    ):  # that of R² is measured from the mean prediction, which is nearer to the larger classes
        del hits["circle_probe_error"]
    assert max(hits.values()) / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_power_of_the_label_order_tests(rng):
    groups = np.repeat(np.arange(12), 7)
    clear, drowned = (ring_tests(*ring(rng, noise=noise), groups) for noise in (0.3, 5))
    assert max(clear.values()) <= 3 / 360  # the two star heptagons may have spacings as even
    assert clear["left_out_angle_error"] == clear["circle_probe_r2"] == clear["first_harmonic_share"]
    assert clear["first_harmonic_share"] == pytest.approx(1 / 360)
    assert min(drowned.values()) > 0.01


def test_a_grouped_probe_predicts_any_order_of_separate_clusters(rng):
    """Why the circular probe stands beside its shuffled orders: R² near 1 is no evidence of a ring."""
    classes, groups = np.tile(np.arange(7), 12), np.repeat(np.arange(12), 7)
    vectors = 3 * rng.standard_normal((7, 64))[classes] + 0.3 * rng.standard_normal((84, 64))
    angles = angles_of(7)[cyclic_orders(7, 0, 0)[0]]
    weights, baseline = grouped_weights(vectors, classes, 7, group_folds(groups, 5, 0), 10)
    r2 = quadratic_r2(weights, baseline, classes, np.stack([np.cos(angles), np.sin(angles)], axis=2))
    assert r2.min() > 0.98
    own = held_out_weights(vectors, classes, np.arange(7), 10)
    assert angular_error(own, angles, classes).mean() > 1.2  # while the left-out classes are not predicted


def loops_by_reduction(points):
    """Births and deaths (m, 2) of H1 by the standard reduction of the whole boundary matrix over Z/2."""
    from itertools import combinations

    n = len(points)
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    simplices = [(max((distance[e] for e in combinations(s, 2)), default=0), len(s), s)
                 for size in (1, 2, 3) for s in combinations(range(n), size)]  # fmt: skip
    simplices.sort()
    place = {s: i for i, (_, _, s) in enumerate(simplices)}
    reduced, pairs = {}, []
    for j, (value, size, s) in enumerate(simplices):
        column = {place[face] for face in combinations(s, size - 1)} if size > 1 else set()
        while column and max(column) in reduced:
            column ^= reduced[max(column)]
        if column:
            reduced[max(column)] = column
            if size == 3 and value > simplices[max(column)][0]:
                pairs.append((simplices[max(column)][0], value))
        assert j == place[s]
    return np.array(sorted(pairs)).reshape(-1, 2)


def test_loops_are_those_of_the_reduced_boundary_matrix():
    rng = np.random.default_rng(0)
    clouds = [rng.standard_normal((n, d)) for n in (4, 5, 7, 12, 14) for d in (1, 2, 3, 8)]
    for cloud, found in zip(clouds, persistence._loops(clouds)):
        np.testing.assert_allclose(
            np.array(sorted(map(tuple, found))).reshape(-1, 2), loops_by_reduction(cloud), atol=1e-5
        )


@pytest.mark.parametrize(
    "p, birth, death", [(4, 1, 2), (5, 1, 2), (6, 1, 2), (7, 1, 3), (8, 1, 3), (12, 1, 4), (60, 1, 20)]
)
def test_score_of_a_regular_polygon(p, birth, death):
    """Born at its side; filled by the chord over a third of the places, as fewer steps leave the centre open."""
    theta = angles_of(p)
    expected = 1 - np.sin(birth * np.pi / p) / np.sin(death * np.pi / p)
    found = h1_score(np.c_[np.cos(theta), np.sin(theta)], np.arange(p), 0, 99)
    assert found[0] == pytest.approx(expected, abs=1e-5) and len(found) == 100
    assert (found[1:] < found[0]).all()


def test_score_is_the_gap_between_the_two_longest_loops(rng):
    theta = angles_of(12)
    large, small = np.c_[np.cos(theta), np.sin(theta)], 0.5 * np.c_[np.cos(theta), np.sin(theta)] + [9, 0]
    points = np.vstack([large, small])
    (b1, d1), (b2, d2) = sorted(loops_by_reduction(points), key=lambda pair: pair[0] - pair[1])
    assert h1_score(points, np.arange(24), 0, 0)[0] == pytest.approx(((d1 - b1) - (d2 - b2)) / d1, abs=1e-5)
    assert h1_score(np.c_[np.arange(9.0), np.zeros(9)], np.arange(9), 0, 3).tolist() == [0] * 4


def test_score_knows_no_scale_place_direction_or_order(rng):
    vectors, classes = ring(rng, d=30, noise=0.3)
    turn, _ = np.linalg.qr(rng.standard_normal((30, 30)))
    first, second = h1_score(vectors, classes, 4, 20), h1_score(3 * vectors @ turn + 7, classes, 4, 20)
    np.testing.assert_allclose(first, second, atol=1e-6)
    relabelled = h1_score(vectors, rng.permutation(7)[classes], 4, 20)
    assert relabelled[0] == pytest.approx(first[0], abs=1e-6)
    assert (first == h1_score(vectors, classes, 4, 20)).all() and (
        first[1:] != h1_score(vectors, classes, 5, 20)[1:]
    ).any()


def test_draws_have_the_lengths_of_the_means_and_the_same_turn_in_every_layer(rng, monkeypatch):
    seen, spectra = [], []
    monkeypatch.setattr(persistence, "_scores", lambda clouds: seen.append(clouds) or np.zeros(len(clouds)))
    vectors, classes = ring(rng, d=40, noise=0.5)
    for layer in (vectors, vectors[:, :3]):  # the second is of lower rank
        h1_score(layer, classes, 1, 5)
        means = class_means(layer, classes, 7)
        means -= means.mean(0)
        spectra.append(np.linalg.svd(means, compute_uv=False)[:6])
        for cloud in seen[-1]:
            np.testing.assert_allclose(np.linalg.norm(cloud, axis=1), np.linalg.norm(means, axis=1))
        np.testing.assert_allclose(np.linalg.svd(seen[-1][0], compute_uv=False), spectra[-1])
    for full, low in zip(seen[0][1:], seen[1][1:]):  # rows are as a turned basis, times the spectrum, points to
        expected = (full / spectra[0])[:, :3] * spectra[1]
        unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (expected, low)]
        np.testing.assert_allclose(*unit, atol=1e-12)


def test_score_takes_no_more_classes_than_the_cap(rng, monkeypatch):
    seen = []
    monkeypatch.setattr(persistence, "_scores", lambda clouds: seen.append(clouds) or np.zeros(len(clouds)))
    h1_score(rng.standard_normal((300, 40)), np.arange(300), 1, 2)
    h1_score(rng.standard_normal((300, 40)), np.arange(300), 1, 2, cap=50, components=5)
    assert {c.shape for c in seen[0]} == {(persistence.CAP, 40)} and {c.shape for c in seen[1]} == {(50, 5)}


def test_score_of_nothing_is_nan():
    assert np.isnan(h1_score(np.ones((12, 5)), np.arange(12) % 6, 0, 3)).all()
    assert np.isnan(h1_score(np.eye(3), np.arange(3), 0, 3)).all()
    assert np.isnan(h1_score(np.zeros((0, 3)), np.zeros(0, int), 0, 3)).all()


def test_a_library_that_finds_no_loops_is_an_error(monkeypatch):
    persistence._check.cache_clear()
    monkeypatch.setattr(persistence, "_loops", lambda clouds: [np.empty((0, 2))] * len(clouds))
    with pytest.raises(OrreryError, match=r"gudhi .* does not find the loop"):
        h1_score(np.eye(7), np.arange(7), 0, 0)
    persistence._check.cache_clear()


def unordered(scene, rng, p, d=64):
    """Class means that are no ring."""
    own = rng.standard_normal((p, d))
    return {
        "simplex": lambda: own,
        "uneven spectrum": lambda: own / np.arange(1, d + 1),
        "plane": lambda: own * (np.arange(d) < 2),
        "two groups": lambda: own + 4 * np.sqrt(d) * rng.integers(0, 2, p)[:, None] * (np.arange(d) == 0),
        "arch": lambda: own + 3 * np.sqrt(d) * np.c_[np.cos(angles_of(2 * p)), np.sin(angles_of(2 * p)), np.zeros((2 * p, d - 2))][:p],
        "random walk": lambda: np.cumsum(own, axis=0),
    }[scene]()  # fmt: skip


def rejected(scene, runs, p=7, draws=39):
    rng = np.random.default_rng(1)
    scores = np.array([h1_score(unordered(scene, rng, p), np.arange(p), 9 + i, draws) for i in range(runs)])
    return ((scores >= scores[:, :1] - 1e-9).mean(1) <= 0.05).mean()


@pytest.mark.parametrize("scene", ["simplex", "uneven spectrum", "plane", "two groups", "arch", "random walk"])
def test_false_positives_of_the_loop_test(scene):
    assert rejected(scene, 200) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_vectors_of_length_one_are_no_ring():
    """A simplex of unit vectors: its means are more alike in length than those of a Gaussian."""
    found = []
    for i in range(200):
        means = np.random.default_rng(i).standard_normal((7, 64))
        scores = h1_score(means / np.linalg.norm(means, axis=1, keepdims=True), np.arange(7), i, 59)
        found.append((scores >= scores[0] - 1e-9).mean() <= 0.05)
    assert np.mean(found) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize("p, least", [(4, 0.3), (5, 0.5), (7, 0.7), (12, 0.9)])
def test_power_of_the_loop_test(p, least):
    """Means on a circle, each 1.5 radii off it in a direction of its own among 576."""
    rng, found = np.random.default_rng(2), []
    for i in range(30):
        vectors, _ = ring(rng, p, 1, 576, 1.5 / np.sqrt(576))
        scores = h1_score(vectors, np.arange(p), i, 39)
        found.append((scores >= scores[0] - 1e-9).mean() <= 0.05)
    assert np.mean(found) >= least
