"""Read a concept's rows of the embedding matrix."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import torch
from orrery import models, store
from orrery.logs import note
from orrery.vocabulary import embedding_rows, rows_of, vocabulary_set

wildcards, params = snakemake.wildcards, snakemake.params
torch.set_num_threads(snakemake.threads)
model = models.load(snakemake.input.model, wildcards.model, **params.model, device="cpu", head=True)
found = vocabulary_set(model.tokenizer, params.concept, params.seed, rows_of(model))
print(f"{len(found.ids)} single tokens, read {found.form or 'as they are'}")
if found.dropped:
    note(
        f"{wildcards.model}/vocabulary/{wildcards.concept}: {len(found.dropped)} labels are no single token in the "
        f"{found.form} form and are left out, {len(found.labels)} are read: without {', '.join(found.dropped)}"
    )
if alike := [label for label, token in zip(found.labels, found.ids) if found.ids.count(token) > 1]:
    note(f"{wildcards.model}/vocabulary/{wildcards.concept}: {', '.join(alike)} share a token, so nothing parts them")
samples = [
    {"label": label, "value": value, "text": label, "end": len(label), "row": token}
    for label, value, token in zip(found.labels, found.values, found.ids)
]
tokens = {"token": model.tokenizer.batch_decode([[i] for i in found.ids]), "token_id": found.ids}
samples = {**store.sample_columns(samples), **tokens}
store.write_activations(
    snakemake.output.activations,
    embedding_rows(model, found.ids),
    samples,
    {
        **{"model": wildcards.model, "source": "vocabulary", "concept": wildcards.concept, "seed": params.seed},
        **{"token_form": found.form, "dropped_labels": found.dropped},
        **models.describe(model, snakemake.input.model),
    },
)
