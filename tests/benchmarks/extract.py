"""How fast layers are read, beside the bare forward pass, the notebook's way, nnsight and TransformerLens.

    python tests/benchmarks/extract.py results/assets/smollm2-135m [--texts 1000] [--rounds 3]

The texts are 8 to 128 tokens of news. Everything is timed in turn, round by round; the table has medians and the ratios
of each round's times. The slow ways are timed on every tenth text. Peers are left out where they are not installed.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import numpy as np
import torch
import yaml
from orrery import activations, assets, models, stack, store
from transformers import AutoModelForCausalLM

LAYER = 15


def news(loaded, n, longest=128, seed=0):
    """Texts of 8 to `longest` tokens as token ids, each read at its last."""
    spec = yaml.safe_load((ROOT / "config.yaml").read_text())["assets"]["lee-news"]
    with tempfile.TemporaryDirectory() as folder:
        assets.fetch("lee-news", spec, Path(folder, "news"))
        text = next(Path(folder, "news").glob("*.cor")).read_text()
    tokens = np.array(loaded.tokenizer(text, verbose=False)["input_ids"], dtype=np.int32)
    rng = np.random.default_rng(seed)
    lengths = rng.integers(8, longest + 1, n)
    ids = [tokens[start : start + length] for start, length in zip(rng.integers(0, len(tokens) - longest, n), lengths)]
    last = [len(i) - 1 for i in ids]
    return activations.Encoded(ids, last, last, {"label": [""] * n})


def part_of(encoded, step):
    """Every `step`-th text."""
    return activations.Encoded(encoded.ids[::step], encoded.first[::step], encoded.last[::step], {"label": [""]})


def n_tokens(encoded):
    return sum(map(len, encoded.ids))


def orrery(loaded, encoded, folder, which="all"):
    """All of what an extraction does after the tokenizer: the passes, the pooling, the file."""
    layers = activations.layer_widths(loaded, store=which)
    batches = activations.plan(loaded, encoded)
    samples = {"label": [""] * len(encoded.ids)}
    with store.Growing(folder / "x.h5", layers, samples, encoded.ids, {"stored_as": "float32"}, []) as file:
        activations.read_layers(loaded, encoded, list(layers), batches, file)


@torch.inference_mode()
def bare(loaded, encoded, depth):
    """The same batches through the same number of blocks, nothing kept."""
    blocks = loaded.model.layers
    loaded.model.layers = blocks[:depth]
    try:
        for rows, _ in activations.plan(loaded, encoded):
            tokens, _ = activations._pad([encoded.ids[i] for i in rows], 0)
            loaded.model(input_ids=tokens)
    finally:
        loaded.model.layers = blocks


@torch.inference_mode()
def notebook(model, encoded, layer=LAYER):
    """Input order, batches of 100 padded to the longest, the whole model with its head, [B, T, D] kept, then gathered."""
    kept = []
    hook = model.model.layers[layer].register_forward_hook(lambda m, args, out: kept.append(stack.hidden(out)))
    width = max(map(len, encoded.ids))
    for start in range(0, len(encoded.ids), 100):
        some = encoded.ids[start : start + 100]
        tokens = torch.tensor([[*i, *[0] * (width - len(i))] for i in some])
        mask = torch.tensor([[1] * len(i) + [0] * (width - len(i)) for i in some])
        model(input_ids=tokens, attention_mask=mask)
    hook.remove()
    return torch.cat(kept)[torch.arange(len(encoded.ids)), torch.tensor(encoded.last)].numpy()


def with_nnsight(folder, encoded, layer=LAYER):
    """A trace a batch of 16 in input order that ends after the layer."""
    import nnsight

    model = nnsight.NNsight(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval())

    def run():
        for start in range(0, len(encoded.ids), 16):
            tokens, mask = activations._pad(encoded.ids[start : start + 16], 0)
            with torch.inference_mode(), model.trace(tokens, attention_mask=mask) as tracer:
                model.model.layers[layer].output.save()
                tracer.stop()

    return run


def with_transformer_lens(folder, encoded, layer=LAYER):
    """run_with_cache of one name a batch of 16 in input order, stopping after the layer."""
    from transformer_lens.model_bridge import TransformerBridge

    model = TransformerBridge.boot_transformers(str(folder))

    def run():
        for start in range(0, len(encoded.ids), 16):
            tokens, _ = activations._pad(encoded.ids[start : start + 16], 0)
            with torch.inference_mode():
                name = f"blocks.{layer}.hook_out"
                model.run_with_cache(tokens, names_filter=name, stop_at_layer=layer + 1, prepend_bos=False)

    return run


def in_turn(ways, rounds):
    """name → seconds of each round."""
    times = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    return times


def memory(folder, way, n, longest):
    """Print the resident memory at its peak over what it was with the weights in memory, as a share of the weights.

    Weights are mapped from their file and get into memory when they are first read: a row of the embedding matrix
    when its token first occurs. All are read before, or they would count as memory that the batches took.
    """
    loaded = stack.find_stack(models.load(folder, device="cpu"))
    encoded = news(loaded, int(n), int(longest))
    weights = sum(p.numel() * p.element_size() for p in loaded.model.parameters() if p.sum().isfinite())
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    with tempfile.TemporaryDirectory() as scratch:
        bare(loaded, encoded, 1) if way == "bare" else orrery(loaded, encoded, Path(scratch), [0])
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps({"share": (peak - before) / weights, "tokens": n_tokens(encoded)}))


def low_precision(folder, encoded, exact):
    """(largest relative error of a row, smallest cosine) of a middle layer in bfloat16."""
    loaded = stack.find_stack(models.load(folder, device="cpu", dtype="bfloat16"))
    sink = activations.InMemory(len(encoded.ids))
    activations.read_layers(loaded, encoded, [f"{LAYER}"], activations.plan(loaded, encoded), sink)
    found = sink.layers[f"{LAYER}"]
    norms = np.linalg.norm(exact, axis=1), np.linalg.norm(found, axis=1)
    return (np.linalg.norm(exact - found, axis=1) / norms[0]).max(), (
        (exact * found).sum(1) / norms[0] / norms[1]
    ).min()


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        memory(options.folder, *options.memory)
        return
    folder, scratch = options.folder, Path(tempfile.mkdtemp())
    loaded = stack.find_stack(models.load(folder, device="cpu"))
    half = stack.find_stack(models.load(folder, device="cpu", dtype="bfloat16"))
    headed = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    encoded = news(loaded, options.texts)
    few = part_of(encoded, 10)
    ways = {
        f"bare forward, {LAYER + 1} blocks": (encoded, partial(bare, loaded, encoded, LAYER + 1)),
        f"orrery, layer {LAYER}": (encoded, partial(orrery, loaded, encoded, scratch, [LAYER])),
        "bare forward, all blocks": (encoded, partial(bare, loaded, encoded, None)),
        "orrery, all layers": (encoded, partial(orrery, loaded, encoded, scratch)),
        f"orrery, layer {LAYER}, bfloat16": (few, partial(orrery, half, few, scratch, [LAYER])),
        f"the notebook's way, layer {LAYER}": (few, partial(notebook, headed, few)),
    }
    for name, peer in (("nnsight", with_nnsight), ("TransformerLens", with_transformer_lens)):
        try:
            ways[f"{name}, layer {LAYER}"] = few, peer(folder, few)
        except ImportError as error:
            print(f"{name} is not installed ({error})")
    sink = activations.InMemory(len(few.ids))
    activations.read_layers(loaded, few, [f"{LAYER}"], activations.plan(loaded, few), sink)
    expected = notebook(headed, few)
    off = np.abs(sink.layers[f"{LAYER}"] - expected).max() / np.abs(expected).max()
    error, cosine = low_precision(folder, few, sink.layers[f"{LAYER}"])

    times = in_turn({name: way for name, (_, way) in ways.items()}, options.rounds)
    speed = {name: [n_tokens(ways[name][0]) / t for t in times[name]] for name in ways}

    def ratio(a, b):
        return statistics.median(x / y for x, y in zip(speed[a], speed[b]))

    one, whole, slow = f"orrery, layer {LAYER}", "orrery, all layers", f"the notebook's way, layer {LAYER}"
    print(f"{options.texts} texts, {n_tokens(encoded)} tokens, medians of {options.rounds} rounds in turn\n")
    print("| way | tokens/s |\n|---|---|")
    for name, values in speed.items():
        print(f"| {name} | {statistics.median(values):,.0f} |")
    print(f"\none layer × bare forward: {ratio(one, f'bare forward, {LAYER + 1} blocks'):.3f}")
    print(f"all layers × bare forward: {ratio(whole, 'bare forward, all blocks'):.3f}")
    print(f"one layer × the notebook's way: {ratio(one, slow):.2f}")
    print(f"all layers × the notebook's way once a layer: {ratio(whole, slow) * loaded.depth:.0f}")
    print(f"bfloat16 × float32: {ratio(f'{one}, bfloat16', one):.2f}, relative error {error:.2g}, cosine {cosine:.4f}")
    for name in ("nnsight", "TransformerLens"):
        if f"{name}, layer {LAYER}" in speed:
            print(f"one layer × {name}: {ratio(one, f'{name}, layer {LAYER}'):.2f}")
    print(f"largest difference from the notebook's way, relative: {off:.2g}")
    print("\n| texts | tokens | peak memory over the weights, one block | of the bare forward |\n|---|---|---|---|")
    for n, longest in ((1000, 128), (20_000, 16)):
        found = {}
        for way in ("orrery", "bare"):
            run = [sys.executable, __file__, str(folder), "--memory", way, str(n), str(longest)]
            said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
            found[way] = json.loads(said.splitlines()[-1])
        print(
            f"| {n:,} | {found['bare']['tokens']:,} | {found['orrery']['share']:.1%} | {found['bare']['share']:.1%} |"
        )


if __name__ == "__main__":
    main()
