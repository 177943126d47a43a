"""Compare all layers of two models on the samples that both have."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.logs import note
from orrery.similarity import compare
from orrery.weights import same_weights

params, wildcards = snakemake.params, snakemake.wildcards
sources = snakemake.input.activations, snakemake.input.other
made = [store.read_attributes(source) for source in sources]
for sentence in same_weights(facts["asset"] for facts in made):
    note(sentence)


SHARED = ("model", "source", "concept", "samples_from")  # what both have, or is named by other keys


def stream(source):
    """Name and vectors of one layer after the other; what sublayers add is no layer of its own."""
    return ((name, store.read_layer(source, name)) for name in store.layer_names(source) if "-" not in name)


arrays, rows, facts = compare(
    *map(stream, sources), *map(store.read_samples, sources), wildcards.source, params.options, params.seed
)
store.write_projection(
    snakemake.output.similarity,
    arrays,
    rows,
    {
        **store.origin_of(made[0]),
        **{"kind": "similarity", "model": wildcards.model, "other": wildcards.other},
        **{"source": wildcards.source, "concept": wildcards.concept, **params.options, **facts},
        **{f"other_{key}": value for key, value in store.origin_of(made[1]).items() if key not in SHARED},
    },
)
