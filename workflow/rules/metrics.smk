rule measure:
    input:
        activations="results/activations/{model}/{source}/{concept}.h5",
    output:
        table="results/metrics/{model}/{source}/{concept}.parquet",
    log:
        "results/logs/measure/{model}/{source}/{concept}.log",
    benchmark:
        "results/benchmarks/measure/{model}/{source}/{concept}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=orrery.code_version("measure"),
        shape=lambda wc: orrery.shape_of(config["concepts"][wc.concept]),
        options=config["metrics"],
        seed=config["seed"],
    message:
        "Measuring {wildcards.model}/{wildcards.source}/{wildcards.concept} in all layers"
    script:
        "../../scripts/measure.py"
