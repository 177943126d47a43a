"""Analyse the components of a projection, or the dimensions of a layer, against the values of the set."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.analysis import analyse

wildcards, params, source = snakemake.wildcards, snakemake.params, snakemake.input.vectors
raw, made = wildcards.reducer == "raw", store.read_attributes(source)
if raw:
    columns, samples, how = store.read_layer(source, wildcards.layer), store.read_samples(source), {"preprocess": []}
else:
    projection, samples, how = store.read_projection(source, "projection")
    columns = projection["coordinates"].astype(float)
arrays, facts = analyse(columns, samples, params.seed, params.permutations, not raw, params.information)
kept = store.origin_of(made) | {
    "kind": "analysis",
    "layer": wildcards.layer,
    "reducer": wildcards.reducer,
    "seed": params.seed,
    "preprocess": how["preprocess"],
}
kept |= dict.fromkeys(("method", "columns"), how.get("method", "raw"))
store.write_projection(snakemake.output.analysis, arrays, samples, {**kept, **facts})
pairs = zip(*(arrays[name].tolist() for name in ("pair_first", "pair_second", "pair_r")))
rows = ({"component_1": first, "component_2": second, "correlation": f"{r:.9g}"} for first, second, r in pairs)
store.write_rows(snakemake.output.pairs, rows, ["component_1", "component_2", "correlation"])
