"""Bind all sets, and how the tokenizers of the run take their labels, into one page."""

from collections import defaultdict

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import catalogue, store
from orrery.atlas.catalogue import build

tables = {name: catalogue.read(path) for name, path in zip(snakemake.params.models, snakemake.input.tables)}
found = defaultdict(list)
for path in snakemake.input.samples:
    attributes = store.table_attributes(path, "samples")
    found[attributes["concept"]].append(catalogue.occurrences(attributes))
build(snakemake.params.sets, tables, found, snakemake.output.page)
