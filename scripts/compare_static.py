"""Draw one comparison for a paper, in each format asked for."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.figures import comparisons, static

comparison = snakemake.params.comparison
sources = comparisons.read(snakemake.input.files, comparison)
chart = comparisons.draw(sources, comparison, snakemake.params.shapes)
drawn = static.draw(chart, comparison.get("width"), comparison["theme"])
static.write_images(drawn, list(snakemake.output), comparisons.credits_of_all(sources))
