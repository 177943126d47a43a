"""Orrery: how language models arrange concepts. Arrays in, arrays out; nothing here knows Snakemake."""
