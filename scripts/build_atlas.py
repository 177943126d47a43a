"""Bind all figures of the run into one page."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.atlas import build
from orrery.headline import read

headline = read(snakemake.input.headline)
build(snakemake.input.figures, snakemake.output.index, headline, snakemake.input.picture)
