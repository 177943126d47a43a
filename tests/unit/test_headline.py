"""The table of a run says what its numbers say, and no more."""

import csv

import numpy as np
import pytest
from orrery import headline
from orrery.measured import CONTROLS
from orrery.structures import STRUCTURES

FACTS = {"model": "m", "source": "prompts", "concept": "weekdays"}


def table(rows):
    """Columns of a metrics table from (control, layer, value, p_corrected) of the circle's measure."""
    columns = {"control": [], "layer": [], "value": [], "p_corrected": []}
    for control, layer, value, p in rows:
        for key, item in zip(columns, (control, layer, value, p)):
            columns[key].append(item)
    n = len(rows)
    same = {"measure": "left_out_angle_error", "low": 0.3, "high": 0.5, "null_mean": 2.0, "null_low": 1.5,
            "null_high": 2.5, "p": 0.003, "n": 224, "classes": 7, "orders": 360, "least_p": 1 / 360, "permuted": "order of the labels"}  # fmt: skip
    return {key: np.array(values) for key, values in columns.items()} | {k: np.array([v] * n) for k, v in same.items()}


RING = [("", "embed", 0.9, 0.03), ("", "00", 0.4, 0.003), ("", "01", 0.5, 0.003), ("", "02", 1.9, 0.6)]


def row_of(rows):
    (row,) = headline.summarise([(table(rows), FACTS)])
    return row


def test_the_best_layer_and_the_layers_where_it_is():
    row = row_of([*RING, ("untrained", "embed", 2.0, 0.7), ("untrained", "00", 1.5, 0.4)])
    assert row["layer"] == "00" and row["value"] == 0.4 and row["layers"] == "embed–01"
    assert row["effect"] == pytest.approx((2.0 - 0.4) / (1 / 3.92))
    assert row["untrained_value"] == 1.5 and row["untrained_p_corrected"] == 0.4
    assert row["verdict"] == "found" and "None of 1 controls shows it; nearest: untrained (p = .40)." in row["sentence"]
    assert "0.40 rad" in row["sentence"] and "2.00" in row["sentence"] and "layers embed–01" in row["sentence"]


def test_a_control_that_shows_it_is_named():
    row = row_of([*RING, ("untrained", "00", 0.5, 0.003), ("gaussian", "00", 2.0, 0.5)])
    assert row["verdict"] == "also in a control"
    assert "Controls show it too: untrained (p = .003)." in row["sentence"] and "gaussian" not in row["sentence"]


def test_noise_may_reach_a_twentieth_by_chance_and_a_twin_may_not():
    noise = [(name, "00", 1.4, 0.03) for name in CONTROLS if name not in ("untrained", "random-tokens")]
    assert row_of([*RING, *noise])["verdict"] == "found"  # .05 / 3, the walk having an order by construction
    assert row_of([*RING, *noise, ("untrained", "00", 1.4, 0.03)])["verdict"] == "also in a control"


def test_a_control_that_cannot_reach_its_level_is_not_said_to_be_silent():
    columns = table([*RING, ("gaussian", "00", 1.4, 0.06)])
    columns["least_p"] = np.where(columns["control"] == "gaussian", 0.06, columns["least_p"])
    (row,) = headline.summarise([(columns, FACTS)])
    assert "No control was measured that could show it." in row["sentence"]


def test_better_than_the_null_may_still_be_worse_than_blind():
    row = row_of([("", "00", 1.9, 0.003), ("", "01", 1.7, 0.003)])
    assert row["verdict"] == "not found" and row["layers"] == ""


def test_nothing_is_said_to_be_there_without_significance():
    row = row_of([("", "00", 1.9, 0.4), ("", "01", 2.0, 0.7)])
    assert row["verdict"] == "not found" and row["layers"] == ""
    assert "no more than chance" in row["sentence"] and "found" not in row["sentence"]


def test_few_labels_decide_nothing():
    columns = table([("", "00", 0.1, 1 / 12)])
    columns["least_p"][:] = 1 / 12
    (row,) = headline.summarise([(columns, FACTS)])
    assert row["verdict"] == "undecidable" and "No p can be smaller than .08" in row["sentence"]


def test_what_a_control_has_by_construction_says_nothing_against_a_set():
    columns = table([("", "00", 0.9, 0.001), ("random-walk", "00", 0.95, 0.001), ("gaussian", "00", 0.0, 0.5)])
    columns["measure"] = np.array(["left_out_rank"] * 3)
    (row,) = headline.summarise([(columns, FACTS)])
    assert row["structure"] == "order" and row["verdict"] == "found" and "random-walk" not in row["sentence"]


def test_a_ring_needs_order_and_closing_in_one_layer():
    columns = table([("", "00", 0.4, 0.003), ("", "01", 0.4, 0.003), ("", "00", 0.9, 0.4), ("", "01", 0.5, 0.02)])
    columns["measure"] = np.array(["left_out_angle_error"] * 2 + ["ring_closure"] * 2)
    order, ring = headline.summarise([(columns, FACTS)])
    assert (order["structure"], order["layers"]) == ("cyclic order", "00–01")
    assert (ring["structure"], ring["layer"], ring["layers"], ring["p_corrected"]) == ("ring", "01", "01", 0.02)
    columns["p_corrected"][1] = 0.2
    _, ring = headline.summarise([(columns, FACTS)])
    assert ring["verdict"] == "not found" and ring["p_corrected"] == 0.2


def test_false_discovery_rates_equal_those_of_scipy(rng):
    from scipy.stats import false_discovery_control

    p = rng.uniform(size=30) ** 2
    np.testing.assert_allclose(headline.false_discovery_rates(p), false_discovery_control(p))
    assert len(headline.false_discovery_rates([])) == 0


def test_the_file_comes_back_as_it_was(tmp_path):
    rows = headline.summarise([(table(RING), FACTS)])
    headline.write(rows, tmp_path / "h.csv")
    (back,) = headline.read(tmp_path / "h.csv")
    assert list(back) == headline.COLUMNS and back["sentence"] == rows[0]["sentence"]
    assert back["value"] == 0.4 and np.isnan(back["untrained_value"]) and back["orders"] == 360
    with open(tmp_path / "h.csv", newline="") as file:
        assert next(csv.DictReader(file))["untrained_value"] == ""


def test_an_empty_run_has_an_empty_table(tmp_path):
    headline.write(headline.summarise([]), tmp_path / "h.csv")
    assert headline.read(tmp_path / "h.csv") == []


def test_every_structure_is_decided_by_a_measure_with_a_null():
    from orrery.measured import MEASURED

    for structure in STRUCTURES.values():
        assert MEASURED[structure.measure].null != "none"
        assert set(structure.planted) <= set(CONTROLS)
        structure.says.format(value=0.5, null_mean=0.1)
