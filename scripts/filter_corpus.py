"""Choose a concept's samples among the candidates that a scan found."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.assets import facts_of
from orrery.corpus.scan import read_candidates, select
from orrery.errors import OrreryError
from orrery.logs import note

source, concept = snakemake.wildcards.source, snakemake.wildcards.concept
samples, report = select(*read_candidates(snakemake.input.scan)[concept], snakemake.params.spec)
print(report)
short = [
    f"{label} {n} (found {report['found'][label]})" for label, n in report["kept"].items() if n < report["quota"]
]
if short:
    note(f"{source}/{concept}: fewer than the {report['quota']} wanted of {', '.join(short)}")
if not samples:
    raise OrreryError(
        f"{source} holds no usable occurrence of {concept} in {report['documents']} documents "
        f"(dropped: {report['dropped'] or 'none'}); try another corpus, or loosen concepts.{concept}.corpus."
    )
facts = {key: value for key, value in facts_of(snakemake.input.corpus).items() if key != "listing"}
store.write_table(
    snakemake.output.samples,
    store.sample_columns(samples),
    {"source": source, "concept": concept, "asset": facts, "report": report},
)
