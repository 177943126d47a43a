"""Put the parts of a scan together, as if it had been one, and choose the samples."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.corpus.files import list_files
from orrery.corpus.filtering import write_samples
from orrery.corpus.scan import Merge, read_candidates

params, wildcards, folder = snakemake.params, snakemake.wildcards, snakemake.input.corpus
merge = Merge(params.spec)
for path in snakemake.input.parts:
    merge.add(*read_candidates(path))
files = list_files(folder, params.corpus.get("files"), wildcards.source)
write_samples(
    snakemake.output.samples, *merge.result(), params.spec, files, params.corpus, folder, wildcards.source,
    wildcards.concept, params.code,
)  # fmt: skip
