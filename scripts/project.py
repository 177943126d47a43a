"""Project one layer with one reducer."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import numpy as np
from orrery import store
from orrery.errors import OrreryError
from orrery.preprocess import preprocess
from orrery.reducers import reduce

wildcards, params, source = snakemake.wildcards, snakemake.params, snakemake.input.activations
vectors = store.read_layer(source, wildcards.layer)
if vectors is None:
    raise OrreryError(
        f"models.{wildcards.model}.layers: there is no layer {wildcards.layer} for {wildcards.source}; "
        f"the file has {', '.join(store.layer_names(source))}."
    )
samples, made = store.read_samples(source), store.read_attributes(source)
if "group-center" in params.reducer["preprocess"] and not any(samples["group"]):
    raise OrreryError(
        f"reducers.{wildcards.reducer}.preprocess: group-center needs prompts; {wildcards.source} has no groups."
    )
noise = np.random.default_rng(params.seed).standard_normal(vectors.shape)
vectors, noise = (preprocess(x, params.reducer["preprocess"], samples["group"]) for x in (vectors, noise))
arrays, facts = reduce(vectors, params.reducer, params.seed, noise)
store.write_projection(
    snakemake.output.projection,
    arrays,
    samples,
    {
        **{key: made[key] for key in ("model", "source", "concept", "asset", "versions")},
        **{"layer": wildcards.layer, "reducer": wildcards.reducer, "seed": params.seed, "dimensions": vectors.shape[1]},
        **{"samples_from": made.get("samples_from", {}), **params.reducer, **facts},
    },
)
