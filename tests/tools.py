"""Tiny real models, copies of the workflow to run in, and the real snakemake."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "workflow", "scripts", "profiles", "envs")

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def make_tokenizer(folder, texts, add_bos=False):
    """Train a byte-level BPE on `texts` and save it as a Hugging Face tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<pad>", "<s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(texts, trainer)
    if add_bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", model_max_length=64)
    fast.save_pretrained(folder)
    return fast


def make_model(folder, kind="gpt2", seed=0, texts=None, add_bos=False):
    """Save a tiny random model of an architecture with a tokenizer of its own; the folder."""
    import torch
    import transformers as tf

    texts = texts or [f"See you on {day}, number {n}." for day in WEEKDAYS for n in range(100)]
    tokenizer = make_tokenizer(folder, texts, add_bos)
    torch.manual_seed(seed)
    small = {"vocab_size": len(tokenizer), "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
             "intermediate_size": 48, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}  # fmt: skip
    grouped = {**small, "num_key_value_heads": 2}
    model = {
        "gpt2": lambda: tf.GPT2LMHeadModel(tf.GPT2Config(
            vocab_size=len(tokenizer), n_embd=32, n_layer=3, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=1)),
        "llama": lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**grouped)),
        "gemma3": lambda: tf.Gemma3ForCausalLM(tf.Gemma3TextConfig(**grouped, head_dim=8, sliding_window=16)),
        "olmo2": lambda: tf.Olmo2ForCausalLM(tf.Olmo2Config(**grouped)),
        "bert": lambda: tf.BertForMaskedLM(tf.BertConfig(**small, max_position_embeddings=64)),
        "t5": lambda: tf.T5ForConditionalGeneration(tf.T5Config(
            vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=48, num_layers=3, num_heads=4, decoder_start_token_id=0)),
    }[kind]()  # fmt: skip
    model.eval().save_pretrained(folder)
    return folder


def copy_workflow(folder):
    """A fresh copy of everything that the workflow needs."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy(source, folder / part)
    return folder


def snakemake(folder, *arguments, env=None, timeout=900):
    """Run the real snakemake in `folder`; the finished process with its output as text."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "HF_"))}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder, env={**clean, **(env or {})}, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def write(folder, config, name="mine.yaml"):
    """Write a config file into `folder`; its name."""
    Path(folder, name).write_text(yaml.safe_dump(config))
    return name


def jobs(done):
    """rule → number of jobs that a dry run plans."""
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal", done.stdout + done.stderr, re.DOTALL)
    return (
        {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)", table.group(1), re.MULTILINE)}
        if table
        else {}
    )


def completed(folder, *configs):
    """The config of a workflow with others merged over it, checked and complete."""
    from orrery import checks

    config = yaml.safe_load(Path(folder, "config.yaml").read_text())
    for other in configs:
        config = checks.merge(config, other)
    schema = yaml.safe_load(Path(folder, "workflow/schemas/config.schema.yaml").read_text())
    checks.prepare(config, schema, sorted(Path(folder, "workflow/concepts").glob("*.yaml")))
    return config
