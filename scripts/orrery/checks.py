"""Is a configuration right? Completed, checked, and one sentence for each mistake.

Standard library only at import time, so that a dry run stays fast.
"""

import os
from functools import cache
from pathlib import Path

from orrery.config import (
    PAIRED,
    SIMILARITIES,
    comparison_targets,
    figure_targets,
    has_prompts,
    label_values,
    misfit,
    ordinary_words,
    random_words,
    reducible,
    samples_named,
    shape_of,
    surface_forms,
    twin_of,
    words_of,
)
from orrery.corpus.forms import mistake
from orrery.errors import OrreryError
from orrery.figures.needs import NEEDS, OPTIONS, dimensions_of, gives
from orrery.layers import block_of
from orrery.measured import MEASURED, PLACES, measures_of
from orrery.samples import named_categories
from orrery.schema import quote, schema_mistakes, suggest
from orrery.structures import STRUCTURES

PROMPT_KEYS = ("templates", "templates_file", "categories", "phrase")  # of a concept: what prompts are made of


def prepare(config, schema, concept_files=()):
    """Complete and check `config` in place.

    Parameters
    ----------
    config : dict
        The merged configuration as Snakemake read it.
    schema : dict
        The JSON schema; its defaults are filled in.
    concept_files : iterable of path
        One YAML file a concept, named after it. An entry of the same name in `config` is merged over it.

    Raises
    ------
    OrreryError
        One line per mistake: key, value, remedy.
    """
    _merge_concepts(config, concept_files)
    for asset in _mappings(config.get("assets")):
        if isinstance(asset.get("path"), str):
            asset["path"] = os.path.expanduser(asset["path"])
    for concept in _mappings(config.get("concepts")):
        if isinstance(concept.get("templates_file"), str):
            concept["templates_file"] = os.path.expanduser(concept["templates_file"])
    mistakes = schema_mistakes(config, schema)
    if not mistakes:
        _add_controls(config)
        config["run"]["samples"] = [
            sample for name in config["run"]["samples"] for sample in samples_named(config, name)
        ]
        mistakes = check_references(config)
    if mistakes:
        raise OrreryError("\n".join(mistakes))


def _add_controls(config):
    """Enter the untrained twins of models, and the random tokens and words of sets, where controls ask for them."""
    if "untrained" in config["controls"]:
        for name, model in list(config["models"].items()):
            if model["weights"] == "trained":
                device = "auto" if model["device"] == "spread" else model["device"]
                twin = {**model, "weights": "random", "quantization": "none", "device": device}
                for number in range(1, 1 + config["metrics"]["twins"]):
                    config["models"].setdefault(twin_of(name, number), {**twin, "init_seed": number - 1})
    if "random-tokens" in config["controls"]:
        for name, concept in list(config["concepts"].items()):
            if "control" not in concept and not {"random_tokens", "random_words"} & set(concept):
                random = {"topology": "none", "random_tokens": {"like": name}, **_same_reading(concept)}
                concept["control"] = f"{name}-random"
                config["concepts"].setdefault(concept["control"], random)
    _add_words(config)


def _same_reading(concept):
    """What a set that a control adds takes over from the set that it is like."""
    return {"corpus": dict(concept["corpus"]), "token_form": concept["token_form"]}


def _add_words(config):
    """Enter each set's random words in the catalogue, where controls ask for them, and draw all sets of such words."""
    if "random-words" in config["controls"]:
        for name, concept in list(config["concepts"].items()):
            if has_prompts(concept) and "random_words" not in concept:
                control = {"topology": "none", "random_words": {"like": name}, **_same_reading(concept)}
                config["concepts"].setdefault(words_of(name), control)
    _draw_words(config)


def _draw_words(config):
    """Give every set of random words its labels, and the templates of the set that it is like."""
    concepts, words = config["concepts"], ordinary_words(config)
    for name, concept in concepts.items():
        like = concept.get("random_words", {}).get("like")
        if like in concepts and has_prompts(concepts[like]):
            same = {key: concepts[like][key] for key in PROMPT_KEYS if key in concepts[like]}
            for key in PROMPT_KEYS:
                concept.pop(key, None)
            concept |= {**same, "labels": random_words(config, name, like, words)}


def _merge_concepts(config, files):
    if not isinstance(config.setdefault("concepts", {}), dict):
        return
    import yaml

    for file in map(Path, files):
        try:
            entry = yaml.load(file.read_text(encoding="utf-8"), _strict_loader())
        except yaml.YAMLError as error:
            where = getattr(error, "problem_mark", None)
            line = f", line {where.line + 1}" if where else ""
            raise OrreryError(f"{file}{line}: this is not YAML ({getattr(error, 'problem', error)}).") from None
        config["concepts"][file.stem] = _merge(entry, config["concepts"].get(file.stem))


@cache
def _strict_loader():
    """YAML in which no key stands twice."""
    import yaml

    class Strict(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", node.start_mark)
            return super().construct_mapping(node, deep)

    return Strict


def _mappings(table):
    return [entry for entry in table.values() if isinstance(entry, dict)] if isinstance(table, dict) else []


def _merge(base, over):
    """Mappings are merged, everything else is replaced, as Snakemake merges config files."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: _merge(base.get(key), value) for key, value in over.items()}}
    return base if over is None else over


# ------------------------------------------------------------------------------------------------ cross-references


def check_references(config):
    """Names that exist nowhere, layers a model lacks, things that do not fit together; one sentence each."""
    catalogue = (_check_catalogue, _check_concepts, _check_reducers, _check_figures)
    for checks in (catalogue, (_check_comparisons, _check_run), (_check_targets,)):
        mistakes = [sentence.rstrip(".") + "." for check in checks for sentence in check(config)]
        if mistakes:
            return mistakes
    return []


def _unknown(key, value, table, table_name):
    return f"{key}: {value!r} is not in {table_name}; {suggest(str(value), sorted(table))}"


def _check_catalogue(config):
    yield from _check_assets(config["assets"])
    yield from _check_corpora(config)
    for table in ("models", "corpora"):
        for name, entry in config[table].items():
            if entry["asset"] not in config["assets"]:
                yield _unknown(f"{table}.{name}.asset", entry["asset"], config["assets"], "assets")
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


def _check_concepts(config):
    for name, concept in config["concepts"].items():
        key = f"concepts.{name}"
        if "random_words" in concept:
            yield from _check_words(config, name)
            continue
        if "random-words" in config["controls"] and has_prompts(concept):
            yield from _check_words_name(config, name)
        kinds = [k for k in ("labels", "integers", "random_tokens") if k in concept]
        if len(kinds) != 1:
            yield f"{key}: has {quote(kinds) or 'none'} of labels, integers, random_tokens; write exactly one of them"
            continue
        integers = concept.get("integers")
        if integers and integers["stop"] != "single-token" and integers["stop"] <= integers["start"] + 1:
            yield f"{key}.integers: stop {integers['stop']} must be above start {integers['start']} by two at least"
        yield from _check_by_label(key, concept)
        if "values" in concept and len(concept["values"]) != len(concept.get("labels", ())):
            yield f"{key}.values: {len(concept['values'])} values do not fit; write one for each label"
        if concept["topology"] == "circle":
            yield from _check_circle(key, concept)
        if concept["topology"] == "tree" and "parents" not in concept:
            yield f"{key}.parents: are missing; a tree needs them, write one for each label"
        yield from _check_coordinates(key, concept)
        if concept["corpus"]["min_chars"] > concept["corpus"]["before"]:
            yield f"{key}.corpus.min_chars: {concept['corpus']['min_chars']} is more than before allows; raise before"
        for other, where in (
            (concept.get("control"), f"{key}.control"),
            (concept.get("random_tokens", {}).get("like"), f"{key}.random_tokens.like"),
        ):
            if other is not None and other not in config["concepts"]:
                yield _unknown(where, other, config["concepts"], "concepts")
        yield from _check_forms(key, concept)
        yield from _check_templates(name, concept)


def _check_by_label(key, concept):
    """What is written once for each label."""
    labels = set(surface_forms(concept))
    for what in ("parents", "regions", "distances"):
        strange = set(concept[what]) ^ labels if what in concept else ()
        if strange:
            yield f"{key}.{what}: {quote(sorted(strange))} must stand there and in labels; write one for each label"
    rows = concept.get("distances", {})
    for label, row in rows.items():
        if len(row) != len(rows):
            yield f"{key}.distances.{label}: {len(row)} numbers do not fit {len(rows)} labels; write one for each label"


def _check_words(config, name):
    """Whether a set of random words is like a set that has prompts; its templates are checked with that set."""
    concepts, key = config["concepts"], f"concepts.{name}.random_words.like"
    like = concepts[name]["random_words"]["like"]
    if concepts[name]["topology"] != "none":
        yield f"concepts.{name}.topology: random words have no shape; write topology: none"
    for strange in sorted({"integers", "random_tokens", "values", "parents", "coordinates"} & set(concepts[name])):
        yield f"concepts.{name}.{strange}: does not fit random_words; remove it"
    if like not in concepts:
        yield _unknown(key, like, concepts, "concepts")
    elif "random_words" in concepts[like] or not has_prompts(concepts[like]):
        yield f"{key}: {like!r} has no prompts of its own; name a set with templates and labels"


def _check_words_name(config, name):
    """Whether the control of random words can have the name that it needs."""
    words = words_of(name)
    if config["concepts"][words].get("random_words") != {"like": name}:
        yield (
            f"concepts.{words}: is the name of the control random-words of {name}; rename one of the two sets, or take "
            "random-words out of controls"
        )


def _check_circle(key, concept):
    if "labels" not in concept:
        yield f"{key}.topology: a circle needs labels; write labels, or topology: line"
        return
    values, period = list(label_values(concept).values()), shape_of(concept)["period"]
    if len({round(value % period, 9) for value in values}) < len(values):
        yield f"{key}.values: two labels share a place on a circle of period {period:g}; mend values or period"


def _check_coordinates(key, concept):
    topology, coordinates, periods = (concept.get(key) for key in ("topology", "coordinates", "periods"))
    if periods is not None and topology != "torus":
        yield f"{key}.periods: belong to a torus, not to {topology}; remove them"
    if topology not in PLACES:
        if coordinates is not None:
            yield f"{key}.coordinates: belong to {', '.join(PLACES)}, not to {topology}; remove them"
        return
    if "labels" not in concept:
        yield f"{key}.topology: a {topology} needs labels with coordinates; write labels, or another topology"
    elif coordinates is None:
        yield f"{key}.coordinates: are missing; a {topology} needs them, write some numbers for each label"
    elif strange := set(coordinates) ^ set(surface_forms(concept)):
        yield f"{key}.coordinates: {quote(sorted(strange))} must stand there and in labels; write some for each label"
    else:
        yield from _check_places(key, topology, coordinates, periods)


def _check_places(key, topology, coordinates, periods):
    """Whether coordinates are places on a surface, all different."""
    where, owner, count = f"{key}.coordinates", {}, len(periods or ())
    wanted = 2 if topology == "sphere" else len(next(iter(coordinates.values())))
    for label, place in coordinates.items():
        if len(place) != wanted:
            yield f"{where}: {label!r} has {len(place)} numbers, not {wanted}; write {wanted} for each label"
            return
        if topology == "sphere" and not (-90 <= place[0] <= 90 and -180 <= place[1] <= 360):
            yield f"{where}: {place} of {label!r} is not on a sphere; write [latitude, longitude] in degrees"
    if topology == "torus" and count != wanted:
        yield f"{key}.periods: {count} periods do not fit {wanted} coordinates; write one for each"
        return
    for label, place in coordinates.items():
        if (other := owner.setdefault(_spot(topology, place, periods), label)) != label:
            yield f"{where}: {quote([other, label])} are at one place; mend them or leave one out"


def _spot(topology, place, periods):
    """Equal for equal places: turns are taken away, and at a pole the longitude."""
    if topology == "torus":
        return tuple(round(x / period % 1, 9) % 1 for x, period in zip(place, periods))
    if topology == "sphere":
        return place[0], 0 if abs(place[0]) == 90 else place[1] % 360
    return tuple(place)


def _check_forms(key, concept):
    owner, fold = {}, str if concept["corpus"]["case_sensitive"] else str.casefold
    for label, forms in surface_forms(concept).items():
        for form in forms:
            if owner.setdefault(fold(form), label) != label:
                yield f"{key}.labels: {form!r} stands under {owner[fold(form)]!r} and {label!r}; give it to one of them"
            if reason := mistake(form):
                yield f"{key}.labels.{label}: {form!r} {reason}"

    for side in ("not_before", "not_after"):
        entry = concept["corpus"].get(side, ())
        of_label = entry if isinstance(entry, dict) else {"": entry}
        for label, forms in of_label.items():
            where = f"{key}.corpus.{side}" + (f".{label}" if label else "")
            if label and (labels := surface_forms(concept)) and label not in labels:
                yield _unknown(f"{key}.corpus.{side}", label, labels, "labels")
            yield from (f"{where}: {form!r} {reason}" for form in forms if (reason := mistake(form)))


def _check_templates(name, concept):
    try:
        for template in concept.get("templates", ()):
            named_categories(template, concept.get("phrase", ""), concept.get("categories", {}), name)
    except OrreryError as error:
        yield str(error)
    if "phrase" in concept and concept["phrase"].count("{label}") != 1:
        yield f"concepts.{name}.phrase: {concept['phrase']!r} must have one place for the label; write {{label}} once"
    if "phrase" not in concept and any("{phrase}" in template for template in concept.get("templates", ())):
        yield f"concepts.{name}.phrase: is missing; say what {{phrase}} in the templates stands for"
    path = concept.get("templates_file")
    if path and not os.path.exists(path):
        yield f"concepts.{name}.templates_file: {path!r} does not exist; write where it lies"


def _check_corpora(config):
    for name, corpus in config["corpora"].items():
        for concept in corpus["together"]:
            if concept not in config["concepts"]:
                yield _unknown(f"corpora.{name}.together", concept, config["concepts"], "concepts")
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
                yield _unknown(f"run.{key}", name, config[table], table)
    for sample in run["samples"]:
        yield from _check_sample(config, sample)
    asked = config["metrics"].get("structures", ())
    for name in () if asked == "claimed" else asked:
        if name not in STRUCTURES:
            yield _unknown("metrics.structures", name, STRUCTURES, "what can be asked of a set")
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
                yield _unknown(f"figures.{name}.reducers", reducer, config["reducers"], "reducers")


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
                yield _unknown(key, value, tables[part], f"{part}s")
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
        yield _unknown("run.samples", source, sources, "corpora, prompts, vocabulary")
    concept = config["concepts"].get(name)
    if concept is None:
        yield _unknown("run.samples", name, config["concepts"], "concepts")
    elif source in sources and (reason := misfit(source, concept)):
        yield f"run.samples: {sample!r} cannot be made: {reason}"
    else:
        yield from _check_number_of_words(config, source, name)
    if source in config["corpora"]:
        asset = config["assets"].get(config["corpora"][source]["asset"], {})
        if "path" in asset and not os.path.exists(asset["path"]):
            yield _absent(config["corpora"][source]["asset"], asset)
