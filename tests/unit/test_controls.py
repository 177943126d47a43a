"""Controls have what they should have of a set, and not what is asked about."""

import numpy as np
import pytest
from orrery.controls import NOISE, another_order
from orrery.errors import OrreryError
from orrery.geometry.cyclic import class_means
from orrery.measured import NOISE_FOR
from orrery.measures import measure
from orrery.structures import STRUCTURES, TRIVIAL, deciding, said


@pytest.fixture
def vectors(rng):
    return 3 + rng.standard_normal((60, 200)) * np.geomspace(10, 0.1, 200), np.arange(60) % 6


@pytest.mark.parametrize("kind", NOISE)
def test_noise_has_the_shape_of_the_set(vectors, rng, kind):
    made = NOISE[kind](*vectors, 6, rng)
    assert made.shape == (60, 200) and np.isfinite(made).all()


def test_noise_of_the_same_spectrum(rng):
    x = 3 + rng.standard_normal((400, 20)) * np.geomspace(10, 0.1, 20)
    made = NOISE["spectrum"](x, None, 0, rng)
    spread = [np.linalg.svd(v - v.mean(0), compute_uv=False) for v in (x, made)]
    np.testing.assert_allclose(spread[1], spread[0], rtol=0.25)
    np.testing.assert_allclose(made.mean(0), x.mean(0), atol=2)
    assert abs(np.corrcoef(x[:, 0], made[:, 0])[0, 1]) < 0.2


def test_a_walk_keeps_the_scatter_and_the_size_of_the_labels(vectors, rng):
    x, classes = vectors
    made = NOISE["random-walk"](x, classes, 6, rng)
    old, new = class_means(x, classes, 6), class_means(made, classes, 6)
    np.testing.assert_allclose(made - new[classes], x - old[classes], atol=1e-9)
    assert np.linalg.norm(new - new.mean(0)) == pytest.approx(np.linalg.norm(old - old.mean(0)))
    steps = np.linalg.norm(np.diff(new, axis=0), axis=1)
    assert np.linalg.norm(new[0] - new[5]) > 1.3 * steps.mean()


@pytest.mark.parametrize("p", [4, 7, 12])
def test_another_order_is_no_turn_of_the_true_one(p):
    for seed in range(200):
        steps = np.diff(another_order(p, np.random.default_rng(seed))) % p
        assert not (steps == 1).all() and not (steps == p - 1).all()


RING = {"topology": "circle", "period": 12.0}


def ring_of(rng):
    """Noise that has labels on a circle, in six templates."""
    values = np.tile(np.arange(12.0), 6)
    samples = {"label": [str(v) for v in values], "value": values, "group": np.repeat(list("abcdef"), 12)}
    return rng.standard_normal((72, 30)), samples


def test_measures_that_decide_a_structure_are_the_same_alone(rng):
    """What is asked for changes no number of it."""
    vectors, samples = ring_of(rng)
    options = {"preprocess": ["l2"], "components": 5, "permutations": 99}
    every = measure({"00": vectors}, samples, RING, options, 0, ["gaussian"])
    some = measure({"00": vectors}, samples, RING, {**options, "structures": ["ring"]}, 0, ["gaussian"])
    wanted = [row for row in every if row["measure"] in deciding(["ring"]) | said(["ring"])]
    assert {row["control"] for row in some} == {"", "gaussian", "gaussian with circle"}
    assert sorted(map(repr, some)) == sorted(map(repr, wanted))
    told = {row["measure"] for row in some if row["control"]}
    assert told == set(deciding(["ring"])) and told < {row["measure"] for row in some}


def test_controls_run_what_verdicts_need_unless_all_is_asked_for(rng):
    vectors, samples = ring_of(rng)
    options = {"preprocess": ["l2"], "components": "all", "permutations": 99}
    rows = measure({"00": vectors}, samples, RING, options, 0, ["gaussian", "shuffled-labels"])
    of = {
        name: {row["measure"] for row in rows if row["control"] == name} for name in ("", "gaussian", "shuffled-labels")
    }
    needed = set(deciding(name for name in STRUCTURES if name not in TRIVIAL))
    assert of["shuffled-labels"] == needed & of[""] < of[""]
    assert of["gaussian"] == of["shuffled-labels"] | set(NOISE_FOR)
    rows = measure({"00": vectors}, samples, RING, {**options, "measure_controls": "all"}, 0, ["gaussian"])
    assert {row["measure"] for row in rows if row["control"] == "gaussian"} == of[""]


def test_random_words_are_measured_as_the_set_and_lack_its_ring(rng):
    """A planted ring beside seven unrelated directions with the same template effects."""
    values, templates = np.repeat(np.arange(7.0), 12), np.tile(np.arange(12), 7)
    samples = {"label": [str(v) for v in values], "value": values, "group": [f"template {t}" for t in templates]}
    angle, frame = 2 * np.pi * values / 7, np.linalg.qr(rng.standard_normal((40, 9)))[0].T
    shared = 0.3 * rng.standard_normal((12, 40))[templates]
    ring = 3 * (np.cos(angle)[:, None] * frame[0] + np.sin(angle)[:, None] * frame[1]) + shared
    words = 3 * frame[2:][values.astype(int)] + shared
    options = {"preprocess": ["l2"], "components": 10, "permutations": 199, "structures": ["cyclic order"]}
    ask = {"topology": "circle", "period": 7.0}
    rows = measure({"00": ring}, samples, ask, options, 0, ["random-words"], {"random-words": {"00": words}})
    p = {row["control"]: row["p"] for row in rows if row["measure"] == "left_out_angle_error"}
    assert set(p) == {"", "random-words", "random-words with circle"}
    assert max(p[""], p["random-words with circle"]) < 0.02 and p["random-words"] > 0.05
    with pytest.raises(OrreryError, match="the control random-words has 72 samples and the set 84"):
        measure({"00": ring}, samples, ask, options, 0, ["random-words"], {"random-words": {"00": words[:72]}})
