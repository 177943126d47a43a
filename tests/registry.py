"""Small random models of the architectures that transformers registers, built from their own default configurations."""

import copy
import re
from types import SimpleNamespace

import numpy as np
import torch
import transformers
from architectures import ARCHITECTURES, SMALL
from orrery import activations, stack, sublayers
from orrery.agreement import settle
from orrery.errors import OrreryError
from orrery.models import LanguageModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

LARGEST = 40_000_000  # parameters of a model that is built
# Attributes of a configuration, the first pattern that the whole name matches, and the small value they get.
RULES = (
    (r"(n_|num_)?(hidden_)?layers?|num_hidden_layers|(en|de)coder_layers|num_(en|de)coder_layers|depth|n_layers?|"
     r"num_hidden_layers_\w+|encoder_num_layers", 3),
    (r"num_key_value_heads|num_kv_heads|n_head_kv|swa_num_key_value_heads|num_query_groups|multi_query_group_num|"
     r"num_global_key_value_heads|attention_groups", 2),
    (r"(\w+_)?(n_heads?|num_heads|num_attention_heads|attention_heads)", 4),
    (r"(\w+_)?head_dim(ension)?|d_kv|attention_head_size|(\w+_)?(qk|v)_\w*head_dim|d_k|d_v|qk_nope_head_dim|v_channels", 8),
    (r"hidden_size|d_model|n_embd|n_embed|dim|embed_dim|emb_dim|embedding_size|model_dim|embedding_dim|word_embed_proj_dim|"
     r"text_embed_dim|true_hidden_size|rnn_hidden_size|hidden_dim|attention_hidden_size|lru_width|linear_hidden_size|"
     r"attention_dim|intra_bottleneck_size|hidden_size_per_layer_input|dim_model", 32),
    (r"(\w+_)?(intermediate_size|ffn_dim|ffn_hidden_size|d_ff|d_inner|n_inner|dim_ff|ffn_size|hidden_size_mlp|intermediate_dim)", 48),
    (r"vocab_size(_per_layer_input)?|text_vocab_size|num_embeddings|vocab_size_per_layer", 600),
    (r"(max_position_embeddings|n_positions|max_seq_len|n_ctx|max_sequence_length|max_\w*positions|max_\w*position_embeddings|"
     r"seq_length|context_length|max_seq_length)", 128),
    (r"num_(local_|routed_)?experts|n_routed_experts|moe_num_experts|num_experts_per_layer|moe_num_routed_experts", 4),
    (r"num_experts_per_tok(en)?|top_k_experts|moe_top_?k|moe_k|experts_per_token|topk_group|n_group|num_selected_experts|top_k", 1),
    (r"q_lora_rank|kv_lora_rank|o_lora_rank|lora_rank|latent_size|lora_r|adapter_rank", 16),
    (r"(\w+_)?sliding_window(_size)?|attention_window|window_size|attention_window_size|local_attention|chunk_size|"
     r"attention_chunk_size|local_attn_chunk_length|lsh_attn_chunk_length|mamba_chunk_size|chunk_length", 8),
    (r"block_size", 4), (r"num_buckets", 4), (r"num_hashes", 1),
    (r"num_random_blocks", 1),
    (r"pad_token_id", 0), (r"\w+_token_id|\w+_token_index|(bos|eos)_token", 1),
    (r"image_size", 32), (r"patch_size", 16),
    (r"(\w+_)?(state_size|d_state|ssm_state_size)", 8),
)  # fmt: skip
# What some need besides.
MORE = {
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "num_kv_shared_layers": 2,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "activation_sparsity_pattern": [0.0] * 4,
        "hidden_size_per_layer_input": 16,
    },
    "esm": {"vocab_size": 600, "token_dropout": False, "pad_token_id": 1, "mask_token_id": 2},
    "luke": {"entity_vocab_size": 50},
    "dots1": {"n_routed_experts": 4},
    "funnel": {"architectures": ["FunnelModel"]},
    "reformer": {
        "axial_pos_shape": [8, 16],
        "axial_pos_embds_dim": [16, 16],
        "attn_layers": ["local", "lsh", "local", "lsh"],
    },
}


# What is tried in turn until a model takes a text.
ROPE = {"rope_type": "default", "rope_theta": 1e4}  # of three axes, which share the half of a head that is turned
VARIANTS = (
    {},
    {"rope_parameters": {**ROPE, "mrope_section": [2, 1, 1]}},
    {"rope_parameters": {**ROPE, "mrope_section": [1, 1, 0]}},
    {"num_key_value_heads": 4},
    {"num_hidden_layers": 4},
    {"head_dim": 8},
    {"num_hidden_layers": 4, "head_dim": 8},
    {"num_key_value_heads": 4, "qk_head_dim": 16, "head_dim": 16},
    {"num_key_value_heads": 4, "num_hidden_layers": 4},
    {"num_hidden_layers": 5, "num_key_value_heads": 4, "head_dim": 8},
)


def _value(name, variant):
    if name in variant:
        return variant[name]
    return next((value for pattern, value in RULES if re.fullmatch(pattern, name)), None)


def small_config(cls, variant, **more):
    """A configuration of a class with every size that RULES knows small, its sub-configurations too."""
    default, options = cls(), {}
    for name, part in vars(default).items():
        if isinstance(part, transformers.PreTrainedConfig):
            options[name] = small_config(type(part), variant, **more.pop(name, {}))
        elif name in variant and isinstance(part, dict):
            options[name] = {**part, **variant[name]}
        elif isinstance(part, dict) and "mrope_section" in part:
            options[name] = {**part, "mrope_section": [2, 1, 1]}
        elif name in variant and part is None:
            options[name] = variant[name]
        elif isinstance(part, int) and not isinstance(part, bool):
            value = _value(name, variant)
            if value is not None:
                options[name] = min(part, value) if part > 0 and not name.endswith("_id") else value
    options = {**options, **more}
    return cls(**{name: value for name, value in options.items() if value != "absent"})


def kinds():
    """Names of the registered architectures with a model, in alphabetical order."""
    return sorted(kind for kind in MODEL_MAPPING_NAMES if kind in CONFIG_MAPPING_NAMES)


def _config(kind, variant, more):
    if kind in ARCHITECTURES:
        config = {key: value for key, value in {**SMALL, **ARCHITECTURES[kind], **more}.items() if value is not None}
        return transformers.AutoConfig.for_model(kind, **config)
    return small_config(transformers.CONFIG_MAPPING[kind], variant, **{**MORE.get(kind, {}), **more})


def build(kind, seed=0, **more):
    """A small random model, with matrices large enough for each part of it to count; `more` of its configuration.

    Raises
    ------
    Unbuilt
        No variant of its configuration makes a model that takes a text, or is of a size to be tried.
    """
    errors = {}
    for variant in VARIANTS:
        try:
            model = _model(_config(kind, variant, more), seed)
        except Exception as error:
            errors.setdefault(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:150]}", 0)
            continue
        try:
            stack._text_part(load(kind, model))
        except OrreryError as error:
            errors.setdefault(str(error), 0)
            if model.main_input_name != "input_ids":
                break
            continue
        return model
    raise Unbuilt(" / ".join(errors))


class Unbuilt(Exception):
    """A registered architecture that is not tried; the reasons of the variants."""


def _model(config, seed):
    config._experts_implementation = "eager"
    with torch.device("meta"):
        size = sum(p.numel() for p in transformers.AutoModel.from_config(config).parameters())
    if size > LARGEST:
        raise Unbuilt(f"{size:,} parameters")
    torch.manual_seed(seed)
    model = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter.shape[-1] ** -0.5)
            elif not torch.isfinite(parameter).all():
                parameter.normal_(1, 0.1)
    return model


def load(kind, model=None):
    """A small random model as `models.load` gives it."""
    tokenizer = SimpleNamespace(pad_token_id=0, model_max_length=1 << 20)
    return LanguageModel(build(kind) if model is None else model, tokenizer, torch.device("cpu"), kind)


OUTCOMES = ("equal", "refused", "wrong", "not built")
REPORTED = "output_hidden_states"


class Wrong(AssertionError):
    """A layer is not the hidden state of the text alone."""


def texts(tokens=600, longest=60, seed=0):
    """Token ids of texts of 4 to 60 tokens, some of which begin alike, as they are read: one vector of each."""
    rng = np.random.default_rng(seed)
    draw = lambda n: rng.integers(5, min(tokens, 600), n).tolist()  # noqa: E731
    begins = [draw(n) for n in (4, longest * 2 // 3, longest * 2 // 3)]
    shared = [begin + draw(n) for begin in begins for n in (1, longest // 3, 5)]
    alone = [draw(n) for n in (longest, 7, 7, 12, 4, longest // 2)]
    first = [len(begin) for begin in begins for _ in range(3)] + [int(rng.integers(1, len(ids))) for ids in alone]
    ids = shared + alone
    last = [int(rng.integers(at, len(text))) for at, text in zip(first, ids)]
    return activations.Encoded(ids, first, last, {})


def check(kind, encoded=None, sensible=1e-4, **more):
    """(outcome, detail): equal, refused with a sentence, or not built (most of these take no text).

    What is read in batches, with prefixes shared where they are, is compared with `output_hidden_states` of each
    text alone, given to a copy of the model that has read nothing yet.

    Raises
    ------
    Wrong
        A layer differs by more than `sensible` of its length.
    """
    try:
        model = build(kind, **more)
        untouched = copy.deepcopy(model)
        loaded = stack.find_stack(load(kind, model))
        encoded = encoded or texts(loaded.vocabulary or 600, min(60, loaded.max_tokens))
        settle(loaded, encoded, 250)
        sink, names = activations.InMemory(len(encoded.ids)), list(activations.layer_widths(loaded))
        groups = activations.plan(loaded, encoded, 250)
        activations.read_layers(loaded, encoded, names, groups, sink)
    except Unbuilt as error:
        return "not built", str(error)
    except OrreryError as error:
        return "refused", str(error)
    part = next(name for name, module in model.named_modules() if module is loaded.model)
    worst, n_layers = 0, 0
    for i, ids in enumerate(encoded.ids):
        alone = copy.deepcopy(untouched).get_submodule(part)
        with torch.inference_mode():
            output = alone(input_ids=torch.tensor([ids]), output_hidden_states=True)
        states = [stack.vectors_of(loaded, state, len(ids)) for state in output.hidden_states]
        expected = {**dict(zip(loaded.reported, states)), "final": output.last_hidden_state}
        n_layers = len(expected)
        for name, state in expected.items():
            vector = state[0, encoded.last[i]].numpy()
            off = np.linalg.norm(sink.layers[name][i] - vector) / max(np.linalg.norm(vector), 1e-30)
            if not off <= sensible:
                raise Wrong(f"text {i} of {len(ids)} tokens, layer {name}: {off:.2%} off")
            worst = max(worst, off)
    where = loaded.read_from if loaded.read_from == REPORTED or not part else f"{part}.{loaded.read_from}"
    yes = [("no", "yes")[way] for way in (loaded.padded, loaded.shares)]
    return "equal", (
        f"{worst:.0e}",
        where,
        str(n_layers),
        "back" if loaded.causal else "both",
        *yes,
        _sublayers(loaded),
    )


def _sublayers(loaded):
    """Which sublayers of a model's blocks are found."""
    try:
        found = sublayers.find_sublayers(loaded) if loaded.blocks else []
    except OrreryError:
        found = []
    return ", ".join(site for site in ("attn", "mlp") if found and all(block.get(site) for block in found)) or "none"
