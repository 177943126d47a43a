"""Ridge probes against scikit-learn, fold by fold: one factorisation must give what a refit gives."""

import numpy as np
import pytest
from orrery.geometry import probes
from orrery.geometry.permutations import cyclic_orders
from orrery.geometry.probes import Smoother, grouped_weights, held_out_weights, jackknifed_weights, sample_weights
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

SHAPES = {  # samples, dimensions, classes, folds of the classes
    "few samples": (42, 200, 7, 7),
    "few dimensions": (200, 12, 10, 10),
    "more hidden than dimensions": (120, 5, 6, 3),
    "one sample each": (15, 40, 15, 5),
    "as many as dimensions": (30, 30, 6, 6),
}


def penalty(vectors, ridge):
    """The same for every fold: `ridge` times the mean eigenvalue of the Gram matrix of all samples."""
    centred = vectors - vectors.mean(0)
    return ridge * np.linalg.eigvalsh(centred @ centred.T).sum() / len(vectors)


def refit(vectors, targets, folds, ridge, components=None):
    """Held-out predictions (N, m) of a new fit in every fold."""
    predicted, alpha = np.full(targets.shape, np.nan), penalty(vectors, ridge)
    for fold in np.unique(folds):
        test = folds == fold
        train, new = vectors[~test], vectors[test]
        if components:
            reducer = PCA(components, svd_solver="full").fit(train)
            train, new = reducer.transform(train), reducer.transform(new)
        predicted[test] = Ridge(alpha, solver="svd").fit(train, targets[~test]).predict(new)
    return predicted


def set_of(rng, name, offset=0.0):
    n, d, p, parts = SHAPES[name]
    vectors = offset + rng.standard_normal((n, d)) / np.sqrt(1 + np.arange(d))
    return vectors, np.arange(n) % p, rng.permutation(p) % parts


@pytest.mark.parametrize("ridge", [1e-3, 0.1, 3])
@pytest.mark.parametrize("name", SHAPES)
def test_weights_are_those_of_ridge_regression_with_an_intercept(rng, name, ridge):
    vectors, classes, folds = set_of(rng, name, offset=5)
    targets = 3 + rng.standard_normal((len(folds), 4))
    weights = held_out_weights(vectors, classes, folds, ridge=ridge)
    expected = refit(vectors, targets[classes], folds[classes], ridge)
    np.testing.assert_allclose(weights @ targets, expected, atol=1e-8)
    np.testing.assert_allclose(weights.sum(1), 1)
    assert (np.abs(weights) * (folds[classes][:, None] == folds)).max() < 1e-9  # what is hidden has no say


@pytest.mark.parametrize("name", ["few samples", "few dimensions"])
def test_a_penalty_on_leading_components(rng, name):
    vectors, classes, folds = set_of(rng, name)
    targets = rng.standard_normal((len(folds), 2))
    weights = held_out_weights(vectors, classes, folds, components=4, ridge=0.3)
    expected = refit(vectors, targets[classes], folds[classes], 0.3, components=4)
    np.testing.assert_allclose(weights @ targets, expected, atol=1e-8)


@pytest.mark.parametrize("name", SHAPES)
def test_folds_of_samples(rng, name):
    """Documents are hidden; a class may be on both sides."""
    vectors, classes, _ = set_of(rng, name)
    targets, folds = rng.standard_normal((classes.max() + 1, 2)), rng.integers(0, 4, len(classes))
    weights, baseline = grouped_weights(vectors, classes, len(targets), folds)
    np.testing.assert_allclose(weights @ targets, refit(vectors, targets[classes], folds, probes.RIDGE), atol=1e-8)
    for fold in range(4):
        kept = targets[classes[folds != fold]].mean(0)
        np.testing.assert_allclose((baseline @ targets)[folds == fold], np.tile(kept, ((folds == fold).sum(), 1)))
    shared = grouped_weights(vectors, classes, len(targets), folds, smoother=Smoother.of(vectors))
    np.testing.assert_allclose(shared[0], weights, atol=1e-12)
    each = sample_weights(vectors, folds)[0] @ np.eye(len(targets))[classes]
    np.testing.assert_allclose(each, weights, atol=1e-10)


def test_both_ways_to_solve_give_the_same(rng):
    """The smaller of two systems is solved: of as many equations as hidden samples, or as directions."""
    smoother = Smoother.of(rng.standard_normal((40, 6)))
    onehot = np.eye(5)[np.arange(40) % 5]
    sums = smoother.class_sums(onehot)
    few, many = np.arange(3), np.arange(20)
    for hidden in (few, many):
        rows = smoother._rows(hidden)
        assert (len(hidden) <= rows.shape[1]) == (hidden is few)
        right = rows @ (sums - rows.T @ onehot[hidden])
        direct = np.linalg.solve(np.eye(len(hidden)) - rows @ rows.T, right)
        np.testing.assert_allclose(smoother.without(hidden, onehot, sums), direct, atol=1e-10)


@pytest.mark.parametrize("name", SHAPES)
def test_jackknifed_weights_are_those_of_refits(rng, name):
    vectors, classes, folds = set_of(rng, name)
    of_sample, alpha = folds[classes], penalty(vectors, probes.RIDGE)
    targets = rng.standard_normal((len(folds), 2))
    left_out = list(jackknifed_weights(Smoother.of(vectors), classes, len(folds), of_sample))
    assert len(left_out) == folds.max() + 1
    for u, (kept, weights) in enumerate(left_out):
        assert (kept == (of_sample != u)).all()
        expected = np.full((len(vectors), 2), np.nan)
        for fold in np.unique(of_sample[kept]):
            train = kept & (of_sample != fold)
            model = Ridge(alpha, solver="svd").fit(vectors[train], targets[classes[train]])
            expected[of_sample == fold] = model.predict(vectors[of_sample == fold])
        np.testing.assert_allclose(weights @ targets, expected[kept], atol=1e-8)


def test_nothing_is_known_of_what_two_folds_leave(rng):
    vectors, classes = rng.standard_normal((12, 5)), np.arange(12) % 2
    for kept, weights in jackknifed_weights(Smoother.of(vectors), classes, 2, classes):
        assert kept.sum() == 6 and np.isnan(weights).all()


def test_the_penalty_is_the_same_for_every_order_of_the_labels(rng):
    """One factorisation serves all orders: the weights do not know them, and refits with other labels agree."""
    vectors, classes, folds = set_of(rng, "few samples")
    orders, _ = cyclic_orders(7, 0, 0)
    angles = 2 * np.pi * np.arange(7) / 7
    weights = held_out_weights(vectors, classes, folds)
    for order in orders[[0, 17, 301]]:
        targets = np.c_[np.cos(angles[order]), np.sin(angles[order])]
        expected = refit(vectors, targets[classes], folds[classes], probes.RIDGE)
        np.testing.assert_allclose(weights @ targets, expected, atol=1e-8)


def test_size_and_place_of_the_vectors_change_nothing(rng):
    vectors, classes, folds = set_of(rng, "few samples")
    turn = np.linalg.qr(rng.standard_normal((200, 200)))[0]
    weights = held_out_weights(vectors, classes, folds)
    np.testing.assert_allclose(held_out_weights(1e-3 * vectors @ turn + 7, classes, folds), weights, atol=1e-7)


def test_a_small_direction_below_large_ones_is_read(rng):
    """Labels of a thousandth of the variance, beneath ten large directions that say nothing of them."""
    classes, turn = np.tile(np.arange(7), 16), np.linalg.qr(rng.standard_normal((64, 64)))[0]
    angles = 2 * np.pi * np.arange(7) / 7
    targets = np.c_[np.cos(angles), np.sin(angles)]
    large = rng.standard_normal((16, 12))[np.repeat(np.arange(16), 7)] @ turn[:12]
    vectors = large + 0.1 * targets[classes] @ turn[12:14] + 0.003 * rng.standard_normal((112, 64))
    error = {}
    for name, components, ridge in (("all", None, 1e-4), ("ten", 10, 0)):
        weights = held_out_weights(vectors, classes, np.arange(7), components, ridge)
        off = np.angle(np.exp(1j * (np.arctan2(*(weights @ targets).T[::-1]) - angles[classes])))
        error[name] = np.abs(off).mean()
    assert error["all"] < 0.2 and error["ten"] > 1


@pytest.mark.parametrize("vectors", [np.full((12, 30), 3.7), np.full((12, 30), 1e9) + 1e-6])
def test_vectors_that_are_all_the_same(vectors):
    classes = np.arange(12) % 4
    assert Smoother.of(vectors) is None
    assert np.isnan(held_out_weights(vectors, classes, np.arange(4))).all()
    assert np.isnan(probes.smoothed_weights(None, classes, 4, classes)).all()


def test_nothing_to_train_on(rng):
    weights, baseline = grouped_weights(rng.standard_normal((12, 5)), np.arange(12) % 4, 4, np.zeros(12, int))
    assert np.isnan(weights).all() and np.isnan(baseline).all()
