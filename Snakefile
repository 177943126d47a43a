from snakemake.utils import min_version

min_version("9.27")


# As a module of another workflow, that one's folder is `workflow.basedir`.
configfile: f"{workflow.current_basedir.get_path_or_uri(secret_free=False)}/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/assets.smk"
include: "workflow/rules/samples.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/projections.smk"
include: "workflow/rules/analyses.smk"
include: "workflow/rules/metrics.smk"
include: "workflow/rules/similarities.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/comparisons.smk"
include: "workflow/rules/atlas.smk"
include: "workflow/rules/catalogue.smk"
include: "workflow/rules/survey.smk"
include: "workflow/rules/terminal.smk"


# Nodes of a cluster are seldom on the network, so assets are fetched where Snakemake runs; the others take no time.
localrules:
    all,
    figures,
    atlas,
    catalogue,
    survey,
    fetch_asset,
    expand_prompts,
    share_plotly,


rule all:
    default_target: True
    input:
        FIGURES,
        COMPARISONS,
        rules.draw_headline.output,
        rules.build_atlas.output.index,
    message:
        "All figures, comparisons, the headline and the atlas are made"


rule figures:
    input:
        FIGURES,
        COMPARISONS,
    message:
        "All figures and comparisons are made"


rule atlas:
    input:
        rules.build_atlas.output.index,
    message:
        "The atlas is made"


rule catalogue:
    input:
        rules.build_catalogue.output.page,
    message:
        "The catalogue is made"


rule survey:
    input:
        rules.sum_up_survey.output.table,
        [
            picture.apply_wildcards({"model": model})
            for model in config["run"]["models"]
            for picture in rules.draw_survey.output
        ],
    message:
        "The survey is made"
