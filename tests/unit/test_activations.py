"""What is read of a text, whatever the model, the batch, the precision and the memory."""

import numpy as np
import pytest
import registry
import torch
from orrery import models, stack, tokens, vocabulary
from orrery.activations import InMemory, batches, encode_samples, layer_widths, plan, read_layers
from orrery.agreement import settle
from orrery.errors import OrreryError
from orrery.samples import expand_templates
from orrery.store import sample_columns
from tools import WEEKDAYS, make_model

TEMPLATES = ["See you on {label}", "{label} it is", "On {label} we met again, and so on and so on, near the old bridge"]


def open_model(folder, **options):
    """A loaded model with its stack found, on the CPU."""
    return stack.find_stack(models.load(folder, device="cpu", **options))


def read(loaded, encoded, batch_tokens=120, pool="last", dtype="float32", **which):
    """name → vectors of all samples."""
    sink = InMemory(len(encoded.ids))
    names = list(layer_widths(loaded, **which))
    read_layers(loaded, encoded, names, plan(loaded, encoded, batch_tokens), sink, pool, dtype)
    return sink.layers


@pytest.fixture
def samples():
    """Samples of prompts with the label in the middle, at the start and at the end."""
    templates = [(f"template {n}", template) for n, template in enumerate(TEMPLATES)]
    return sample_columns(expand_templates(templates, {day: float(i) for i, day in enumerate(WEEKDAYS)}))


@pytest.mark.parametrize("kind", ["gpt2", "bert", "t5"])
def test_direction_is_found_and_decides_what_is_read(tmp_path, samples, kind):
    model = open_model(make_model(tmp_path / "m", kind))
    assert model.causal == (kind == "gpt2")
    encoded = encode_samples(model, samples)
    assert encoded.counts == {}
    ends_at_label = all(t.endswith(x) for t, x in zip(encoded.samples["text"], encoded.samples["label"]))
    assert ends_at_label == model.causal


@pytest.mark.parametrize("add_bos", [False, True])
def test_the_tokens_of_the_label_are_read(tmp_path, samples, add_bos):
    tokenizer = models.load(make_model(tmp_path / "m", add_bos=add_bos), device="cpu").tokenizer
    spans = list(zip(samples["start"], samples["end"]))
    made, counts = tokens.encode(tokenizer, samples["text"], spans, 64)
    assert not counts and (made[0].ids[0] == 1) == add_bos
    for text, (start, end), (ids, first, last) in zip(samples["text"], spans, made):
        assert tokenizer.decode(ids[first : last + 1]).strip() == text[start:end]
        assert first == add_bos if start == 0 else first > 0


def spans_read(tokenizer, text, label, **options):
    """What is given to the model of a text, what of it is pooled, and what is counted."""
    start = text.index(label)
    made, counts = tokens.encode(tokenizer, [text], [(start, start + len(label))], options.pop("window", 64), **options)
    if made[0] is None:
        return None, None, dict(counts)
    ids, first, last = made[0]
    return tokenizer.decode(ids), tokenizer.decode(ids[first : last + 1]), dict(counts)


def test_context_tokens(tmp_path):
    tokenizer = models.load(make_model(tmp_path / "m", add_bos=True), device="cpu").tokenizer
    text = "See you on Monday, number 7. See you on Tuesday"
    assert spans_read(tokenizer, text, "Tuesday", context_tokens=3) == ("<s> you on Tuesday", " Tuesday", {})
    assert spans_read(tokenizer, text, "Monday", context_tokens=3) == ("<s> you on Monday", " Monday", {})
    assert spans_read(tokenizer, "on Monday", "Monday", context_tokens=3) == (
        None, None, {"fewer tokens than context_tokens": 1})  # fmt: skip
    assert spans_read(tokenizer, "on Monday", "Monday", context_tokens=3, short="keep")[0] == "<s>on Monday"
    cut = {"the occurrence is cut by the window": 1}
    assert spans_read(tokenizer, text, "Monday, number 7", context_tokens=3)[2] == cut
    whole = spans_read(tokenizer, text, "Tuesday", context_tokens=3, over="context")
    assert whole[1] == " you on Tuesday"  # without the special token


def test_special_tokens(tmp_path):
    tokenizer = models.load(make_model(tmp_path / "m", add_bos=True), device="cpu").tokenizer
    plain = models.load(make_model(tmp_path / "n"), device="cpu").tokenizer
    assert spans_read(tokenizer, "on Monday", "Monday", bos=False)[0] == "on Monday"
    assert spans_read(plain, "on Monday", "Monday")[0] == "on Monday"
    assert spans_read(plain, "on Monday", "Monday", bos=True) == ("<s>on Monday", " Monday", {})
    assert spans_read(tokenizer, "on Monday", "Monday", bos=True)[0] == "<s>on Monday"


def test_a_bos_token_that_there_is_not(tmp_path):
    tokenizer = models.load(make_model(tmp_path / "m"), device="cpu").tokenizer
    tokenizer.bos_token = None
    with pytest.raises(OrreryError, match="bos: the tokenizer has no BOS token that could be added; write auto"):
        tokens.encode(tokenizer, ["a"], [(0, 1)], 64, bos=True)


def test_no_sample_that_can_be_read(tiny_model, samples):
    with pytest.raises(OrreryError, match=r"no sample of 21 can be read: \{'fewer tokens than context_tokens': 21\}"):
        encode_samples(open_model(tiny_model), samples, context_tokens=60)


def test_a_context_beyond_the_window_is_cut(tiny_model):
    """At its end where the occurrence stays, else at its beginning; counted."""
    tokenizer = models.load(tiny_model, device="cpu").tokenizer
    counts = {"cut to the model's window (kept)": 1}
    long = " ".join(["See you on Tuesday."] * 30)
    text, word, counted = spans_read(tokenizer, f"On Monday. {long}", "Monday", window=20)
    assert text.startswith("On Monday.") and word == " Monday" and counted == counts
    text, word, counted = spans_read(tokenizer, f"{long} On Monday, yes", "Monday", window=20)
    assert text.endswith("On Monday") and word == " Monday" and counted == counts


@pytest.mark.parametrize("kind", ["bpe", "metaspace", "wordpiece"])
def test_every_kind_of_tokenizer_finds_the_span(kind):
    """Byte-level, SentencePiece with its prefix space, and wordpiece; in scripts that take several tokens a character."""
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
    from tokenizers import models as kinds
    from transformers import PreTrainedTokenizerFast

    texts = ["am Dienstag, 月曜日 and Monday 🙂 in Łódź", "the naïve café on Tuesday"] * 50
    tokenizer = Tokenizer(
        {"bpe": kinds.BPE(), "metaspace": kinds.Unigram(), "wordpiece": kinds.WordPiece(unk_token="?")}[kind]
    )
    if kind == "bpe":
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    elif kind == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=120, unk_token="?", special_tokens=["?"])
    else:
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=["?"])
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    for text in texts[:2]:
        for word in text.replace(",", "").split():
            start = text.index(word)
            ((ids, first, last),) = tokens.encode(fast, [text], [(start, start + len(word))], 500)[0]
            offsets = fast(text, return_offsets_mapping=True)["offset_mapping"]
            assert len(ids) == len(offsets)
            assert text[offsets[first][0] : offsets[last][1]].strip() == word
            assert first == 0 or offsets[first - 1][1] <= start


def test_a_span_without_token_is_dropped_and_counted(tiny_model, samples):
    samples["start"][0] = samples["end"][0]
    encoded = encode_samples(open_model(tiny_model), samples)
    assert encoded.counts == {"no token at the occurrence": 1}
    assert len(encoded.ids) == len(encoded.samples["label"]) == 20


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_overflow_is_not_stored(tiny_model, samples, dtype):
    """Neither what the model makes nor what the stored precision makes of it."""
    model = open_model(tiny_model)
    with torch.no_grad():
        model.blocks[1].mlp.c_proj.weight.mul_({"float16": 1e7}.get(dtype, float("inf")))
    with pytest.raises(
        OrreryError, match=f"layer 01: vectors overflow in float32, stored as {dtype}; set the dtype or store"
    ):
        read(model, encode_samples(model, samples), dtype=dtype)


@pytest.mark.parametrize(("dtype", "bound", "cosine"), [("bfloat16", 0.03, 0.999), ("float16", 0.005, 0.9999)])
def test_low_precision_stays_near(tmp_path, samples, dtype, bound, cosine):
    """The largest relative error of a row and the smallest cosine, as the documentation states them."""
    folder = make_model(tmp_path / "m", "llama")
    exact, model = open_model(folder), open_model(folder, dtype=dtype)
    assert model.model.dtype == getattr(torch, dtype)
    expected, found = (read(m, encode_samples(m, samples)) for m in (exact, model))
    for name, vectors in expected.items():
        lengths = np.linalg.norm(vectors, axis=1), np.linalg.norm(found[name], axis=1)
        assert (np.linalg.norm(vectors - found[name], axis=1) / lengths[0]).max() < bound
        assert ((vectors * found[name]).sum(1) / lengths[0] / lengths[1]).min() > cosine


def test_out_of_memory_goes_on_with_half(tiny_model, samples, capsys):
    model = open_model(tiny_model)
    model.shares = False
    encoded = encode_samples(model, {name: values * 3 for name, values in samples.items()})
    expected = read(model, encoded)
    sizes = []

    def refuse(module, args, kwargs):
        sizes.append(kwargs["input_ids"].numel())
        if sizes[-1] > 70:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model.model.register_forward_pre_hook(refuse, with_kwargs=True)
    found = read(model, encoded, batch_tokens=100)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)
    said = capsys.readouterr().out
    assert said.count("out of memory") == sum(size > 70 for size in sizes) == 1
    assert len(sizes) >= 8  # the smaller size is kept


def test_a_text_that_fits_no_memory_is_named(tiny_model, samples):
    model = open_model(tiny_model)

    def refuse(module, args):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes.")

    model.blocks[0].register_forward_pre_hook(refuse)
    with pytest.raises(OrreryError, match="one text of [0-9]+ tokens does not fit into the memory of cpu; lower"):
        read(model, encode_samples(model, samples))


def test_what_goes_wrong_in_storing_is_raised(tiny_model, samples):
    model = open_model(tiny_model)
    encoded = encode_samples(model, samples)

    class Full(InMemory):
        def put(self, rows, vectors):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        read_layers(model, encoded, ["embed"], plan(model, encoded, 1), Full(len(encoded.ids)))


def test_an_untrained_twin(tiny_model, samples):
    """The same architecture with other weights, the same for the same seed."""
    trained, *twins = (
        open_model(tiny_model, **o) for o in ({}, *({"weights": "random", "seed": s} for s in (1, 1, 2)))
    )
    encoded = encode_samples(trained, samples)
    vectors = [read(model, encoded)["02"] for model in (trained, *twins)]
    np.testing.assert_array_equal(vectors[1], vectors[2])
    assert not np.allclose(vectors[1], vectors[3], atol=0.1) and not np.allclose(vectors[0], vectors[1], atol=0.1)


def without_states(model):
    """A model that reports no hidden states."""
    forward = model.model.forward

    def forward_without(output_hidden_states=False, **options):
        return forward(**options)

    model.model.forward = forward_without
    return model


def test_a_stack_that_is_not_found_can_be_named(tiny_model, samples):
    model = models.load(tiny_model, name="mine", device="cpu")
    expected = read(stack.find_stack(model), encode_samples(model, samples))
    model = without_states(models.load(tiny_model, name="mine", device="cpu"))
    with pytest.raises(OrreryError, match=r"it reports none; set models.mine.blocks.*its lists are h\."):
        stack.find_stack(model)
    for path in ("h", "transformer.h"):
        assert stack.find_stack(model, path).depth == 3
        encoded = encode_samples(model, samples)
        settle(model, encoded)
        for name, vectors in read(model, encoded).items():
            np.testing.assert_array_equal(vectors, expected[name])
    with pytest.raises(OrreryError, match=r"models.mine.blocks: 'layers' is no list of modules; its lists are h\."):
        stack.find_stack(model, "layers")


@pytest.mark.parametrize("kind, blocks, better", [
    ("xlm", "ffns", "take the key out to read these hidden states"),
    ("xlm", "attentions", "take the key out to read these hidden states"),
    ("gpt2", "parts", "write h"),
])  # fmt: skip
def test_a_named_stack_is_checked_against_the_hidden_states(kind, blocks, better):
    model = registry.load(kind)
    if kind == "gpt2":
        model.model.parts = torch.nn.ModuleList([block.mlp for block in model.model.h])
    sentence = rf"models.{kind}.blocks: {blocks} does not give the hidden states that the model reports; {better}\."
    with pytest.raises(OrreryError, match=sentence):
        stack.find_stack(model, blocks)


@pytest.mark.parametrize("blocks, sentence", [
    ("ffns", "ffns is no stack of blocks: number 1 is not given what number 0 makes"),
    ("attentions", "attentions is no stack of blocks: number 1 is not given what number 0 makes"),
    ("some", "some is called 2 times, but the model has 3 blocks"),
])  # fmt: skip
def test_a_named_stack_is_checked_without_hidden_states(blocks, sentence):
    model = without_states(registry.load("xlm"))
    model.model.some = torch.nn.ModuleList(list(model.model.ffns)[1:])
    with pytest.raises(OrreryError, match=f"models.xlm.blocks: {sentence}"):
        stack.find_stack(model, blocks)


def test_some_layers_only(tiny_model, samples):
    model = open_model(tiny_model)
    encoded = encode_samples(model, samples)
    assert list(layer_widths(model, ["attn_out", "resid_post"], [1, "final"])) == ["01-attn", "01", "final"]
    np.testing.assert_array_equal(read(model, encoded, store=[1])["01"], read(model, encoded)["01"])
    with pytest.raises(OrreryError, match="models.model.store: 3 is out of range; the blocks are 0 to 2"):
        layer_widths(model, store=[3])


def test_a_device_that_is_not_there_is_named(tiny_model):
    with pytest.raises(OrreryError, match="models.m.device: 'cuda:7' is not to be had here"):
        models.load(tiny_model, "m", device="cuda:7")
    with pytest.raises(OrreryError, match=r"models.m.quantization: 8bit needs"):
        models.load(tiny_model, "m", device="cpu", quantization="8bit")


def test_a_model_spread_over_devices(tiny_model, tmp_path, samples):
    """By accelerate, here over memory and disk."""
    from accelerate import disk_offload

    model, spread = open_model(tiny_model), stack.find_stack(models.load(tiny_model, device="spread"))
    disk_offload(spread.model, tmp_path / "offloaded", torch.device("cpu"))
    assert next(spread.model.parameters()).device.type == "meta"
    encoded = encode_samples(model, samples)
    for which in ({}, {"store": [0]}, {"sites": ["attn_out", "mlp_out"]}):
        expected, found = read(model, encoded, **which), read(spread, encoded, **which)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])


def test_pickled_weights_load_where_they_are_allowed(tmp_path, tiny_model):
    import shutil

    shutil.copytree(tiny_model, tmp_path / "m")
    weights = models.load(tiny_model, device="cpu").model.state_dict()
    torch.save({f"transformer.{k}": v for k, v in weights.items()}, tmp_path / "m" / "pytorch_model.bin")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(OrreryError, match=r"only pickled weights \(pytorch_model\.bin\)"):
        models.load(tmp_path / "m", device="cpu")
    loaded = models.load(tmp_path / "m", device="cpu", allow_pickle=True).model.state_dict()
    torch.testing.assert_close(loaded["h.0.ln_1.weight"], weights["h.0.ln_1.weight"])


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(OrreryError, match=r"models\.m\.asset: the folder has no weights"):
        models.load(tmp_path, "m")
    with pytest.raises(OrreryError, match="no model that transformers can load"):
        models.load(tmp_path, "m", weights="random")


def test_batches_hold_everything_once_and_keep_the_budget(rng):
    lengths = rng.integers(1, 60, 200).tolist()
    groups = batches(lengths, 128)
    assert sorted(i for g in groups for i in g) == list(range(200))
    assert all(len(g) * max(lengths[i] for i in g) <= 128 or len(g) == 1 for g in groups)
    assert batches([], 10) == []
    assert batches([3, 5, 3, 5], 100, padded=False) == [[1, 3], [0, 2]]


def test_vocabulary_rows(tmp_path):
    loaded = models.load(make_model(tmp_path / "llama", "llama"), device="cpu", head=True)
    rows = vocabulary.embedding_rows(loaded, [3, 7, 300])
    torch.testing.assert_close(torch.tensor(rows["embed"]), loaded.model.model.embed_tokens.weight.data[[3, 7, 300]])
    torch.testing.assert_close(torch.tensor(rows["unembed"]), loaded.model.lm_head.weight.data[[3, 7, 300]])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_row_of_a_vocabulary_that_is_not_finite_is_an_error(tiny_model, bad):
    loaded = models.load(tiny_model, device="cpu", head=True)
    loaded.model.get_input_embeddings().weight.data[7, 5] = bad
    with pytest.raises(
        OrreryError, match=r"embed has numbers that are not finite for 1 of 3 tokens, the first with id 7;"
    ):
        vocabulary.embedding_rows(loaded, [3, 7, 300])
    assert np.isfinite(vocabulary.embedding_rows(loaded, [3, 300])["embed"]).all()


def test_single_token_integers_and_as_many_random_tokens(tiny_model):
    tokenizer = models.load(tiny_model, device="cpu").tokenizer
    integers = {"concept": {"integers": {"start": 0, "stop": "single-token"}}, "values": {}}
    labels, values, ids, form, dropped = vocabulary.vocabulary_set(tokenizer, integers, 0, 600)
    assert form == "spaced" and not dropped  # the tokenizer was trained on numbers after a space
    assert labels == [str(n) for n in range(len(labels))] and values == list(range(len(labels))) and len(labels) >= 10
    assert vocabulary.single_token(tokenizer, f" {len(labels)}") is None
    drawn = {"concept": {"random_tokens": {"like": "integers"}}, "values": {}, "like": integers}
    random = vocabulary.vocabulary_set(tokenizer, drawn, 0, 600).ids
    assert len(random) == len(set(random)) == len(ids) and not set(random) & set(ids)
    assert random == vocabulary.vocabulary_set(tokenizer, drawn, 0, 600).ids
    assert random != vocabulary.vocabulary_set(tokenizer, drawn, 1, 600).ids
    assert not set(random) & set(tokenizer.all_special_ids)


def test_labels_that_are_no_single_tokens_are_named(tiny_model):
    tokenizer = models.load(tiny_model, device="cpu").tokenizer
    spec = {"concept": {"labels": []}, "values": {"antidisestablishment": 0.0, "Monday": 1.0}}
    with pytest.raises(OrreryError, match="only 0 bare and 1 spaced labels are single tokens"):
        vocabulary.vocabulary_set(tokenizer, spec, 0, 600)
