rule share_plotly:
    output:
        plotly="results/figures/plotly.min.js",
    log:
        "results/logs/share_plotly.log",
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    message:
        "Writing the plotting library that all interactive figures share"
    script:
        "../../scripts/share_plotly.py"


rule draw_interactive:
    input:
        unpack(figure_sources),
        **SHARED,
    output:
        html="results/figures/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.html",
    log:
        "results/logs/draw_interactive/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.log",
    benchmark:
        "results/benchmarks/draw_interactive/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        code=orrery.code_version("draw_interactive"),
        figure=lambda wc: config["figures"][wc.figure],
        shape=lambda wc: orrery.shape_of(config["concepts"][wc.concept]),
        plotly=config["run"]["plotly"],
    message:
        "Drawing {output.html}"
    script:
        "../../scripts/draw_interactive.py"


rule draw_static:
    input:
        unpack(figure_sources),
    output:
        png=report(
            "results/figures/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.png",
            caption="../report/figure.rst",
            category="{model}",
            subcategory="{source}/{concept}",
            labels={"layer": "{layer}", "reducer": "{reducer}", "figure": "{figure}"},
        ),
        svg="results/figures/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.svg",
    log:
        "results/logs/draw_static/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.log",
    benchmark:
        "results/benchmarks/draw_static/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        code=orrery.code_version("draw_static"),
        figure=lambda wc: config["figures"][wc.figure],
        shape=lambda wc: orrery.shape_of(config["concepts"][wc.concept]),
    message:
        "Drawing {output.png} and .svg"
    script:
        "../../scripts/draw_static.py"


use rule draw_static as draw_pdf with:
    output:
        pdf="results/figures/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.pdf",
    log:
        "results/logs/draw_pdf/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.log",
    benchmark:
        "results/benchmarks/draw_pdf/{model}/{source}/{concept}/{layer}/{reducer}/{figure}.tsv"
    message:
        "Drawing {output.pdf}"
