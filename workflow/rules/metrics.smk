rule measure:
    input:
        unpack(measured_beside),
        activations="results/activations/{model}/{source}/{concept}.h5",
    output:
        table="results/metrics/{model}/{source}/{concept}.parquet",
    log:
        "results/logs/measure/{model}/{source}/{concept}.log",
    benchmark:
        "results/benchmarks/measure/{model}/{source}/{concept}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        code=orrery.code_version("measure"),
        shape=lambda wc: orrery.shape_of(config["concepts"][wc.concept]),
        options=lambda wc: orrery.measuring(config, wc.concept),
        controls=config["controls"],
        seed=config["seed"],
    message:
        "Measuring {wildcards.model}/{wildcards.source}/{wildcards.concept} in all layers"
    script:
        "../../scripts/measure.py"


rule summarise:
    input:
        tables=[rules.measure.output.table.apply_wildcards(place) for place in orrery.headline_places(config)],
    output:
        table="results/headline.csv",
    log:
        "results/logs/summarise.log",
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=orrery.code_version("summarise"),
    message:
        "Summing up what was found, in {output.table}"
    script:
        "../../scripts/summarise.py"


rule draw_headline:
    input:
        **SHARED,
        table=rules.summarise.output.table,
    output:
        html="results/headline.html",
        png="results/headline.png",
        svg="results/headline.svg",
    log:
        "results/logs/draw_headline.log",
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=orrery.code_version("draw_headline"),
        plotly=config["run"]["plotly"],
    message:
        "Drawing {output.png}, .svg and .html"
    script:
        "../../scripts/draw_headline.py"
