"""A survey says of planted sets what was planted, and draws them where they are."""

import json

import numpy as np
import pytest
from orrery import headline, survey
from orrery.figures import interactive, static
from orrery.figures import survey as pictures
from orrery.measures import measure
from orrery.structures import CLAIMS, STRUCTURES

OPTIONS = {"preprocess": ["group-center"], "components": 8, "permutations": 999}
TEMPLATES, WIDTH, NOISE = 12, 40, 0.05
TURN = 2 * np.pi * np.arange(12) / 12
CIRCLE = {"topology": "circle", "period": 12.0}


def set_of(points, shape, rng):
    """(layers, samples, shape, twin) of label places (p, k) that templates and noise are added to; a twin has noise."""
    p = len(points)
    turn = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0][: points.shape[1]]
    base = np.concatenate([points @ turn + rng.standard_normal(WIDTH) * 0.3 for _ in range(TEMPLATES)])
    samples = {"label": [f"label {i}" for i in range(p)] * TEMPLATES, "value": np.tile(np.arange(float(p)), TEMPLATES),
               "group": np.repeat([f"t{i}" for i in range(TEMPLATES)], p)}  # fmt: skip
    noise = lambda: rng.standard_normal(base.shape)  # noqa: E731
    return {"embed": noise(), "00": base + NOISE * noise()}, samples, shape, {"embed": noise(), "00": noise()}


@pytest.fixture(scope="module")
def planted():
    """concept → set: what is there, or is not."""
    rng = np.random.default_rng(0)
    places = rng.uniform(-30, 30, (20, 2))
    north, east = np.radians(places).T
    globe = np.c_[np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)]
    parents = {f"label {i}": "ab"[i % 2] for i in range(12)}
    family = np.array([[3.0, 0], [0, 3.0]])[np.arange(12) % 2]
    ring, coordinates = (
        np.c_[np.cos(TURN), np.sin(TURN)],
        {f"label {i}": list(map(float, places[i])) for i in range(20)},
    )
    return {
        "ring": set_of(ring, CIRCLE, rng),
        "arc": set_of(np.c_[np.cos(TURN / 2), np.sin(TURN / 2)], CIRCLE, rng),
        "nothing": set_of(rng.standard_normal((12, 6)), CIRCLE, rng),
        "row": set_of(np.linspace(-1, 1, 12)[:, None], {"topology": "line"}, rng),
        "globe": set_of(2 * globe, {"topology": "sphere", "coordinates": coordinates}, rng),
        "houses": set_of(np.c_[family, rng.standard_normal((12, 2))], {"topology": "tree", "parents": parents}, rng),
        "heap": set_of(rng.standard_normal((8, 6)), {"topology": "none"}, rng),
    }


@pytest.fixture(scope="module")
def tables(planted):
    found = {}
    for name, (layers, samples, shape, twin) in planted.items():
        options = {**OPTIONS, "structures": list(CLAIMS[shape["topology"]])}
        rows = measure(layers, samples, shape, options, 0, ["untrained"], {"untrained": twin})
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        found[name] = columns, {"model": "m", "source": "prompts", "concept": name, "seed": 0, **options, **shape}
    return found


@pytest.fixture(scope="module")
def rows(planted, tables):
    sets = {n: {"topology": s[2]["topology"], "difficulty": "easy", "labels": 12} for n, s in planted.items()}
    return survey.survey(headline.summarise(list(tables.values())), sets)


def test_what_was_planted_is_found_and_nothing_else(rows):
    said = {row["concept"]: (row["outcome"], row["structure"]) for row in rows}
    assert said == {
        "ring": ("found", "ring"), "arc": ("open arc", "cyclic order"), "nothing": ("not found", "cyclic order"),
        "row": ("found", "order"), "globe": ("found", "places"), "houses": ("found", "families"),
        "heap": ("found", "clusters"),
    }  # fmt: skip
    assert {row["layer"] for row in rows if row["outcome"] == "found"} == {"00"}
    assert [row["layers"] for row in rows if row["concept"] == "ring"] == ["00"]


def test_false_discoveries_are_counted_over_claims_and_not_over_what_is_trivial(rows, tables):
    every = headline.summarise(list(tables.values()))
    claims = [row for row in every if row["claimed"]]
    assert len(claims) == 9 and not [row for row in claims if row["structure"] == "clusters"]
    q = dict(zip([(r["concept"], r["structure"]) for r in claims],
                 headline.false_discovery_rates([r["p_decided"] for r in claims])))  # fmt: skip
    assert [row["q"] for row in rows if row["structure"] != "clusters"] == pytest.approx(
        [q[row["concept"], row["structure"]] for row in rows if row["structure"] != "clusters"]
    )


def row(structure, verdict, p=0.001, concept="s"):
    return dict.fromkeys([*headline.COLUMNS], float("nan")) | {
        "model": "m", "source": "prompts", "concept": concept, "structure": structure, "verdict": verdict,
        "p_corrected": p, "layer": "00", "layers": "00", "sentence": ""}  # fmt: skip


@pytest.mark.parametrize(
    "ring, order, outcome, structure",
    [
        ("found", "found", "found", "ring"),
        ("not found", "found", "in part", "cyclic order"),
        ("spiral", "found", "in part", "cyclic order"),
        ("as much as untrained", "found", "in part", "cyclic order"),
        ("not found", "as much as untrained", "as much as untrained", "cyclic order"),
        ("less than untrained", "less than untrained", "less than untrained", "cyclic order"),
        ("open arc", "open arc", "open arc", "cyclic order"),
        ("undecidable", "undecidable", "undecidable", "cyclic order"),
        ("undecidable", "not found", "not found", "cyclic order"),
    ],
)
def test_the_outcome_is_of_the_strongest_claim(ring, order, outcome, structure):
    sets = {"s": {"topology": "circle", "difficulty": "", "labels": 7}}
    (found,) = survey.survey([row("ring", ring), row("cyclic order", order)], sets)
    assert (found["outcome"], found["structure"]) == (outcome, structure)


def test_every_outcome_has_a_sign_that_is_explained():
    short = {need.otherwise for what in STRUCTURES.values() for need in what.needs}
    assert short < set(survey.OUTCOMES) == set(pictures.SIGNS)
    assert set(pictures.SIGNS.values()) == {part[0] for part in pictures.KEY.split(" · ")}


def test_a_curve_is_of_the_residual_stream(tables):
    columns = tables["ring"][0]
    rows = [i for i, layer in enumerate(columns["layer"]) if columns["control"][i] == "" and layer == "00"]
    sites = {key: [*values, *(values[i] for i in rows)] for key, values in columns.items()}
    sites["layer"][-len(rows) :], sites["site"][-len(rows) :] = ["00-attn"] * len(rows), ["attn"] * len(rows)
    assert survey.curve(sites, "ring") == survey.curve(columns, "ring")


def test_every_topology_claims_what_can_be_decided():
    assert {name for names in CLAIMS.values() for name in names} <= set(STRUCTURES)


def where(planted, tables, name):
    layers, samples, _, _ = planted[name]
    return survey.placed(layers["00"], samples, tables[name][1])


def test_hidden_labels_are_placed_where_they_belong(planted, tables):
    labels, values, xy = where(planted, tables, "ring")
    assert labels == [f"label {i}" for i in range(12)] and values.tolist() == list(range(12))
    assert np.abs(np.angle(np.exp(1j * (np.arctan2(xy[:, 1], xy[:, 0]) - TURN)))).max() < 0.3
    _, values, xy = where(planted, tables, "row")
    assert (xy[:, 0] == values).all() and np.corrcoef(*xy.T)[0, 1] > 0.99
    _, _, xy = where(planted, tables, "globe")
    true = np.array(list(planted["globe"][2]["coordinates"].values()))
    for axis, degrees in ((0, true[:, 1]), (1, true[:, 0])):
        assert np.corrcoef(xy[:, axis], degrees)[0, 1] > 0.98 and np.abs(xy).max() < 60
    _, _, xy = where(planted, tables, "houses")
    some, others = sorted((xy[::2, 0], xy[1::2, 0]), key=np.min)
    assert some.max() < others.min()


def test_a_torus_is_placed_in_turns(rng):
    days, hours = np.divmod(np.arange(28), 4)
    angles = 2 * np.pi * np.c_[days / 7, hours / 4]
    shape = {"topology": "torus", "periods": [7, 4],
             "coordinates": {f"label {i}": [int(days[i]), int(hours[i])] for i in range(28)}}  # fmt: skip
    layers, samples, _, _ = set_of(np.c_[np.cos(angles), np.sin(angles)], shape, rng)
    _, _, xy = survey.placed(layers["00"], samples, {**OPTIONS, "seed": 0, **shape})
    assert np.abs((xy - np.c_[days / 7, hours / 4] + 0.5) % 1 - 0.5).max() < 0.1


def test_a_survey_is_drawn(planted, tables, rows, tmp_path):
    ordered = pictures.in_order(rows)
    assert [r["concept"] for r in ordered] == ["ring", "arc", "nothing", "row", "globe", "houses", "heap"]
    placed = [where(planted, tables, r["concept"]) for r in ordered]
    facts = [tables[r["concept"]][1] for r in ordered]
    curves = [survey.curve(tables[r["concept"]][0], r["structure"]) for r in ordered]
    assert curves[0]["00"][1] and not curves[0]["embed"][1] and curves[0]["00"][0] > curves[0]["embed"][0]
    shapes, layers = pictures.shapes(ordered, placed, facts), pictures.layers(ordered, curves)
    assert [panel.title.split()[:2] for panel in shapes.panels][:3] == [["●", "ring"], ["◔", "arc"], ["○", "nothing"]]
    assert layers.panels[0].marks[0].y[0] == "ring ● ring"
    for number, chart in enumerate((shapes, layers)):
        static.write_images(static.draw(chart, "page"), [tmp_path / f"{number}.png"])
        page = json.dumps(interactive.draw(chart))
        assert "label 3" in page or number


def test_the_table_comes_back(rows, tmp_path):
    headline.write(rows, tmp_path / "survey.csv", survey.COLUMNS)
    again = headline.read(tmp_path / "survey.csv")
    assert [list(r) for r in again] == [survey.COLUMNS] * 7
    assert [(r["concept"], r["outcome"], r["topology"]) for r in again] == [
        (r["concept"], r["outcome"], r["topology"]) for r in rows
    ]
    assert [r["value"] for r in again] == pytest.approx([r["value"] for r in rows], rel=1e-5)
