"""Write every prompt of a concept's templates."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import store
from orrery.errors import OrreryError
from orrery.logs import note
from orrery.samples import distinct, expand_templates, flag_leaks, read_templates

concept, params = snakemake.wildcards.concept, snakemake.params
templates = [(f"template {number + 1}", template) for number, template in enumerate(params.templates)]
for path in snakemake.input:
    templates += read_templates(path, concept)
templates, repeated = distinct(templates)
if repeated:
    note(f"prompts/{concept}: left out {len(repeated)} repeated templates: {', '.join(name for name, _ in repeated)}")
samples = expand_templates(templates[: params.most], params.values, params.categories, params.phrase, concept)
if not samples:
    raise OrreryError(f"concepts.{concept}: has no templates or no fixed labels, so no prompts can be made of it.")
leaks = flag_leaks(samples, params.values)
if leaks:
    note(f"prompts/{concept}: {leaks} of {len(samples)} prompts name another label too; they are kept, and flagged")
report = {"dropped": {"repeated template": len(repeated)}} if repeated else {}
report |= {"flagged": {"another label in the context": leaks}} if leaks else {}
store.write_table(
    snakemake.output.samples,
    store.sample_columns(samples),
    {"kind": "samples", "source": "prompts", "concept": concept, "report": report},
)
