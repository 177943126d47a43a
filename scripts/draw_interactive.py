"""Draw one figure as a page."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import os

from orrery.figures import read_sources
from orrery.figures.interactive import draw, write_page

params = snakemake.params
sources = read_sources(**dict(snakemake.input.items()))
page = draw(sources, params.figure, params.shape)
plotly = os.path.relpath(snakemake.input.plotly, os.path.dirname(snakemake.output.html))
write_page(page, snakemake.output.html, plotly, sources.credits)
