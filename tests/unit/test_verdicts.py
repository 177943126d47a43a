"""The table of a run says what its numbers say, and no more."""

import csv

import numpy as np
import pytest
from orrery import headline
from orrery.measured import CONTROLS, MEASURED
from orrery.measures import measure
from orrery.structures import CLAIMS, STRUCTURES, TRIVIAL
from scipy.stats import false_discovery_control

ORDER, CLOSING, PLACE = "left_out_angle_error", "ring_closure", "left_out_place_r2"
COMMON = {
    "site": "", "low": 0.3, "high": 0.5, "null_mean": 2.0, "null_low": 1.5, "null_high": 2.5, "p": 0.003, "n": 224,
    "contexts": 32, "classes": 7, "orders": 360, "least_p": 1 / 360, "permuted": "order of the labels", "reason": "",
    "untrained_difference": np.nan, "difference_low": np.nan, "difference_high": np.nan,
}  # fmt: skip


def table(rows, name=ORDER, **same):
    """Columns of a metrics table from (control, layer, value, p_corrected[, other columns]) of one measure."""
    made = []
    for control, layer, value, p, *more in rows:
        row = {"measure": name, "control": control, "layer": layer, "value": value, "p_corrected": p}
        made.append({**COMMON, **row, **same, **(more[0] if more else {})})
    return {key: np.array([row[key] for row in made]) for key in made[0]}


def joined(*tables):
    return {key: np.concatenate([one[key] for one in tables]) for key in tables[0]}


def facts(concept="c", topology="circle"):
    return {"model": "m", "source": "prompts", "concept": concept, "topology": topology}


def rows_of(columns, topology="circle"):
    return {row["structure"]: row for row in headline.summarise([(columns, facts(topology=topology))])}


def row_of(rows, name=ORDER, **same):
    (row,) = rows_of(table(rows, name, **same)).values()
    return row


RING = [("", "embed", 0.9, 0.03), ("", "00", 0.4, 0.003), ("", "01", 0.5, 0.003), ("", "02", 1.9, 0.6)]


# Layers


def test_the_best_layer_and_the_layers_where_it_is():
    row = row_of(RING)
    assert row["layer"] == "00" and row["value"] == 0.4 and row["layers"] == "embed–01" and row["verdict"] == "found"
    assert row["effect"] == pytest.approx((2.0 - 0.4) / (1 / 3.92))
    for part in ("0.40 rad", "2.00 with shuffled", "layers embed–01", "p = .003 after the search over layers",
                 "224 samples of 7 labels in 32 contexts; exchanged: order of the labels"):  # fmt: skip
        assert part in row["sentence"]


def test_what_sublayers_add_decides_nothing():
    attention = ("", "00-attn", 0.01, 0.001, {"site": "attn"})
    assert row_of([*RING, attention])["layer"] == "00"


def test_better_than_the_null_may_still_be_worse_than_blind():
    row = row_of([("", "00", 1.9, 0.003), ("", "01", 1.7, 0.003)])
    assert row["verdict"] == "not found" and row["layers"] == ""


def test_nothing_is_said_to_be_there_without_significance():
    row = row_of([("", "00", 1.4, 0.4), ("", "01", 1.5, 0.7)])
    assert row["verdict"] == "not found" and row["layers"] == ""
    assert "no more than chance" in row["sentence"] and "found" not in row["sentence"]


def test_how_much_of_the_labels_the_shape_holds_stands_in_the_sentence():
    share = table([("", "00", 0.49, 0.003, {"null_mean": 1 / 3})], "first_harmonic_share")
    row = rows_of(joined(table(RING), share))["cyclic order"]
    assert (row["share"], row["share_simplex"]) == (0.49, pytest.approx(1 / 3))
    assert "The shape holds 49% of the labels' variance, 33% by chance." in row["sentence"]


# What else must hold


@pytest.mark.parametrize(
    "need, value, verdict",
    [
        ("weakest_circle_axis_r2", 0.2, "found"),
        ("weakest_circle_axis_r2", -0.2, "one axis only"),
        ("closing_gap", 1.2, "found"),
        ("closing_gap", 2.6, "open arc"),
    ],
)
def test_an_order_without_a_circle_is_called_what_it_is(need, value, verdict):
    needed = table([("", "00", value, 0.5), ("", "01", value, 0.5), ("", "embed", value, 0.5)], need, orders=0)
    row = rows_of(joined(table(RING), needed))["cyclic order"]
    assert row["verdict"] == verdict and (f"is shown: {verdict}" in row["sentence"]) == (verdict != "found")
    assert row["layers"] == ("embed–01" if verdict == "found" else "")
    if need == "closing_gap":
        assert f"gap of {value:.1f} steps" in row["sentence"]


@pytest.mark.parametrize(
    "first, verdict, layer, layers", [(0.3, "found", "00", "00–01"), (-1, "one axis only", "00", "")]
)
def test_what_is_needed_must_hold_in_the_same_layer_and_in_most(first, verdict, layer, layers):
    needed = table([("", "00", first, 0.5), ("", "01", 0.3, 0.5), ("", "embed", -1, 0.5)], "weakest_circle_axis_r2")
    row = rows_of(joined(table(RING), needed))["cyclic order"]
    assert (row["verdict"], row["layers"]) == (verdict, layers)
    assert verdict != "found" or row["layer"] == layer


def test_a_ring_needs_order_and_closing_in_one_layer():
    order = table([("", "00", 0.4, 0.003), ("", "01", 0.4, 0.003)])
    closing = table([("", "00", 0.9, 0.4), ("", "01", 0.5, 0.02)], CLOSING)
    found = rows_of(joined(order, closing))
    assert found["cyclic order"]["layers"] == "00–01"
    ring = found["ring"]
    assert (ring["layer"], ring["layers"], ring["p_corrected"], ring["p_decided"]) == ("01", "01", 0.02, 0.02)
    order["p_corrected"][1] = 0.2
    ring = rows_of(joined(order, closing))["ring"]
    assert ring["verdict"] == "no order" and ring["p_decided"] == 0.2 and ring["layers"] == ""


def test_a_spiral_is_no_ring():
    growth = table([("", "00", 1.0, np.nan)], "spiral_growth", orders=0)
    columns = joined(table([("", "00", 0.4, 0.003)]), table([("", "00", 0.5, 0.003)], CLOSING), growth)
    found = rows_of(columns)
    assert (found["ring"]["verdict"], found["cyclic order"]["verdict"]) == ("spiral", "found")


@pytest.mark.parametrize(
    "need, value, p, verdict",
    [
        ("left_out_region_r2", 0.2, 0.5, "found"),
        ("left_out_region_r2", -0.1, 0.001, "regions only"),
        ("within_region_r2", 0.2, 0.2, "regions only"),
        ("within_own_region_r2", 0.2, 0.2, "regions only"),
        ("weakest_axis_r2", 0.2, 0.2, "one axis only"),
        ("weakest_axis_r2", -0.2, 0.001, "one axis only"),
    ],
)
def test_a_map_is_more_than_its_regions(need, value, p, verdict):
    good = {"weakest_axis_r2": (0.3, 0.001), "left_out_region_r2": (0.2, 0.001), "within_region_r2": (0.2, 0.001),
            "within_own_region_r2": (0.2, 0.001), PLACE: (0.5, 0.001)} | {need: (value, p)}  # fmt: skip
    columns = joined(*(table([("", "00", *pair)], name, null_mean=0.0) for name, pair in good.items()))
    row = rows_of(columns, "plane")["places"]
    assert row["verdict"] == verdict
    said = f"With whole regions held out R² is {good['left_out_region_r2'][0]:.2f}; within regions r² is"
    assert said in row["sentence"]


@pytest.mark.parametrize("p, verdict", [(0.01, "found"), (0.3, "one factor only")])
def test_a_grid_needs_all_its_factors(p, verdict):
    factors = [table([("", "00", 0.4, each)], f"factor_r2_{i}") for i, each in ((1, 0.01), (2, p))]
    row = rows_of(joined(table([("", "00", 0.5, 0.01)], PLACE), *factors), "grid")["places"]
    assert row["verdict"] == verdict
    assert f"R² of the factors is 0.40 (p = .01), 0.40 (p = {headline._decimals(p)})." in row["sentence"]


def test_digit_categories_are_no_circle_of_digits():
    columns = joined(
        table([("", "00", 0.9, 0.001)], "modulo_kappa_10"), table([("", "00", 0.3, 0.4)], "residue_circle_10")
    )
    assert rows_of(columns, "line")["period 10"]["verdict"] == "digit categories"


# Too few, and too many


def test_few_labels_decide_nothing():
    row = row_of([("", "00", 0.1, 1 / 12)], least_p=1 / 12)
    assert row["verdict"] == "undecidable" and "No p can be smaller than .08" in row["sentence"]


def test_a_need_that_cannot_reach_its_level_decides_nothing():
    columns = joined(
        table([("", "00", 0.5, 0.001)], PLACE), table([("", "00", 0.4, 1 / 6)], "factor_r2_1", least_p=1 / 6)
    )
    assert rows_of(columns, "torus")["places"]["verdict"] == "undecidable"


def test_labels_that_share_their_documents_are_undecidable_and_the_sentence_says_why(rng):
    first = np.repeat(np.arange(6), 3)
    classes = (first + np.tile(np.arange(3), 6)) % 7
    classes[-1] = 6
    samples = {
        "label": [f"w{c}" for c in classes],
        "value": classes,
        "group": [""] * 18,
        "document": [f"d{i}" for i in first],
    }
    options = {"preprocess": ["l2"], "components": "all", "permutations": 99, "structures": ["cyclic order", "ring"]}
    rows = measure({"00": rng.standard_normal((18, 9))}, samples, {"topology": "circle", "period": 7.0}, options, 0)
    assert {row["least_p"] for row in rows if row["measure"] in (ORDER, CLOSING)} == {1.0}
    found = headline.summarise([({key: [row[key] for row in rows] for key in rows[0]}, facts())])
    assert {row["structure"]: row["verdict"] for row in found} == {"cyclic order": "undecidable", "ring": "undecidable"}
    for row in found:
        assert row["sentence"] == (
            "Undecidable: the 7 labels cannot be told from the 6 documents they stand in: not every label has one of its "
            "own."
        )


def many(p, p_others, others, **same):
    """The first row of a run with one set of some p and others."""
    sets = [(table([("", "00", 0.4, p)], **same), facts("s0"))]
    sets += [(table([("", "00", 1.9, p_others)]), facts(f"s{i}")) for i in range(1, 1 + others)]
    return headline.summarise(sets)


def test_what_is_significant_alone_may_be_one_of_too_many():
    assert many(0.01, 0.9, 0)[0]["verdict"] == "found"
    row = many(0.01, 0.9, 9)[0]
    assert row["verdict"] == "not found" and row["q"] == pytest.approx(0.1)
    assert "no more than chance among 10 questions" in row["sentence"]


def test_a_floor_that_is_too_high_for_so_many_claims_decides_nothing():
    row = many(0.01, 0.9, 9, least_p=0.01)[0]
    assert row["verdict"] == "undecidable"
    assert "No p can be smaller than .01 here, which is not enough among 10 questions." in row["sentence"]
    assert many(0.01, 0.9, 3, least_p=0.01)[0]["verdict"] == "found"


def test_rates_are_over_claims_and_what_is_trivial_does_not_dilute_them():
    sets = []
    for i in range(20):
        claim = table([("", "00", 0.4, 0.04 if i == 0 else 0.5)])
        trivial = table([("", "00", 1.0, 0.001)], "probe_accuracy")
        unclaimed = table([("", "00", 0.9, 0.001)], "sibling_cosine")
        sets.append((joined(claim, trivial, unclaimed), facts(f"s{i}")))
    rows = headline.summarise(sets)
    claims = [row for row in rows if row["claimed"]]
    assert {row["structure"] for row in claims} == {"cyclic order"} and len(claims) == 20
    rates = false_discovery_control([row["p_decided"] for row in claims])
    assert [row["q"] for row in claims] == pytest.approx(rates) and {row["verdict"] for row in claims} == {"not found"}
    others = [row for row in rows if row["structure"] == "families"]
    every = false_discovery_control([row["p_decided"] for row in [*claims, *others]])
    assert [row["q"] for row in others] == pytest.approx(every[20:])
    trivial = [row for row in rows if row["structure"] in TRIVIAL]
    assert all(np.isnan(row["q"]) and row["verdict"] == "found" and not row["claimed"] for row in trivial)


def test_false_discovery_rates_equal_those_of_scipy(rng):
    p = rng.uniform(size=30) ** 2
    np.testing.assert_allclose(headline.false_discovery_rates(p), false_discovery_control(p))
    assert len(headline.false_discovery_rates([])) == 0


# Controls

MORE = {"untrained_difference": -1.2, "difference_low": -1.6, "difference_high": -0.8}  # of an error, low is better
ALIKE = {"untrained_difference": -0.2, "difference_low": -0.6, "difference_high": 0.2}
WORSE = {"untrained_difference": 0.7, "difference_low": 0.2, "difference_high": 1.2}


@pytest.mark.parametrize(
    "twin, difference, verdict, against",
    [
        ((1.9, 0.6), MORE, "found", "more"),
        ((0.9, 0.01), MORE, "found", "more"),
        ((0.5, 0.01), ALIKE, "as much as untrained", "as much"),
        ((0.1, 0.01), WORSE, "less than untrained", "less"),
        ((1.4, 0.3), ALIKE, "as much as untrained", "as much"),
        ((0.5, 0.01), {}, "as much as untrained", "as much"),
        ((1.9, 0.6), {}, "found", "more"),
    ],
)
def test_a_set_is_compared_with_its_twin_by_a_difference(twin, difference, verdict, against):
    row = row_of([("", "00", 0.4, 0.003, difference), ("untrained", "00", *twin)])
    assert (row["verdict"], row["against_untrained"]) == (verdict, against)
    assert (row["untrained_value"], row["untrained_p_corrected"]) == twin
    if difference:
        low, high = difference["difference_low"], difference["difference_high"]
        assert f"95 % from {low:+.2f} to {high:+.2f}" in row["sentence"]


def test_of_a_measure_that_is_better_high_more_is_above():
    rows = [("", "00", 0.9, 0.003, {"untrained_difference": 0.4, "difference_low": 0.2, "difference_high": 0.6}),
            ("untrained", "00", 0.5, 0.01)]  # fmt: skip
    row = row_of(rows, "left_out_rank")
    assert (row["structure"], row["verdict"], row["against_untrained"]) == ("order", "found", "more")


def test_the_clearest_of_several_twins_stands_for_them():
    row = row_of(
        [*RING, ("untrained", "00", 2.1, 0.7), ("untrained-2", "00", 0.6, 0.02), ("untrained-3", "00", 1, 0.2)]
    )
    assert row["untrained_value"] == 0.6 and row["untrained_shows"] == "yes"
    assert row["verdict"] == "as much as untrained" and "(0.60, p = .02)" in row["sentence"]


def test_noise_never_vetoes_a_finding():
    """Noise, shuffled labels and random tokens are nulls by construction, and fire in a twentieth of draws."""
    nulls = [(name, "00", 0.2, 0.0028) for name in CONTROLS if name != "untrained"]
    row = row_of([*RING, *nulls])
    assert row["verdict"] == "found" and {row[f"{name}_shows"] for name in CONTROLS if name != "untrained"} == {"yes"}


def test_every_number_of_a_control_is_its_own():
    """Also where it lies on the wrong side of chance, and in its own best layer."""
    own = {name: (1.8 + 0.05 * i, 0.2 + 0.1 * i) for i, name in enumerate(CONTROLS)}
    rows = [*RING]
    for name, (value, p) in own.items():
        rows += [(name, "02", value, p), (name, "00", 3.0, 0.95), (f"{name} with circle", "00", 0.3, 0.0028)]
    row = row_of(rows)
    for name, pair in own.items():
        assert (row[f"{name}_value"], row[f"{name}_p_corrected"], row[f"{name}_shows"]) == (*pair, "no")
    value, p = own["untrained"]
    assert f"({value:.2f}, p = {headline._decimals(p)})" in row["sentence"]


def test_a_twin_in_which_a_planted_shape_is_not_found_is_blind():
    """Whichever of the twins is the clearest: the shape is planted into the first."""
    twins = [("untrained", "00", 1.9, 0.6), ("untrained-2", "00", 1.9, 0.5)]
    for some in (twins[:1], twins):
        seen = row_of([*RING, *some, ("untrained with circle", "00", 0.4, 0.003)])
        assert seen["untrained_shows"] == "no" and seen["against_untrained"] == "more"
        blind = row_of([*RING, *some, ("untrained with circle", "00", 2.9, 0.9)])
        assert blind["verdict"] == "found" and blind["untrained_shows"] == blind["against_untrained"] == "blind"
        assert "is blind: it does not show it where it is planted either" in blind["sentence"]
    worse = row_of([*RING, twins[0], ("untrained with circle", "00", 2.9, 0.0028)])
    assert worse["untrained_shows"] == "blind"  # significant, and worse than blind


def test_a_control_that_was_not_measured_says_nothing():
    row = row_of(RING)
    assert {row[f"{name}_shows"] for name in CONTROLS} == {""} and row["against_untrained"] == ""
    assert "untrained" not in row["sentence"]


# The file


def test_the_file_comes_back_as_it_was(tmp_path):
    rows = headline.summarise([(table(RING), facts())])
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
    for structure in STRUCTURES.values():
        assert MEASURED[structure.measure].null != "none"
        assert all(MEASURED[need.measure].null != "none" for need in structure.needs if need.tested)
        structure.says.format(value=0.5, null_mean=0.1)
    assert {name for names in CLAIMS.values() for name in names} <= set(STRUCTURES)
