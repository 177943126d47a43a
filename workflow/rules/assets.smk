rule fetch_asset:
    input:
        lambda wc: config["assets"][wc.asset].get("path", []),
    output:
        folder=directory("results/assets/{asset}"),
    params:
        code=orrery.code_version("fetch_asset"),
        asset=lambda wc: config["assets"][wc.asset],
    log:
        "results/logs/fetch_asset/{asset}.log",
    benchmark:
        "results/benchmarks/fetch_asset/{asset}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    message:
        "Fetching the asset {wildcards.asset}"
    conda:
        "../../envs/orrery.yaml"
    script:
        "../../scripts/fetch_asset.py"
