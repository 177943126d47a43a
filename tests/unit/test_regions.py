"""A map or regions: each measure the slow way, and what it says of sets whose answer is known."""

from math import factorial

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.geometry import places, regions
from orrery.geometry.permutations import linear_orders
from orrery.geometry.probes import held_out_baseline, held_out_weights, quadratic_r2
from scipy.spatial.distance import pdist, squareform
from scipy.stats import binom

ALPHA = 0.05


def apart(points):
    return squareform(pdist(points))


def groups_of(labels):
    """The partition of the labels as a set of sets."""
    return {frozenset(np.flatnonzero(labels == k)) for k in np.unique(labels)}


@pytest.mark.parametrize("p, count", [(1, 1), (3, 1), (4, 2), (5, 2), (6, 3), (9, 3), (30, 5), (49, 7), (200, 10)])
def test_regions_of_a_map_have_two_labels_at_least(rng, p, count):
    found = regions.regions_from_distances(apart(rng.standard_normal((p, 2))))
    assert min(count, max(2, count - 1)) <= found.max() + 1 <= count and found[0] == 0
    if count > 1:
        assert np.bincount(found).min() >= 2


def test_two_regions_where_small_ones_would_all_join():
    points = np.array([0, 1, 2.5, 30])[:, None]
    assert regions.regions_from_distances(apart(points)).tolist() == [0, 0, 1, 1]
    assert regions.regions_from_distances(apart(points[[3, 0, 2, 1]])).tolist() == [0, 1, 0, 1]
    assert np.bincount(regions.regions_from_distances(np.ones((5, 5)) - np.eye(5))).min() == 2


def test_regions_of_a_regular_grid_are_as_many_as_wanted():
    """Ties of the linkage do not merge the whole map."""
    grid = np.argwhere(np.ones((6, 6)))
    assert len(groups_of(regions.regions_from_distances(apart(grid)))) == 6


def test_true_regions_whatever_the_order_of_labels(rng):
    true = rng.permutation(np.repeat(np.arange(5), 5))
    points = 10 * rng.standard_normal((5, 2))[true] + 0.1 * rng.standard_normal((25, 2))
    found = regions.regions_from_distances(apart(points))
    assert groups_of(found) == groups_of(true)
    order = rng.permutation(25)
    np.testing.assert_array_equal(found, regions.regions_from_distances(apart(points)))
    assert groups_of(regions.regions_from_distances(apart(points[order]))) == groups_of(true[order])


def test_a_lone_label_joins_the_nearest_region():
    points = np.array([0, 1, 2, 10, 11, 12, 14.5, 40, 41, 42.0])[:, None]
    found = regions.regions_from_distances(apart(points), count=3)
    assert found.tolist() == [0] * 3 + [1] * 4 + [2] * 3
    far = np.r_[points[:6], [[30]]]
    assert regions.regions_from_distances(apart(far), count=2).tolist() == [0] * 3 + [1] * 4


def test_clearest_regions_are_those_of_the_vectors(rng):
    """Also more of them than a map is cut into, and than a quarter of the labels."""
    for count, p in ((4, 24), (10, 40), (10, 24)):
        true = np.arange(p) % count
        found = regions.clearest_regions(
            apart(rng.standard_normal((count, 40))[true] * 5 + rng.standard_normal((p, 40)))
        )
        if count >= p // 4:
            assert groups_of(found) == groups_of(true)
        else:
            assert found.max() + 1 >= p // 4
            assert all(len(np.unique(true[list(region)])) == 1 for region in groups_of(found))


def test_silhouette_agrees_with_scikit_learn(rng):
    from sklearn.metrics import silhouette_score

    points, labels = rng.standard_normal((20, 3)), np.repeat(np.arange(4), 5)
    assert regions._silhouette(apart(points), labels) == pytest.approx(silhouette_score(points, labels))
    assert regions._silhouette(np.zeros((20, 20)), labels) == 0


def test_orders_within_regions_are_all_or_random():
    few = np.array([0, 1, 0, 1, 1])
    orders, exact = regions.within_region_orders(few, 11, 0)
    assert exact and len(orders) == 12 == len(np.unique(orders, axis=0))
    orders_of_many, exact = regions.within_region_orders(few, 10, 0)
    assert not exact and len(orders_of_many) == 11
    many = np.arange(40) % 6
    drawn, exact = regions.within_region_orders(many, 300, 1)
    assert not exact and len(np.unique(drawn, axis=0)) == 301
    for some, labels in ((orders, few), (orders_of_many, few), (drawn, many)):
        np.testing.assert_array_equal(some[0], np.arange(len(labels)))
        np.testing.assert_array_equal(np.sort(some, axis=1), np.tile(np.arange(len(labels)), (len(some), 1)))
        assert (labels[some] == labels).all()
    assert (drawn[1:] != np.arange(40)).mean(0).min() > 0.7
    np.testing.assert_array_equal(drawn, regions.within_region_orders(many, 300, 1)[0])
    assert not np.array_equal(drawn, regions.within_region_orders(many, 300, 2)[0])


@pytest.mark.parametrize("k", [1, 3, 6, 8])
def test_orders_of_regions(k):
    orders, exact = regions.region_orders(np.arange(20) % k, 50, 0)
    np.testing.assert_array_equal(orders[0], np.arange(k))
    assert exact == (k < 7) and len(orders) == (factorial(k) if exact else 51)
    assert len(np.unique(orders, axis=0)) == len(orders)


@pytest.fixture
def uneven(rng):
    """(vectors, targets, classes, regions) of labels with unequal numbers of samples in unequal regions."""
    labels = rng.permutation(np.repeat(np.arange(4), [2, 5, 4, 3]))
    targets = rng.standard_normal((14, 2)) + 2 * rng.standard_normal((4, 2))[labels]
    classes = np.repeat(np.arange(14), rng.integers(1, 5, 14))
    vectors = np.pad(targets[classes], ((0, 0), (0, 8))) + 0.5 * rng.standard_normal((len(classes), 10))
    return vectors, targets, classes, labels


def test_left_out_regions_by_hand(uneven):
    vectors, targets, classes, labels = uneven
    weights = held_out_weights(vectors, classes, labels)
    orders = np.array([[0, 1, 2, 3], [2, 0, 3, 1]])
    found = regions.left_out_region_r2(weights, targets, classes, labels, orders)
    for r2, order in zip(found, orders):
        centres = np.array([targets[labels == k].mean(0) for k in range(4)])
        moved = np.array([targets[c] - centres[labels[c]] + centres[order[labels[c]]] for c in range(14)])
        residual = total = 0
        for i, c in enumerate(classes):
            training = moved[classes[labels[classes] != labels[c]]]
            residual += ((moved[c] - weights[i] @ moved) ** 2).sum()
            total += ((moved[c] - training.mean(0)) ** 2).sum()
        assert r2 == pytest.approx(1 - residual / total)
    np.testing.assert_allclose(weights[labels[classes][:, None] == labels], 0, atol=1e-12)


def test_within_regions_by_hand(uneven):
    vectors, targets, classes, labels = uneven
    weights = held_out_weights(vectors, classes, np.arange(14) % 7)
    orders = regions.within_region_orders(labels, 20, 0)[0]
    found = regions.within_region_r2(weights, targets, classes, labels, orders)
    for r2, order in zip(found, orders):
        moved = targets[order]
        predicted = np.array([(weights[classes == c] @ moved).mean(0) for c in range(14)])
        for array in (moved, predicted):
            for k in range(4):
                array[labels == k] -= array[labels == k].mean(0)
        r = (moved * predicted).sum() / np.sqrt((moved**2).sum() * (predicted**2).sum())
        assert r2 == pytest.approx(np.sign(r) * r**2)
    scaled = regions.within_region_r2(weights, 7 - 3 * targets, classes, labels, orders)
    np.testing.assert_allclose(scaled, found)


def test_perfect_predictions_within_regions():
    labels, targets = np.arange(12) % 3, np.random.default_rng(1).standard_normal((12, 2))
    orders = regions.within_region_orders(labels, 99, 0)[0]
    found = regions.within_region_r2(np.eye(12), targets, np.arange(12), labels, orders)
    np.testing.assert_allclose(found, 1)
    means = (labels[:, None] == labels) / 4
    assert np.isnan(regions.within_region_r2(means, targets, np.arange(12), labels, orders)).all()


def test_where_there_is_nothing_to_say(uneven):
    vectors, targets, classes, labels = uneven
    one = np.zeros(14, dtype=int)
    weights = held_out_weights(vectors, classes, one)
    assert np.isnan(regions.left_out_region_r2(weights, targets, classes, one, np.zeros((1, 1), dtype=int))).all()
    weights = held_out_weights(vectors, classes, labels)
    order = np.arange(4)[None]
    assert np.isnan(regions.left_out_region_r2(weights, 0 * targets, classes, labels, order)).all()
    orders = regions.within_region_orders(labels, 9, 0)[0]
    assert np.isnan(regions.within_region_r2(weights * np.nan, targets, classes, labels, orders)).all()
    flat = targets[np.unique(labels, return_index=True)[1]][labels]
    assert np.isnan(regions.within_region_r2(weights, flat, classes, labels, orders)).all()
    with pytest.raises(OrreryError, match="another region"):
        regions.within_region_r2(weights, targets, classes, labels, np.roll(np.arange(14), 1)[None])


def simulated(seed, p, count, simplex, amplitude, clustered=True):
    """Six templates × p labels: (vectors, places, classes, true regions). A direction a region, and a linear map."""
    rng = np.random.default_rng([seed, p, count])
    classes, true = np.tile(np.arange(p), 6), np.arange(p) % count
    centre = rng.uniform(-3, 3, (count, 2))
    where = centre[true] + 0.5 * rng.standard_normal((p, 2)) if clustered else rng.uniform(-3, 3, (p, 2))
    means = 0.7 * rng.standard_normal((p, 48)) + simplex * rng.standard_normal((count, 48))[true]
    means += amplitude * (where - where.mean(0)) @ np.linalg.qr(rng.standard_normal((48, 2)))[0].T
    noise = rng.standard_normal((6, p, 48))
    vectors = (means + noise - (means + noise).mean(1, keepdims=True)).reshape(-1, 48)  # template means removed
    return vectors, places.embedded(where, "plane"), classes, true


def answers(vectors, targets, classes, true, draws=99):
    """p by regions, and R² and p of hidden regions of the map and of the truth."""
    p = len(targets)
    means = vectors.reshape(6, p, -1).mean(0)
    weights = held_out_weights(vectors, classes, np.random.default_rng(p).permutation(p) % 20)
    on_the_map = regions.regions_from_distances(apart(targets))
    found = {}
    for name, labels in (("true", true), ("map", on_the_map), ("vectors", regions.clearest_regions(apart(means)))):
        orders = regions.within_region_orders(labels, draws, 0)[0]
        found[name] = p_of(regions.within_region_r2(weights, targets, classes, labels, orders))
    for name, labels in (("hidden true", true), ("hidden", on_the_map)):
        unseen = held_out_weights(vectors, classes, labels)
        orders = regions.region_orders(labels, draws, 0)[0]
        r2 = regions.left_out_region_r2(unseen, targets, classes, labels, orders)
        found |= {name: p_of(r2), f"{name} r2": r2[0]}
    free = linear_orders(p, draws, 0)[0]
    baseline = held_out_baseline(classes, np.random.default_rng(p).permutation(p) % 20)
    found["places"] = p_of(quadratic_r2(weights, baseline, classes, targets[free]))
    return found


def p_of(statistic):
    return (statistic >= statistic[0] - 1e-9).mean()


def rates(runs, *given, **options):
    rows = [answers(*simulated(seed, *given, **options)) for seed in range(runs)]
    found = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    found = {key: value > 0 if key.endswith("r2") else value <= ALPHA for key, value in found.items()}
    found["map and hidden"] = found["map"] & found["vectors"] & found["hidden r2"]
    return {key: value.mean() for key, value in found.items()}


@pytest.mark.parametrize("p, count", [(24, 4), (40, 10), (24, 10)])
def test_vectors_that_know_only_the_region_are_no_map(p, count):
    """With overlapping regions on the map: there the map's own regions are wrong, and the vectors' are not."""
    runs = 60
    limit = binom.ppf(0.999, runs, ALPHA) / runs
    found = rates(runs, p, count, 2.0, 0.0)
    assert found["places"] > 0.9, "the fault that the tests are for"
    assert found["true"] <= limit and found["vectors"] <= limit and found["map and hidden"] <= limit
    assert found["hidden true"] <= limit and found["hidden true r2"] < 0.5


@pytest.mark.parametrize("p, count, simplex, clustered", [(24, 4, 0.0, False), (48, 6, 0.0, True), (40, 10, 1.0, True)])
def test_maps_are_found(p, count, simplex, clustered):
    found = rates(15, p, count, simplex, 1.4, clustered=clustered)
    assert found["map"] > 0.8 and found["vectors"] > 0.8 and found["map and hidden"] > 0.7
