"""How fast layers are read on a GPU, beside the bare forward pass and the measured ceiling of the card.

    python tests/benchmarks/gpu.py [--shapes gpt2 7b] [--rounds 5]

Random weights and tokens of the shapes of GPT-2 small and Llama-7B in bfloat16, contexts of 128: nothing is fetched, and
torch, transformers and h5py are all that is needed. Prints a table of tokens/s, the ratio to the bare forward pass over
the same batches, and the share of the ceiling that the model's own operations make (a matrix product of 8192³).
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import torch
from orrery import activations, stack, store
from orrery.models import LanguageModel
from transformers import AutoModel, GPT2Config, LlamaConfig

CONTEXT = 128
SHAPES = {
    "gpt2": lambda: GPT2Config(use_cache=False),
    "7b": lambda: LlamaConfig(use_cache=False),  # transformers' defaults are Llama-7B's
    "tiny": lambda: LlamaConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4),
}


def random_model(shape, device):
    """A model with random weights, its stack found, and how many operations a token takes."""
    with torch.device(device):
        model = AutoModel.from_config(SHAPES[shape](), dtype=torch.bfloat16).eval()
    loaded = LanguageModel(model, SimpleNamespace(pad_token_id=0), torch.device(device), shape)
    stack.find_stack(loaded)
    parameters = sum(p.numel() for block in loaded.blocks for p in block.parameters())
    width = loaded.widths["stream"]
    return loaded, 2 * parameters + 2 * loaded.depth * CONTEXT * width  # causal attention: half of 4 · T · D


def random_texts(n, vocabulary):
    """Texts of the same length, each read at its last token."""
    ids = list(torch.randint(5, vocabulary, (n, CONTEXT), generator=torch.Generator().manual_seed(0)).numpy())
    return activations.Encoded(ids, [CONTEXT - 1] * n, [CONTEXT - 1] * n, {"label": [""] * n})


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(function, device):
    synchronize(device)
    began = time.perf_counter()
    function()
    synchronize(device)
    return time.perf_counter() - began


def ceiling(device, n):
    """Operations a second of a large matrix product in bfloat16, the best of ten."""
    a, b = (torch.randn(n, n, dtype=torch.bfloat16, device=device) for _ in range(2))
    return 2 * n**3 / min(seconds(lambda: a @ b, device) for _ in range(10))


@torch.inference_mode()
def bare(loaded, encoded, batches):
    """The same batches, nothing kept."""
    for rows, _ in batches:
        tokens, _ = activations._pad([encoded.ids[i] for i in rows], 0)
        loaded.model(input_ids=tokens.to(loaded.device))


def read(loaded, encoded, batches, folder):
    """Every layer, into a file."""
    layers = activations.layer_widths(loaded)
    attributes = {"stored_as": "float32"}
    with store.Growing(Path(folder, "x.h5"), layers, encoded.samples, encoded.ids, attributes, []) as file:
        activations.read_layers(loaded, encoded, list(layers), batches, file)


def row(shape, options, device, most):
    """A line of the table."""
    loaded, operations = random_model(shape, device)
    encoded = random_texts(options.texts, loaded.model.config.vocab_size)
    batches = activations.plan(loaded, encoded, options.batch_tokens)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        bare(loaded, encoded, batches[:2])
        for _ in range(options.rounds):
            alone = seconds(lambda: bare(loaded, encoded, batches), device)
            times.append((alone, seconds(lambda: read(loaded, encoded, batches, folder), device)))
    ratio = statistics.median(a / b for a, b in times)
    a, b = (options.texts * CONTEXT / statistics.median(column) for column in zip(*times))
    return f"| {shape} | {a:,.0f} | {b:,.0f} | {ratio:.3f} | {b * operations / most:.1%} |"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=["gpt2", "7b"], choices=SHAPES)
    parser.add_argument("--texts", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-tokens", type=int, default=activations.BATCH_TOKENS["cuda"])
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    most = ceiling(device, 8192 if device == "cuda" else 512)
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    print(f"{name}, torch {torch.__version__}: matrix product {most / 1e12:.3g} TFLOP/s\n")
    print(
        "| shape | bare forward, tokens/s | orrery, all layers, tokens/s | × bare | of the ceiling |\n|---|---|---|---|---|"
    )
    for shape in options.shapes:
        print(row(shape, options, device, most))
        if device == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
