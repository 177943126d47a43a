"""Intervals hold what they should, refit what they leave out, and stay inside what a measure can be."""

import numpy as np
import pytest
from orrery import intervals
from orrery.clouds import clouds_of
from orrery.geometry import probes
from orrery.measured import MEASURED
from orrery.measures import measure
from orrery.nulls import Alone
from orrery.statistics import FUNCTIONS
from sklearn.linear_model import Ridge

LINE, CIRCLE = {"topology": "line"}, {"topology": "circle", "period": 9.0}
OPTIONS = {"preprocess": [], "components": "all", "template_effects": "keep"}
BOUNDED = [name for name, kind in MEASURED.items() if np.isfinite(kind.range).any()]


def cloud_of(points, rng, shape=LINE, samples=6, d=24, noise=1.0, own=0.3, options=OPTIONS):
    """A set of labels at some points (p, k), each with a direction of its own, in templates."""
    p = len(points)
    classes, groups = np.tile(np.arange(p), samples), np.repeat(np.arange(samples), p)
    vectors = points @ rng.standard_normal((points.shape[1], d)) + own * rng.standard_normal((p, d))
    x = vectors[classes] + rng.standard_normal((samples, d))[groups] + noise * rng.standard_normal((len(classes), d))
    columns = {"label": [f"w{c}" for c in classes], "value": classes, "group": [f"t{g}" for g in groups]}
    return next(clouds_of("", {"00": x}, {}, columns, shape, options, 0))[1]


def line(p):
    return ((np.arange(p) - (p - 1) / 2) / np.arange(p).std())[:, None]


def circle(p):
    return np.c_[np.cos(2 * np.pi * np.arange(p) / p), np.sin(2 * np.pi * np.arange(p) / p)]


# Ranges


@pytest.mark.parametrize("name", BOUNDED)
def test_an_interval_never_leaves_the_range_of_its_measure(rng, name):
    low, high = MEASURED[name].range
    first, last = (low if np.isfinite(low) else high - 9), (high if np.isfinite(high) else low + 9)
    for _ in range(40):
        replicas = rng.uniform(first, last, 12)
        value = rng.choice([first, last, replicas.mean()])
        bounds = intervals.interval(value, replicas, MEASURED[name])
        assert low <= bounds[0] <= bounds[1] <= high


@pytest.mark.parametrize("name", ["left_out_rank", "left_out_angle_error", "anisotropy", "left_out_place_r2"])
def test_a_value_lies_in_its_interval_and_more_spread_makes_it_wider(rng, name):
    kind, spread = MEASURED[name], rng.standard_normal(12)
    narrow, wide = (intervals.interval(0.5, 0.5 + scale * spread, kind) for scale in (0.01, 0.05))
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


def test_without_variation_there_is_no_interval():
    for replicas in (np.ones(9), np.r_[np.ones(8), np.nan]):
        assert np.isnan(intervals.interval(0.5, replicas, MEASURED["left_out_rank"])).all()


def test_on_an_open_scale_it_is_the_jackknife_of_a_mean(rng):
    """Of a mean the delete-one jackknife is Student's interval."""
    from scipy.stats import t

    x = rng.standard_normal(15)
    replicas = (x.sum() - x) / 14
    low, high = intervals.interval(x.mean(), replicas, MEASURED["simplex_cv"])
    expected = t.interval(0.95, 14, x.mean(), x.std(ddof=1) / np.sqrt(15))
    np.testing.assert_allclose([low, high], expected)


# Replicas


def test_labels_are_left_out_of_the_probes_and_of_what_they_are_tried_on(rng):
    """Every replica is what a set without the label has, its penalty that of the whole set."""
    cloud = cloud_of(line(8), rng)
    x, classes, folds = cloud.x, cloud.classes, cloud.folds
    found = intervals.replicates(cloud, ["left_out_value_r2"])["left_out_value_r2"]
    alpha = probes.RIDGE * ((x - x.mean(0)) ** 2).sum() / len(x)
    assert len(found) == len(set(folds)) == 8
    for u, value in enumerate(found):
        kept, errors, means = folds[classes] != u, [], []
        targets = cloud.values[classes]
        for fold in sorted(set(folds) - {u}):
            test, train = folds[classes] == fold, kept & (folds[classes] != fold)
            fit = Ridge(alpha, solver="svd").fit(x[train], targets[train])
            errors.append(((fit.predict(x[test]) - targets[test]) ** 2).sum())
            means.append(((targets[train].mean() - targets[test]) ** 2).sum())
        assert value == pytest.approx(1 - sum(errors) / sum(means))


def test_contexts_are_left_out_in_ten_blocks(rng):
    cloud = cloud_of(circle(5), rng, {"topology": "none"}, samples=20)
    found = intervals.replicates(cloud, ["anisotropy", "probe_accuracy"])
    assert {name: len(values) for name, values in found.items()} == {"anisotropy": 10, "probe_accuracy": 10}
    for block, value in enumerate(found["anisotropy"]):
        part = cloud.part(np.flatnonzero(cloud.sample_folds != block))
        assert value == pytest.approx(FUNCTIONS["anisotropy"](part, Alone(part, 0, 0))[0])


@pytest.mark.parametrize("p, components", [(4, "all"), (9, 5)])
def test_few_labels_and_probes_on_leading_components_have_none(rng, p, components):
    cloud = cloud_of(line(p), rng, options={**OPTIONS, "components": components})
    assert "left_out_rank" not in intervals.replicates(cloud, ["left_out_rank"])


# Coverage

RUNS = 150


def coverage(points, shape, names, noise):
    """Share of runs whose interval holds the mean of all runs, of labels with directions of their own."""
    values, bounds = {name: [] for name in names}, {name: [] for name in names}
    for run in range(RUNS):
        cloud = cloud_of(points, np.random.default_rng([run, 7]), shape, noise=noise)
        replicas = intervals.replicates(cloud, names)
        for name in names:
            values[name].append(FUNCTIONS[name](cloud, Alone(cloud, 0, 0))[0])
            bounds[name].append(intervals.interval(values[name][-1], replicas[name], MEASURED[name]))
    found = {}
    for name in names:
        low, high = np.array(bounds[name]).T
        target = np.mean(values[name])
        assert np.isfinite(low).mean() > 0.9
        found[name] = np.mean(((low <= target) & (target <= high))[np.isfinite(low)])
    return found


@pytest.mark.parametrize(
    "points, shape, names, noise",
    [
        (line(12), LINE, ["left_out_rank", "left_out_value_r2"], 2.0),
        (line(24), LINE, ["left_out_rank", "left_out_value_r2"], 4.0),
        (circle(9), CIRCLE, ["left_out_angle_error", "weakest_circle_axis_r2"], 2.0),
    ],
)
def test_intervals_hold_the_mean(points, shape, names, noise):
    found = coverage(points, shape, names, noise)
    assert min(found.values()) >= 0.85, found


# Differences


def test_a_difference_pairs_the_units_and_allows_for_one_more_twin(rng):
    kind, own, shared = MEASURED["left_out_rank"], 0.8, 0.02 * rng.standard_normal(12)
    twins = [(0.2, 0.2 + shared), (0.3, 0.3 + shared), (0.4, 0.4 + shared)]
    middle, low, high = intervals.difference((own, own + shared), twins, kind)
    reach = intervals.quantile(3) * 0.1 * np.sqrt(4 / 3)  # what labels share cancels, one more twin may lie so far
    assert middle == pytest.approx(0.5)
    np.testing.assert_allclose([low, high], [0.5 - reach, 0.5 + reach])
    alone = intervals.difference((own, own + shared), [(0.3, 0.3 - shared)], kind)
    assert alone[2] - alone[1] == pytest.approx(2 * intervals.quantile(12) * intervals.standard_error(2 * shared))


def test_a_difference_stays_within_what_there_can_be(rng):
    wide = rng.uniform(-1, 1, 8)
    middle, low, high = intervals.difference((0.9, wide), [(-0.9, wide[::-1])], MEASURED["left_out_rank"])
    assert middle == pytest.approx(1.8) and (low, high) == (max(low, -2), 2) and low < middle


def test_a_difference_without_twins_or_replicas():
    kind, some = MEASURED["left_out_rank"], np.linspace(0, 1, 7)
    assert np.isnan(intervals.difference((0.5, some), [], kind)).all()
    assert np.isnan(intervals.difference((np.nan, some), [(0.1, some)], kind)).all()
    for others in (None, some[:5]):
        middle, *ends = intervals.difference((0.5, some), [(0.1, others)], kind)
        assert middle == pytest.approx(0.4) and np.isnan(ends).all()


def test_a_trained_ring_is_more_than_its_twins_and_a_twin_is_not():
    """Through the function that measures real sets, with three twins."""
    rng = np.random.default_rng(3)
    sets = [cloud_of(circle(9) * size, rng, CIRCLE, noise=1.0) for size in (2, 0.2, 0.2, 0.2, 0.2)]
    own, twin, *twins = ({"00": cloud.raw} for cloud in sets)
    samples = {"label": [f"w{c}" for c in sets[0].classes], "value": sets[0].classes,
               "group": [f"t{g}" for g in sets[0].groups]}  # fmt: skip
    others = dict(zip(("untrained", "untrained-2", "untrained-3"), twins))
    options = {**OPTIONS, "permutations": 99, "structures": ["cyclic order"]}
    ends = {}
    for name, layers in (("trained", own), ("twin", twin)):
        rows = measure(layers, samples, CIRCLE, options, 0, ["untrained"], others)
        (row,) = [r for r in rows if (r["control"], r["measure"]) == ("", "left_out_angle_error")]
        ends[name] = row["difference_low"], row["difference_high"]
        controls = {r["control"] for r in rows}
        assert {"untrained", "untrained-2", "untrained-3", "untrained with circle"} <= controls
    assert ends["trained"][1] < 0 and ends["twin"][0] < 0 < ends["twin"][1]
