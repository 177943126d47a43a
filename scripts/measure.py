"""Measure the structure of one set, and of its controls, in all layers."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.measures import measure

source, params = snakemake.input.activations, snakemake.params


def layers(path):
    """Every layer of a file by name."""
    return {name: store.read_layer(path, name) for name in store.layer_names(path)}


samples = store.read_samples(source) | store.read_token_ids(source)
others = {name.replace("_", "-"): layers(path) for name, path in snakemake.input.items() if name != "activations"}
rows = measure(layers(source), samples, params.shape, params.options, params.seed, params.controls, others)
columns = {name: [row[name] for row in rows] for name in rows[0]}
facts = store.origin_of(store.read_attributes(source))
facts |= {"kind": "metrics", "seed": params.seed, **params.options, **params.shape}
store.write_table(snakemake.output.table, columns, facts)
