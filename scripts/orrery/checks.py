"""Is a configuration right? Completed, checked, and one sentence for each mistake.

Standard library only at import time, so that a dry run stays fast.
"""

import os
from pathlib import Path

from orrery.additions import add_controls
from orrery.collisions import lent, lent_keys, lent_names
from orrery.concept_checks import check_concepts, unknown
from orrery.config import (
    PAIRED,
    SIMILARITIES,
    comparison_targets,
    figure_targets,
    misfit,
    reducible,
    samples_named,
    shape_of,
    surface_forms,
    words_of,
)
from orrery.errors import OrreryError
from orrery.figures.needs import NEEDS, OPTIONS, dimensions_of, gives
from orrery.layers import block_of
from orrery.measured import MEASURED, measures_of
from orrery.schema import quote, schema_mistakes, suggest
from orrery.structures import STRUCTURES
from orrery.written import Written, load_strictly, shown

MOST = 20  # mistakes that are told at once


def prepare(config, schema, concept_files=(), *, files=(), own=None, shipped=None):
    """Complete and check `config` in place.

    Parameters
    ----------
    config : dict
        The merged configuration as Snakemake read it.
    schema : dict
        The JSON schema; its defaults are filled in.
    concept_files : iterable of path
        One YAML file a concept, named after it. An entry of the same name in `config` is merged over it.
    files : iterable of path
        The files that `config` was read from, the last one merged last; for repeated keys and the lines of mistakes.
    own, shipped : dict, optional
        What the user added, and the config that it was merged over, to tell whose an entry is.

    Raises
    ------
    OrreryError
        One line per mistake: file and line where they are known, key, value, remedy.
    """
    written = Written(files, own)
    _refuse(written.repeated())
    _refuse([*lent_names(own or {}, shipped or {}), *_merge_concepts(config, concept_files)], written)
    for asset in _mappings(config.get("assets")):
        if isinstance(asset.get("path"), str):
            asset["path"] = os.path.expanduser(asset["path"])
    for concept in _mappings(config.get("concepts")):
        if isinstance(concept.get("templates_file"), str):
            concept["templates_file"] = os.path.expanduser(concept["templates_file"])
    _refuse(schema_mistakes(config, schema, written), written)
    added, mistakes = add_controls(config)
    samples = [sample for name in config["run"]["samples"] for sample in samples_named(config, name)]
    config["run"]["samples"] = list(dict.fromkeys(samples))
    _refuse(mistakes + check_references(config, added), written)


def check_files(home, files):
    """The complete config of some files, merged over the one that Orrery ships in the folder `home`.

    Raises
    ------
    OrreryError
        A file cannot be read, or the config is wrong.
    """
    home = Path(home)
    shipped, own = load_strictly(home / "config.yaml"), {}
    for file in files:
        entries = load_strictly(file) or {}
        if not isinstance(entries, dict):
            raise OrreryError(f"{shown(file)}: holds no mapping; write keys such as run: at its top level.")
        if "__use_yte__" in entries:
            raise OrreryError(f"{shown(file)}: is a template that runs code; it is only checked by Snakemake itself.")
        own = merge(own, entries)
    config = merge(shipped, own)
    prepare(
        config,
        load_strictly(home / "workflow/schemas/config.schema.yaml"),
        sorted((home / "workflow/concepts").glob("*.yaml")),
        files=[home / "config.yaml", *files],
        own=own,
        shipped=shipped,
    )
    return config


def _refuse(mistakes, written=None):
    """Raise OrreryError with a line for each mistake, if there is one, and the place where it stands."""
    mistakes = list(dict.fromkeys(mistakes))
    lines = [_placed(sentence, written) for sentence in mistakes[:MOST]]
    if len(mistakes) > MOST:
        lines.append(f"the configuration: {len(mistakes) - MOST} more mistakes are not shown; mend these first.")
    if lines:
        raise OrreryError("\n".join(lines))


def _placed(sentence, written):
    place = written and written.place(sentence.partition(": ")[0])
    return f"{place}: {sentence}" if place else sentence


def _merge_concepts(config, files):
    """Enter the concepts of files under those of the config; a sentence for each that is another set of that name."""
    if not isinstance(config.setdefault("concepts", {}), dict):
        return
    for file in map(Path, files):
        entry, own = load_strictly(file), config["concepts"].get(file.stem)
        if keys := lent_keys("concepts", entry, own):
            yield lent("concepts", file.stem, keys, f"workflow/concepts/{file.name}")
        config["concepts"][file.stem] = merge(entry, own)


def _mappings(table):
    return [entry for entry in table.values() if isinstance(entry, dict)] if isinstance(table, dict) else []


def merge(base, over):
    """Mappings are merged, everything else is replaced, as Snakemake merges config files."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}
    return base if over is None else over


# ------------------------------------------------------------------------------------------------ cross-references


def check_references(config, added=frozenset()):
    """Names that exist nowhere, layers a model lacks, things that do not fit together; one sentence each.

    Nothing is said of the entries in `added`, pairs of table and name, which the user did not write.
    """
    others = tuple(f"{table}.{name}{end}" for table, name in added for end in ".:")
    for checks in (
        (_check_catalogue, check_concepts, _check_reducers, _check_figures),
        (_check_comparisons, _check_run),
        (_check_targets,),
    ):
        mistakes = [sentence.rstrip(".") + "." for check in checks for sentence in check(config)]
        if checks[0] is _check_catalogue:
            mistakes = [sentence for sentence in mistakes if not sentence.startswith(others)]
        if mistakes:
            return mistakes
    return []


def _check_catalogue(config):
    yield from _check_assets(config["assets"])
    yield from _check_corpora(config)
    for table in ("models", "corpora"):
        for name, entry in config[table].items():
            if entry["asset"] not in config["assets"]:
                yield unknown(f"{table}.{name}.asset", entry["asset"], config["assets"], "assets")
    if "raw" in config["reducers"]:
        yield "reducers.raw: the name 'raw' is reserved for figures of no reducer; choose another"
    for name in {"prompts", "vocabulary"} & set(config["corpora"]):
        yield f"corpora.{name}: the name {name!r} is reserved for a source of Orrery's own; choose another"
    for name, model in config["models"].items():
        yield from _check_layers(name, model)


def _check_assets(assets):
    for name, asset in assets.items():
        kinds = [k for k in ("hub", "path", "package") if k in asset]
        if len(kinds) != 1:
            yield f"assets.{name}: has {quote(kinds) or 'none'} of hub, path, package; write exactly one of them"
        if "package" in asset and "member" not in asset:
            yield f"assets.{name}: member is missing; name the file inside {asset['package']}"
        if "package" in asset and "sha256" not in asset:
            yield f"assets.{name}: sha256 is missing; a file from a package is only taken with its digest"

        if asset["stream"] and asset.get("kind") == "dataset" and ("sha256" in asset or "convert" in asset):
            yield f"assets.{name}.stream: what is not downloaded has no digest and no conversion; write stream: false"
        if ("config" in asset or "split" in asset) and not (asset.get("kind") == "dataset" and asset["stream"]):
            yield f"assets.{name}: config and split belong to a streamed data set; write kind: dataset, or files"


def _check_layers(name, model):
    key, depth, layers, store = f"models.{name}", model.get("depth"), model["layers"], model["store"]

    def named(some):
        return [] if some == "all" else some

    if layers == "all" and depth is None:
        yield f"{key}.depth: is missing; write the number of blocks, which 'layers: all' needs"
    if layers == "all" and ("resid_post" not in model["sites"] or store == ["final"]):
        yield f"{key}.layers: all means embed and the stream after each block, which is not read; write a list"
    if model["weights"] == "random" and (model["device"] == "spread" or model["quantization"] != "none"):
        yield f"{key}.weights: random weights are neither spread nor quantized; write a device, and quantization: none"
    for where, some in (("layers", layers), ("store", store)):
        for layer in named(some):
            if depth is not None and block_of(layer) and block_of(layer)[0] >= depth:
                yield f"{key}.{where}: {layer} is out of range; the blocks are 0 to {depth - 1}"
    for layer in named(layers):
        block, site = block_of(layer) or (layer, None)
        if site is not None and site not in model["sites"]:
            yield f"{key}.layers: {layer} is not read; add {site} to sites"
        elif store != "all" and layer != "unembed" and block not in store:
            yield f"{key}.layers: {layer} is not stored; add it to store"


def _check_corpora(config):
    for name, corpus in config["corpora"].items():
        for concept in corpus["together"]:
            if concept not in config["concepts"]:
                yield unknown(f"corpora.{name}.together", concept, config["concepts"], "concepts")
            elif reason := misfit(name, config["concepts"][concept]):
                yield f"corpora.{name}.together: {concept!r} cannot be looked for: {reason}"
        if corpus["labelled"] and (corpus["together"] or corpus["scatter"] > 1):
            yield f"corpora.{name}.labelled: its rows are samples, nothing is scanned; remove together and scatter"


def _absent(name, asset):
    return f"assets.{name}.path: {asset['path']!r} does not exist; write where it lies"


def _check_run(config):
    run = config["run"]
    for key in ("models", "reducers", "figures", "comparisons"):
        table = key
        for name in run[key]:
            if name not in config[table] and (key, name) != ("reducers", "raw"):
                yield unknown(f"run.{key}", name, config[table], table)
    for sample in run["samples"]:
        yield from _check_sample(config, sample)
    asked = config["metrics"].get("structures", ())
    for name in () if asked == "claimed" else asked:
        if name not in STRUCTURES:
            yield unknown("metrics.structures", name, STRUCTURES, "what can be asked of a set")
    for name in run["models"]:
        asset = config["assets"].get(config["models"].get(name, {}).get("asset"), {})
        if "path" in asset and not os.path.exists(asset["path"]):
            yield _absent(config["models"][name]["asset"], asset)
    for name in run["figures"]:
        figure = config["figures"].get(name)
        if figure is None or NEEDS[figure["kind"]].raw == "only":
            continue
        key = f"figures.{name}" if "reducers" in figure else "run"
        names = figure.get("reducers", run["reducers"])
        if not any(gives(figure, config["reducers"].get(r)) for r in names if r in {*config["reducers"], "raw"}):
            yield (
                f"run.figures: {name!r} fits none of {key}.reducers {names}; add one that gives it what it needs "
                f"({NEEDS[figure['kind']].phrase})"
            )


def _check_targets(config):
    if not figure_targets(config) and not comparison_targets(config):
        kinds = "; ".join(
            f"{name} needs {NEEDS[config['figures'][name]['kind']].phrase}" for name in config["run"]["figures"]
        )
        yield f"run: nothing would be drawn of these samples, figures, reducers and formats; {kinds}"


def _check_reducers(config):
    for name, reducer in config["reducers"].items():
        if "class-means" in reducer["preprocess"][:-1]:
            yield f"reducers.{name}.preprocess: class-means leaves one point a label; move it to the end"
        if reducer["method"] == "lda" and "class-means" in reducer["preprocess"]:
            yield f"reducers.{name}.preprocess: class-means leaves nothing within classes for lda; take it out"


def _check_figures(config):
    for name, figure in config["figures"].items():
        need, wanted = NEEDS[figure["kind"]], dimensions_of(figure)
        strange = sorted(set(figure) & OPTIONS - set(need.options))
        for option in strange:
            kinds = [kind for kind, other in NEEDS.items() if option in other.options]
            yield f"figures.{name}.{option}: does not fit the kind {figure['kind']}, only {', '.join(kinds)}; remove it"
        if wanted and len(figure.get("components", range(wanted))) != wanted:
            yield f"figures.{name}.components: {figure['components']} does not fit {wanted} axes; write {wanted}"
        for reducer in figure.get("reducers", ()):
            if reducer != "raw" and reducer not in config["reducers"]:
                yield unknown(f"figures.{name}.reducers", reducer, config["reducers"], "reducers")


def _check_comparisons(config):
    for name, comparison in config["comparisons"].items():
        panels, dimensions = comparison["kind"] == "panels", comparison.get("dimensions", 2)
        paired = comparison["kind"] in PAIRED
        strange = {"components", "dimensions", "colour"} if not panels else {"measure"}
        for option in sorted(strange if paired else strange | {"rows", "score"}):
            if option in comparison:
                yield f"comparisons.{name}.{option}: does not fit the kind {comparison['kind']}; remove it"
        if len(comparison.get("components", range(dimensions))) != dimensions:
            yield f"comparisons.{name}.components: do not fit {dimensions} axes; write {dimensions}"
        yield from _check_number_and_measure(name, comparison)
        parts = ("model", "source", "concept", "layer", "reducer")[: 5 if comparison["kind"] == "panels" else 3]
        sets = list(dict.fromkeys(place.partition("/")[2] for place in comparison["of"]))
        if paired and len(sets) > 1:
            yield f"comparisons.{name}.of: {sets[0]} and {sets[1]} are other samples; write one source/concept for all"
        for place in comparison["of"]:
            key, given = f"comparisons.{name}.of", place.split("/")
            if len(given) != len(parts):
                yield f"{key}: {place!r} is not {'/'.join(parts)}; write one name for each"
                continue
            tables = {"model": config["models"], "source": [*config["corpora"], "prompts", "vocabulary"],
                      "concept": config["concepts"], "reducer": config["reducers"]}  # fmt: skip
            wrong = [(part, value) for part, value in zip(parts, given) if part in tables and value not in tables[part]]
            for part, value in wrong:
                yield unknown(key, value, tables[part], f"{part}s")
            if not wrong and (reason := misfit(given[1], config["concepts"][given[2]])):
                yield f"{key}: {place!r} cannot be made: {reason}"
            elif not wrong:
                yield from (f"{key}: {place!r} {why}" for why in _unfit(config, comparison, dict(zip(parts, given))))


def _check_number_and_measure(name, comparison):
    kind, places, measure = comparison["kind"], len(comparison["of"]), comparison.get("measure")
    if places > 2 and kind == "similarity":
        yield f"comparisons.{name}.of: {places} places are too many for similarity; write one or two, or kind: models"
    if places < 2 and kind != "similarity":
        yield f"comparisons.{name}.of: one place does not fit the kind {kind}; write two at least"
    known = sorted(SIMILARITIES if kind in PAIRED else MEASURED)
    if kind != "panels" and measure is not None and measure not in known:
        hint = suggest(measure, known)
        hint = hint if len(hint) < 200 else "docs/measures.md names them"
        yield f"comparisons.{name}.measure: {measure!r} is no measure for the kind {kind}; {hint}"


def _unlike(config, comparison, place):
    """What keeps a place out of a comparison of layers with layers."""
    concept, labels = config["concepts"][place["concept"]], surface_forms(config["concepts"][place["concept"]])
    if 0 < len(labels) < 5:
        yield f"has {len(labels)} labels; to compare how labels are arranged takes five, so choose another set"
    if comparison.get("rows") == "samples" and place["source"] == "vocabulary":
        yield "has one sample a label; write rows: means"
    assets = {config["models"].get(other.partition("/")[0], {}).get("asset") for other in comparison["of"]}
    if "random_tokens" in concept and len(assets) > 1:
        yield "has other tokens in each vocabulary; choose another set"


def _unfit(config, comparison, place):
    """What keeps a place out of a comparison."""
    model, concept = config["models"][place["model"]], config["concepts"][place["concept"]]
    if comparison["kind"] in PAIRED:
        yield from _unlike(config, comparison, place)
        return
    if comparison["kind"] != "panels":
        if comparison.get("measure") in MEASURED and comparison["measure"] not in measures_of(shape_of(concept)):
            kind = MEASURED[comparison["measure"]].sets
            yield f"has no {comparison['measure']}, which is of sets of the kind {kind}; choose another measure"
        return
    layer, reducer = place["layer"], config["reducers"][place["reducer"]]
    numbers = [f"{n:02d}" for n in range(model.get("depth", 1000))]
    block, site = block_of(layer) or (None, None)
    there = layer in ("embed", "unembed") if place["source"] == "vocabulary" else layer in ("embed", "final") or (
        block is not None and f"{block:02d}" in numbers and site in model["sites"]
    )  # fmt: skip
    if not there:
        yield f"has no layer {layer}; write embed, final, or a block such as 00 that the model reads"
    if not reducible(reducer, place["source"], concept):
        yield f"cannot be projected with {place['reducer']}; choose another reducer"
    figure = {**comparison, "kind": f"scatter-{comparison.get('dimensions', 2)}d"}
    if not gives(figure, reducer):
        yield f"does not fit; it needs {NEEDS[figure['kind']].phrase}"


def _check_number_of_words(config, source, name):
    """Whether the catalogue has as many ordinary words as a set of prompts and its control need."""
    concepts = config["concepts"]
    controlled = words_of(name) if source == "prompts" and "random-words" in config["controls"] else name
    like = concepts.get(controlled, {}).get("random_words", {}).get("like")
    if like is None:
        return
    wanted, found = len(surface_forms(concepts[like])), len(concepts[controlled]["labels"])
    if found < wanted:
        yield (
            f"concepts.{controlled}: {wanted} random words are needed, as {like} has as many labels, and the catalogue "
            f"has {found}; add sets of words, or take random-words out of controls"
        )


def _check_sample(config, sample):
    source, _, name = sample.partition("/")
    if name == "*" and source in [*config["corpora"], "prompts", "vocabulary"]:
        yield f"run.samples: {sample!r} is no set, as none can be had from {source}; write another source"
        return
    if not name or "/" in name:
        yield f"run.samples: {sample!r} is not source/concept; write for example prompts/weekdays"
        return
    sources = [*config["corpora"], "prompts", "vocabulary"]
    if source not in sources:
        yield unknown("run.samples", source, sources, "corpora, prompts, vocabulary")
    concept = config["concepts"].get(name)
    if concept is None:
        yield unknown("run.samples", name, config["concepts"], "concepts")
    elif source in sources and (reason := misfit(source, concept)):
        yield f"run.samples: {sample!r} cannot be made: {reason}"
    else:
        yield from _check_number_of_words(config, source, name)
    if source in config["corpora"]:
        asset = config["assets"].get(config["corpora"][source]["asset"], {})
        if "path" in asset and not os.path.exists(asset["path"]):
            yield _absent(config["corpora"][source]["asset"], asset)
