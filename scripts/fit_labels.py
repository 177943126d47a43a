"""See how a model's tokenizer takes the labels of every set."""

from orrery.logs import log_to

log_to(snakemake.log[0])

from orrery import catalogue
from orrery.tokenizing import load_tokenizer
from orrery.weights import verify

verify(snakemake.input.model, weights=False)
tokenizer = load_tokenizer(snakemake.input.model, snakemake.params.trust_remote_code)
catalogue.write(catalogue.fitness(tokenizer, snakemake.params.sets), snakemake.output.table)
