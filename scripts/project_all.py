"""Project every stored layer of the stream with one reducer, each laid over the one before."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.reducers import film

wildcards, params, source = snakemake.wildcards, snakemake.params, snakemake.input.activations
stream = [name for name in store.layer_names(source) if "-" not in name]  # what sublayers add is no layer of its own
layers = {name: store.read_layer(source, name) for name in stream}
made = store.read_attributes(source)
arrays, samples, facts = film(layers, store.read_samples(source), params.reducer, params.seed, params.shape)
store.write_projection(
    snakemake.output.projection,
    arrays,
    samples,
    {
        **store.origin_of(made),
        **{"layer": "all", "reducer": wildcards.reducer, "seed": params.seed},
        **{**params.reducer, **facts},
    },
)
