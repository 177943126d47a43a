rule fetch_asset:
    input:
        lambda wc: local_files(config["assets"][wc.asset].get("path")),
    output:
        folder=directory("results/assets/{asset}"),
    log:
        "results/logs/fetch_asset/{asset}.log",
    benchmark:
        "results/benchmarks/fetch_asset/{asset}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        code=lambda wc: orrery.conversion_version(config["assets"][wc.asset]),
        asset=lambda wc: config["assets"][wc.asset],
    message:
        "Fetching the asset {wildcards.asset}"
    script:
        "../../scripts/fetch_asset.py"
