# Which sets of a run have the shape that is claimed of them.
rule sum_up_survey:
    input:
        table=rules.summarise.output.table,
    output:
        table="results/survey/survey.csv",
    log:
        "results/logs/sum_up_survey.log",
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=orrery.code_version("sum_up_survey"),
        sets=lambda wc: orrery.surveyed(config),
    message:
        "Saying which sets have their shape, in {output.table}"
    script:
        "../../scripts/sum_up_survey.py"


rule draw_survey:
    input:
        **SHARED,
        table=rules.sum_up_survey.output.table,
        metrics=lambda wc: [
            rules.measure.output.table.apply_wildcards(place) for place in orrery.headline_places(config, wc.model)
        ],
        activations=lambda wc: [
            "results/activations/{model}/{source}/{concept}.h5".format(**place)
            for place in orrery.headline_places(config, wc.model)
        ],
    output:
        shapes=multiext("results/survey/{model}/shapes", ".html", ".png", ".svg"),
        layers=multiext("results/survey/{model}/layers", ".html", ".png", ".svg"),
    log:
        "results/logs/draw_survey/{model}.log",
    benchmark:
        "results/benchmarks/draw_survey/{model}.tsv"
    conda:
        "../../envs/orrery.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        code=orrery.code_version("draw_survey"),
        plotly=config["run"]["plotly"],
    message:
        "Drawing the sets of the survey in {wildcards.model}"
    script:
        "../../scripts/draw_survey.py"
