"""Controls have what they should have of a set, and not what is asked about."""

import numpy as np
import pytest
from orrery.controls import NOISE, another_order
from orrery.geometry.cyclic import class_means
from orrery.measures import measure


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


def test_measures_that_decide_a_structure_are_the_same_alone(rng):
    """What is asked for changes no number of it."""
    vectors, values = rng.standard_normal((72, 30)), np.tile(np.arange(12.0), 6)
    samples = {"label": [str(v) for v in values], "value": values, "group": np.repeat(list("abcdef"), 12)}
    options = {"preprocess": ["l2"], "components": 5, "permutations": 99}
    ask = {"topology": "circle", "period": 12.0}
    every = measure({"00": vectors}, samples, ask, options, 0, ["gaussian"])
    some = measure({"00": vectors}, samples, ask, {**options, "structures": ["ring"]}, 0, ["gaussian"])
    wanted = [row for row in every if row["measure"] in ("ring_closure", "left_out_angle_error")]
    assert len(some) == 4 and repr(some) == repr(wanted)
