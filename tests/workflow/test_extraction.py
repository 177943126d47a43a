"""What of a model is read, through the real rules."""

import json

import h5py
import numpy as np
import pytest
from orrery import store
from tools import snakemake, write

MODELS = {
    "sites": {"sites": ["resid_pre", "attn_out", "mlp_out", "resid_post"], "layers": [1, "01-attn"]},
    "mean": {"pool": "mean", "over": "context", "bos": True},
    "thirty": {"context_tokens": 30, "store": [0, "final"], "layers": [0], "store_dtype": "bfloat16"},
    "untrained": {"weights": "random"},
    "named": {"blocks": "transformer.h", "dtype": "bfloat16", "store_dtype": "float16"},
}


@pytest.fixture(scope="module")
def extracted(small, tmp_path_factory):
    """name → activations file of each variant of the tiny model, and the finished process."""
    from tools import copy_workflow

    folder = copy_workflow(tmp_path_factory.mktemp("extraction") / "workflow")
    models = {"tiny": small["models"]["tiny"]}
    models |= {name: {"asset": "tiny", "depth": 3, "layers": [1], **entry} for name, entry in MODELS.items()}
    files = {name: folder / f"results/activations/{name}/prompts/weekdays.h5" for name in models}
    figure = "results/figures/sites/prompts/weekdays/01-attn/pca/scatter-2d.png"
    targets = [str(f.relative_to(folder)) for f in files.values()]
    config = write(folder, {**small, "models": models, "seed": 3})
    done = snakemake(folder, "--cores", "2", *targets, figure, "--configfile", config)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (folder / figure).exists()
    return files


def test_sites_add_up(extracted):
    read = {name: store.read_layer(extracted["sites"], name) for name in store.layer_names(extracted["sites"])}
    assert list(read)[:6] == ["embed", "00-pre", "00-attn", "00-mlp", "00", "01-pre"]
    for n in range(3):
        np.testing.assert_allclose(
            read[f"{n:02d}-pre"] + read[f"{n:02d}-attn"] + read[f"{n:02d}-mlp"], read[f"{n:02d}"], rtol=1e-4, atol=1e-5
        )
    np.testing.assert_allclose(read["01"], store.read_layer(extracted["tiny"], "01"), rtol=1e-4, atol=1e-5)


def test_every_variant_says_what_it_is(extracted):
    for name, file in extracted.items():
        made, entry = store.read_attributes(file), MODELS.get(name, {})
        for key, default in (("pool", "last"), ("over", "span"), ("weights", "trained"), ("dtype", "float32")):
            assert made[key] == entry.get(key, default)
        assert made["read_from"] == "h"
        assert made["stored_as"] == entry.get("store_dtype", "float32") and len(made["config_sha256"]) == 64
    with h5py.File(extracted["thirty"]) as file:
        assert list(file["layers"]) == ["00", "final"] and file["layers/00"].dtype == np.uint16
        assert json.loads(file.attrs["dropped"])["fewer tokens than context_tokens"] > 0
        assert np.all(np.diff(file["tokens/offsets"][:]) == 30)
    assert store.read_layer(extracted["named"], "00").dtype == np.float32


def test_variants_differ_where_they_should(extracted):
    plain = store.read_layer(extracted["tiny"], "01")
    for name, near in (("mean", False), ("untrained", False), ("named", True)):
        off = np.linalg.norm(store.read_layer(extracted[name], "01") - plain) / np.linalg.norm(plain)
        assert (off < 0.05) == near


WRONG = [
    ({"layers": ["01-mlp"]}, "models.tiny.layers: 01-mlp is not read; add mlp_out to sites."),
    ({"layers": [2], "store": [0, "final"]}, "models.tiny.layers: 2 is not stored; add it to store."),
    (
        {"layers": ["07-pre"], "sites": ["resid_pre"]},
        "models.tiny.layers: 07-pre is out of range; the blocks are 0 to 2.",
    ),
    ({"store": [5]}, "models.tiny.store: 5 is out of range; the blocks are 0 to 2."),
    (
        {"layers": "all", "sites": ["resid_pre"]},
        "models.tiny.layers: all means embed and the stream after each block, which",
    ),
    ({"weights": "random", "device": "spread"}, "models.tiny.weights: random weights are neither spread nor quantized"),
    ({"pool": "median"}, "models.tiny.pool: 'median'"),
]


@pytest.mark.parametrize("changes, sentence", WRONG, ids=[s[:40] for _, s in WRONG])
def test_a_model_that_is_written_wrong(workflow, small, changes, sentence):
    models = {"tiny": {**small["models"]["tiny"], **changes}}
    done = snakemake(workflow, "-n", "--configfile", write(workflow, {**small, "models": models}))
    assert done.returncode and sentence in done.stderr + done.stdout and "Traceback (most" not in done.stderr, (
        done.stderr
    )


def test_vectors_that_overflow_are_an_error(workflow, small, tmp_path, tiny_model):
    """In the precision of the file, which is not left looking whole."""
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_model, tmp_path / "large")
    weights = load_file(tmp_path / "large/model.safetensors")
    weights = {k: v * 1e7 if k.endswith("h.1.mlp.c_proj.weight") else v for k, v in weights.items()}
    save_file(weights, tmp_path / "large/model.safetensors", {"format": "pt"})
    config = {**small, "assets": {**small["assets"], "tiny": {"path": str(tmp_path / "large")}}}
    config["models"] = {"tiny": {**small["models"]["tiny"], "store_dtype": "float16"}}
    target = "results/activations/tiny/prompts/weekdays.h5"
    done = snakemake(workflow, target, "--cores", "2", "--configfile", write(workflow, config))
    sentence = (
        "orrery: layer 01: vectors overflow in float32, stored as float16; set the dtype or store_dtype of models.tiny"
    )
    assert done.returncode and sentence in done.stderr, done.stderr[-3000:]
    assert not (workflow / target).exists()
