"""The second notebook's whole analysis by one command, in another model by one line, with its numbers made anew."""

import csv

import numpy as np
import pytest
import yaml
from orrery import config as orrery
from orrery import store
from tools import ROOT, completed, copy_workflow, snakemake, write

N = 1000


@pytest.fixture(scope="module")
def olmo(tmp_path_factory):
    """A tiny OLMo-2 whose tokenizer keeps 0 to 999 as single tokens, among 2,200 other words; the folder."""
    import torch
    import transformers as tf
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<pad>", "<s>", *map(str, range(N)), *(f"word{i}" for i in range(2200))]
    words.insert(1, "<unk>")
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = tmp_path_factory.mktemp("olmo")
    special = {"pad_token": "<pad>", "bos_token": "<s>", "unk_token": "<unk>"}
    tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(0)
    model = tf.Olmo2ForCausalLM(tf.Olmo2Config(
        vocab_size=len(words), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, pad_token_id=0, bos_token_id=2, eos_token_id=2))  # fmt: skip
    with torch.no_grad():  # something to be found: magnitude, parity and a helix of period 10
        n = torch.arange(N)
        rows = torch.stack([torch.log1p(n), (n % 2) - 0.5, torch.cos(n * torch.pi / 5), torch.sin(n * torch.pi / 5)])
        model.get_input_embeddings().weight[3 : 3 + N, :4] += 0.2 * rows.T
    model.eval().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def results(olmo, tmp_path_factory):
    """The results of the example, with this model instead of its own."""
    folder = copy_workflow(tmp_path_factory.mktemp("notebook") / "workflow")
    mine = {
        "assets": {"olmo": {"path": str(olmo)}},
        "models": {"olmo": {"asset": "olmo", "depth": 2, "layers": ["embed"]}},
        "run": {"models": ["olmo"], "formats": ["html"]},
        "controls": ["random-tokens"],  # the measures have tests of their own
        "metrics": {"permutations": 499},
    }
    example = str(ROOT / "docs/examples/integers.yaml")
    done = snakemake(folder, "--cores", "2", "--configfile", example, write(folder, mine))
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    config = completed(folder, yaml.safe_load((ROOT / "docs/examples/integers.yaml").read_text()), mine)
    targets = orrery.figure_targets(config)
    assert len(targets) > 30 and [t for t in targets if not (folder / t).exists()] == []
    return folder / "results"


@pytest.fixture(scope="module")
def rows(olmo):
    """The embedding matrix's rows of 0 to 999, read without Orrery, each of length 1."""
    from safetensors.numpy import load_file

    matrix = load_file(olmo / "model.safetensors")["model.embed_tokens.weight"][3 : 3 + N].astype(float)
    return matrix, matrix / (np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-8)


def read(results, kind, reducer):
    """(arrays, samples, attributes) of the integers' projection or analysis."""
    return store.read_projection(results / f"{kind}/olmo/vocabulary/integers/embed/{reducer}.h5")


def test_all_integers_and_as_many_random_tokens(results):
    integers = store.read_samples(results / "activations/olmo/vocabulary/integers.h5")
    control = store.read_samples(results / "activations/olmo/vocabulary/random-tokens.h5")
    assert integers["label"] == [str(n) for n in range(N)] and len(control["label"]) == N
    assert all(label.startswith("word") for label in control["label"])
    assert np.any(np.diff(control["token_id"]) < 0)  # in random order, not in that of the vocabulary


def test_explained_variance(results, rows):
    centred = rows[1] - rows[1].mean(0)
    expected = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    found = read(results, "projections", "pca")[0]["explained_variance_ratio"]
    np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-6)


def test_correlations_of_components(results, rows):
    scores = rows[1] @ np.linalg.eigh(rows[1].T @ rows[1])[1][:, ::-1][:, :20]
    expected = np.corrcoef(scores.T)
    found = read(results, "analyses", "svd")[0]["correlations"]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)  # signs of components are free
    place = results / "analyses/olmo/vocabulary/integers/embed/svd.pairs.csv"
    with open(place) as file:
        table = list(csv.DictReader(file))
    upper = np.sort(np.abs(expected[np.triu_indices(20, 1)]))[::-1]
    np.testing.assert_allclose([abs(float(row["correlation"])) for row in table], upper[: len(table)], atol=1e-5)
    first = table[0]
    assert abs(expected[int(first["component_1"]) - 1, int(first["component_2"]) - 1]) == pytest.approx(
        upper[0], abs=1e-5
    )


def test_fourier_and_consecutive_distances(results, rows):
    arrays = read(results, "analyses", "raw")[0]
    n = np.arange(N)
    for column in (0, 2, 40):
        for k in (1, 100, 200, 499):
            wave = np.exp(-2j * np.pi * k * n / N)
            expected = 2 / N * abs((rows[0][:, column] * wave).sum())
            assert arrays["fourier"][column, k - 1] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(arrays["frequencies"][[0, 99]], [0.001, 0.1])
    steps = [np.sqrt(sum((a - b) ** 2)) for a, b in zip(rows[0][1:], rows[0])]
    np.testing.assert_allclose(arrays["steps"], steps, atol=1e-6)


def test_correlations_with_properties(results, rows):
    arrays, _, facts = read(results, "analyses", "raw")
    names, n = [p["name"] for p in facts["properties"]], np.arange(N)
    for name, sequence in (
        ("log10(n+1)", np.log10(n + 1)),
        ("parity", n % 2),
        ("cos T=10", np.cos(2 * np.pi * n / 10)),
    ):
        expected = [np.corrcoef(column, sequence)[0, 1] for column in rows[0].T]
        np.testing.assert_allclose(np.abs(arrays["property_r"][:, names.index(name)]), np.abs(expected), atol=1e-6)
    strongest = {name: int(np.nanargmax(np.abs(arrays["property_r"][:, names.index(name)]))) for name in names}
    assert (strongest["log10(n+1)"], strongest["parity"], strongest["cos T=10"]) == (0, 1, 2)
    assert arrays["property_p"][1, names.index("parity")] < 0.01


def test_the_pictures_are_of_these_points(results):
    for reducer, dimensions in (("tsne-thesis", 2), ("umap", 2), ("umap-cosine", 2), ("pca", 50)):
        arrays, _, facts = read(results, "projections", reducer)
        assert arrays["coordinates"].shape == (N, dimensions)
        assert 0.5 < facts["trustworthiness"] <= 1 and 0.5 < facts["continuity"] <= 1
    assert read(results, "projections", "tsne-thesis")[2]["perplexity"] == 75
