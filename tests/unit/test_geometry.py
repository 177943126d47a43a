"""Known answers: what a measure must say of shapes and of noise that are known."""

import numpy as np
import pytest
from orrery.geometry.cyclic import angular_error, class_means, first_harmonic_share
from orrery.geometry.permutations import cyclic_orders, linear_orders, p_values
from orrery.geometry.probes import held_out_r2, held_out_weights
from orrery.geometry.variance import components_for, count_for
from orrery.measures import measure

OPTIONS = {"preprocess": [], "components": "all", "permutations": 999}


def samples_of(values, groups=None):
    """Samples whose labels are their values."""
    return {"label": [f"label {v}" for v in values], "value": values, "group": groups or [""] * len(values)}


def planted_circle(rng, p=7, per_class=12, d=64, noise=0.1):
    """Points around a regular polygon in two random directions: (vectors, classes)."""
    plane, _ = np.linalg.qr(rng.standard_normal((d, 2)))
    classes = np.repeat(np.arange(p), per_class)
    theta = 2 * np.pi * classes / p
    return np.c_[np.cos(theta), np.sin(theta)] @ plane.T + noise * rng.standard_normal((len(classes), d)), classes


@pytest.mark.parametrize("p, share", [(7, 1 / 3), (12, 2 / 11)])
def test_share_of_a_simplex_is_two_over_p_minus_one(p, share):
    assert first_harmonic_share(np.eye(p), 2 * np.pi * np.arange(p) / p) == pytest.approx(share)


def test_share_of_a_circle_is_one_and_counts_no_other_harmonic():
    theta = 2 * np.pi * np.arange(7) / 7
    assert first_harmonic_share(np.c_[np.cos(theta), np.sin(theta)], theta) == pytest.approx(1)
    assert first_harmonic_share(np.c_[np.cos(2 * theta), np.sin(2 * theta)], theta) == pytest.approx(0, abs=1e-12)


def test_share_by_the_definition(rng):
    means, theta = rng.standard_normal((7, 5)), 2 * np.pi * np.arange(7) / 7
    centred = means - means.mean(0)
    power = np.array([np.linalg.norm(np.exp(-1j * h * theta) @ centred) ** 2 for h in range(7)])
    assert first_harmonic_share(means, theta) == pytest.approx((power[1] + power[6]) / power[1:].sum())


def test_cyclic_orders_are_all_and_differ():
    orders, exact = cyclic_orders(7, 10, 0)
    assert exact and len(orders) == 360 and (orders[0] == np.arange(7)).all()
    sequences = {tuple(np.argsort(o)) for o in orders}
    turned = {min(min(tuple(np.roll(s, k)), tuple(np.roll(s[::-1], k))) for k in range(7)) for s in sequences}
    assert len(turned) == 360


def test_sampled_orders_begin_with_the_true_one():
    orders, exact = cyclic_orders(12, 50, 3)
    assert not exact and orders.shape == (51, 12) and (orders[0] == np.arange(12)).all()
    assert (np.sort(orders, axis=1) == np.arange(12)).all()


def test_weights_equal_a_fit_that_never_sees_the_class(rng):
    vectors, classes = planted_circle(rng, p=6, per_class=8, d=20, noise=0.5)
    folds = np.arange(6)
    targets = rng.standard_normal(6)
    weights = held_out_weights(vectors, classes, folds, components=4, ridge=0)
    for fold in folds:
        train = classes != fold
        mean = vectors[train].mean(0)
        _, _, vt = np.linalg.svd(vectors[train] - mean, full_matrices=False)
        scores = np.c_[np.ones(train.sum()), (vectors[train] - mean) @ vt[:4].T]
        beta = np.linalg.lstsq(scores, targets[classes[train]], rcond=None)[0]
        new = np.c_[np.ones((~train).sum()), (vectors[~train] - mean) @ vt[:4].T]
        np.testing.assert_allclose((weights @ targets)[~train], new @ beta, atol=1e-9)
    assert np.abs(weights[np.arange(len(classes)), classes]).max() < 1e-12
    np.testing.assert_allclose(weights.sum(1), 1)


def test_angular_error_is_the_wrapped_difference():
    angles = np.array([[0.0, np.pi / 2, np.pi, -np.pi / 2]])
    weights = np.roll(np.eye(4), 1, axis=1)  # each class is taken for the next
    assert angular_error(weights, angles, np.arange(4))[0] == pytest.approx(np.pi / 2, abs=1e-6)
    assert angular_error(np.eye(4), angles, np.arange(4))[0] == pytest.approx(0, abs=1e-6)


def test_held_out_r2_of_a_line_and_of_noise(rng):
    values = np.arange(40.0)
    classes, folds = np.arange(40), np.arange(40) % 10
    line = np.outer(values, rng.standard_normal(30)) + rng.standard_normal((40, 30))
    assert held_out_r2(held_out_weights(line, classes, folds, 3), values, classes, folds) > 0.95
    noise = rng.standard_normal((40, 30))
    assert held_out_r2(held_out_weights(noise, classes, folds, 3), values, classes, folds) < 0.3


@pytest.mark.parametrize("shape, components", [((1000, 4096), 763), ((1000, 2048), 668)])
def test_noise_needs_many_components(shape, components):
    assert components_for(np.random.default_rng(0).standard_normal(shape)) == pytest.approx(components, abs=1)


def test_count_for_takes_the_first_that_reaches_the_share():
    assert count_for([0.5, 0.4, 0.1]) == 2 and count_for([0.5, 0.3, 0.2]) == 3 and count_for([1.0]) == 1


def test_class_means(rng):
    x, classes = rng.standard_normal((9, 4)), np.array([0, 1, 2] * 3)
    np.testing.assert_allclose(class_means(x, classes, 3)[1], x[classes == 1].mean(0))


def test_a_planted_ring_is_found_and_its_error_is_small(rng):
    vectors, classes = planted_circle(rng)
    rows = measure({"00": vectors}, samples_of(classes),
                   {"topology": "circle", "period": 7.0}, OPTIONS, 0, ["gaussian"])  # fmt: skip
    found, noise = ({row["measure"]: row for row in rows if row["control"] == name} for name in ("", "gaussian"))
    assert found["left_out_angle_error"]["value"] < 0.3
    assert found["left_out_angle_error"]["null_mean"] > 1.2
    assert found["left_out_angle_error"]["p"] == pytest.approx(1 / 360)
    assert found["first_harmonic_share"]["p"] == pytest.approx(1 / 360)
    assert found["components_90"]["value"] < noise["components_90"]["value"]
    assert noise["left_out_angle_error"]["p"] > 0.05


def test_the_share_is_left_out_where_a_class_is_missing(rng):
    vectors, classes = planted_circle(rng)
    kept = classes != 3
    rows = measure({"00": vectors[kept]}, samples_of(classes[kept]),
                   {"topology": "circle", "period": 7.0}, OPTIONS, 0)  # fmt: skip
    found = {row["measure"]: row for row in rows}
    assert "first_harmonic_share" not in found and found["left_out_angle_error"]["value"] < 0.3


def test_noise_is_treated_like_the_vectors(rng):
    """Removing group means takes dimensions from the data, so it must take them from the noise it is compared with."""
    groups = [f"g{i % 30}" for i in range(60)]
    rows = measure({"00": rng.standard_normal((60, 99))}, samples_of([0.0] * 60, groups), {"topology": "none"},
                   {**OPTIONS, "preprocess": ["group-center"]}, 0, ["gaussian"])  # fmt: skip
    counts = [row["value"] for row in rows if row["measure"] == "components_90"]
    assert counts[0] == pytest.approx(counts[1], abs=1) and counts[0] < 30


def test_a_simplex_is_not_taken_for_a_ring(rng):
    p_of = []
    for _ in range(20):
        vectors = np.repeat(rng.standard_normal((7, 64)), 10, axis=0) + 0.3 * rng.standard_normal((70, 64))
        rows = measure({"00": vectors}, samples_of(np.repeat(np.arange(7), 10)),
                       {"topology": "circle", "period": 7.0}, OPTIONS, 0)  # fmt: skip
        p_of.append(
            min(
                row["p_corrected"] for row in rows if row["measure"] in ("first_harmonic_share", "left_out_angle_error")
            )
        )
    assert np.mean(np.array(p_of) <= 0.05) <= 0.25  # two tests at .05, twenty runs


def test_searching_layers_is_paid_for():
    """The smallest corrected p of twelve layers of pure noise is below .05 about one time in twenty."""
    rng = np.random.default_rng(5)
    orders, _ = cyclic_orders(7, 0, 0)
    angles = (2 * np.pi * np.arange(7) / 7)[orders]
    naive, corrected = [], []
    for _ in range(400):
        layers = np.stack([first_harmonic_share(rng.standard_normal((7, 16)), angles) for _ in range(12)])
        p, q = p_values(layers)
        naive.append(p.min() <= 0.05)
        corrected.append(q.min() <= 0.05)
    assert np.mean(corrected) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert np.mean(naive) > 0.3  # what an uncorrected search would claim


def test_a_layer_without_structure_takes_no_part():
    p, corrected = p_values([[np.nan] * 10, [10, *range(9)]])
    assert p.tolist() == [1, 0.1] and corrected.tolist() == [1, 0.1]
    rng = np.random.default_rng(0)
    vectors, classes = planted_circle(rng)
    flat = np.ones_like(vectors) + 1e-9 * rng.standard_normal(vectors.shape)
    rows = measure({"embed": flat, "00": vectors}, samples_of(classes),
                   {"topology": "circle", "period": 7.0}, OPTIONS, 0)  # fmt: skip
    errors = {row["layer"]: row for row in rows if row["measure"] == "left_out_angle_error"}
    assert np.isnan(errors["embed"]["value"]) and errors["embed"]["p"] == errors["embed"]["p_corrected"] == 1
    assert errors["00"]["p_corrected"] == pytest.approx(1 / 360)


def test_irregular_angles_are_not_called_exact(rng):
    angles = np.array([0, 1, 2, 3, 4, 8])
    classes = np.repeat(np.arange(6), 10)
    vectors = rng.standard_normal((6, 20))[classes] + 0.3 * rng.standard_normal((60, 20))
    rows = measure({"00": vectors}, samples_of(angles[classes]), {"topology": "circle", "period": 12.0},
                   OPTIONS, 0)  # fmt: skip
    found = {row["measure"]: row for row in rows}
    assert "first_harmonic_share" not in found
    assert not found["left_out_angle_error"]["exact"] and found["left_out_angle_error"]["orders"] == 1000


def test_ties_count_against_the_finding():
    p, corrected = p_values(np.ones((2, 10)))
    assert (p == 1).all() and (corrected == 1).all()


def test_linear_orders_are_seeded():
    assert (linear_orders(9, 20, 4)[0] == linear_orders(9, 20, 4)[0]).all()
    assert (linear_orders(9, 20, 4)[0] != linear_orders(9, 20, 5)[0]).any()


def test_components_for_counts_planted_dimensions(rng):
    flat = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 50))
    assert components_for(flat, 0.999999) == 3
