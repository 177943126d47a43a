"""Find the samples of a concept in a corpus."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.corpus.files import list_files
from orrery.corpus.filtering import candidates_of, write_samples
from orrery.corpus.scan import discard

params, wildcards, folder = snakemake.params, snakemake.wildcards, snakemake.input.corpus
files = list_files(folder, params.corpus.get("files"), wildcards.source)
candidates, report = candidates_of(
    files, (0, 1), params.corpus, wildcards.concept, params.spec, params.together, params.made, params.pieces,
    snakemake.threads, wildcards.source, params.code,
)  # fmt: skip
write_samples(
    snakemake.output.samples, candidates, report, params.spec, files, params.corpus, folder, wildcards.source,
    wildcards.concept, params.code,
)  # fmt: skip
discard(files, params.corpus, wildcards.concept, params.spec, params.pieces, params.code, bool(params.together))
