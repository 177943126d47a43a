"""Find the nearest neighbours of all points of one layer, for all reducers that prepare and compare them alike."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.neighbours import nearest
from orrery.preprocess import prepare

wildcards, params, source = snakemake.wildcards, snakemake.params, snakemake.input.activations
vectors = store.read_layer(source, wildcards.layer)
vectors, _ = prepare(vectors, store.read_samples(source), params.preprocess)
indices, distances = nearest(vectors, params.k, params.metric)
made = store.read_attributes(source)
store.write_projection(
    snakemake.output.graph,
    {"indices": indices, "distances": distances},
    {},
    {
        **store.origin_of(made),
        **{"kind": "neighbours", "layer": wildcards.layer, "k": indices.shape[1]},
        **{"preprocess": params.preprocess, "metric": params.metric},
    },
)
