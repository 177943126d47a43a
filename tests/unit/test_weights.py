"""What the weights' files hold is what is read, or one sentence says what they lack."""

import contextlib
import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
import transformers as tf
from architectures import ARCHITECTURES, SMALL
from orrery import assets, models, stack, vocabulary
from orrery.errors import OrreryError
from safetensors.torch import load_file, save_file
from tools import make_model, make_tokenizer


def changed(folder, target, weights=lambda w: w, **config):
    """A copy of a model's folder with other weights or another config.json; the folder."""
    shutil.copytree(folder, target)
    save_file(weights(load_file(folder / "model.safetensors")), target / "model.safetensors", {"format": "pt"})
    made = json.loads((target / "config.json").read_text()) | config
    (target / "config.json").write_text(json.dumps(made))
    return target


def read(folder, **options):
    """A loaded model with its stack found."""
    return stack.find_stack(models.load(folder, "m", device="cpu", **options))


def without(*parts):
    return lambda weights: {key: w for key, w in weights.items() if not any(part in key for part in parts)}


@pytest.mark.parametrize(
    "weights, config, listed",
    [
        (lambda w: w, {"n_layer": 5}, r"24 of the tensors.*h\.\{3–4\}\.attn\.c_attn\.bias, .*h\.\{3–4\}\.mlp\.c_proj\.weight\. Give"),
        (without("h.1.ln_2.bias"), {}, r"1 of the tensors that are read are missing.*there: h\.1\.ln_2\.bias\. Give the config"),
        (without("wpe"), {}, r"1 of the tensors.*there: wpe\.weight\."),
        (
            lambda w: {f"backbone.{key}": value for key, value in w.items()},
            {},
            r"40 of the tensors.*h\.\{0–2\}\.ln_1\.bias.*without a place in the model: backbone\.transformer\.h\.\{0–2\}\.attn",
        ),
        (lambda w: w, {"n_positions": 96}, r"wpe\.weight \(64 × 32 in the file, 96 × 32 by config\.json\)\. Give"),
        (lambda w: w, {"n_inner": 64}, r"h\.\{0–2\}\.mlp\.c_fc\.weight \(32 × 128 in the file, 32 × 64 by"),
    ],
)  # fmt: skip
def test_tensors_that_are_read_and_are_not_there_are_listed(tmp_path, tiny_model, weights, config, listed):
    folder = changed(tiny_model, tmp_path / "m", weights, **config)
    with pytest.raises(OrreryError, match=rf"^models\.m\.asset: .*{listed}"):
        read(folder)
    assert read(folder, weights="random").depth == config.get("n_layer", 3)


def test_heads_that_are_never_read_may_be_missing_or_of_another_shape(tmp_path):
    whole = make_model(tmp_path / "bert", "bert")  # a masked language model: there is no pooler
    model = read(whole)
    assert [one.key for one in model.missing] == ["pooler.dense.bias", "pooler.dense.weight"]
    tf.BertModel.from_pretrained(whole).save_pretrained(tmp_path / "pooled")
    other = changed(tmp_path / "pooled", tmp_path / "other", lambda w: w | {"pooler.dense.weight": torch.ones(7, 32)})
    for file in whole.glob("tokenizer*"):
        shutil.copy(file, other)
    loaded = read(other)
    ids = torch.tensor([stack.PROBE])
    with torch.inference_mode():
        expected, found = (m.model(ids).last_hidden_state for m in (model, loaded))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert torch.isfinite(loaded.model.pooler.dense.weight).all()


def test_of_an_encoder_and_decoder_only_the_encoder_is_asked_for(tmp_path):
    whole = make_model(tmp_path / "t5", "t5")
    folder = changed(whole, tmp_path / "m", without("decoder."))
    ids = torch.tensor([stack.PROBE])
    with torch.inference_mode():
        expected, found = (read(f).model(ids).last_hidden_state for f in (whole, folder))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    with pytest.raises(OrreryError, match=r"there: encoder\.block\.1\.layer\.0\.SelfAttention\.q\.weight"):
        read(changed(whole, tmp_path / "n", without("encoder.block.1.layer.0.SelfAttention.q")))


def test_positions_that_are_computed_need_no_tensor(tmp_path):
    """Marian does not save its sinusoidal positions."""
    tokenizer = make_tokenizer(tmp_path / "m", ["See you on Monday, number 7."] * 50)
    config = tf.MarianConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=64, pad_token_id=0)  # fmt: skip
    whole = tf.MarianMTModel(config).eval()
    whole.save_pretrained(tmp_path / "m")
    assert not any("embed_positions" in key for key in load_file(tmp_path / "m" / "model.safetensors"))
    ids = torch.tensor([stack.PROBE])
    with torch.inference_mode():
        expected = whole.get_encoder()(ids).last_hidden_state
        torch.testing.assert_close(read(tmp_path / "m").model(ids).last_hidden_state, expected)


def test_an_expert_that_a_short_text_does_not_go_through_is_read(tmp_path):
    tokenizer = make_tokenizer(tmp_path / "m", ["See you on Monday, number 7."] * 50)
    config = tf.MixtralConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, num_local_experts=16, num_experts_per_tok=1)  # fmt: skip
    tf.MixtralForCausalLM(config).save_pretrained(tmp_path / "m")
    assert read(tmp_path / "m").depth == 2
    keys = sorted(load_file(tmp_path / "m" / "model.safetensors"))
    expert = [key for key in keys if "layers.1." in key and ".experts.7." in key]
    assert len(expert) == 3
    with pytest.raises(
        OrreryError, match=r"cannot be put together from those in .*: layers\.1\.mlp\.experts\.\w+; one of"
    ):
        read(changed(tmp_path / "m", tmp_path / "n", without(expert[0])))
    both = [key for key in keys if key.endswith("experts.7.w1.weight")]
    with pytest.raises(
        OrreryError, match=r"cannot be put together from those in .*: layers\.\{0, 1\}\.mlp\.experts\.\w+; one of"
    ):
        read(changed(tmp_path / "m", tmp_path / "p", without(*both)))
    with pytest.raises(OrreryError, match=r"layers\.1\.mlp\.experts\.down_proj \(15 × .* in the file, 16 × "):
        read(changed(tmp_path / "m", tmp_path / "o", without(*expert)))


def test_tensors_without_a_place_in_the_blocks_are_said(tmp_path, tiny_model, capsys, monkeypatch):
    said = []
    monkeypatch.setattr("orrery.missing.note", said.append)
    read(changed(tiny_model, tmp_path / "m", n_layer=2))
    assert len(said) == 1 and "11 tensors of the model's files have no place" in said[0]
    assert "transformer.h.2.attn.c_attn.weight" in said[0]
    extra = {"transformer.h.0.attn.q_proj.bias": torch.zeros(32), "v_head.weight": torch.zeros(1, 32)}
    read(changed(tiny_model, tmp_path / "n", lambda w: w | extra))
    assert "1 tensors of" in said[1] and "attn.q_proj.bias" in said[1] and "v_head" not in said[1]


def test_the_vocabulary_of_a_model_that_lacks_a_matrix(tmp_path):
    whole = make_model(tmp_path / "llama", "llama")
    headless = models.load(changed(whole, tmp_path / "m", without("lm_head")), "m", device="cpu", head=True)
    rows = vocabulary.embedding_rows(headless, [3, 7])
    assert list(rows) == ["embed"]
    np.testing.assert_array_equal(
        rows["embed"], load_file(whole / "model.safetensors")["model.embed_tokens.weight"][[3, 7]]
    )
    lost = models.load(changed(whole, tmp_path / "n", without("embed_tokens")), "m", device="cpu", head=True)
    with pytest.raises(OrreryError, match=r"models\.m\.asset: 1 of .*there: model\.embed_tokens\.weight\."):
        vocabulary.embedding_rows(lost, [3, 7])


def digests(folder):
    """What `describe` says of a model's weights and adapter."""
    said = models.describe(models.load(folder, "m", device="cpu"), folder)
    return said["weights_sha256"], said["adapter"]


def test_the_digest_of_the_weights(tmp_path, tiny_model):
    """Of one file that of sha256sum, of several that of its output; noted once, when the asset is fetched."""
    assets.fetch("one", {"path": str(tiny_model)}, tmp_path / "assets" / "one")
    expected = hashlib.sha256((tiny_model / "model.safetensors").read_bytes()).hexdigest()
    assert digests(tmp_path / "assets" / "one") == (expected, {})
    assert assets.facts_of(tmp_path / "assets" / "one")["weights_sha256"] == expected
    tf.GPT2LMHeadModel.from_pretrained(tiny_model).save_pretrained(tmp_path / "many", max_shard_size="60KB")
    for file in tiny_model.glob("tokenizer*"):
        shutil.copy(file, tmp_path / "many")
    assets.fetch("many", {"path": str(tmp_path / "many")}, tmp_path / "assets" / "many")
    shards = sorted((tmp_path / "many").glob("model-*.safetensors"))
    assert len(shards) > 2
    lines = subprocess.run(
        ["sha256sum", *[s.name for s in shards]], cwd=tmp_path / "many", capture_output=True, check=True
    )
    assert digests(tmp_path / "assets" / "many")[0] == hashlib.sha256(lines.stdout).hexdigest()
    shards[1].unlink()
    with pytest.raises(
        OrreryError, match=r"model\.safetensors\.index\.json lists model-00002-of-\d+\.safetensors, which is not there"
    ):
        models.load(tmp_path / "assets" / "many", device="cpu")


def test_random_weights_have_no_digest(tmp_path, tiny_model):
    assets.fetch("one", {"path": str(tiny_model)}, tmp_path / "one")
    loaded = models.load(tmp_path / "one", device="cpu", weights="random")
    assert models.describe(loaded, tmp_path / "one")["weights_sha256"] == ""
    (tmp_path / "one" / "model.safetensors").unlink()
    assert models.load(tmp_path / "one", device="cpu", weights="random").model.config.n_layer == 3


def test_an_asset_without_a_digest_gets_it_when_it_is_read(tmp_path, tiny_model):
    shutil.copytree(tiny_model, tmp_path / "m")
    (tmp_path / "m" / "asset.json").write_text('{"asset": "m"}')
    assert digests(tmp_path / "m")[0] == hashlib.sha256((tiny_model / "model.safetensors").read_bytes()).hexdigest()


def test_assets_of_different_names_with_the_same_weights_are_said(tmp_path, tiny_model, monkeypatch):
    said = []
    monkeypatch.setattr("orrery.assets.note", said.append)
    for name in ("step-1000", "step-2000"):
        assets.fetch(name, {"path": str(tiny_model), "licence": name}, tmp_path / name)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "asset.json").write_text("{")  # another job is at it
    assets.fetch("other", {"path": str(make_model(tmp_path / "src", seed=1))}, tmp_path / "other")
    assets.fetch("step-1000", {"path": str(tiny_model)}, tmp_path / "step-1000")
    assert len(said) == 2
    assert all("the assets step-1000 and step-2000 have the same weights (sha256 " in sentence for sentence in said)


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_flipped_bit_of_a_model_is_found(tmp_path, file):
    assets.fetch("m", {"path": str(make_model(tmp_path / "src"))}, tmp_path / "m")
    data = bytearray((tmp_path / "src" / file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "src" / file).write_bytes(data)
    with pytest.raises(
        OrreryError, match=rf"{file} is not the file that was fetched: it is damaged, or was edited since"
    ):
        models.load(tmp_path / "m", device="cpu")
    with pytest.raises(OrreryError) if file != "model.safetensors" else contextlib.nullcontext():
        models.load(tmp_path / "m", device="cpu", weights="random")


# Other forms of weights


@pytest.mark.parametrize(
    "options, named",
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"}, "awq"),
        ({"quant_method": "compressed-tensors", "format": "pack-quantized"}, "compressed-tensors"),
        (
            {"quant_method": "torchao", "quant_type": {"default": {"_type": "Int8WeightOnlyConfig", "_data": {}}}},
            "torchao",
        ),
        ({"quant_method": "hqq", "quant_config": {}}, "hqq"),
        ({"quant_method": "eetq"}, "eetq"),
    ],
)
def test_weights_that_are_quantised_already(tmp_path, options, named):
    """Refused with what is to be installed; the untrained twin needs none of it."""
    folder = changed(make_model(tmp_path / "src", "llama"), tmp_path / "m", quantization_config=options)
    pattern = rf"^models\.m\.asset: the weights in .* are quantised by {named}, and transformers cannot load them here \(.+\); install"
    with pytest.raises(OrreryError, match=pattern) as e:
        read(folder)
    assert "\n" not in str(e.value)
    assert read(folder, weights="random").depth == 3


def test_quantised_weights_that_config_json_does_not_speak_of(tmp_path):
    """The names of GPTQ's tensors, and no word of it in config.json."""

    def packed(weights):
        return {
            key.replace("proj.weight", "proj.qweight"): w.to(torch.int32) if "proj" in key else w
            for key, w in weights.items()
        }

    with pytest.raises(
        OrreryError, match=r"21 of the tensors.*layers\.\{0–2\}\.mlp\.down_proj\.weight, .*down_proj\.qweight"
    ):
        read(changed(make_model(tmp_path / "src", "llama"), tmp_path / "m", packed))


def adapted(folder, target, rank=2):
    """A copy of a GPT-2 with an adapter beside it, as peft writes it; what the adapter adds to c_attn of block 1, (in, out)."""
    shutil.copytree(folder, target)
    rng = torch.Generator().manual_seed(0)
    down, up = torch.randn(rank, 32, generator=rng), torch.randn(96, rank, generator=rng)
    name = "base_model.model.transformer.h.1.attn.c_attn.lora_{}.weight"
    save_file({name.format("A"): down, name.format("B"): up}, target / "adapter_model.safetensors", {"format": "pt"})
    config = {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": rank, "lora_alpha": 2 * rank,
              "target_modules": "transformer.h.1.attn.c_attn|h.1.attn.c_attn", "fan_in_fan_out": True,
              "task_type": "CAUSAL_LM"}  # fmt: skip
    (target / "adapter_config.json").write_text(json.dumps(config))
    return 2 * (up @ down).T


def test_an_adapter_beside_a_model(tmp_path, tiny_model):
    """Refused without peft, else read with the model and reported."""
    added = adapted(tiny_model, tmp_path / "m")
    try:
        import peft  # noqa: F401
    except ImportError:
        with pytest.raises(
            OrreryError, match=r"m holds an adapter \(adapter_config\.json\), and peft is not installed"
        ):
            read(tmp_path / "m")
        return
    (tmp_path / "m" / "asset.json").write_text('{"asset": "m"}')
    loaded = read(tmp_path / "m")
    merged = changed(tiny_model, tmp_path / "n", lambda w: w | {ATTENTION: w[ATTENTION] + added})
    ids = torch.tensor([stack.PROBE])
    with torch.inference_mode():
        found, expected, plain = (m.model(ids).last_hidden_state for m in (loaded, read(merged), read(tiny_model)))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found, plain, atol=1e-2)
    digest = hashlib.sha256((tmp_path / "m" / "adapter_model.safetensors").read_bytes()).hexdigest()
    said = models.describe(loaded, tmp_path / "m")["adapter"]
    assert said == {"base": "org/base", "file": "adapter_model.safetensors", "sha256": digest}
    (tmp_path / "m" / "config.json").write_text(
        (tiny_model / "config.json").read_text().replace('"n_layer": 3', '"n_layer": 4')
    )
    with pytest.raises(OrreryError, match=r"12 of the tensors that are read are missing.*h\.3\."):
        read(tmp_path / "m")


@pytest.mark.parametrize("dtype, named", [(torch.float8_e4m3fn, "F8_E4M3"), (torch.int8, "I8")])
@pytest.mark.parametrize("config", [{}, {"quantization_config": {"quant_method": "zigzag"}}])
def test_weights_of_a_few_bits_without_a_word_of_how(tmp_path, dtype, named, config):
    """transformers would read the numbers without their scales."""

    def packed(weights):
        scales = {key.replace("weight", "weight_scale"): torch.ones(1) for key in weights if "proj" in key}
        return scales | {key: w.to(dtype) if "proj" in key else w for key, w in weights.items()}

    whole = make_model(tmp_path / "src", "llama")
    with pytest.raises(
        OrreryError, match=rf"layers\.\{{0–2\}}\.mlp\.down_proj\.weight, .* are stored as {named}, and config"
    ):
        read(changed(whole, tmp_path / "m", packed, **config))
    assert read(changed(whole, tmp_path / "n", lambda w: {k: x.bfloat16() for k, x in w.items()})).depth == 3


ATTENTION = "transformer.h.1.attn.c_attn.weight"


def test_an_adapter_alone_is_refused(tmp_path, tiny_model):
    """Its base model would come from a cache, whatever it holds."""
    adapted(tiny_model, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(
        OrreryError, match=r"holds an adapter of 'org/base' and not that model's own weights; put the files"
    ):
        read(tmp_path / "m")


def test_a_pickled_adapter_is_refused(tmp_path, tiny_model):
    adapted(tiny_model, tmp_path / "m")
    (tmp_path / "m" / "adapter_model.safetensors").rename(tmp_path / "m" / "adapter_model.bin")
    with pytest.raises(
        OrreryError, match=r"the adapter is pickled \(adapter_model\.bin\), and a pickle can run any code"
    ):
        read(tmp_path / "m")


def test_weights_under_another_name_are_named(tmp_path, tiny_model):
    shutil.copytree(tiny_model, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").rename(tmp_path / "m" / "consolidated.safetensors")
    with pytest.raises(
        OrreryError, match=r"reads weights from model\.safetensors or .*has only consolidated\.safetensors; rename"
    ):
        read(tmp_path / "m")


def test_weights_that_config_json_names(tmp_path, tiny_model):
    """transformers reads them before model.safetensors; so the digest is theirs."""
    folder = changed(tiny_model, tmp_path / "m", transformers_weights="mine.safetensors")
    save_file(
        {k: w + 1 for k, w in load_file(tiny_model / "model.safetensors").items()},
        folder / "mine.safetensors",
        {"format": "pt"},
    )
    assets.fetch("m", {"path": str(folder)}, tmp_path / "out")
    loaded = models.load(tmp_path / "out", device="cpu")
    expected = load_file(folder / "mine.safetensors")["transformer.h.0.ln_1.weight"]
    torch.testing.assert_close(loaded.model.h[0].ln_1.weight.data, expected)
    assert digests(tmp_path / "out")[0] == hashlib.sha256((folder / "mine.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "file, text, sentence",
    [
        ("config.json", '{"model_type": "gpt2", ', r"config\.json: this is no JSON \(.*\); the file is damaged"),
        ("model.safetensors.index.json", '{"metadata"', r"index\.json: this is no JSON"),
        ("model.safetensors.index.json", "{}", r"index\.json has no weight_map, so it lists no weights"),
        ("adapter_config.json", "{}", r"adapter_config\.json is there, but none of adapter_model\.safetensors"),
        (".checksums.json", "{", r"\.checksums\.json: this is no JSON"),
    ],
)
def test_damaged_files_beside_the_weights(tmp_path, tiny_model, file, text, sentence):
    shutil.copytree(tiny_model, tmp_path / "m")
    if "index" in file:
        (tmp_path / "m" / "model.safetensors").unlink()
    (tmp_path / "m" / file).write_text(text)
    with pytest.raises(OrreryError, match=sentence):
        models.load(tmp_path / "m", "m", device="cpu")


@pytest.mark.parametrize(
    "kind", ["gptj", "bloom", "mamba", "rwkv", "deepseek_v3", "distilbert", "deberta-v2", "roberta"]
)
def test_checkpoints_with_heads_of_many_architectures(tmp_path, kind):
    """What they lack beside the head is not read; a tensor of a block that they lose is missed."""
    config = {key: value for key, value in {**SMALL, **ARCHITECTURES[kind]}.items() if value is not None}
    config = tf.AutoConfig.for_model(kind, **config)
    masked = type(config) in tf.AutoModelForMaskedLM._model_mapping
    made = (tf.AutoModelForMaskedLM if masked else tf.AutoModelForCausalLM).from_config(config)
    make_tokenizer(tmp_path / "m", ["See you on Monday, number 7."] * 50)
    made.save_pretrained(tmp_path / "m")
    loaded = read(tmp_path / "m")
    inside = {name for name, _ in loaded.model.named_parameters() if ".1." in name}
    saved = load_file(tmp_path / "m" / "model.safetensors")
    lost = next(key for key in sorted(saved) if key.partition(".")[2] in inside)
    with pytest.raises(OrreryError, match=r"1 of the tensors that are read are missing"):
        read(changed(tmp_path / "m", tmp_path / "n", without(lost)))
