"""Find the occurrences of a concept's labels in a corpus."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.assets import facts_of
from orrery.corpus.occurrences import find_occurrences
from orrery.corpus.readers import read_documents
from orrery.errors import OrreryError
from orrery.logs import note

wildcards, params, corpus = snakemake.wildcards, snakemake.params, snakemake.params.corpus
documents = read_documents(
    snakemake.input.corpus, corpus.get("files"), corpus["format"], corpus["text"], wildcards.source
)
samples, report = find_occurrences(documents, params.forms, params.values, params.options)
print(report)
short = [f"{label} {n}" for label, n in report["kept"].items() if n < report["quota"]]
if short:
    note(f"{wildcards.source}/{wildcards.concept}: fewer than the {report['quota']} wanted of {', '.join(short)}")
if not samples:
    raise OrreryError(
        f"{wildcards.source} holds no usable occurrence of {wildcards.concept} in {report['documents']} documents "
        f"(dropped: {report['dropped'] or 'none'}); try another corpus, or loosen concepts.{wildcards.concept}.corpus."
    )
facts = {"source": wildcards.source, "concept": wildcards.concept, "asset": facts_of(snakemake.input.corpus)}
store.write_table(snakemake.output.samples, store.sample_columns(samples), {**facts, "report": report})
