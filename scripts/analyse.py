"""Analyse the components of a projection, or the dimensions of a layer, against the values of the set."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import numpy as np
from orrery import store
from orrery.analysis import analyse

wildcards, params, source = snakemake.wildcards, snakemake.params, snakemake.input.vectors
raw, made = wildcards.reducer == "raw", store.read_attributes(source)
if raw:
    columns, samples, how = store.read_layer(source, wildcards.layer), store.read_samples(source), {"preprocess": []}
else:
    projection, samples, how = store.read_projection(source)
    columns = projection["coordinates"].astype(float)
arrays, facts = analyse(columns, samples, params.seed, params.permutations, not raw, params.information)
kept = {key: made[key] for key in ("model", "source", "concept", "asset")}
kept |= {"layer": wildcards.layer, "reducer": wildcards.reducer, "seed": params.seed, "preprocess": how["preprocess"]}
kept |= {"samples_from": made.get("samples_from", {})} | dict.fromkeys(("method", "columns"), how.get("method", "raw"))
store.write_projection(snakemake.output.analysis, arrays, samples, {**kept, **facts})
with store.atomic(snakemake.output.pairs) as part:
    pairs = np.column_stack([arrays[name] for name in ("pair_first", "pair_second", "pair_r")])
    np.savetxt(part, pairs, "%d,%d,%.9g", header="component_1,component_2,correlation", comments="")
