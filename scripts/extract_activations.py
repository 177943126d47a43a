"""Read every layer of a model at one token of each sample."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import torch
from orrery import models, store
from orrery.activations import encode_samples, read_layers
from orrery.assets import facts_of, refuse_pickles
from orrery.logs import progress

wildcards, params, machine = snakemake.wildcards, snakemake.params, snakemake.params.machine
torch.set_num_threads(snakemake.threads)
refuse_pickles(snakemake.input.model, wildcards.model)
model = models.find_stack(models.load(snakemake.input.model, **params.model, device=machine["device"]))
samples, facts = store.read_table(snakemake.input.samples)
ids, samples, dropped = encode_samples(model, samples)
print(f"{len(ids)} samples, {sum(map(len, ids))} tokens, dropped {dropped}, on {model.device}")
with progress(len(ids), "texts", f"{wildcards.model} {wildcards.source}/{wildcards.concept}") as bar:
    layers = read_layers(model, ids, samples["token_position"], machine["batch_tokens"], bar.update)
store.write_activations(
    snakemake.output.activations,
    layers,
    samples,
    {
        **{"model": wildcards.model, "source": wildcards.source, "concept": wildcards.concept, "token": "last"},
        **{"asset": facts_of(snakemake.input.model), "samples_from": facts, "dropped": dropped},
        **models.describe(model),
    },
)
