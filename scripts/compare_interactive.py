"""Draw one comparison as a page."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.figures import comparisons, interactive

params = snakemake.params
sources = comparisons.read(snakemake.input.files, params.comparison)
page = interactive.draw(comparisons.draw(sources, params.comparison, params.shapes), params.comparison["theme"])
plotly = interactive.loader(params.plotly, snakemake.input.get("plotly"), snakemake.output.html)
credits = comparisons.credits_of_all(sources)
interactive.write_page(page, snakemake.output.html, plotly, credits, params.comparison["theme"])
