"""Take samples that are labelled already from a table."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.assets import facts_of
from orrery.corpus.files import list_files
from orrery.corpus.tables import last_occurrence, read_rows
from orrery.errors import OrreryError
from orrery.logs import note
from orrery.samples import labelled_samples

params, source, concept = snakemake.params, snakemake.wildcards.source, snakemake.wildcards.concept
files = list_files(snakemake.input.corpus, params.corpus.get("files"), source)
samples, report = labelled_samples(
    read_rows(files, params.corpus, source), params.spec["values"], last_occurrence(concept, params.spec),
    params.spec["options"], source, concept,
)  # fmt: skip
print(report)
if report["dropped"]:
    note(f"{source}/{concept}: kept {len(samples)} of {report['documents']} rows, dropped {report['dropped']}")
if not samples:
    raise OrreryError(
        f"{source} holds no row of {concept} (dropped: {report['dropped'] or 'none'}); the labels are "
        f"{', '.join(list(params.spec['values'])[:8])}."
    )
facts = {"source": source, "concept": concept, "asset": facts_of(snakemake.input.corpus)}
store.write_table(snakemake.output.samples, store.sample_columns(samples), {**facts, "report": report})
