"""Sum up what a run found, one row for each set, model and structure."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import headline, store

rows = headline.summarise([store.read_table(table) for table in snakemake.input.tables])
headline.write(rows, snakemake.output.table)
