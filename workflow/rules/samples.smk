rule filter_corpus:
    input:
        corpus=asset_of("corpora"),
    output:
        samples="results/samples/{source}/{concept}.parquet",
    log:
        "results/logs/filter_corpus/{source}/{concept}.log",
    benchmark:
        "results/benchmarks/filter_corpus/{source}/{concept}.tsv"
    wildcard_constraints:
        source=any_of(config["corpora"]),
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        code=orrery.code_version("filter_corpus"),
        corpus=lambda wc: config["corpora"][wc.source],
        forms=lambda wc: orrery.surface_forms(config["concepts"][wc.concept]),
        values=lambda wc: orrery.label_values(config["concepts"][wc.concept]),
        options=lambda wc: config["concepts"][wc.concept]["corpus"],
    message:
        "Looking for {wildcards.concept} in {wildcards.source}"
    script:
        "../../scripts/filter_corpus.py"


rule expand_prompts:
    output:
        samples="results/samples/prompts/{concept}.parquet",
    log:
        "results/logs/expand_prompts/{concept}.log",
    benchmark:
        "results/benchmarks/expand_prompts/{concept}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=orrery.code_version("expand_prompts"),
        templates=lambda wc: config["concepts"][wc.concept].get("templates", []),
        values=lambda wc: orrery.label_values(config["concepts"][wc.concept]),
    message:
        "Writing the prompts of {wildcards.concept}"
    script:
        "../../scripts/expand_prompts.py"
