rule compare_interactive:
    input:
        **SHARED,
        files=compared,
    output:
        html="results/comparisons/{comparison}.html",
    log:
        "results/logs/compare_interactive/{comparison}.log",
    benchmark:
        "results/benchmarks/compare_interactive/{comparison}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        code=orrery.code_version("compare_interactive"),
        comparison=lambda wc: config["comparisons"][wc.comparison],
        shapes=lambda wc: orrery.compared_shapes(config, wc.comparison),
        plotly=config["run"]["plotly"],
    message:
        "Drawing {output.html}"
    script:
        "../../scripts/compare_interactive.py"


rule compare_static:
    input:
        files=compared,
    output:
        png=report(
            "results/comparisons/{comparison}.png",
            caption="../report/comparison.rst",
            category="comparisons",
            labels={"comparison": "{comparison}"},
        ),
        svg="results/comparisons/{comparison}.svg",
    log:
        "results/logs/compare_static/{comparison}.log",
    benchmark:
        "results/benchmarks/compare_static/{comparison}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        code=orrery.code_version("compare_static"),
        comparison=lambda wc: config["comparisons"][wc.comparison],
        shapes=lambda wc: orrery.compared_shapes(config, wc.comparison),
    message:
        "Drawing {output.png} and .svg"
    script:
        "../../scripts/compare_static.py"


use rule compare_static as compare_pdf with:
    output:
        pdf="results/comparisons/{comparison}.pdf",
    log:
        "results/logs/compare_pdf/{comparison}.log",
    benchmark:
        "results/benchmarks/compare_pdf/{comparison}.tsv"
    message:
        "Drawing {output.pdf}"
