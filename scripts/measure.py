"""Measure the structure of one set in all layers."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.measures import measure

source, params = snakemake.input.activations, snakemake.params
stream = [name for name in store.layer_names(source) if "-" not in name]  # what sublayers add is no layer of its own
layers = {name: store.read_layer(source, name) for name in stream}
rows = measure(layers, store.read_samples(source), params.shape, params.options, params.seed)
columns = {name: [row[name] for row in rows] for name in rows[0]}
facts = {key: store.read_attributes(source)[key] for key in ("model", "source", "concept", "asset")}
facts["samples_from"] = store.read_attributes(source).get("samples_from", {})
store.write_table(snakemake.output.table, columns, {**facts, "seed": params.seed, **params.options, **params.shape})
