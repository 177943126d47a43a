"""Draw one figure as a page."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.figures import interactive, kinds
from orrery.figures.sources import read_sources

params = snakemake.params
sources = read_sources(**dict(snakemake.input.items()))
page = interactive.draw(kinds.draw(sources, params.figure, params.shape), params.figure["theme"])
plotly = interactive.loader(params.plotly, snakemake.input.get("plotly"), snakemake.output.html)
interactive.write_page(page, snakemake.output.html, plotly, sources.credits, params.figure["theme"])
