rule extract_activations:
    input:
        model=asset_of("models"),
        samples="results/samples/{source}/{concept}.parquet",
    output:
        activations="results/activations/{model}/{source}/{concept}.h5",
    log:
        "results/logs/extract_activations/{model}/{source}/{concept}.log",
    benchmark:
        "results/benchmarks/extract_activations/{model}/{source}/{concept}.tsv"
    wildcard_constraints:
        source=any_of([*config["corpora"], "prompts"]),
    conda:
        "../../envs/orrery.yaml"
    threads: HALF
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        code=orrery.code_version("extract_activations"),
        reading=lambda wc: orrery.reading_of(config, wc.model, wc.source),
        # Where and in what portions changes no result: a function of input is not watched for changes.
        machine=lambda wc, input: {k: config["models"][wc.model][k] for k in ("device", "batch_tokens")},
    message:
        "Reading every layer of {wildcards.model} on {wildcards.source}/{wildcards.concept}"
    script:
        "../../scripts/extract_activations.py"


rule extract_vocabulary:
    input:
        model=asset_of("models"),
    output:
        activations="results/activations/{model}/vocabulary/{concept}.h5",
    log:
        "results/logs/extract_vocabulary/{model}/{concept}.log",
    benchmark:
        "results/benchmarks/extract_vocabulary/{model}/{concept}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(16000),
        runtime=growing(60),
    params:
        code=orrery.code_version("extract_vocabulary"),
        model=lambda wc: orrery.reading_of(config, wc.model)["model"] | {"quantization": "none"},
        concept=lambda wc: orrery.vocabulary_spec(config, wc.concept),
        seed=config["seed"],
    message:
        "Reading {wildcards.concept} from the vocabulary of {wildcards.model}"
    script:
        "../../scripts/extract_vocabulary.py"
