"""Are labels where their places are: each measure against a direct computation, and what it must and must not say."""

import numpy as np
import pytest
import shapes
from orrery import clouds, headline
from orrery.geometry import places
from orrery.geometry.cyclic import class_means
from orrery.geometry.permutations import linear_orders
from orrery.geometry.probes import held_out_weights
from orrery.measures import Search
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from shapes import on, planted, rows_of, templates_of


@pytest.fixture
def globe(rng):
    """Vectors of thirty labels on a sphere: (vectors, classes, groups)."""
    classes, groups = templates_of(30, 4)
    return planted(on("sphere"), classes, 40, 0.3, rng), classes, groups


def test_places_embedded_and_apart():
    poles = np.array([[90, 10], [-90, 50], [0, 0], [0, 90], [0, 350.0]])
    np.testing.assert_allclose(
        places.embedded(poles, "sphere")[:4], [[0, 0, 1], [0, 0, -1], [1, 0, 0], [0, 1, 0]], atol=1e-15
    )
    apart = np.degrees(places.distances(poles, "sphere"))
    np.testing.assert_allclose(apart[2], [90, 90, 0, 90, 10], atol=1e-6)
    assert apart[0, 1] == pytest.approx(180) and apart[3, 4] == pytest.approx(100)
    hours = np.array([[0, 2], [6, 22], [3, 2]])
    np.testing.assert_allclose(places.embedded(hours, "torus", [7, 24])[:, 2], np.sin(2 * np.pi * hours[:, 0] / 7))
    apart = places.distances(hours, "torus", [7, 24])
    assert apart[0, 1] == pytest.approx(np.hypot(1 / 7, 4 / 24)) and apart[0, 2] == pytest.approx(3 / 7)
    cards = places.embedded([[1, 0], [3, 0], [5, 0]], "grid")
    np.testing.assert_allclose(cards, np.c_[[-(1.5**0.5), 0, 1.5**0.5], np.zeros(3)])
    np.testing.assert_allclose(places.distances([[1, 0], [3, 0], [5, 0]], "grid"), np.abs(cards[:, :1] - cards[:, 0]))


def predicted(vectors, targets, classes, folds, components):
    """Left-out predictions (N, q) and the means (N, q) of what they were fitted on, fold by fold."""
    found, mean = np.empty((2, len(vectors), targets.shape[1]))
    for fold in np.unique(folds):
        hidden = folds[classes] == fold
        x, y = vectors[~hidden], targets[classes[~hidden]]
        axes = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:components].T
        slopes = np.linalg.lstsq((x - x.mean(0)) @ axes, y - y.mean(0), rcond=None)[0]
        found[hidden], mean[hidden] = y.mean(0) + (vectors[hidden] - x.mean(0)) @ axes @ slopes, y.mean(0)
    return found, mean


@pytest.mark.parametrize("surface", list(shapes.SURFACES))
def test_left_out_places_by_hand(rng, surface):
    targets = on(surface)
    classes, _ = templates_of(len(targets), 3)
    vectors = planted(targets, classes, 20, 0.5, rng)
    folds, orders = rng.permutation(len(targets)) % 6, linear_orders(len(targets), 3, 0)[0]
    weights = held_out_weights(vectors, classes, folds, 5, ridge=0)
    given = weights, targets, classes, folds, orders
    r2, weakest = places.left_out_place_r2(*given), places.weakest_axis_r2(*given)
    kept = 2 if surface == "country" else targets.shape[1]
    axes = np.linalg.svd(targets - targets.mean(0), full_matrices=False)[0][:, :kept]
    turns = rng.standard_normal((4000, kept))
    for b, order in enumerate(orders):
        found, mean = predicted(vectors, targets[order], classes, folds, 5)
        true = targets[order][classes]
        assert r2[b] == pytest.approx(1 - ((true - found) ** 2).sum() / ((true - mean) ** 2).sum())
        found, mean = (x @ turns.T for x in predicted(vectors, axes[order], classes, folds, 5))
        true = axes[order][classes] @ turns.T
        all_ways = 1 - ((true - found) ** 2).sum(0) / ((true - mean) ** 2).sum(0)
        if b == 0:
            assert weakest[0] <= all_ways.min() < weakest[0] + 0.05
        else:
            assert all_ways.min() - 0.05 < weakest[b] < all_ways.max() + 0.05


@pytest.mark.parametrize("topology", ["grid", "sphere"])
def test_rank_of_distances_by_hand(globe, topology):
    """With the ties of a grid, which round-off must not break."""
    vectors, classes, _ = globe
    means = np.array([vectors[classes == c].mean(0) for c in range(30)])
    apart = places.distances(shapes.SURFACES["grid"][0], topology)
    orders = linear_orders(30, 20, 0)[0]
    direct = [spearmanr(squareform(apart[np.ix_(o, o)].round(9)), pdist(means))[0] for o in orders]
    np.testing.assert_allclose(places.distance_rank(means, apart, orders), direct, atol=1e-5)


def test_rank_of_the_distances_of_the_map_itself():
    grid, orders = on("grid"), linear_orders(30, 20, 0)[0]
    found = places.distance_rank(7 + 2 * grid, places.distances(*shapes.SURFACES["grid"][:1], "grid"), orders)
    assert found[0] == pytest.approx(1) and found[1:].max() < 0.5


def test_where_there_is_nothing_to_say(rng):
    orders, classes = linear_orders(6, 9, 0)[0], np.arange(6)
    weights = held_out_weights(rng.standard_normal((6, 9)), classes, classes, 2)
    on_a_line = places.embedded(np.c_[np.arange(6), np.ones(6)], "plane")
    assert np.isnan(places.weakest_axis_r2(weights, on_a_line, classes, classes, orders)).all()
    assert np.isnan(places.left_out_place_r2(weights, np.zeros((6, 2)), classes, classes, orders)).all()
    assert np.isnan(places.weakest_axis_r2(weights * np.nan, on_a_line, classes, classes, orders)).all()
    flat = np.ones((6, 6)) - np.eye(6)
    assert np.isnan(places.distance_rank(rng.standard_normal((6, 3)), flat, orders)).all()
    assert np.isnan(
        places.distance_rank(np.ones((6, 3)), places.distances(rng.standard_normal((6, 2)), "plane"), orders)
    ).all()


def test_the_symmetries_of_a_map_are_no_evidence():
    from itertools import permutations

    orders = np.array(list(permutations(range(6))))
    six_ways = places.distances([[90, 0], [-90, 0], [0, 0], [0, 90], [0, 180], [0, -90]], "sphere")
    same = places.same_places(six_ways, orders)
    assert same.sum() == 48 and same[0]
    for order in orders[[5, 100, 719]]:
        assert same[(orders == order).all(1)] == np.allclose(six_ways[np.ix_(order, order)], six_ways)


def cloud(surface, rng, counts=None):
    targets = on(surface)
    classes = templates_of(len(targets), 4)[0] if counts is None else np.repeat(np.arange(len(targets)), counts)
    vectors = planted(targets, classes, 40, 0.3, rng)
    samples = {"label": classes.astype(str), "value": classes, "group": np.arange(len(classes)).astype(str)}
    options = {"preprocess": [], "components": 5}
    ((_, made),) = clouds.clouds_of(
        "", {"00": vectors}, {}, samples, shapes.shape_of(surface, len(targets)), options, 0
    )
    return made


def test_a_cloud_knows_the_places_of_the_labels_that_it_has(rng):
    made = cloud("torus", rng)
    np.testing.assert_array_equal(made.places, shapes.SURFACES["torus"][0])
    part = made.part(np.flatnonzero(made.classes % 3 == 1))
    np.testing.assert_array_equal(part.places, shapes.SURFACES["torus"][0][1::3])
    assert Search(made, 99, 0).least["places"] == 1 / 100


def test_distances_are_of_about_as_many_samples_of_each_label(rng):
    """Of the most frequent label at most 1.5 samples for each of the rarest."""
    classes = np.repeat(np.arange(30), np.r_[np.full(29, 2), 60])
    vectors = planted(on("grid"), classes, 40, 0.3, rng)
    (row,) = rows_of([vectors], "grid", classes, np.arange(len(classes)), ["distance_rank"], 99, 0)
    part = cloud("grid", np.random.default_rng(0), counts=np.r_[np.full(29, 2), 60]).unmixed
    assert np.bincount(part.classes).tolist() == [*[2] * 29, 3] and row["n"] == 61
    kept = np.isin(vectors, part.x).all(1)
    means = class_means(vectors[kept], classes[kept], 30)
    apart, orders = places.distances(*part.surface), linear_orders(30, 99, 0)[0]
    assert row["value"] == pytest.approx(places.distance_rank(means, apart, orders)[0])


@pytest.mark.parametrize("surface, axes, verdicts", [("sphere", [0, 1, 2], "found"), ("sphere", [0, 1], "one axis only"),
                         ("sphere", [2], "one axis only"), ("plane", [0], "one axis only"), ("torus", [0, 2], "one axis only")])  # fmt: skip
def test_one_axis_is_no_place(rng, surface, axes, verdicts):
    """On the torus the second period alone is planted: a ring."""
    classes, groups = templates_of(len(on(surface)), 4)
    vectors = planted(on(surface)[:, axes], classes, 40, 0.3, rng)
    rows = rows_of([vectors], surface, classes, groups, shapes.PLACES, 199, 0)
    first, weakest, distances = rows
    assert first["p"] == distances["p"] == 1 / 200 and first["value"] > 0.03
    rows.append({**first, "measure": "factor_r2_1"})  # places are told from regions by one measure at least
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]} | {"control": np.array([""] * 4)}
    (row,) = headline.summarise([(columns, {"model": "m", "source": "s", "concept": "c"})])
    assert (row["structure"], row["verdict"]) == ("places", verdicts)
    assert (weakest["value"] > 0.3) if verdicts == "found" else (weakest["value"] < 0.05)


def test_two_places_beyond_chance_are_not_enough_when_the_weakest_is_below_it():
    """Significant and yet worse than blind: the second measure has to be on the better side of chance as well."""
    same = {"low": 0.1, "high": 0.3, "null_mean": -0.1, "null_low": -0.2, "null_high": 0.1, "p": 0.01, "n": 60, "p_corrected": 0.01,
            "classes": 30, "orders": 100, "least_p": 0.01, "permuted": "order of the labels", "control": "", "layer": "00"}  # fmt: skip
    columns = {key: np.array([value] * 3) for key, value in same.items()}
    columns |= {"measure": np.array(["left_out_place_r2", "weakest_axis_r2", "factor_r2_1"])}
    for weakest, verdict in ((0.1, "found"), (-0.05, "one axis only")):
        columns["value"] = np.array([0.5, weakest, 0.5])
        (row,) = headline.summarise([(columns, {"model": "m", "source": "s", "concept": "c"})])
        assert row["verdict"] == verdict
