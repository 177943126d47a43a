"""GGUF files are converted whole, or one sentence says why not."""

import gguf
import numpy as np
import pytest
from orrery import assets
from orrery.errors import OrreryError
from safetensors.numpy import load_file

WIDTH, INNER, BLOCKS = 32, 48, 2
TOKENS = ["<unk>", "<s>", "</s>", *map(chr, range(33, 127)), "Ġ", "Mo", "nd", "ay"]
MERGES = ["M o", "n d", "a y"]
SIZES = {"attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH), "attn_output": (WIDTH, WIDTH),
         "ffn_gate": (INNER, WIDTH), "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER), "attn_norm": (WIDTH,),
         "ffn_norm": (WIDTH,)}  # fmt: skip


def write_gguf(path, architecture="llama", without=""):
    """A tiny model with every tensor but those whose names hold `without`; its tensors by name."""
    rng, writer = np.random.default_rng(0), gguf.GGUFWriter(path, architecture)
    writer.add_block_count(BLOCKS)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(8)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([1] * len(TOKENS))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    names = {f"blk.{n}.{name}.weight": size for n in range(BLOCKS) for name, size in SIZES.items()}
    names |= {
        "token_embd.weight": (len(TOKENS), WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (len(TOKENS), WIDTH),
    }
    tensors = {name: rng.standard_normal(size).astype(np.float32) for name, size in names.items()}
    for name, tensor in tensors.items():
        if not without or without not in name:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def fetch(tmp_path):
    assets.fetch("mine", {"path": str(tmp_path / "m.gguf"), "convert": "gguf"}, tmp_path / "out")


def test_a_whole_file_becomes_safetensors(tmp_path):
    tensors = write_gguf(tmp_path / "m.gguf")
    fetch(tmp_path)
    made = load_file(tmp_path / "out" / "model.safetensors")
    np.testing.assert_array_equal(made["model.layers.1.mlp.down_proj.weight"], tensors["blk.1.ffn_down.weight"])
    np.testing.assert_array_equal(made["lm_head.weight"], tensors["output.weight"])
    assert len(assets.facts_of(tmp_path / "out")["weights_sha256"]) == 64


@pytest.mark.parametrize(
    "options, sentence",
    [
        (
            {"architecture": "zigzag"},
            r"cannot read m\.gguf, a GGUF model of the architecture 'zigzag' \(.*zigzag is not supp",
        ),
        ({"architecture": "clip"}, r"of the architecture 'clip' \(.*\); give the model's safetensors\.$"),
        ({"without": "blk.1.ffn_up"}, r"m\.gguf lacks model\.layers\.1\.mlp\.up_proj\.weight, which the model has"),
        ({"without": "attn_norm"}, r"lacks model\.layers\.\{0–1\}\.input_layernorm\.weight, which the model has"),
    ],
)
def test_a_file_that_cannot_be_converted(tmp_path, options, sentence):
    write_gguf(tmp_path / "m.gguf", **options)
    with pytest.raises(OrreryError, match=rf"^assets\.mine\.convert: .*{sentence}"):
        fetch(tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"", b"GGUF", b"no model at all" * 99])
def test_what_is_no_gguf_file(tmp_path, data):
    (tmp_path / "m.gguf").write_bytes(data)
    with pytest.raises(OrreryError, match=r"^assets\.mine\.convert: transformers cannot read m\.gguf, a GGUF model \("):
        fetch(tmp_path)
