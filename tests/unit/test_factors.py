"""Tori and grids: whole levels of a factor hidden, the slow way, and for factors whose answer is known."""

from itertools import permutations

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.geometry import factors, places
from orrery.geometry.permutations import p_values
from orrery.geometry.probes import held_out_weights
from scipy.stats import binom

ALPHA = 0.05


def test_levels_of_coordinates():
    first, second = factors.levels_of([[0.1 + 0.2, 5], [10, 5], [0.3, -1], [2, 7]])
    assert first.tolist() == [0, 2, 0, 1] and second.tolist() == [1, 1, 0, 2]
    (turns,) = factors.levels_of([[0], [7], [6], [-1], [1 / 3], [22 / 3]], [7])
    assert turns.tolist() == [0, 0, 2, 2, 1, 1]
    (same,) = factors.levels_of([[0], [0]])
    assert same.tolist() == [0, 0]


def test_even_spacing():
    assert factors.evenly_spaced([3, 1, 2, 2]) and not factors.evenly_spaced([1, 2, 4])
    assert factors.evenly_spaced([0, 6, 12, 18, 24], 24) and not factors.evenly_spaced([0, 6, 12], 24)
    assert factors.evenly_spaced(np.arange(7) * 0.1, 0.7)


@pytest.mark.parametrize("closed, even, n, number", [(True, True, 3, 1), (True, True, 5, 12), (True, True, 6, 60),
                         (False, True, 4, 12), (False, True, 5, 60), (True, False, 5, 120), (False, False, 4, 24), (False, True, 2, 1)])  # fmt: skip
def test_all_orders_are_distinct_in_what_they_ask(rng, closed, even, n, number):
    """No two orders have the same R², and every order has that of one of them."""
    orders, exact = factors.level_orders(n, 9, 0, closed, even)
    assert exact and len(orders) == number
    np.testing.assert_array_equal(orders[0], np.arange(n))
    if n < 4:
        return
    values = np.arange(n) if even else np.sort(rng.uniform(0, n, n))
    target = places.embedded(values[:, None], "torus" if closed else "grid", [n])
    levels = np.arange(n)
    weights = held_out_weights(rng.standard_normal((n, 9)), levels, levels)
    r2 = factors.factor_r2(weights, target, levels, levels, orders)
    every = factors.factor_r2(weights, target, levels, levels, np.array(list(permutations(range(n)))))
    assert len(np.unique(r2.round(9))) == number
    np.testing.assert_array_equal(np.unique(r2.round(9)), np.unique(every.round(9)))


@pytest.mark.parametrize("closed, even", [(True, True), (True, False), (False, True), (False, False)])
def test_random_orders_where_there_are_too_many(closed, even):
    orders, exact = factors.level_orders(12, 40, 3, closed, even)
    assert not exact and orders.shape == (41, 12) and len(np.unique(orders, axis=0)) == 41
    np.testing.assert_array_equal(orders[0], np.arange(12))
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(12), (41, 1)))
    np.testing.assert_array_equal(orders, factors.level_orders(12, 40, 3, closed, even)[0])


def test_folds_are_of_whole_levels_that_do_not_stand_together():
    levels = np.repeat(np.arange(24), 3)
    folds = factors.level_folds(levels)
    assert folds.max() == 19 and all(len(np.unique(folds[levels == k])) == 1 for k in range(24))
    assert all(np.diff(np.unique(levels[folds == k])).min(initial=99) > 1 for k in range(20))
    np.testing.assert_array_equal(factors.level_folds(levels[:21]), levels[:21])


@pytest.mark.parametrize("n_levels", [5, 23])
def test_hidden_levels_by_hand(rng, n_levels):
    """With unequal numbers of samples and of labels a level, and levels that share a fold."""
    levels = rng.permutation(np.r_[np.arange(n_levels), rng.integers(0, n_levels, 7)])
    classes = np.repeat(np.arange(len(levels)), rng.integers(1, 4, len(levels)))
    angle = 2 * np.pi * levels / n_levels
    target = np.c_[np.cos(angle), np.sin(angle)]
    vectors = np.pad(target[classes], ((0, 0), (0, 6))) + 0.3 * rng.standard_normal((len(classes), 8))
    folds = factors.level_folds(levels)
    weights = held_out_weights(vectors, classes, folds)
    orders = np.array([np.arange(n_levels), rng.permutation(n_levels)])
    found = factors.factor_r2(weights, target, classes, levels, orders)
    np.testing.assert_allclose(found, factors.factor_r2(weights, target, classes, levels, orders, folds))
    for r2, order in zip(found, orders):
        moved = np.array([target[np.flatnonzero(levels == order[level])[0]] for level in levels])
        residual = total = 0
        for i, c in enumerate(classes):
            training = moved[classes[folds[classes] != folds[c]]]
            residual += ((moved[c] - weights[i] @ moved) ** 2).sum()
            total += ((moved[c] - training.mean(0)) ** 2).sum()
        assert r2 == pytest.approx(1 - residual / total)


def test_where_there_is_nothing_to_say(rng):
    levels, classes = np.array([0, 0, 1, 1]), np.arange(4)
    with pytest.raises(OrreryError, match="different coordinates"):
        factors.factor_r2(np.eye(4), np.arange(4), classes, levels, np.array([[0, 1]]))
    one = np.zeros(4, dtype=int)
    weights = held_out_weights(rng.standard_normal((4, 3)), classes, factors.level_folds(one))
    assert np.isnan(factors.factor_r2(weights, np.ones(4), classes, one, np.array([[0]]))).all()


def simulated(kinds, sizes, seed, amplitude=1.0):
    """Two layers of six templates × labels, the sum of two factors: circle "c", line "l", categories "x", halves "h"."""
    rng = np.random.default_rng([seed, *map(ord, kinds)])
    levels = np.indices(sizes).reshape(2, -1)
    p, means = levels.shape[1], 0.3 * rng.standard_normal((levels.shape[1], 64))
    for kind, n, level in zip(kinds, sizes, levels):
        angle = 2 * np.pi * np.arange(n) / n
        shapes = {"c": np.c_[np.cos(angle), np.sin(angle)], "l": (np.arange(n) - (n - 1) / 2)[:, None] / np.arange(n).std(),
                  "x": np.eye(n), "h": np.sign(np.arange(n) - n / 2 + 0.1)[:, None]}  # fmt: skip
        means += amplitude * (shapes[kind] @ rng.standard_normal((shapes[kind].shape[1], 64)))[level]
    layers = means + rng.standard_normal((2, 6, p, 64))
    layers = (layers - layers.mean(2, keepdims=True)).reshape(2, -1, 64)  # template means removed
    return layers, np.tile(np.arange(p), 6), levels.T.astype(float)


def arranged(kinds, sizes, seed, topology, amplitude=1.0, worst=False):
    """Are both factors found in the same layer, after the search over layers?"""
    layers, classes, where = simulated(kinds, sizes, seed, amplitude)
    targets, found = places.embedded(where, topology, sizes), []
    for factor, levels in enumerate(factors.levels_of(where)):
        columns = [factor, factor + 2] if topology == "torus" else [factor]
        orders, _ = factors.level_orders(sizes[factor], 99, seed, topology == "torus")
        weights = [held_out_weights(x, classes, factors.level_folds(levels)) for x in layers]
        r2 = np.array([factors.factor_r2(w, targets[:, columns], classes, levels, orders) for w in weights])
        found.append((p_values(r2)[1] <= ALPHA) & (r2[:, 0] > 0))
        if worst:
            onehot, table = np.eye(sizes[factor])[levels], targets[np.unique(levels, return_index=True)[1]][:, columns]
            least = [places.weakest_axis_r2(w @ onehot, table, levels[classes], np.arange(len(table)), orders[:1]) for w in weights]  # fmt: skip
            found[-1] &= np.array(least)[:, 0] > 0
    return np.all(found, 0).any()


@pytest.mark.parametrize("kinds, sizes, topology", [("cx", (7, 6), "torus"), ("xc", (7, 6), "torus"), ("xx", (7, 6), "torus"),
                         ("lx", (7, 6), "grid"), ("xl", (5, 5), "grid"), ("xx", (5, 5), "grid")])  # fmt: skip
def test_categories_are_no_factor_of_a_torus_or_grid(kinds, sizes, topology):
    runs = 60
    found = np.mean([arranged(kinds, sizes, seed, topology) for seed in range(runs)])
    assert found <= binom.ppf(0.999, runs, ALPHA) / runs


@pytest.mark.parametrize(
    "kinds, sizes, topology", [("cc", (7, 6), "torus"), ("ll", (5, 5), "grid"), ("ll", (8, 8), "grid")]
)
def test_tori_and_grids_are_found(kinds, sizes, topology):
    assert np.mean([arranged(kinds, sizes, seed, topology, 0.35) for seed in range(8)]) > 0.8


def test_halves_are_no_circle_where_the_worst_axis_is_asked_for():
    """And they are one where it is not: an order that cosine and sine follow."""
    assert np.mean([arranged("hc", (12, 6), seed, "torus") for seed in range(5)]) > 0.5
    assert not any(arranged("hc", (12, 6), seed, "torus", worst=True) for seed in range(5))


def test_five_levels_on_a_circle_decide_nothing():
    """Twelve orders: p is 1/12 at best, whatever there is."""
    assert not any(arranged("cc", (5, 5), seed, "torus") for seed in range(3))
