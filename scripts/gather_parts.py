"""Put the parts of a scan together, as if it had been one, and choose the samples."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.corpus.files import list_files
from orrery.corpus.filtering import merged_parts, write_samples

params, wildcards, folder = snakemake.params, snakemake.wildcards, snakemake.input.corpus
files = list_files(folder, params.corpus.get("files"), wildcards.source)
candidates, report = merged_parts(
    snakemake.input.parts, files, params.corpus, wildcards.source, wildcards.concept, params.spec, params.code
)
write_samples(
    snakemake.output.samples, candidates, report, params.spec, files, params.corpus, folder, wildcards.source,
    wildcards.concept, params.code,
)  # fmt: skip
