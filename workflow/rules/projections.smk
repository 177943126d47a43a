rule find_neighbours:
    input:
        activations="results/activations/{model}/{source}/{concept}.h5",
    output:
        graph="results/neighbours/{model}/{source}/{concept}/{layer}/{graph}.h5",
    log:
        "results/logs/find_neighbours/{model}/{source}/{concept}/{layer}/{graph}.log",
    benchmark:
        "results/benchmarks/find_neighbours/{model}/{source}/{concept}/{layer}/{graph}.tsv"
    wildcard_constraints:
        layer=ONE_LAYER,
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        code=orrery.code_version("find_neighbours"),
        preprocess=lambda wc: [step for step in wc.graph.split(".")[:-2] if step != "raw"],
        metric=lambda wc: wc.graph.split(".")[-2],
        k=lambda wc: int(wc.graph.split(".")[-1]),
    message:
        "Finding neighbours in {wildcards.model}/{wildcards.source}/{wildcards.concept}, layer {wildcards.layer}, {wildcards.graph}"
    script:
        "../../scripts/find_neighbours.py"


rule project:
    input:
        activations="results/activations/{model}/{source}/{concept}.h5",
        graph=lambda wc: rules.find_neighbours.output.graph.apply_wildcards(
            {**wc, "graph": orrery.graph_of(config["reducers"][wc.reducer])}
        ),
    output:
        projection="results/projections/{model}/{source}/{concept}/{layer}/{reducer}.h5",
    log:
        "results/logs/project/{model}/{source}/{concept}/{layer}/{reducer}.log",
    benchmark:
        "results/benchmarks/project/{model}/{source}/{concept}/{layer}/{reducer}.tsv"
    wildcard_constraints:
        layer=ONE_LAYER,
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        code=orrery.code_version("project"),
        reducer=lambda wc: config["reducers"][wc.reducer],
        shape=lambda wc: orrery.outline_of(config["concepts"][wc.concept]),
        seed=config["seed"],
    message:
        "Projecting {wildcards.model}/{wildcards.source}/{wildcards.concept}, layer {wildcards.layer}, with {wildcards.reducer}"
    script:
        "../../scripts/project.py"


rule project_all:
    input:
        activations="results/activations/{model}/{source}/{concept}.h5",
    output:
        projection="results/projections/{model}/{source}/{concept}/all/{reducer}.h5",
    log:
        "results/logs/project_all/{model}/{source}/{concept}/{reducer}.log",
    benchmark:
        "results/benchmarks/project_all/{model}/{source}/{concept}/{reducer}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        code=orrery.code_version("project_all"),
        reducer=lambda wc: config["reducers"][wc.reducer],
        shape=lambda wc: orrery.outline_of(config["concepts"][wc.concept]),
        seed=config["seed"],
    message:
        "Projecting {wildcards.model}/{wildcards.source}/{wildcards.concept} in all layers with {wildcards.reducer}"
    script:
        "../../scripts/project_all.py"
