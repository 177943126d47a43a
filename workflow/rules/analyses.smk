rule analyse:
    input:
        vectors=lambda wc: rules.project.output.projection.apply_wildcards(wc),
    output:
        analysis="results/analyses/{model}/{source}/{concept}/{layer}/{reducer}.h5",
        pairs="results/analyses/{model}/{source}/{concept}/{layer}/{reducer}.pairs.csv",
    log:
        "results/logs/analyse/{model}/{source}/{concept}/{layer}/{reducer}.log",
    benchmark:
        "results/benchmarks/analyse/{model}/{source}/{concept}/{layer}/{reducer}.tsv"
    wildcard_constraints:
        layer=ONE_LAYER,
        reducer=any_of(config["reducers"]),
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(15),
    params:
        code=orrery.code_version("analyse"),
        permutations=config["metrics"]["permutations"],
        information=config["metrics"]["mutual_information"],
        seed=config["seed"],
    message:
        "Analysing {wildcards.model}/{wildcards.source}/{wildcards.concept}, layer {wildcards.layer}, {wildcards.reducer}"
    script:
        "../../scripts/analyse.py"


use rule analyse as analyse_raw with:
    input:
        vectors="results/activations/{model}/{source}/{concept}.h5",
    log:
        "results/logs/analyse_raw/{model}/{source}/{concept}/{layer}/{reducer}.log",
    benchmark:
        "results/benchmarks/analyse_raw/{model}/{source}/{concept}/{layer}/{reducer}.tsv"
    wildcard_constraints:
        layer=ONE_LAYER,
        reducer="raw",
