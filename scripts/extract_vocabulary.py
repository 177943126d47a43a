"""Read a concept's rows of the embedding matrix."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import torch
from orrery import models, store
from orrery.assets import facts_of, refuse_pickles
from orrery.vocabulary import embedding_rows, vocabulary_set

wildcards, params = snakemake.wildcards, snakemake.params
torch.set_num_threads(snakemake.threads)
refuse_pickles(snakemake.input.model, wildcards.model, params.model["allow_pickle"])
model = models.load(snakemake.input.model, wildcards.model, **params.model, device="cpu", head=True)
size = model.model.get_input_embeddings().weight.shape[0]
labels, values, ids = vocabulary_set(model.tokenizer, params.concept, params.seed, size)
print(f"{len(ids)} single tokens")
samples = [
    {"label": label, "value": value, "text": label, "end": len(label), "row": token}
    for label, value, token in zip(labels, values, ids)
]
samples = {**store.sample_columns(samples), "token": model.tokenizer.batch_decode([[i] for i in ids]), "token_id": ids}
store.write_activations(
    snakemake.output.activations,
    embedding_rows(model, ids),
    samples,
    {
        **{"model": wildcards.model, "source": "vocabulary", "concept": wildcards.concept, "seed": params.seed},
        **{"asset": facts_of(snakemake.input.model)},
        **models.describe(model, snakemake.input.model),
    },
)
