"""Every layer is the layer it says it is, whatever the batch."""

import numpy as np
import pytest
import torch
from orrery import models, tokens, vocabulary
from orrery.activations import batches, encode_samples, read_layers
from orrery.errors import OrreryError
from orrery.samples import expand_templates
from orrery.store import sample_columns
from tools import WEEKDAYS, make_model

TEMPLATES = ["See you on {label}", "{label} it is", "On {label} we met again, and so on and so on, near the old bridge"]
KINDS = ["gpt2", "llama", "gemma3", "olmo2", "bert", "t5"]


@pytest.fixture(scope="module", params=KINDS)
def loaded(request, tmp_path_factory):
    """A tiny random model of each family with its stack found."""
    folder = tmp_path_factory.mktemp("model") / request.param
    return request.param, models.find_stack(models.load(make_model(folder, request.param), device="cpu"))


@pytest.fixture
def samples():
    """Samples of prompts with the label in the middle, at the start and at the end."""
    templates = [(f"template {n}", template) for n, template in enumerate(TEMPLATES)]
    return sample_columns(expand_templates(templates, {day: float(i) for i, day in enumerate(WEEKDAYS)}))


def test_layers_equal_hidden_states_of_the_single_text(loaded, samples):
    kind, model = loaded
    ids, samples, _ = encode_samples(model, samples)
    layers = read_layers(model, ids, samples["token_position"], batch_tokens=100)
    assert list(layers) == ["embed", "00", "01", "02", "final"]
    for i in range(0, len(ids), 4):
        with torch.no_grad():
            out = model.model(input_ids=torch.tensor([ids[i]]), output_hidden_states=True)
        place = samples["token_position"][i]
        for name, states in zip(["embed", "00", "01"], out.hidden_states[:3]):
            np.testing.assert_allclose(layers[name][i], states[0, place], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layers["final"][i], out.last_hidden_state[0, place], rtol=1e-4, atol=1e-5)
    final_norm = {"gpt2": "ln_f", "llama": "norm", "gemma3": "norm", "olmo2": "norm", "t5": "final_layer_norm"}.get(
        kind
    )
    with torch.no_grad():
        last = torch.tensor(layers["02"])
        expected = getattr(model.model, final_norm)(last) if final_norm else last
    np.testing.assert_allclose(expected, layers["final"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("budget", [1, 40, 10_000])
def test_no_batch_composition_changes_a_row(loaded, samples, budget):
    _, model = loaded
    ids, samples, _ = encode_samples(model, samples)
    places = samples["token_position"]
    reference = read_layers(model, ids, places, batch_tokens=120)
    order = np.random.default_rng(1).permutation(len(ids))
    again = read_layers(model, [ids[i] for i in order], [places[i] for i in order], batch_tokens=budget)
    for name in reference:
        np.testing.assert_allclose(again[name], reference[name][order], rtol=1e-4, atol=1e-5)


def test_direction_is_found_and_decides_what_is_read(loaded, samples):
    kind, model = loaded
    assert model.causal == (kind not in ("bert", "t5"))
    _, encoded, dropped = encode_samples(model, samples)
    assert dropped == {"no token at the occurrence": 0}
    ends_at_label = all(text.endswith(label) for text, label in zip(encoded["text"], encoded["label"]))
    assert ends_at_label == model.causal


@pytest.mark.parametrize("add_bos", [False, True])
def test_the_last_token_of_the_label_is_read(tmp_path, samples, add_bos):
    model = models.load(make_model(tmp_path / "m", add_bos=add_bos), device="cpu")
    for text, start, end, label in zip(*(samples[k] for k in ("text", "start", "end", "label"))):
        ids, place = tokens.tokenize(model.tokenizer, text, start, end)
        assert label.endswith(model.tokenizer.decode([ids[place]]).strip())
        spans = model.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        assert spans[place][1] == end and ids[0] == (1 if add_bos else ids[0])


def test_a_span_without_token_is_dropped_and_counted(tiny_model, samples):
    model = models.find_stack(models.load(tiny_model, device="cpu"))
    samples["start"][0] = samples["end"][0]
    ids, kept, dropped = encode_samples(model, samples)
    assert dropped == {"no token at the occurrence": 1} and len(ids) == len(kept["label"]) == 20


def test_a_context_beyond_the_window_is_named(tiny_model):
    model = models.find_stack(models.load(tiny_model, device="cpu"))
    text = "very " * 200 + "Monday"
    with pytest.raises(OrreryError, match="the model takes 64; lower corpus.before"):
        encode_samples(model, {"text": [text], "start": [len(text) - 6], "end": [len(text)]})


def test_overflow_is_not_stored(tiny_model, samples):
    model = models.find_stack(models.load(tiny_model, device="cpu"))
    with torch.no_grad():
        model.blocks[1].mlp.c_proj.weight.mul_(float("inf"))
    ids, samples, _ = encode_samples(model, samples)
    with pytest.raises(OrreryError, match="layer 01: vectors overflow"):
        read_layers(model, ids, samples["token_position"])


def test_an_unknown_stack_is_refused(tiny_model):
    model = models.load(tiny_model, device="cpu")
    model.model.config.n_layer = 5
    with pytest.raises(OrreryError, match="found no list of 5 blocks"):
        models.find_stack(model)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(OrreryError, match="no model that transformers can load"):
        models.load(tmp_path)


def test_batches_hold_everything_once_and_keep_the_budget(rng):
    lengths = rng.integers(1, 60, 200).tolist()
    groups = batches(lengths, 128)
    assert sorted(i for g in groups for i in g) == list(range(200))
    assert all(len(g) * max(lengths[i] for i in g) <= 128 or len(g) == 1 for g in groups)
    assert batches([], 10) == []


def test_vocabulary_rows(tmp_path):
    loaded = models.load(make_model(tmp_path / "llama", "llama"), device="cpu", head=True)
    rows = vocabulary.embedding_rows(loaded, [3, 7, 300])
    torch.testing.assert_close(torch.tensor(rows["embed"]), loaded.model.model.embed_tokens.weight.data[[3, 7, 300]])
    torch.testing.assert_close(torch.tensor(rows["unembed"]), loaded.model.lm_head.weight.data[[3, 7, 300]])


def test_single_token_integers_and_as_many_random_tokens(tiny_model):
    tokenizer = models.load(tiny_model, device="cpu").tokenizer
    integers = {"concept": {"integers": {"start": 0, "stop": "single-token"}}, "values": {}}
    labels, values, ids = vocabulary.vocabulary_set(tokenizer, integers, 0, 600)
    assert labels == [str(n) for n in range(len(labels))] and values == list(range(len(labels))) and len(labels) >= 10
    assert vocabulary.single_token(tokenizer, str(len(labels))) is None
    drawn = {"concept": {"random_tokens": {"like": "integers"}}, "values": {}, "like": integers}
    _, _, random = vocabulary.vocabulary_set(tokenizer, drawn, 0, 600)
    assert len(random) == len(set(random)) == len(ids) and not set(random) & set(ids)
    assert random == vocabulary.vocabulary_set(tokenizer, drawn, 0, 600)[2]
    assert random != vocabulary.vocabulary_set(tokenizer, drawn, 1, 600)[2]
    assert not set(random) & set(tokenizer.all_special_ids)


def test_labels_that_are_no_single_tokens_are_named(tiny_model):
    tokenizer = models.load(tiny_model, device="cpu").tokenizer
    spec = {"concept": {"labels": []}, "values": {"antidisestablishment": 0.0, "Monday": 1.0}}
    with pytest.raises(OrreryError, match="only 1 labels are single tokens"):
        vocabulary.vocabulary_set(tokenizer, spec, 0, 600)
