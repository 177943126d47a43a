"""Draw one figure as a page."""

from orrery.logs import log_to

log_to(snakemake.log[0])

import os

from orrery.figures import read_sources
from orrery.figures.interactive import draw, write_page

figure, params = snakemake.wildcards.figure, snakemake.params
page = draw(read_sources(**dict(snakemake.input.items())), params.figure, params.shape)
plotly = os.path.relpath(snakemake.input.plotly, os.path.dirname(snakemake.output.html))
write_page(page, snakemake.output.html, plotly)
