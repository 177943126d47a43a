"""Sets of two or three labels: what can be measured is, and nothing is claimed that so few labels cannot show."""

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.headline import summarise
from orrery.measures import measure
from orrery.reducers import reduce

CONTROLS = ("gaussian", "spectrum", "shuffled-labels", "random-walk")
OPTIONS = {"preprocess": ["l2"], "components": "all", "permutations": 99, "ridge": 0.1, "template_effects": "remove"}


def clouds(p, templates, rng, d=16):
    """Two layers of p well separated labels in some templates, and their samples."""
    classes = np.tile(np.arange(p), templates)
    samples = {
        "label": [f"w{c}" for c in classes], "value": [float(c) for c in classes],
        "group": [f"t{g}" for g in np.repeat(np.arange(templates), p)], "document": [""] * len(classes),
    }  # fmt: skip
    return {f"{n:02d}": rng.standard_normal((len(classes), d)) + 4 * np.eye(d)[classes] for n in range(2)}, samples


def shapes(p):
    labels = [f"w{c}" for c in range(p)]
    places = {label: [float(n), float(n * n)] for n, label in enumerate(labels)}
    return {
        "circle": {"topology": "circle", "period": float(p)}, "line": {"topology": "line"},
        "simplex": {"topology": "simplex"}, "none": {"topology": "none"},
        "tree": {"topology": "tree", "parents": dict.fromkeys(labels, "top")},
        "plane": {"topology": "plane", "coordinates": places},
        "torus": {"topology": "torus", "coordinates": places, "periods": [7.0, 24.0]},
        "grid": {"topology": "grid", "coordinates": places},
    }  # fmt: skip


@pytest.mark.parametrize("topology", list(shapes(2)))
@pytest.mark.parametrize("p", [2, 3])
def test_few_labels_are_measured_and_nothing_but_clusters_can_be_found(p, topology, rng):
    layers, samples = clouds(p, 6, rng)
    rows = measure(layers, samples, shapes(p)[topology], OPTIONS, 0, controls=CONTROLS)
    found = {row["measure"]: row for row in rows if row["layer"] == "00" and not row["control"]}
    assert found["probe_accuracy"]["value"] == 1 and found["neighbour_purity"]["value"] > 0.9
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    verdicts = summarise([(columns, {"model": "m", "source": "prompts", "concept": "c", "topology": topology})])
    assert not [row for row in verdicts if row["verdict"].startswith("found") and row["structure"] != "clusters"]


def test_a_circle_of_two_has_one_order_and_so_no_p_value_below_one(rng):
    layers, samples = clouds(2, 6, rng)
    rows = measure(layers, samples, shapes(2)["circle"], OPTIONS, 0)
    assert {row["p"] for row in rows if row["measure"] == "circle_probe_r2"} == {1.0}


LDA = {"method": "lda", "preprocess": [], "components": 10, "probe_components": 50}


@pytest.mark.parametrize(
    "p, templates, fits", [(3, 2, False), (5, 2, False), (3, 3, True), (2, 2, False), (2, 3, True)]
)
def test_lda_needs_more_samples_than_labels_in_what_is_left(p, templates, fits, rng):
    layers, samples = clouds(p, templates, rng)
    if fits:
        _, facts = reduce(layers["00"], LDA, 0, samples=samples)
        assert 0.5 < facts["held_out_accuracy"] <= 1 and facts["folds"] == "groups"
        return
    with pytest.raises(OrreryError, match=rf"leaves {p} samples of {p} labels; .*Add templates"):
        reduce(layers["00"], LDA, 0, samples=samples)


def test_lda_of_documents_with_a_label_each_says_so(rng):
    layers, samples = clouds(2, 6, rng)
    samples["group"] = samples["label"]
    with pytest.raises(OrreryError, match="leaves 6 samples of 1 labels; it needs two labels"):
        reduce(layers["00"], LDA, 0, samples=samples)
