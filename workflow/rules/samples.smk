rule scan_corpus:
    input:
        corpus=asset_of("corpora"),
    output:
        table=temp("results/scans/{source}/{scan}.parquet"),
    log:
        "results/logs/scan_corpus/{source}/{scan}.log",
    benchmark:
        "results/benchmarks/scan_corpus/{source}/{scan}.tsv"
    wildcard_constraints:
        source=any_of(s for s in RAW if config["corpora"][s]["scatter"] == 1),
    conda:
        "../../envs/orrery.yaml"
    threads: HALF
    resources:
        mem_mb=lambda wc, threads: 1000 + 1000 * threads,
        runtime=480,
    params:
        code=orrery.code_version("scan_corpus"),
        corpus=lambda wc: config["corpora"][wc.source],
        concepts=lambda wc: orrery.scan_specs(config, wc.source, wc.scan),
        part=(0, 1),
    message:
        "Looking for {wildcards.scan} in {wildcards.source}"
    script:
        "../../scripts/scan_corpus.py"


use rule scan_corpus as scan_part with:
    output:
        table=temp("results/scans/{source}/{scan}/{part}-of-{parts}.parquet"),
    log:
        "results/logs/scan_part/{source}/{scan}/{part}-of-{parts}.log",
    benchmark:
        "results/benchmarks/scan_part/{source}/{scan}/{part}-of-{parts}.tsv"
    wildcard_constraints:
        source=any_of(s for s in RAW if config["corpora"][s]["scatter"] > 1),
    params:
        code=orrery.code_version("scan_corpus"),
        corpus=lambda wc: config["corpora"][wc.source],
        concepts=lambda wc: orrery.scan_specs(config, wc.source, wc.scan),
        part=lambda wc: (int(wc.part) - 1, int(wc.parts)),
    message:
        "Looking for {wildcards.scan} in part {wildcards.part} of {wildcards.parts} of {wildcards.source}"


rule gather_scan:
    input:
        parts=lambda wc: [
            rules.scan_part.output.table.format(**wc, part=n + 1, parts=parts)
            for parts in [orrery.scan_parts(config, wc.source, wc.scan)]
            for n in range(parts)
        ],
    output:
        table=temp("results/scans/{source}/{scan}.parquet"),
    log:
        "results/logs/gather_scan/{source}/{scan}.log",
    benchmark:
        "results/benchmarks/gather_scan/{source}/{scan}.tsv"
    wildcard_constraints:
        source=any_of(s for s in RAW if config["corpora"][s]["scatter"] > 1),
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=orrery.code_version("gather_scan"),
        concepts=lambda wc: orrery.scan_specs(config, wc.source, wc.scan),
    message:
        "Putting the scan of {wildcards.source} for {wildcards.scan} together"
    script:
        "../../scripts/gather_scan.py"


# What the samples depend on stands in the params; a scan is only how they are found. Were its date heeded, an edit of one
# concept would remake those that were looked for together with it.
rule filter_corpus:
    input:
        corpus=asset_of("corpora"),
        scan=ancient(lambda wc: f"results/scans/{wc.source}/{orrery.scan_of(config, wc.source, wc.concept)}.parquet"),
    output:
        samples="results/samples/{source}/{concept}.parquet",
    log:
        "results/logs/filter_corpus/{source}/{concept}.log",
    benchmark:
        "results/benchmarks/filter_corpus/{source}/{concept}.tsv"
    wildcard_constraints:
        source=any_of(RAW),
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=orrery.code_version("filter_corpus"),
        corpus=lambda wc: orrery.corpus_content(config["corpora"][wc.source]),
        spec=lambda wc: orrery.corpus_spec(config, wc.concept),
    message:
        "Choosing the samples of {wildcards.concept} from {wildcards.source}"
    script:
        "../../scripts/filter_corpus.py"


rule import_samples:
    input:
        corpus=asset_of("corpora"),
    output:
        samples="results/samples/{source}/{concept}.parquet",
    log:
        "results/logs/import_samples/{source}/{concept}.log",
    benchmark:
        "results/benchmarks/import_samples/{source}/{concept}.tsv"
    wildcard_constraints:
        source=any_of(set(config["corpora"]) - set(RAW)),
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=orrery.code_version("import_samples"),
        corpus=lambda wc: config["corpora"][wc.source],
        spec=lambda wc: orrery.corpus_spec(config, wc.concept),
    message:
        "Taking the labelled samples of {wildcards.concept} from {wildcards.source}"
    script:
        "../../scripts/import_samples.py"


rule expand_prompts:
    input:
        lambda wc: orrery.files_of(config["concepts"][wc.concept].get("templates_file")),
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
        categories=lambda wc: config["concepts"][wc.concept].get("categories", {}),
        phrase=lambda wc: config["concepts"][wc.concept].get("phrase", "{label}"),
    message:
        "Writing the prompts of {wildcards.concept}"
    script:
        "../../scripts/expand_prompts.py"
