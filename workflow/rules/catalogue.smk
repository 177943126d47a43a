# What can be said of a set before any extraction: which tokens its labels are.
rule fit_labels:
    input:
        model=asset_of("models"),
    output:
        table="results/fitness/{model}.csv",
    log:
        "results/logs/fit_labels/{model}.log",
    benchmark:
        "results/benchmarks/fit_labels/{model}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        code=orrery.code_version("fit_labels"),
        sets=lambda wc: orrery.label_specs(config),
        trust_remote_code=lambda wc: config["models"][wc.model]["trust_remote_code"],
    message:
        "Seeing how the tokenizer of {wildcards.model} takes the labels of all sets"
    script:
        "../../scripts/fit_labels.py"


rule build_catalogue:
    input:
        tables=[
            rules.fit_labels.output.table.apply_wildcards({"model": model})
            for model in orrery.tokenizing_models(config)
        ],
        samples=[f"results/samples/{sample}.parquet" for sample in orrery.corpus_samples(config)],
    output:
        page="results/catalogue.html",
    log:
        "results/logs/build_catalogue.log",
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=orrery.code_version("build_catalogue"),
        models=list(orrery.tokenizing_models(config).values()),
        sets=lambda wc: orrery.catalogue_entries(config),
    message:
        "Binding {output.page}"
    script:
        "../../scripts/build_catalogue.py"
