# Validation, wildcard constraints, and the functions that rules share. No rules.
import re
import sys
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError

HOME = Path(workflow.current_basedir.get_path_or_uri(secret_free=False)).parents[1]
sys.path.insert(0, str(HOME / "scripts"))
from orrery import checks, config as orrery
from orrery.errors import OrreryError

SHIPPED = load_configfile(str(HOME / "config.yaml"))
# What the user wrote, apart from the config that it is merged over, and where. A module's comes from the workflow around it.
if workflow.modifier.skip_configfile:
    OWN, FILES, config = config, [], checks.merge(SHIPPED, config)
else:
    OWN, FILES = workflow.config_settings.overwrite_config, [HOME / "config.yaml", *workflow.overwrite_configfiles]

try:
    checks.prepare(
        config,
        load_configfile(str(HOME / "workflow/schemas/config.schema.yaml")),
        sorted((HOME / "workflow/concepts").glob("*.yaml")),
        files=FILES,
        own=OWN,
        shipped=SHIPPED,
    )
except OrreryError as mistakes:
    raise WorkflowError(str(mistakes)) from None

# A command line that names other resources drops the profile's map; two jobs would then share one card.
if workflow.is_main_process and workflow.resource_settings.nodes is None:
    workflow.global_resources.setdefault("gpu", 1)

FIGURES = orrery.figure_targets(config)
COMPARISONS = orrery.comparison_targets(config)
# The one file of plotly.js that all pages share, unless they have it inside or from the network.
SHARED = {"plotly": "results/figures/plotly.min.js"} if config["run"]["plotly"] == "shared" else {}
# While a model loads one core works: half of them leaves room for the figures of the set before.
HALF = max(1, min(8, (workflow.resource_settings.cores or 16) // 2))

# Corpora of plain documents (the others are tables of samples), and those that are read in several jobs.
RAW = {name for name, corpus in config["corpora"].items() if not corpus["labelled"]}
SCATTERED = {name for name, corpus in config["corpora"].items() if corpus["scatter"] > 1}


def growing(amount):
    """A resource that grows with every attempt; how many there are is said by the profile."""
    return lambda wc, attempt: attempt * amount


def any_of(names):
    """A wildcard constraint that lets these names through and nothing else."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


# Where a path of `params` lies, to which Snakemake adds no prefix of a module.
placed = workflow.modifier.path_modifier.replace_prefix


ONE_LAYER = r"embed|final|unembed|\d{2,3}(-(pre|attn|mlp))?"


wildcard_constraints:
    asset=any_of(config["assets"]),
    model=any_of(config["models"]),
    other=any_of(config["models"]),
    source=any_of([*config["corpora"], "prompts", "vocabulary"]),
    concept=any_of(config["concepts"]),
    layer=f"all|{ONE_LAYER}",
    reducer=any_of([*config["reducers"], "raw"]),
    figure=any_of(config["figures"]),
    comparison=any_of(config["comparisons"]),
    graph=any_of({*map(orrery.graph_of, config["reducers"].values())}),
    part=r"\d+",
    parts=r"\d+",


def asset_of(table):
    """An input function: the folder of the asset that a model or corpus is read from."""
    wildcard = {"models": "model", "corpora": "source"}[table]
    return lambda wc: f"results/assets/{config[table][getattr(wc, wildcard)]['asset']}"


def local_files(path):
    """The user's own files under a path: never in a storage."""
    return list(map(local, orrery.files_of(path)))


def measured_beside(wc):
    """The activations of the controls that are read from files, by the controls' names."""
    found = orrery.measured_controls(config, wc.model, wc.source, wc.concept)
    path = "results/activations/{}/{}/{}.h5"
    return {control.replace("-", "_"): path.format(*place) for control, place in found.items()}


def figure_sources(wc):
    """The files a figure is drawn from, and its control's where there is one."""
    if misfit := orrery.figure_misfit(config, wc):
        raise WorkflowError(misfit)
    stages = {
        "projection": rules.project.output.projection,
        "analysis": rules.analyse.output.analysis,
        "metrics": rules.measure.output.table,
    }
    control = orrery.controlled(config, wc.source, wc.concept, wc.reducer)
    sources = {}
    for stage in orrery.files_needed(config, wc.figure):
        sources[stage] = stages[stage].apply_wildcards(wc)
        if control and stage != "metrics" and wc.layer != "all":
            name = "control" if stage == "projection" else f"control_{stage}"
            sources[name] = stages[stage].apply_wildcards({**wc, "concept": control})
    return sources


def compared(wc):
    """The files that a comparison is drawn from."""
    kind = config["comparisons"][wc.comparison]["kind"]
    if kind in orrery.PAIRED:
        pairs = orrery.compared_pairs(config, wc.comparison)
        return [rules.compare_layers.output.similarity.apply_wildcards(pair) for pair in pairs]
    panels = kind == "panels"
    path = rules.project.output.projection if panels else rules.measure.output.table
    return [path.apply_wildcards(place) for place in orrery.compared_places(config, wc.comparison)]
