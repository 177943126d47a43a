rule build_atlas:
    input:
        figures=FIGURES,
    output:
        index="results/atlas/index.html",
    params:
        code=orrery.code_version("build_atlas"),
    log:
        "results/logs/build_atlas.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Binding {output.index}"
    conda:
        "../../envs/orrery.yaml"
    script:
        "../../scripts/build_atlas.py"
