rule compare_layers:
    input:
        activations="results/activations/{model}/{source}/{concept}.h5",
        other="results/activations/{other}/{source}/{concept}.h5",
    output:
        similarity="results/similarities/{source}/{concept}/{model}/{other}.h5",
    log:
        "results/logs/compare_layers/{source}/{concept}/{model}/{other}.log",
    benchmark:
        "results/benchmarks/compare_layers/{source}/{concept}/{model}/{other}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=orrery.code_version("compare_layers"),
        options=lambda wc: orrery.similarity_options(config),
        seed=config["seed"],
    message:
        "Comparing the layers of {wildcards.model} and {wildcards.other} on {wildcards.source}/{wildcards.concept}"
    script:
        "../../scripts/compare_layers.py"
