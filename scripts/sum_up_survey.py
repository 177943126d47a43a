"""Say of every set of a run whether it has the shape that is claimed of it."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import headline, survey

rows = survey.survey(headline.read(snakemake.input.table), snakemake.params.sets)
headline.write(rows, snakemake.output.table, survey.COLUMNS)
