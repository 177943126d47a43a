"""Put the parts of a scan together, as if it had been one."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery.corpus.scan import Merge, read_candidates, write_candidates

merges = {concept: Merge(spec) for concept, spec in snakemake.params.concepts.items()}
for path in snakemake.input.parts:
    table = read_candidates(path)
    for concept, merge in merges.items():
        merge.add(*table[concept])
write_candidates(snakemake.output.table, {concept: merge.result() for concept, merge in merges.items()})
