"""Find the candidates of a concept in a part of a corpus."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.corpus.files import list_files
from orrery.corpus.filtering import candidates_of
from orrery.corpus.scan import discard, version_of, write_candidates

params, wildcards = snakemake.params, snakemake.wildcards
files = list_files(snakemake.input.corpus, params.corpus.get("files"), wildcards.source)
part, parts = int(wildcards.part) - 1, int(wildcards.parts)
candidates, report = candidates_of(
    files, (part, parts), params.corpus, wildcards.concept, params.spec, params.together, params.made, params.pieces,
    snakemake.threads, wildcards.source, params.code,
)  # fmt: skip
version = version_of(files, params.corpus, wildcards.concept, params.spec, params.code)
write_candidates(snakemake.output.candidates, candidates, report, version)
discard(
    files[part::parts], params.corpus, wildcards.concept, params.spec, params.pieces, params.code, bool(params.together)
)
