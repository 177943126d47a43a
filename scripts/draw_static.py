"""Draw one figure for a paper, in each format asked for."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.figures import read_sources
from orrery.figures.static import draw, write_images

params = snakemake.params
sources = read_sources(**dict(snakemake.input.items()))
write_images(draw(sources, params.figure, params.shape), list(snakemake.output), sources.credits)
