"""Draw what a run found: as a page, and for a paper."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import headline
from orrery.figures import interactive, static
from orrery.figures.headline import forest

chart = forest(headline.read(snakemake.input.table))
plotly = interactive.loader(snakemake.params.plotly, snakemake.input.get("plotly"), snakemake.output.html)
interactive.write_page(interactive.draw(chart), snakemake.output.html, plotly)
static.write_images(static.draw(chart, "page"), [snakemake.output.png, snakemake.output.svg])
