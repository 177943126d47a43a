"""What a user sees of a mistake: one sentence on the terminal, the traceback in the log, no half-written file."""

import copy
import json
import shutil

import pytest
from tools import snakemake, write

PROJECTION = "results/projections/tiny/prompts/weekdays/{layer}/{reducer}.h5"


def edited(config, **changes):
    """A copy of a config with keys set: section__name__key=value."""
    config = copy.deepcopy(config)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = config
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value
    return config


def terminal_of(done):
    """All that stood on the terminal; fails if the run did not, or if it showed a traceback."""
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert "Traceback (most recent call last)" not in text, text
    return text


CONFIGS = [
    ({"run__modles": []}, "run: unknown key 'modles'; did you mean 'models'?"),
    ({"run__reducers": ["tnse"]}, "run.reducers: 'tnse' is not in reducers; did you mean 'tsne'?"),
    ({"models__tiny__layers": [7]}, "models.tiny.layers: 7 is out of range; the blocks are 0 to 2."),
    ({"concepts__digits__labels": []}, "concepts.digits.labels: [] must be a list of at least 2 different entries"),
    ({"models__a/b": {"asset": "tiny"}}, "models: 'a/b' cannot be a name"),
    ({"run__figures": ["variance"], "run__reducers": ["tsne"]}, "run.figures: 'variance' fits none of run.reducers"),
    (
        {"assets__tiny__path": "/no/such/model"},
        "assets.tiny.path: '/no/such/model' does not exist; write where it lies.",
    ),
    ({"metrics__permutations": "many"}, "metrics.permutations: 'many' must be of type integer."),
]


@pytest.mark.parametrize("changes, sentence", CONFIGS, ids=[s[:40] for _, s in CONFIGS])
def test_a_config_that_is_wrong(workflow, small, changes, sentence):
    text = terminal_of(snakemake(workflow, "-n", "--configfile", write(workflow, edited(small, **changes))))
    assert sentence in text, text
    assert not (workflow / "results").exists()


@pytest.mark.parametrize("target", [
    "results/figures/nobody/prompts/weekdays/01/pca/scatter-2d.html",
    "results/figures/tiny/prompts/weekdays/01/pca/scatter-9d.html",
    "results/projections/tiny/prompts/weekdays/1/pca.h5",
])  # fmt: skip
def test_an_unknown_name_has_no_rule(workflow, small, target):
    text = terminal_of(snakemake(workflow, "-n", target, "--configfile", write(workflow, small)))
    assert "No rule to produce" in text


MISFITS = [
    ("01/tsne/variance.html", "the figure variance does not fit weekdays/01/tsne; it needs pca or svd"),
    (
        "01/tsne/scatter-3d.html",
        "does not fit weekdays/01/tsne; it needs a reducer with three components, or with many",
    ),
    ("all/raw/scatter-2d.png", "the figure scatter-2d does not fit weekdays/all/raw; it needs a reducer"),
    ("01/pca/metrics.svg", "does not fit weekdays/01/pca; it needs all layers: ask for it under all/raw"),
    ("01/svd/digits.png", "the figure digits does not fit weekdays/01/svd; it needs integers"),
    (
        "01/pca/ring.png",
        "the figure ring does not fit weekdays/01/pca; it needs a set whose topology is circle, and the",
    ),
    ("01/pca/layers.html", "the figure layers does not fit weekdays/01/pca; it needs a reducer, under the layer all"),
    ("01/pca/steps.svg", "the figure steps does not fit weekdays/01/pca; it needs a set whose topology is line"),
]


@pytest.mark.parametrize("place, sentence", MISFITS)
def test_a_figure_that_cannot_be_drawn_there_costs_nothing(workflow, small, place, sentence):
    target = f"results/figures/tiny/prompts/weekdays/{place}"
    assert sentence in terminal_of(snakemake(workflow, target, "--cores", "1", "--configfile", write(workflow, small)))
    assert not (workflow / "results").exists()


def fails(folder, config, target, sentence, log, **env):
    """Run for `target`; the sentence must be on the terminal, the traceback in the log, and no target made."""
    done = snakemake(folder, "--cores", "2", target, "--configfile", write(folder, config), env=env)
    text = terminal_of(done)
    assert f"orrery: {sentence}" in text, text
    assert "Traceback" in (folder / "results/logs" / log).read_text()
    assert not (folder / target).exists() and not list((folder / "results").rglob("*.part"))


JOBS = [  # changes, target, sentence, log
    ({"reducers__tsne__perplexity": 80}, PROJECTION.format(layer="01", reducer="tsne"),
     "perplexity 80 is too large for 224 points; write one below 74.7 (a third), or auto.",
     "project/tiny/prompts/weekdays/01/tsne.log"),
    ({"reducers__wide": {"method": "umap", "neighbors": 300}}, PROJECTION.format(layer="01", reducer="wide"),
     "neighbors 300 is too large for 224 points", "project/tiny/prompts/weekdays/01/wide.log"),
    ({}, PROJECTION.format(layer="17", reducer="pca"), "models.tiny.layers: there is no layer 17 for prompts; the file has "
     "embed, 00, 01, 02, final.", "find_neighbours/tiny/prompts/weekdays/17/l2.euclidean.90.log"),
    ({"reducers__within": {"method": "pca", "preprocess": ["group-center"]}},
     "results/projections/tiny/vocabulary/digits/embed/within.h5",
     "preprocess: group-center needs prompts; these samples have no groups.",
     "find_neighbours/tiny/vocabulary/digits/embed/group-center.euclidean.90.log"),
    ({"figures__far": {"kind": "scatter-2d", "components": [1, 40]}},
     "results/figures/tiny/prompts/weekdays/01/pca/far.html", "component 40 cannot be drawn: pca gave 32 for 224 points.",
     "draw_interactive/tiny/prompts/weekdays/01/pca/far.log"),
]  # fmt: skip


@pytest.mark.parametrize("changes, target, sentence, log", JOBS, ids=[j[3] for j in JOBS])
def test_a_job_that_cannot(swept, small, changes, target, sentence, log):
    fails(swept, edited(small, **changes), target, sentence, log)


FIRST_JOBS = [
    ({"assets__tiny__sha256": {"model.safetensors": "0" * 64}}, {}, "results/assets/tiny",
     "assets.tiny.sha256: 'model.safetensors' has sha256 ", "fetch_asset/tiny.log"),
    ({"assets__far": {"hub": "org/Name"}}, {"HF_HUB_OFFLINE": "1"}, "results/assets/far",
     "assets.far.hub: 'org/Name' is not in the local cache and the hub cannot be reached", "fetch_asset/far.log"),
    ({"corpora__mine__files": "*.gz"}, {}, "results/samples/mine/weekdays.parquet",
     "corpora.mine.files: no file of the asset matches '*.gz'", "filter_corpus/mine/weekdays.log"),
    ({"concepts__rare": {"topology": "line", "labels": ["xyzzy", "plugh"]}}, {}, "results/samples/mine/rare.parquet",
     "mine holds no usable occurrence of rare in 56 documents", "filter_corpus/mine/rare.log"),
    ({"concepts__bare": {"topology": "line", "labels": ["a", "b"]}}, {}, "results/samples/prompts/bare.parquet",
     "concepts.bare: has no templates", "expand_prompts/bare.log"),
    ({"concepts__words": {"topology": "line", "labels": ["antidisestablishment", "floccinaucinihil", "xx yy zz"]}}, {},
     "results/activations/tiny/vocabulary/words.h5", "only 0 bare and 0 spaced labels are single tokens of this model",
     "extract_vocabulary/tiny/words.log"),
]  # fmt: skip


@pytest.mark.parametrize("changes, env, target, sentence, log", FIRST_JOBS, ids=[j[4] for j in FIRST_JOBS])
def test_a_first_job_that_cannot(workflow, small, tmp_path, changes, env, target, sentence, log):
    fails(workflow, edited(small, **changes), target, sentence, log, HF_HOME=str(tmp_path), **env)


def test_weights_that_lack_tensors_are_refused(workflow, small, tiny_model, tmp_path):
    """A config.json with more blocks than the weights have."""
    shutil.copytree(tiny_model, tmp_path / "model")
    deeper = json.loads((tmp_path / "model/config.json").read_text()) | {"n_layer": 5}
    (tmp_path / "model/config.json").write_text(json.dumps(deeper))
    fails(workflow, edited(small, assets__tiny__path=str(tmp_path / "model")),
          "results/activations/tiny/prompts/weekdays.h5", "models.tiny.asset: 24 of the tensors that are read are missing",
          "extract_activations/tiny/prompts/weekdays.log")  # fmt: skip


def test_pickled_weights_and_foreign_folders_are_refused(workflow, small, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"\x80\x04")
    fails(workflow, edited(small, assets__tiny__path=str(tmp_path / "model")),
          "results/activations/tiny/prompts/weekdays.h5", "models.tiny.asset: the folder has only pickled weights",
          "extract_activations/tiny/prompts/weekdays.log")  # fmt: skip
