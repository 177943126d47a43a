"""Sum up what a run found, one row for each set, model and structure."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import headline, store
from orrery.logs import note
from orrery.weights import same_weights

tables = [store.read_table(table, "metrics") for table in snakemake.input.tables]
for sentence in same_weights(facts["asset"] for _, facts in tables):
    note(sentence)
rows = headline.summarise(tables)
headline.write(rows, snakemake.output.table)
