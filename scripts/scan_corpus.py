"""Look through files of a corpus for candidates of one or several concepts."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.corpus.files import list_files
from orrery.corpus.scan import scan, write_candidates

params, source = snakemake.params, snakemake.wildcards.source
files = list_files(snakemake.input.corpus, params.corpus.get("files"), source)
part, parts = params.part
results = scan(
    files[part::parts], params.corpus, params.concepts, f"{snakemake.output.table}.pieces",
    snakemake.threads, source, params.code,
)  # fmt: skip
write_candidates(snakemake.output.table, results)
