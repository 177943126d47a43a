"""Take samples that are labelled already from a table."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.assets import facts_of
from orrery.corpus.files import list_files
from orrery.corpus.labelled import Finder, advice, labelled_samples
from orrery.corpus.tables import read_rows
from orrery.logs import note

params, source, concept = snakemake.params, snakemake.wildcards.source, snakemake.wildcards.concept
files = list_files(snakemake.input.corpus, params.corpus.get("files"), source)
samples, report = labelled_samples(
    read_rows(files, params.corpus, source), params.spec, Finder(concept, params.spec), source, concept,
    params.corpus["offsets"],
)  # fmt: skip
print(report)
for sentence in advice(report, source, concept, params.spec):
    note(sentence)
facts = {"kind": "samples", "source": source, "concept": concept, "asset": facts_of(snakemake.input.corpus)}
store.write_table(snakemake.output.samples, store.sample_columns(samples), {**facts, "report": report})
