"""Write every prompt of a concept's templates."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.errors import OrreryError
from orrery.samples import expand_templates

concept = snakemake.wildcards.concept
samples = expand_templates(snakemake.params.templates, snakemake.params.values)
if not samples:
    raise OrreryError(f"concepts.{concept}: has no templates or no fixed labels, so no prompts can be made of it.")
store.write_table(
    snakemake.output.samples, store.sample_columns(samples), {"source": "prompts", "concept": concept, "report": {}}
)
