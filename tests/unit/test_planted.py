"""A shape that is planted into a control has the control's own label variance; a control that hides it is blind."""

import numpy as np
import pytest
from orrery import headline
from orrery.clouds import clouds_of
from orrery.geometry.cyclic import class_means
from orrery.measures import measure
from orrery.planted import SHAPES, planted
from orrery.structures import STRUCTURES

CIRCLE = {"topology": "circle", "period": 7.0}
OLD = {"preprocess": ["l2"], "components": 10, "ridge": 0, "template_effects": "keep", "permutations": 199}
NEW = {"preprocess": ["l2"], "components": "all", "permutations": 199}


def cloud_of(shape, p, rng, samples=6, d=40):
    classes, groups = np.tile(np.arange(p), samples), np.repeat(np.arange(samples), p)
    vectors = rng.standard_normal((p, d))[classes] * 0.3 + rng.standard_normal((samples, d))[groups]
    vectors = vectors + rng.standard_normal((p * samples, d)) + 4
    columns = {"label": [f"w{c}" for c in classes], "value": classes, "group": [f"t{g}" for g in groups]}
    return next(clouds_of("", {"00": vectors}, {}, columns, shape, NEW, 0))[1]


LABELS = {f"w{i}": [i // 5 * 10.0, i % 5 * 10.0] for i in range(30)}
SETS = {
    "circle": ({"topology": "circle", "period": 12.0}, 12, 2),
    "line": ({"topology": "line"}, 12, 1),
    "arch": ({"topology": "line"}, 12, 2),
    "helix": ({"topology": "line", "numbers": True}, 30, 3),
    "period 10": ({"topology": "line", "numbers": True}, 30, 2),
    "parity": ({"topology": "line", "numbers": True}, 30, 1),
    "places": ({"topology": "plane", "coordinates": LABELS}, 30, 2),
    "clusters": ({"topology": "none"}, 8, 7),
    "families": ({"topology": "tree", "parents": {f"w{i}": "abc"[i % 3] for i in range(12)}}, 12, 2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_label_means_are_the_shape_and_the_rest_stays(rng, name):
    shape, p, rank = SETS[name]
    cloud = cloud_of(shape, p, rng)
    made = planted(cloud, name, 3)
    for old, new in ((cloud.x, made.x), (cloud.raw, made.raw)):
        before, after = (class_means(x, cloud.classes, p) for x in (old, new))
        np.testing.assert_allclose(new - after[cloud.classes], old - before[cloud.classes], atol=1e-9)
        np.testing.assert_allclose(after.mean(0), before.mean(0), atol=1e-9)
        own, theirs = (((m - m.mean(0)) ** 2).sum() for m in (after, before))
        assert own == pytest.approx(theirs)  # the variance of the labels is the control's own
        values = np.linalg.svd(after - after.mean(0), compute_uv=False)
        assert (values > 1e-9 * values[0]).sum() == rank
    assert (made.classes == cloud.classes).all() and (made.values == cloud.values).all()
    assert made.means is not cloud.means


def test_a_planted_circle_is_regular_and_lies_alike_in_all_layers(rng):
    shape, p, _ = SETS["circle"]
    first, second = (planted(cloud_of(shape, p, rng), "circle", 3) for _ in range(2))
    around = [m.means - m.means.mean(0) for m in (first, second)]
    for means in around:
        np.testing.assert_allclose(np.linalg.norm(means, axis=1), np.linalg.norm(means[0]))
        steps = np.linalg.norm(means - np.roll(means, 1, 0), axis=1)
        np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(around[0] / np.linalg.norm(around[0]), around[1] / np.linalg.norm(around[1]), atol=1e-9)
    other = planted(cloud_of(shape, p, rng), "circle", 4)
    assert np.abs(around[0] / np.linalg.norm(around[0]) - (other.means - other.means.mean(0))).max() > 0.01


def test_every_structure_has_a_shape_to_plant():
    assert {what.planted for what in STRUCTURES.values()} == set(SHAPES)


def twin_of(rng, templates=32, d=64, apart=0.05):
    """A set with a clear ring, and a twin whose labels hold two thousandths of the variance, below ten templates'."""
    classes, groups = np.tile(np.arange(7), templates), np.repeat(np.arange(templates), 7)
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    angles = 2 * np.pi * np.arange(7) / 7
    large = 0.5 * rng.standard_normal((templates, 12))[groups] @ turn[:12] + 2 * turn[12]
    scatter = lambda: 0.003 * rng.standard_normal((7 * templates, d))  # noqa: E731
    labels = np.linalg.qr(rng.standard_normal((51, 7)))[0].T @ turn[13:]
    twin = large + apart * labels[classes] * np.sqrt(2) + scatter()
    ring = large + 2 * np.c_[np.cos(angles), np.sin(angles)][classes] @ turn[20:22] + scatter()
    samples = {"label": [f"w{c}" for c in classes], "value": classes, "group": [f"t{g}" for g in groups]}
    own, total = (((x - x.mean(0)) ** 2).sum() for x in (class_means(twin, classes, 7)[classes], twin))
    return ring, twin, samples, own / total


def row_of(ring, twin, samples, options):
    """The headline's row of the cyclic order of a set with a twin."""
    options = {**options, "structures": ["cyclic order"]}
    rows = measure({"00": ring}, samples, CIRCLE, options, 0, ["untrained"], {"untrained": {"00": twin}})
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    (row,) = headline.summarise([(columns, {"model": "m", "source": "s", "concept": "c", "topology": "circle"})])
    return row, rows


def test_a_twin_that_could_not_show_a_ring_is_blind(rng):
    """Ten components without a penalty hold the templates, and nothing of the twin's labels."""
    ring, twin, samples, share = twin_of(rng)
    assert share < 0.004
    row, rows = row_of(ring, twin, samples, OLD)
    assert row["untrained_shows"] == "blind" and row["against_untrained"] == "blind"
    assert "is blind: it does not show it where it is planted either" in row["sentence"]
    (shown,) = [r for r in rows if (r["control"], r["measure"]) == ("untrained with circle", "left_out_angle_error")]
    assert shown["value"] > 2  # worse than blind


def test_the_default_probe_sees_what_is_planted_in_the_same_twin(rng):
    ring, twin, samples, _ = twin_of(rng)
    row, rows = row_of(ring, twin, samples, NEW)
    assert row["verdict"] == "found" and row["untrained_shows"] == "no" and "blind" not in row["sentence"]
    found = {r["control"]: r for r in rows if r["measure"] == "left_out_angle_error"}
    assert found["untrained with circle"]["value"] < 0.3 and found["untrained with circle"]["p"] == pytest.approx(
        1 / 360
    )
    assert found["untrained"]["p"] > 0.05
