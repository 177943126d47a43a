"""Sets that look like what they are not, or hide what they are: each passed for the other in an earlier version."""

import numpy as np
import pytest
from orrery.geometry.curves import best_curve, seam_closeness
from orrery.headline import UNDECIDABLE, summarise
from orrery.measures import measure

D = 48
OPTIONS = {"preprocess": ["l2"], "components": "all", "permutations": 199}


def verdicts(vectors, samples, shape, structures):
    rows = measure({"00": vectors}, samples, shape, {**OPTIONS, "structures": structures}, 0)
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    found = summarise([(columns, {"model": "m", "source": "s", "concept": "c", "topology": shape["topology"]})])
    return {row["structure"]: row for row in found}


def in_templates(means, rng, templates=12, noise=1.0):
    """Samples of labels with these means, each label once in every template."""
    p = len(means)
    classes, groups = np.tile(np.arange(p), templates), np.repeat(np.arange(templates), p)
    x = (
        5
        + means[classes]
        + rng.standard_normal((templates, D))[groups]
        + noise * rng.standard_normal((len(classes), D))
    )
    return x, columns_of(classes, group=groups)


def columns_of(classes, values=None, group=None, document=None):
    values = classes if values is None else np.asarray(values)[classes]
    names = {"group": group, "document": document}
    some = {key: [""] * len(classes) if names[key] is None else [f"g{i}" for i in names[key]] for key in names}
    return {"label": [f"w{i}" for i in classes], "value": [float(v) for v in values], **some}


def ring(p, rng, own=0.5):
    turn = 2 * np.pi * np.arange(p) / p
    plane = np.linalg.qr(rng.standard_normal((D, 2)))[0].T
    return 4 * (np.c_[np.cos(turn), np.sin(turn)] @ plane + own * rng.standard_normal((p, D)) / np.sqrt(D))


@pytest.mark.parametrize("held", [3, 4])
def test_a_ring_is_found_where_documents_hold_some_or_most_labels(held):
    found = 0
    for run in range(6):
        rng = np.random.default_rng([run, held])
        first, groups = rng.integers(0, 7, 60), np.repeat(np.arange(60), held)
        classes = (first[groups] + np.tile(np.arange(held), 60)) % 7
        x = (
            5
            + ring(7, rng)[classes]
            + 0.3 * rng.standard_normal((60, D))[groups]
            + rng.standard_normal((len(groups), D))
        )
        row = verdicts(x, columns_of(classes, document=groups), {"topology": "circle", "period": 7.0}, ["cyclic order"])
        found += row["cyclic order"]["verdict"] == "found"
    assert found >= 5


def test_documents_of_families_make_no_families():
    found = 0
    for run in range(25):
        rng = np.random.default_rng(run)
        groups = np.repeat(np.arange(12), 6)
        classes = 6 * (groups % 2) + np.tile(np.arange(6), 12)
        x = 5 + 2 * rng.standard_normal((12, D))[groups] + rng.standard_normal((72, D))
        shape = {"topology": "tree", "parents": {f"w{i}": f"f{i // 6}" for i in range(12)}}
        found += verdicts(x, columns_of(classes, group=groups), shape, ["families"])["families"]["verdict"] == "found"
    assert found <= 5


def test_scatter_that_grows_along_the_labels_is_no_order():
    found = 0
    for run in range(40):
        rng = np.random.default_rng(run)
        x, samples = in_templates(0.5 * rng.standard_normal((12, D)), rng, noise=0)
        scatter = np.linspace(0.5, 2, 12)[np.asarray(samples["value"], int)]
        x = x + scatter[:, None] * rng.standard_normal(x.shape)
        found += verdicts(x, samples, {"topology": "line"}, ["order"])["order"]["verdict"] == "found"
    assert found <= 7


def test_part_of_a_day_is_no_ring():
    hours = np.arange(8, 19)
    rng = np.random.default_rng(0)
    turn = 2 * np.pi * hours / 24
    means = 4 * np.c_[np.cos(turn), np.sin(turn)] @ np.linalg.qr(rng.standard_normal((D, 2)))[0].T
    assert best_curve(means, turn).gap > 2
    x, samples = in_templates(means, rng)
    samples["value"] = [float(hours[int(v)]) for v in samples["value"]]
    row = verdicts(x, samples, {"topology": "circle", "period": 24.0}, ["ring", "cyclic order"])
    assert {name: one["verdict"] for name, one in row.items()}["ring"] != "found"


def test_the_seam_of_a_circle_is_a_step_and_that_of_a_chain_is_not():
    turn = 2 * np.pi * np.arange(12) / 12
    circles, chains = [], []
    for run in range(60):
        rng = np.random.default_rng(run)
        circles.append(seam_closeness(ring(12, rng, 0.7), turn))
        features = rng.standard_normal((13, D))
        chains.append(seam_closeness(features[:-1] + features[1:], turn))
    assert np.quantile(circles, 0.05) > 0.5 and 0.9 < np.mean(circles) < 1.1
    assert abs(np.mean(chains)) < 0.1 and np.mean(np.array(chains) > 0.5) < 0.2


def test_a_factor_of_two_levels_decides_nothing():
    rng = np.random.default_rng(0)
    first, second = np.repeat(np.arange(2), 8), np.tile(np.arange(8), 2)
    means = 3 * np.c_[first, second / 3] @ rng.standard_normal((2, D)) / 2
    x, samples = in_templates(means, rng)
    shape = {"topology": "grid", "coordinates": {f"w{i}": [float(first[i]), float(second[i])] for i in range(16)}}
    assert verdicts(x, samples, shape, ["places"])["places"]["verdict"] == UNDECIDABLE


def test_tied_values_decide_nothing_and_say_why():
    rng = np.random.default_rng(0)
    x, samples = in_templates(rng.standard_normal((6, D)), rng)
    samples["value"] = [1.0] * len(x)
    row = verdicts(x, samples, {"topology": "line"}, ["order"])["order"]
    assert row["verdict"] == UNDECIDABLE and "not defined" in row["sentence"]


def test_one_coordinate_is_measured_without_a_map():
    rng = np.random.default_rng(0)
    x, samples = in_templates(rng.standard_normal((8, D)), rng)
    shape = {"topology": "plane", "coordinates": {f"w{i}": [float(i)] for i in range(8)}}
    assert verdicts(x, samples, shape, ["places"])["places"]["verdict"] != "found"


@pytest.mark.parametrize("p", [8, 9, 10])
def test_maps_of_few_labels_are_measured_in_several_layers(p):
    """Layers show regions of different sizes, so that some have few orders within them and others many."""
    spots = np.random.default_rng(0).uniform(-1, 1, (p, 2))
    layers, samples = {}, None
    for layer in range(8):
        rng = np.random.default_rng([p, layer])
        means = spots @ rng.standard_normal((2, D)) + 0.5 * rng.standard_normal((p, D))
        layers[f"{layer:02d}"], samples = in_templates(means, rng, templates=5)
    shape = {"topology": "plane", "coordinates": {f"w{i}": list(map(float, spot)) for i, spot in enumerate(spots)}}
    rows = measure(layers, samples, shape, {**OPTIONS, "structures": ["places"], "permutations": 999}, 0)
    found = [row for row in rows if row["measure"] == "within_own_region_r2"]
    assert len(found) == 8 and len({row["orders"] for row in found}) == 1
    assert all(0 < row["p"] <= 1 for row in found if np.isfinite(row["value"]))


@pytest.mark.parametrize("group", ["of each row", "of two sources", "none"])
def test_groups_do_not_hide_documents_of_several_labels(group):
    """Documents mention three neighbouring labels; a table also has groups that say nothing of that."""
    found = 0
    for run in range(20):
        rng = np.random.default_rng(run)
        documents = np.repeat(np.arange(60), 3)
        about = np.clip(rng.permutation(np.arange(60) % 12), 1, 10)
        classes = (about[:, None] + np.arange(-1, 2)).ravel()
        x = rng.standard_normal((60, D))[documents] + 0.3 * rng.standard_normal((12, D))[classes]
        groups = {"of each row": np.arange(180), "of two sources": rng.integers(0, 2, 60)[documents], "none": None}
        samples = columns_of(classes, group=groups[group], document=documents)
        row = verdicts(3 + x + rng.standard_normal(x.shape), samples, {"topology": "line"}, ["order"])["order"]
        found += row["verdict"] == "found"
    assert found <= 4


@pytest.mark.parametrize("steps", [["l2", "center"], ["l2", "standardize"], ["center", "l2"]])
def test_scatter_along_the_labels_is_no_order_whatever_follows_l2(steps):
    found = 0
    for run in range(20):
        rng = np.random.default_rng(run)
        scatter = 0.5 * 4 ** (np.arange(12) / 11)
        classes, templates = np.tile(np.arange(12), 8), np.repeat(np.arange(8), 12)
        x = 0.5 * rng.standard_normal((12, D))[classes] + rng.standard_normal((8, D))[templates]
        x += 3 * rng.standard_normal(D) + scatter[classes, None] * rng.standard_normal(x.shape)
        options = {**OPTIONS, "preprocess": steps, "structures": ["order"]}
        rows = measure({"00": x}, columns_of(classes, group=templates), {"topology": "line"}, options, 0)
        found += min(row["p_corrected"] for row in rows if row["measure"] == "left_out_rank") <= 0.05
    assert found <= 4


@pytest.mark.parametrize("topology", ["grid", "torus"])
def test_blocks_of_a_product_are_no_places(topology):
    """Nine blocks of nine labels, each block a direction of its own: hidden levels lie in blocks that were seen."""
    spots = np.array([(i, j) for i in range(9) for j in range(9)])
    block = spots[:, 0] // 3 * 3 + spots[:, 1] // 3
    shape = {"topology": topology, "coordinates": {f"w{i}": list(map(float, spot)) for i, spot in enumerate(spots)}}
    shape |= {"periods": [9.0, 9.0]} if topology == "torus" else {}
    told = []
    for run in range(5):
        rng = np.random.default_rng(run)
        x, samples = in_templates(2 * rng.standard_normal((9, D))[block] + 0.3 * rng.standard_normal((81, D)), rng, 4)
        told.append(verdicts(x, samples, shape, ["places"])["places"]["verdict"])
    assert told.count("found") == 0 and "regions only" in told


@pytest.mark.parametrize("numbers", [range(19), range(0, 40, 3), range(5, 24)])
def test_few_numbers_have_no_circle_of_digits(numbers):
    """Ten categories of last digits beside a line: nothing measures fewer than twenty numbers' circle."""
    rng, values = np.random.default_rng(0), np.array(numbers)
    means = 2 * rng.standard_normal((10, D))[values % 10] + values[:, None] / 5 * rng.standard_normal(D)
    x, samples = in_templates(means, rng, 4)
    samples["value"] = [float(values[int(v)]) for v in samples["value"]]
    rows = verdicts(x, samples, {"topology": "helix", "numbers": True}, ["helix", "period 10", "parity"])
    digits = [row for name, row in rows.items() if name != "order"]
    assert digits and {row["verdict"] for row in digits} == {UNDECIDABLE}
    assert all("fewer than 20 numbers" in row["sentence"] for row in digits)


@pytest.mark.parametrize(
    "shape",
    [{"topology": "circle", "period": 7.0}, {"topology": "line"}, {"topology": "none"}],
    ids=lambda s: s["topology"],
)
def test_vectors_of_one_number_are_measured(shape):
    """A line of one dimension: in order, and no ring."""
    means = np.arange(7.0)[:, None]
    classes, templates = np.tile(np.arange(7), 8), np.repeat(np.arange(8), 7)
    x = means[classes] + 0.1 * np.random.default_rng(0).standard_normal((56, 1))
    options = {**OPTIONS, "preprocess": []}
    rows = measure({"00": x}, columns_of(classes, group=templates), shape, options, 0)
    found = {row["measure"]: row for row in rows}
    assert np.isnan(found["separability"]["value"])
    if shape["topology"] == "line":
        assert found["left_out_rank"]["value"] > 0.9
    if shape["topology"] == "circle":
        assert found["ring_closure"]["p"] > 0.05


@pytest.mark.parametrize("ordered", [True, False])
def test_labels_of_one_value_move_together(ordered):
    """Ten values with two synonyms each, along a line or at random: synonyms alone are no order of the values."""
    found = 0
    for run in range(12):
        rng = np.random.default_rng(run)
        values = np.repeat(np.arange(10), 2)
        places = np.linspace(-2, 2, 10)[:, None] * rng.standard_normal(D) if ordered else rng.standard_normal((10, D))
        x, samples = in_templates(places[values] + 0.3 * rng.standard_normal((20, D)), rng, 6)
        samples["value"] = [float(values[int(v)]) for v in samples["value"]]
        found += verdicts(x, samples, {"topology": "line"}, ["order"])["order"]["verdict"] == "found"
    assert found >= 11 if ordered else found <= 3


@pytest.mark.parametrize("shape, few, many", [("chain", 0, 3), ("circle", 8, 8)])
def test_many_layers_do_not_make_a_ring_of_a_chain(shape, few, many):
    """Sixteen layers that are alike but for the labels' own directions: some of them close by chance."""
    turn, found = 2 * np.pi * np.arange(12) / 12, 0
    points = {"circle": np.c_[np.cos(turn), np.sin(turn)], "chain": np.eye(14)[:12] + np.eye(14)[1:13] + np.eye(14)[2:]}
    for run in range(8):
        rng, layers = np.random.default_rng(run), {}
        shown = points[shape] - points[shape].mean(0)
        base = shown / np.sqrt((shown**2).sum(1).mean()) @ rng.standard_normal((shown.shape[1], D))
        for layer in range(16):
            layers[f"{layer:02d}"], samples = in_templates(base + 0.5 * rng.standard_normal((12, D)), rng, 6)
        options = {**OPTIONS, "structures": ["ring", "cyclic order"]}
        rows = measure(layers, samples, {"topology": "circle", "period": 12.0}, options, 0)
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        told = summarise([(columns, {"model": "m", "source": "s", "concept": "c", "topology": "circle"})])
        found += {row["structure"]: row["verdict"] for row in told}["ring"] == "found"
    assert few <= found <= many
