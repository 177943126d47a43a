rule project:
    input:
        activations="results/activations/{model}/{source}/{concept}.h5",
    output:
        projection="results/projections/{model}/{source}/{concept}/{layer}/{reducer}.h5",
    params:
        code=orrery.code_version("project"),
        reducer=lambda wc: config["reducers"][wc.reducer],
        seed=config["seed"],
    log:
        "results/logs/project/{model}/{source}/{concept}/{layer}/{reducer}.log",
    benchmark:
        "results/benchmarks/project/{model}/{source}/{concept}/{layer}/{reducer}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    message:
        "Projecting {wildcards.model}/{wildcards.source}/{wildcards.concept}, layer {wildcards.layer}, with {wildcards.reducer}"
    conda:
        "../../envs/orrery.yaml"
    script:
        "../../scripts/project.py"
