"""Every architecture is read right: each layer is the model's own hidden state, whatever the batch."""

from types import SimpleNamespace

import numpy as np
import pytest
import registry
import torch
from architectures import ARCHITECTURES, tiny
from orrery import activations, stack, sublayers
from orrery.errors import OrreryError
from orrery.models import LanguageModel

CLOSE = {"rtol": 1e-4, "atol": 2e-5}  # of float32, through three blocks
BY_BLOCKS = ("mamba", "mamba2", "falcon_mamba", "rwkv")  # report what blocks make, not what they are given
NORMED_AFTER = ("openai-gpt", "bert", "roberta", "distilbert", "electra", "deberta", "deberta-v2", "albert", "mpnet",
                "nomic_bert", "convbert", "roformer", "fnet", "bart", "marian")  # fmt: skip
NOT_SUMS = ("falcon_h1",)  # three sublayers at once
ATTENTION_ALONE = ("rwkv",)  # block 0 norms the stream itself
NOT_SHARED = (
    "mamba",
    "mamba2",
    "falcon_mamba",
    "rwkv",
    "recurrent_gemma",
    "jamba",
    "bamba",
    "falcon_h1",
    "qwen3_next",
    "openai-gpt",
)  # recurrent states are no keys and values; the first GPT has no cache
ONE_SUBLAYER = ("mamba", "mamba2", "falcon_mamba")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request):
    """A tiny random model of each architecture with its stack found."""
    tokenizer = SimpleNamespace(pad_token_id=0)
    model = LanguageModel(tiny(request.param), tokenizer, torch.device("cpu"), request.param)
    return stack.find_stack(model)


@pytest.fixture(scope="module")
def texts():
    """Token ids of texts of 3 to 20 tokens and the span that is read of each."""
    rng = np.random.default_rng(0)
    ids = [rng.integers(5, 600, n).tolist() for n in (3, 20, 7, 7, 12, 5, 20, 9)]
    last = [int(rng.integers(1, len(i))) for i in ids]
    return activations.Encoded(ids, [max(0, place - 2) for place in last], last, {})


def in_precision(kind, dtype, change=lambda model: None, **options):
    """A tiny model in a precision, its stack found."""
    model = tiny(kind, **options)
    change(model)
    return stack.find_stack(LanguageModel(model.to(dtype), SimpleNamespace(pad_token_id=0), torch.device("cpu"), kind))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "kind", ["llama", "gpt2", "gemma2", "bert", "roberta", "electra", "modernbert", "albert", "t5", "convbert"]
)
def test_direction_is_found_in_every_precision(kind, dtype):
    """Also where attention adds little, as in untrained encoders."""
    assert in_precision(kind, dtype).causal == (kind in ("llama", "gpt2", "gemma2"))
    assert kind != "convbert" or not in_precision(kind, dtype).padded


@pytest.mark.parametrize("kind", ["granite", "llama", "olmo2", "mixtral", "bert"])
def test_sublayers_are_the_same_in_every_precision(kind):
    """Also beside a stream that is much larger than what they add."""

    def enlarge(model):
        model.get_input_embeddings().weight.data *= 100

    expected = sublayers.find_sublayers(in_precision(kind, torch.float32))
    found = sublayers.find_sublayers(in_precision(kind, torch.bfloat16, enlarge))
    for a, b in zip(expected, found):
        assert {k: (v.name, pytest.approx(v.scale, rel=1e-3)) for k, v in a.items()} == {
            k: (v.name, v.scale) for k, v in b.items()
        }


def test_the_embedding_alone_after_a_shared_prefix():
    """Where positions are added to it."""
    loaded = in_precision("gpt2", torch.float32)
    ids = [[7, 8, 9, n] for n in range(20, 26)]
    encoded = activations.Encoded(ids, [3] * 6, [3] * 6, {})
    sink = activations.InMemory(6)
    activations.read_layers(loaded, encoded, ["embed"], activations.plan(loaded, encoded), sink)
    np.testing.assert_allclose(sink.layers["embed"], read(loaded, encoded)["embed"], **CLOSE)
    np.testing.assert_allclose(sink.layers["embed"][0], loaded.model(torch.tensor([ids[0]]), output_hidden_states=True)
                               .hidden_states[0][0, 3].detach(), **CLOSE)  # fmt: skip


def test_positions_that_depend_on_the_batch_are_read_in_equal_lengths():
    rope = {"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "rope_theta": 1e4,
            "original_max_position_embeddings": 8}  # fmt: skip
    loaded = in_precision("phi3", torch.float32, rope_parameters=rope)
    assert not loaded.padded and not loaded.shares


def test_a_precision_that_cannot_hold_a_model_is_named():
    def enlarge(model):
        model.layers[1].mlp.down_proj.weight.data *= 1e7

    with pytest.raises(
        OrreryError, match=r"models.llama.dtype: float16 cannot hold this model's vectors; write float32"
    ):
        in_precision("llama", torch.float16, enlarge)


def normed(vectors, config):
    """As an untrained layer norm does it."""
    eps = getattr(config, "layer_norm_epsilon", 1e-12)
    return torch.nn.functional.layer_norm(torch.tensor(vectors), vectors.shape[-1:], eps=eps).numpy()


def read(loaded, encoded, batch_tokens=10_000, order=None, sites=("resid_post",), **options):
    order = list(range(len(encoded.ids))) if order is None else order
    mixed = activations.Encoded(*([part[i] for i in order] for part in (encoded.ids, encoded.first, encoded.last)), {})
    names = list(activations.layer_widths(loaded, sites))
    sink = activations.InMemory(len(order))
    groups = activations.plan(loaded, mixed, batch_tokens)
    activations.read_layers(loaded, mixed, names, groups, sink, **options)
    return {name: sink.layers[name][np.argsort(order)] for name in names}


def test_layers_are_the_hidden_states_of_the_single_text(loaded, texts):
    """In batches of all sizes and orders."""
    mixed = np.random.default_rng(1).permutation(len(texts.ids)).tolist()
    ways = [read(loaded, texts), read(loaded, texts, batch_tokens=1), read(loaded, texts, batch_tokens=45, order=mixed)]
    for i, (ids, place) in enumerate(zip(texts.ids, texts.last)):
        with torch.inference_mode():
            output = loaded.model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        states = [state[0, place] for state in output.hidden_states]
        names = [f"{n:02d}" for n in range(loaded.depth)]
        expected = dict(zip(names if loaded.name in BY_BLOCKS else ["embed", *names[:-1]], states))
        expected["final"] = output.last_hidden_state[0, place]
        assert len(expected) == loaded.depth + 1
        for layers in ways:
            for name, state in expected.items():
                np.testing.assert_allclose(layers[name][i], state, **CLOSE, err_msg=f"layer {name}")


def test_sublayers_add_up(loaded, texts):
    if loaded.name in NOT_SUMS:
        with pytest.raises(OrreryError, match="take attn_out and mlp_out out of models"):
            sublayers.find_sublayers(loaded)
        return
    sites = ["resid_pre", "attn_out", "mlp_out", "resid_post"]
    if loaded.name in ATTENTION_ALONE:
        with pytest.raises(
            OrreryError, match="no module of block 0 of RwkvModel makes what is added after attn_out; take"
        ):
            read(loaded, texts, sites=sites)
        return
    if loaded.name in ONE_SUBLAYER:
        with pytest.raises(OrreryError, match="take mlp_out out"):
            read(loaded, texts, sites=sites)
        sites.remove("mlp_out")
    layers = read(loaded, texts, batch_tokens=45, sites=sites)
    np.testing.assert_array_equal(layers["00-pre"], layers["embed"])
    for n in range(loaded.depth):
        pre, attn, mlp = (layers.get(f"{n:02d}-{site}", np.zeros(1)) for site in ("pre", "attn", "mlp"))
        assert np.abs(attn).max() > 1e-6
        made, config = pre + attn + mlp, loaded.model.config
        if loaded.name in NORMED_AFTER:
            made = normed(normed(pre + attn, config) + mlp, config)
        np.testing.assert_allclose(made, layers[f"{n:02d}"], **CLOSE)


@pytest.mark.parametrize("kind, module", [("rwkv", "attention"), ("minimax", "self_attn")])
def test_attn_out_where_mlp_out_fails(kind, module, texts):
    """It is what the module makes for each text alone."""
    loaded = stack.find_stack(registry.load(kind))
    found = read(loaded, texts, batch_tokens=45, sites=["attn_out"])
    made = []
    for block in loaded.blocks:
        block.get_submodule(module).register_forward_hook(lambda m, args, out: made.append(stack.hidden(out)))
    for i, (ids, place) in enumerate(zip(texts.ids, texts.last)):
        made.clear()
        stack.run(loaded, ids)
        for number, states in enumerate(made):
            np.testing.assert_allclose(found[f"{number:02d}-attn"][i], states[0, place], **CLOSE)


def test_pools(loaded, texts):
    """Over the same tokens, all from the vectors of single tokens."""
    widest = max(last - first for first, last in zip(texts.first, texts.last))
    each = []
    for step in range(widest + 1):
        places = [min(first + step, last) for first, last in zip(texts.first, texts.last)]
        each.append(read(loaded, activations.Encoded(texts.ids, places, places, {})))
    for pool, by_hand in (("mean", np.mean), ("max", np.max), ("sum", np.sum), ("first", lambda x, axis: x[0])):
        layers = read(loaded, texts, batch_tokens=45, pool=pool)
        for name, vectors in layers.items():
            for i, (first, last) in enumerate(zip(texts.first, texts.last)):
                tokens = [each[step][name][i] for step in range(last - first + 1)]
                np.testing.assert_allclose(vectors[i], by_hand(tokens, axis=0), rtol=1e-4, atol=1e-4)


def test_prefixes_that_texts_share_are_read_once(loaded, texts):
    """And change no number; models whose cache does not allow it are read as always."""
    assert loaded.shares == (loaded.causal and loaded.name not in NOT_SHARED)
    rng = np.random.default_rng(2)
    begins = [rng.integers(5, 600, n).tolist() for n in (4, 9, 4)]
    ids = [begin + rng.integers(5, 600, n).tolist() for begin in begins for n in (1, 3, 2)] + texts.ids
    first = [len(begin) for begin in begins for _ in range(3)] + texts.first
    encoded = activations.Encoded(ids, first, [len(i) - 1 for i in ids[:9]] + texts.last, {})
    found, n_shared = count_tokens(loaded, encoded)
    shares, loaded.shares = loaded.shares, False
    try:
        expected, n_alone = count_tokens(loaded, encoded)
    finally:
        loaded.shares = shares
    assert n_shared < n_alone if shares else n_shared == n_alone
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], **CLOSE)


def count_tokens(loaded, encoded):
    """Layers, and how many tokens the model was given for them."""
    tokens = []
    hook = loaded.model.get_input_embeddings().register_forward_hook(
        lambda m, args, out: tokens.append(args[0].numel())
    )
    try:
        return read(loaded, encoded, batch_tokens=60, pool="mean"), sum(tokens)
    finally:
        hook.remove()


def test_reading_ends_at_the_deepest_layer(loaded, texts):
    """And gives the same numbers."""
    calls = []
    hook = loaded.blocks[-1].register_forward_hook(lambda *_: calls.append(1))
    sink = activations.InMemory(len(texts.ids))
    activations.read_layers(loaded, texts, ["embed", "00"], activations.plan(loaded, texts, 10_000), sink)
    hook.remove()
    np.testing.assert_allclose(sink.layers["00"], read(loaded, texts)["00"], **CLOSE)
    assert len(calls) <= 1  # one where it is the same module that is called again and again
