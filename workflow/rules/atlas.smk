rule build_atlas:
    input:
        figures=COMPARISONS + FIGURES,
        headline=rules.summarise.output.table,
        picture=rules.draw_headline.output.png,
    output:
        index="results/atlas/index.html",
    log:
        "results/logs/build_atlas.log",
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=orrery.code_version("build_atlas"),
    message:
        "Binding {output.index}"
    script:
        "../../scripts/build_atlas.py"
