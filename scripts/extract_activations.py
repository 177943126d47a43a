"""Read every layer of a model at the tokens of each sample that are asked for."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import torch
from orrery import activations, models, store
from orrery.agreement import settle
from orrery.assets import stamps_of
from orrery.logs import note, progress
from orrery.stack import find_stack

wildcards, reading, machine = snakemake.wildcards, snakemake.params.reading, snakemake.params.machine
torch.set_num_threads(snakemake.threads)
folder, name = snakemake.input.model, wildcards.model
model = find_stack(models.load(folder, name, **reading["model"], device=machine["device"]), reading["blocks"])
samples, facts = store.read_table(snakemake.input.samples, "samples")
encoded = activations.encode_samples(model, samples, **reading["tokens"])
for reason, n in encoded.counts.items():
    if "special token" in reason:
        note(f"{name}/{wildcards.source}/{wildcards.concept}: {n} of {len(samples['text'])} samples have {reason}")
settle(model, encoded, machine["batch_tokens"])
batches = activations.plan(model, encoded, machine["batch_tokens"])
print(f"{len(encoded.ids)} samples, {sum(map(len, encoded.ids))} tokens, {encoded.counts or ''} on {model.device}")
place = {key: wildcards[key] for key in ("model", "source", "concept")}
attributes = {**place, **activations.facts_of_reading(encoded, reading, facts), **models.describe(model, folder)}
layers = activations.layer_widths(model, reading["sites"], reading["store"])
key = [snakemake.params.code, reading, stamps_of(folder), batches]
file = store.Growing(snakemake.output.activations, layers, encoded.samples, encoded.ids, attributes, key)
with progress(len(batches), "batches", f"{name} {wildcards.source}/{wildcards.concept}") as bar, file:
    activations.read_layers(
        model, encoded, list(layers), batches, file, reading["pool"], file.dtype, file.done, bar.update
    )
