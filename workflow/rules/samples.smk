# What a scan reads for the concepts that share it is kept beside the results, named after its content: so each concept has
# its own job and its own reasons to rerun, and still the corpus is read once.
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
        source=any_of(RAW - SCATTERED),
    conda:
        "../../envs/orrery.yaml"
    threads: HALF
    resources:
        mem_mb=lambda wc, threads, attempt: attempt * (1000 + 1000 * threads),
        runtime=growing(480),
    params:
        code=orrery.code_version("filter_corpus"),
        corpus=lambda wc: orrery.corpus_content(config["corpora"][wc.source]),
        spec=lambda wc: orrery.corpus_spec(config, wc.concept),
        # a function of input is no reason to rerun
        together=lambda wc, input: orrery.specs_together(config, wc.source, wc.concept),
        made=lambda wc, input: [placed(f"results/samples/{wc.source}/{{concept}}.parquet")],
        pieces=lambda wc, input: placed(f"results/scans/{wc.source}"),
    message:
        "Looking for {wildcards.concept} in {wildcards.source}"
    script:
        "../../scripts/filter_corpus.py"


rule scan_part:
    input:
        corpus=asset_of("corpora"),
    output:
        candidates=temp("results/scans/{source}/{concept}/{part}-of-{parts}.parquet"),
    log:
        "results/logs/scan_part/{source}/{concept}/{part}-of-{parts}.log",
    benchmark:
        "results/benchmarks/scan_part/{source}/{concept}/{part}-of-{parts}.tsv"
    wildcard_constraints:
        source=any_of(RAW & SCATTERED),
    conda:
        "../../envs/orrery.yaml"
    threads: HALF
    resources:
        mem_mb=lambda wc, threads, attempt: attempt * (1000 + 1000 * threads),
        runtime=growing(480),
    params:
        code=orrery.code_version("filter_corpus"),
        corpus=lambda wc: orrery.corpus_content(config["corpora"][wc.source]),
        spec=lambda wc: orrery.corpus_spec(config, wc.concept),
        together=lambda wc, input: orrery.specs_together(config, wc.source, wc.concept),
        made=lambda wc, input: [
            placed(f"results/samples/{wc.source}/{{concept}}.parquet"),
            placed(f"results/scans/{wc.source}/{{concept}}/{wc.part}-of-{wc.parts}.parquet"),
        ],
        pieces=lambda wc, input: placed(f"results/scans/{wc.source}"),
    message:
        "Looking for {wildcards.concept} in part {wildcards.part} of {wildcards.parts} of {wildcards.source}"
    script:
        "../../scripts/scan_part.py"


rule gather_parts:
    input:
        corpus=asset_of("corpora"),
        parts=lambda wc: [
            rules.scan_part.output.candidates.apply_wildcards(part)
            for part in orrery.parts_of(config, wc.source, wc.concept)
        ],
    output:
        samples="results/samples/{source}/{concept}.parquet",
    log:
        "results/logs/gather_parts/{source}/{concept}.log",
    benchmark:
        "results/benchmarks/gather_parts/{source}/{concept}.tsv"
    wildcard_constraints:
        source=any_of(RAW & SCATTERED),
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=orrery.code_version("filter_corpus"),
        corpus=lambda wc: orrery.corpus_content(config["corpora"][wc.source]),
        spec=lambda wc: orrery.corpus_spec(config, wc.concept),
    message:
        "Putting together what was found of {wildcards.concept} in {wildcards.source}"
    script:
        "../../scripts/gather_parts.py"


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
        source=any_of(set(config["corpora"]) - RAW),
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
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
        lambda wc: local_files(config["concepts"][wc.concept].get("templates_file")),
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
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=orrery.code_version("expand_prompts"),
        templates=lambda wc: config["concepts"][wc.concept].get("templates", []),
        most=config["run"].get("templates"),
        values=lambda wc: orrery.label_values(config["concepts"][wc.concept]),
        categories=lambda wc: config["concepts"][wc.concept].get("categories", {}),
        phrase=lambda wc: config["concepts"][wc.concept].get("phrase", "{label}"),
    message:
        "Writing the prompts of {wildcards.concept}"
    script:
        "../../scripts/expand_prompts.py"
