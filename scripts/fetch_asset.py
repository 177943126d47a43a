"""Fetch one asset into its folder."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.assets import fetch

fetch(snakemake.wildcards.asset, snakemake.params.asset, snakemake.output.folder)
