"""Texts as long as a job's are read as the model gives each alone, also where short ones say something else."""

import pytest
import registry
import torch
from orrery import capture, stack
from orrery.agreement import settle
from orrery.errors import OrreryError


@pytest.mark.parametrize("kind", ["llama", "gpt2", "moshi", "qwen3_vl_moe", "mistral", "gemma2"])
@pytest.mark.parametrize("window", [3, 8])
def test_a_sliding_window_in_the_configuration(kind, window):
    """A model may use it or not; no key that it looks at is dropped from a shared prefix."""
    part = {"text_config": {"sliding_window": window}} if kind == "qwen3_vl_moe" else {"sliding_window": window}
    outcome, detail = registry.check(kind, **part)
    assert outcome == "equal" and detail[4:6] == ("yes", "yes"), detail


def test_a_cache_that_drops_keys_is_not_used(monkeypatch, capsys):
    """Longer texts than six tokens show it."""
    import transformers

    monkeypatch.setattr(stack, "cache_of", cache_of_ten_keys := _dropping(transformers.DynamicCache))
    monkeypatch.setattr(capture, "cache_of", cache_of_ten_keys)
    outcome, detail = registry.check("llama")
    assert outcome == "equal" and detail[4:6] == ("yes", "no")
    assert "models.llama: a shared prefix changes its vectors; each text is read whole" in capsys.readouterr().out


def _dropping(cache_class):
    def cache_of(loaded, tokens, which, stop=()):
        cache = cache_class()
        loaded.model(input_ids=tokens, past_key_values=cache, use_cache=True)
        cache.batch_select_indices(torch.tensor(which))
        for layer in cache.layers:
            layer.keys[:, :, :-10] = 0
        return cache

    return cache_of


@pytest.mark.parametrize("kind", ["big_bird", "bigbird_pegasus"])
def test_a_model_that_short_texts_change(kind):
    """Block-sparse attention is turned off for good by a text of few blocks; here each text is read as the first."""
    model = registry.build(kind)
    if kind == "big_bird":
        model(input_ids=torch.tensor([stack.PROBE]))
        assert model.attention_type == "original_full"
    outcome, detail = registry.check(kind)
    assert outcome == "equal" and detail[4] == "no", detail


@pytest.mark.parametrize("length", [27, 29, 60])
def test_sparse_attention_begins_at_a_length(length):
    encoded = registry.texts(longest=length)
    assert registry.check("big_bird", encoded)[0] == "equal"


def test_what_running_changes_is_put_back():
    loaded = stack.find_stack(registry.load("big_bird"))
    assert loaded.model.attention_type == loaded.model.config.attention_type == "block_sparse"
    loaded = stack.find_stack(registry.load("qwen3_vl_moe"))
    assert all(getattr(module, "rope_deltas", None) is None for module in loaded.model.modules())


def test_a_model_that_is_random_by_design_is_refused():
    outcome, sentence = registry.check("reformer")
    assert outcome == "refused"
    assert "two runs of one text of 60 tokens differ by " in sentence
    assert (
        "ReformerModel is random by design and is not read; fix its seed in config.json or leave the model out"
        in sentence
    )
    assert registry.check("reformer", hash_seed=3)[0] == "equal"


def test_noise_in_any_model_is_refused():
    model = registry.load("bert")
    model.model.encoder.layer[1].register_forward_hook(lambda m, a, out: out + 0.01 * torch.randn_like(out))
    with pytest.raises(OrreryError, match="differ by [0-9]+%: BertModel is random by design"):
        settle(stack.find_stack(model), registry.texts())


def test_a_model_that_looks_ahead_in_long_texts_is_refused():
    model = registry.load("llama")

    def mix(module, args, output):
        return output + output.mean(1, keepdim=True) if output.shape[1] > 20 else output

    model.model.layers[1].register_forward_hook(mix)
    with pytest.raises(
        OrreryError, match="LlamaModel: looks only back in a text of six tokens, but ahead in one of 60"
    ):
        settle(stack.find_stack(model), registry.texts())


def test_a_layer_that_is_another_in_long_texts_is_refused():
    """Of what a block makes the last row comes first, after the model has noted it."""
    model = stack.find_stack(registry.load("bert"))
    model.blocks[1].register_forward_hook(lambda m, args, out: out.flip(1) if out.shape[1] > 20 else out)
    settle(model, registry.texts(longest=19))
    with pytest.raises(
        OrreryError, match="BertModel: layer 01 is not the hidden state that the model reports for a text"
    ):
        settle(model, registry.texts())


def test_no_memory_for_the_comparison_is_said(capsys):
    model = stack.find_stack(registry.load("bert"))

    def refuse(module, args, kwargs):
        if kwargs.get("output_hidden_states"):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model.model.register_forward_pre_hook(refuse, with_kwargs=True)
    settle(model, registry.texts())
    assert "models.bert: no memory to compare texts" in capsys.readouterr().out


def test_a_text_that_the_model_does_not_take_is_named():
    """Rows of a table of positions are counted, not only read in the configuration."""
    model = stack.find_stack(registry.load("roberta"))
    assert model.max_tokens == model.positions == 63  # of 64 the first is for padding
    assert settle(model, registry.texts(longest=63)) is None
    with pytest.raises(OrreryError, match="RobertaModel does not take a text of 64 tokens .*context_tokens to"):
        settle(model, registry.texts(longest=64))


@pytest.mark.parametrize(
    "kind, tokens",
    [("gpt2", 64), ("opt", 64), ("roberta", 63), ("mpnet", 62), ("bart", 64), ("longformer", 127), ("led", 128),
     ("esm", 126), ("clip", 77), ("dpr", 128)],
)  # fmt: skip
def test_the_longest_context_of_a_table_of_positions(kind, tokens):
    """Rows before the first position do not count, nor does what a model pads a text to; one token more fails."""
    model = stack.find_stack(registry.load(kind))
    assert model.max_tokens == tokens
    stack.run(model, [5] * tokens)
    with pytest.raises((IndexError, RuntimeError, ValueError)):
        stack.run(model, [5] * (tokens + 1))


def test_a_configuration_with_another_name_for_the_longest_context():
    model = stack.find_stack(registry.load("mpt", registry.build("mpt", max_seq_len=50)))
    assert model.positions is None and model.max_tokens == 50
    model.tokenizer.model_max_length = 40
    assert model.max_tokens == 40


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3n_text", "bert", "mamba", "longformer"])
def test_rounding_of_16_bits_is_no_difference(kind, dtype):
    """No model is refused for it, and a causal one still shares prefixes."""
    model = stack.find_stack(registry.load(kind, registry.build(kind).to(dtype)))
    shares = model.shares
    settle(model, registry.texts())
    assert model.shares == shares


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_noise_beyond_rounding_is_refused_in_16_bits(dtype):
    model = stack.find_stack(registry.load("bert", registry.build("bert").to(dtype)))
    model.blocks[1].register_forward_hook(lambda m, a, out: out + 0.7 * torch.randn_like(out))
    with pytest.raises(OrreryError, match="BertModel is random by design"):
        settle(model, registry.texts())
