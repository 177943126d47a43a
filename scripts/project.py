"""Project one layer with one reducer."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import numpy as np
from orrery import store
from orrery.geometry.faithfulness import of_picture
from orrery.preprocess import prepare
from orrery.reducers import reduce

wildcards, params, source = snakemake.wildcards, snakemake.params, snakemake.input.activations
vectors, given, made = (
    store.read_layer(source, wildcards.layer), store.read_samples(source), store.read_attributes(source)
)  # fmt: skip
noise = np.random.default_rng(params.seed).standard_normal(vectors.shape)
noise, _ = prepare(noise, given, params.reducer["preprocess"])
vectors, samples = prepare(vectors, given, params.reducer["preprocess"])
graph = store.read_projection(snakemake.input.graph, "neighbours")[0]
graph = graph["indices"], graph["distances"]
arrays, facts = reduce(
    vectors, params.reducer, params.seed, noise=noise, samples=samples, shape=params.shape, graph=graph
)
metric = params.reducer.get("metric", "euclidean")
store.write_projection(
    snakemake.output.projection,
    arrays,
    samples,
    {
        **store.origin_of(made),
        **{"layer": wildcards.layer, "reducer": wildcards.reducer, "seed": params.seed, "dimensions": vectors.shape[1]},
        **{**params.reducer, **facts},
        **of_picture(vectors, arrays["coordinates"], metric, params.seed, graph),
    },
)
