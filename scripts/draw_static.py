"""Draw one figure for a paper, in each format asked for."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.figures import kinds, static
from orrery.figures.sources import read_sources

figure = snakemake.params.figure
sources = read_sources(**dict(snakemake.input.items()))
drawn = static.draw(kinds.draw(sources, figure, snakemake.params.shape), figure.get("width"), figure["theme"])
static.write_images(drawn, list(snakemake.output), sources.credits)
