rule project:
    input:
        activations="results/activations/{model}/{source}/{concept}.h5",
    output:
        projection="results/projections/{model}/{source}/{concept}/{layer}/{reducer}.h5",
    log:
        "results/logs/project/{model}/{source}/{concept}/{layer}/{reducer}.log",
    benchmark:
        "results/benchmarks/project/{model}/{source}/{concept}/{layer}/{reducer}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=orrery.code_version("project"),
        reducer=lambda wc: config["reducers"][wc.reducer],
        seed=config["seed"],
    message:
        "Projecting {wildcards.model}/{wildcards.source}/{wildcards.concept}, layer {wildcards.layer}, with {wildcards.reducer}"
    script:
        "../../scripts/project.py"
