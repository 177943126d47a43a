"""What the workflow asks of a configuration that is right: what is to be made, and which code made it.

Standard library only at import time, so that a dry run stays fast.
"""

import ast
import hashlib
import os
import re
from itertools import combinations
from pathlib import Path

from orrery.figures.needs import NEEDS, SUPERVISED, gives, html_only, suits
from orrery.layers import layer_name
from orrery.measured import LINES
from orrery.structures import CLAIMS

LIBRARY = Path(__file__).parent
VOCABULARY_LAYERS = ("embed", "unembed")
PAIRED = ("similarity", "models")  # kinds of comparisons of layers with layers
SIMILARITIES = ("cka", "mutual_knn", "procrustes")  # what those may show
METHODS = ("linear", "distances", "embeddings", "supervised", "subspaces")
WORD = re.compile("[a-z]+")
WORD_TOPOLOGIES = ("simplex", "tree", "none")  # of sets whose labels, taken from several sets, have no common order
INVENTED = ("nonsense-words",)  # sets whose labels are no words
PROJECTIONS = [*(f"methods/{name}" for name in METHODS), "reducers", "preprocess", "neighbours",
               *(f"geometry/{name}" for name in ("faithfulness", "probes", "cyclic"))]  # fmt: skip
CHARTS = [*(f"figures/{name}" for name in ("chart", "sources", "style", "colours")),
          *(f"figures/kinds/{name}" for name in ("__init__", "clouds", "components", "measures", "values")), "measured",
          *(f"geometry/{name}" for name in ("classes", "sequences", "variance"))]  # fmt: skip
GEOMETRY = ("arch", "bases", "classes", "closed", "clusters", "curves", "cyclic", "dimension", "exchange", "factors",
            "hierarchy", "irreducible", "local", "ordered", "partial", "permutations", "persistence", "places",
            "probes", "regions", "residues", "shapes", "shares", "similarity", "variance")  # fmt: skip
COMPARED = 10  # components of which Procrustes takes the best fit, where probes take all
SEARCH = [f"corpus/{name}" for name in ("conditions", "forms", "matcher", "numbers")]
# The modules whose code changes the numbers (or looks) of each rule's output, beside the rule's own script. How files
# are laid out counts by the number `FORMAT` of store/files, so that a new reader does not repeat the work of a GPU.
MODULES = {
    "filter_corpus": [*SEARCH, *(f"corpus/{name}" for name in ("occurrences", "readers", "scan", "selection"))],
    "import_samples": [*SEARCH, *(f"corpus/{name}" for name in ("labelled", "occurrences", "selection", "tables"))],
    "expand_prompts": ["samples"],
    "extract_activations": ["activations", "agreement", "capture", "changes", "layers", "models", "missing", "stack",
                            "sublayers", "tokenizing", "tokens"],
    "extract_vocabulary": ["models", "missing", "tokenizing", "vocabulary"],
    "find_neighbours": ["neighbours", "preprocess"],
    "project": PROJECTIONS,
    "project_all": PROJECTIONS,
    "analyse": ["analysis", *(f"geometry/{name}" for name in ("classes", "information", "sequences", "spectrum"))],
    "measure": ["measures", "measured", "clouds", "controls", "intervals", "neighbours", "nulls", "planted",
                "preprocess", "statistics", "structures", "covariates",
                *(f"geometry/{name}" for name in GEOMETRY)],
    "summarise": ["headline", "measured", "structures"],
    "draw_headline": ["headline", "measured", "structures", "figures/headline", *CHARTS,
                      *(f"figures/{name}" for name in ("static", "interactive"))],
    "draw_interactive": [*CHARTS, "figures/interactive", "figures/hover"],
    "draw_static": [*CHARTS, "figures/static"],
    "compare_layers": ["similarity", "preprocess", "geometry/classes", "geometry/permutations", "geometry/similarity"],
    "compare_interactive": [*CHARTS, "figures/comparisons", "figures/alike", "figures/interactive", "figures/hover"],
    "compare_static": [*CHARTS, "figures/comparisons", "figures/alike", "figures/static"],
    "build_atlas": ["atlas/__init__", "atlas/template.html"],
    "sum_up_survey": ["survey", "headline", "measured", "structures"],
    "draw_survey": ["survey", "headline", "structures", "clouds", "preprocess", "figures/survey", *CHARTS,
                    "figures/static", "figures/interactive",
                    "controls", *(f"geometry/{name}" for name in GEOMETRY)],
    "fit_labels": ["catalogue", "tokenizing", "tokens", "vocabulary"],
    "build_catalogue": ["catalogue", "atlas/catalogue", "atlas/catalogue.html"],
}  # fmt: skip
CONVERSIONS = {"gguf": "gguf", "mediawiki": "corpus/mediawiki"}


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


def parts_of(config, source, concept):
    """The wildcards of the parts of a scan. One that stops early reads a prefix, of which there is only one."""
    spread = config["concepts"][concept]["corpus"]["sampling"] == "spread"
    parts = config["corpora"][source]["scatter"] if spread else 1
    return [{"source": source, "concept": concept, "part": n + 1, "parts": parts} for n in range(parts)]


def shape_of(concept):
    """What a figure or a measure must know of a concept: topology, whether numbers, period, parents, coordinates."""
    facts = ("topology", "parents", "regions", "coordinates", "periods", "distances")
    shape = {key: concept[key] for key in facts if key in concept}
    if "integers" in concept:
        shape["numbers"] = True
    if concept["topology"] == "circle":
        shape["period"] = float(concept.get("period", len(surface_forms(concept))))
    return shape


def outline_of(concept):
    """What a projection must know of a concept: topology, and the period of a circle."""
    return {key: value for key, value in shape_of(concept).items() if key in ("topology", "period")}


def vocabulary_spec(config, name):
    """What the extraction of a vocabulary set depends on: how its labels are chosen, and the set whose size it has."""
    concept = config["concepts"][name]
    spec = {
        "concept": {k: concept[k] for k in ("labels", "integers", "random_tokens", "token_form") if k in concept},
        "values": label_values(concept),
    }
    liked = concept.get("random_tokens", {}).get("like")
    return spec | ({"like": vocabulary_spec(config, liked)} if liked else {})


# ---------------------------------------------------------------------------------------------- random words


def words_of(name):
    """The name of the control set that has random words in the templates of a set."""
    return f"{name}-words"


def has_prompts(concept):
    """Whether a set has templates and labels that are known before a model is read."""
    return not misfit("prompts", concept) and ("integers" in concept or bool(concept.get("labels")))


def ordinary_words(config):
    """All labels of the catalogue that are one word of lower-case ASCII letters.

    Returns
    -------
    (list of str, list of str)
        Words of sets that claim no order (simplex, tree, none), and words of all other sets; both sorted.
    """
    unordered, others = set(), set()
    for name, concept in config["concepts"].items():
        if name not in INVENTED and "random_words" not in concept:
            words = unordered if concept["topology"] in WORD_TOPOLOGIES else others
            words.update(label for label in concept.get("labels", ()) if WORD.fullmatch(label))
    return sorted(unordered), sorted(others - unordered)


def random_words(config, name, like, words=None):
    """Ordinary words in random order, as many as a set has labels and none of them one of its labels.

    The words are those with the smallest digests of seed, name and word. A draw without replacement in which every
    order is equally likely results, and a new word in the catalogue changes only the draws that contain it.

    Parameters
    ----------
    config : dict
    name : str
        The name of the control set, so that each has a draw of its own.
    like : str
        The set whose number of labels is matched. If all its labels begin with a capital, so do the words.
    words : (list of str, list of str), optional
        From `ordinary_words`. The second list is used only if the first is too short.

    Returns
    -------
    list of str
        Fewer words than the set has labels where the catalogue has no more.
    """
    labels = surface_forms(config["concepts"][like])
    own = {text.casefold() for label, forms in labels.items() for text in (label, *forms)}
    pool = []
    for some in words or ordinary_words(config):
        pool += [word for word in some if word not in own] if len(pool) < len(labels) else []
    key = f"{config['seed']} {name} "
    drawn = sorted(pool, key=lambda word: hashlib.sha256((key + word).encode()).digest())[: len(labels)]
    return [word.capitalize() for word in drawn] if all(label[0].isupper() for label in labels) else drawn


# ---------------------------------------------------------------------------------------------- the catalogue


def catalogued(config):
    """Every set that somebody wrote: all but the random tokens and random words that controls add for each."""
    concepts = config["concepts"]
    return {name: entry for name, entry in concepts.items() if not _added(name, entry)}


def _added(name, concept):
    like = concept.get("random_words", {}).get("like")
    return name == f"{_liked(concept)}-random" or (like is not None and name == words_of(like))


def _liked(concept):
    return concept.get("random_tokens", {}).get("like")


def samples_named(config, sample):
    """The samples that an entry of `run.samples` stands for: of `source/*` every set that the source can give."""
    source, _, name = sample.partition("/")
    if name != "*":
        return [sample]
    sets = [name for name, concept in sorted(catalogued(config).items()) if not misfit(source, concept)]
    return [f"{source}/{name}" for name in sets if surface_forms(config["concepts"][name])] or [sample]


def label_specs(config):
    """What the tokens of each set's labels depend on: the labels and whether words are spaced, or what is drawn."""
    specs = {}
    for name, concept in catalogued(config).items():
        if labels := list(surface_forms(concept)):
            spaced = concept["corpus"]["whole_words"]
            specs[name] = {"labels": labels, "spaced": spaced, "token_form": concept["token_form"]}
        else:
            specs[name] = {"random": _liked(concept)} if _liked(concept) else {"integers": concept["integers"]}
    return specs


def catalogue_entries(config):
    """What the catalogue says of each set, by its name."""
    told = ("topology", "difficulty", "about", "source")
    return [
        {"name": name, **{key: concept.get(key, "") for key in told}, "labels": list(surface_forms(concept)),
         "templates": len(concept.get("templates", [])), "file": concept.get("templates_file", "")}
        for name, concept in sorted(catalogued(config).items())
    ]  # fmt: skip


def tokenizing_models(config):
    """model → what is said over its column, of the models of the run that differ in their tokenizer."""
    alike = {}
    for model in config["run"]["models"]:
        alike.setdefault(config["models"][model]["asset"], []).append(model)
    return {models[0]: ", ".join(models) for models in alike.values()}


def corpus_samples(config):
    """The run's samples that come from a corpus."""
    return [sample for sample in config["run"]["samples"] if sample.partition("/")[0] in config["corpora"]]


# ------------------------------------------------------------------------------------------------- what is made


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


def reading_of(config, model, source="prompts"):
    """What of a model's entry changes its numbers; the layers drawn, the device and the speed do not.

    Prompts, which the user wrote, may hold special tokens; in other texts they are an accident, if nothing is said.
    """
    entry = config["models"][model]
    special = entry["special_strings"]
    if special == "auto":
        special = "keep" if source == "prompts" else "drop"
    random = entry["weights"] == "random"
    return {
        "model": {
            **{key: entry[key] for key in ("dtype", "weights", "quantization", "trust_remote_code")},
            "allow_pickle": config["assets"][entry["asset"]]["allow_pickle"],
            "seed": config["seed"] + entry["init_seed"] if random else 0,
        },
        "blocks": entry.get("blocks"),
        "tokens": {key: entry.get(key) for key in ("over", "context_tokens", "bos")}
        | ({"short": entry["short"]} if "context_tokens" in entry else {})
        | {"special": special},
        "sites": sorted(entry["sites"]),
        "store": entry["store"] if entry["store"] == "all" else sorted(entry["store"], key=str),
        **{key: entry[key] for key in ("pool", "store_dtype")},
    }


def graph_of(reducer):
    """The name of a reducer's neighbour graph, which all share that prepare and compare vectors alike.

    It ends in k, the number of neighbours, in coarse steps: a reducer that needs more has a graph of its own.
    """
    perplexity, neighbors = (reducer.get(key, "auto") for key in ("perplexity", "neighbors"))
    needed = max(0 if perplexity == "auto" else 3 * perplexity, 0 if neighbors == "auto" else neighbors)
    k = 90
    while k < needed:
        k *= 3
    return ".".join([*(reducer["preprocess"] or ["raw"]), reducer.get("metric", "euclidean"), str(k)])


def control_of(config, source, concept):
    """The concept drawn beside this one, where it can be had from the same source, or None.

    It is the concept's own `control`; of prompts for which that cannot be had, random words in the same templates.
    """
    control = config["concepts"][concept].get("control")
    if control and not misfit(source, config["concepts"][control]):
        return control
    return _words_beside(config, source, concept)


def _words_beside(config, source, concept):
    """The name of the set that has random words in the templates of a set, where the run has that control, or None.

    There is none where the catalogue has too few words, which is a mistake if the run has the set.
    """
    words, concepts = words_of(concept), config["concepts"]
    wanted = source == "prompts" and "random-words" in config["controls"]
    if not wanted or concepts.get(words, {}).get("random_words") != {"like": concept}:
        return None
    return words if len(concepts[words]["labels"]) == len(surface_forms(concepts[concept])) else None


def twin_of(model, number=1):
    """The name of a model's untrained twin, or of another one whose weights are drawn with another seed."""
    return f"{model}-untrained" + (f"-{number}" if number > 1 else "")


def twins_of(config, model):
    """Control → name of the untrained twins of a model: untrained, untrained-2, …"""
    numbers = range(1, 1 + config["metrics"]["twins"])
    return {f"untrained-{n}".removesuffix("-1"): twin_of(model, n) for n in numbers}


def measured_controls(config, model, source, concept):
    """control → (model, source, concept) of the sets that a set is measured beside."""
    found = {}
    if "untrained" in config["controls"]:
        twins = twins_of(config, model).items()
        found |= {control: (twin, source, concept) for control, twin in twins if twin in config["models"]}
    random = control_of(config, source, concept)
    if "random-tokens" in config["controls"] and source == "vocabulary" and random:
        found["random-tokens"] = (model, source, random)
    words = _words_beside(config, source, concept)
    if words and not _drops_prompts(config["models"][model]):
        found["random-words"] = (model, source, words)
    return found


def _drops_prompts(model):
    """Whether a model may read fewer prompts of one word than of another, as it drops those with too few tokens."""
    return "context_tokens" in model and model["short"] == "drop"


def measuring(config, concept):
    """What is measured of a set, and how."""
    options = dict(config["metrics"])
    if options.get("structures") == "claimed":
        options["structures"] = list(CLAIMS[config["concepts"][concept]["topology"]])
    names = ("preprocess", "template_effects", "components", "ridge", "permutations", "structures", "covariates",
             "measure_controls")  # fmt: skip
    return {key: options[key] for key in names if key in options}


def headline_places(config, *models):
    """Every set that the run measures, of all its models or of some, as dicts of model, source and concept."""
    samples = [sample.split("/") for sample in config["run"]["samples"]]
    models = models or config["run"]["models"]
    return [{"model": model, "source": source, "concept": concept} for model in models for source, concept in samples]


def surveyed(config):
    """What a survey must know of each set of the run."""
    sets = {place["concept"]: config["concepts"][place["concept"]] for place in headline_places(config)}
    return {
        name: {"topology": concept["topology"], "difficulty": concept.get("difficulty", ""),
               "labels": len(surface_forms(concept))}
        for name, concept in sets.items()
    }  # fmt: skip


def controlled(config, source, concept, reducer):
    """The control that is drawn beside a set from what `reducer` gives; a supervised one has no labels for it."""
    method = config["reducers"].get(reducer, {}).get("method")
    return None if method in SUPERVISED else control_of(config, source, concept)


def figure_misfit(config, wildcards):
    """Why a figure cannot be drawn where its path asks for it, or None."""
    figure, layer, reducer = config["figures"][wildcards.figure], wildcards.layer, wildcards.reducer
    need = NEEDS[figure["kind"]]
    entry, spec = config["concepts"][wildcards.concept], config["reducers"].get(reducer)
    fits = (
        (need.layer == "all") == (layer == "all")
        and not (figure["kind"] == "layers" and wildcards.source == "vocabulary")
        and gives(figure, spec)
        and suits(figure, entry)
        and (spec is None or reducible(spec, wildcards.source, entry))
    )
    place = f"{wildcards.concept}/{layer}/{reducer}"
    return None if fits else f"the figure {wildcards.figure} does not fit {place}; it needs {need.phrase}"


def reducible(reducer, source, concept):
    """Whether a reducer can be used on a set at all."""
    method, topology = reducer["method"], concept["topology"]
    if "group-center" in reducer["preprocess"] and source != "prompts":
        return False
    if method in ("line", "helix"):
        return topology in LINES
    if method == "lda":
        return topology != "none" and source != "vocabulary"  # one token a label is no class
    return method not in SUPERVISED or topology == "circle" or (method == "pls" and topology in LINES)


def reducers_of(config, name, source, concept):
    """The reducers (and raw) from which a figure of a set is drawn: those it names, else those of the run."""
    figure, entry = config["figures"][name], config["concepts"][concept]
    if not suits(figure, entry):
        return []
    if NEEDS[figure["kind"]].raw == "only":
        return ["raw"]
    wanted = {r: config["reducers"].get(r) for r in figure.get("reducers", config["run"]["reducers"])}
    return [r for r, spec in wanted.items() if gives(figure, spec) and (spec is None or reducible(spec, source, entry))]


def figure_targets(config):
    """Every figure file of the sweep, as a list of paths."""
    run, paths = config["run"], []
    for model in run["models"]:
        for sample in run["samples"]:
            source, concept = sample.split("/")
            for name in run["figures"]:
                figure = config["figures"][name]
                layers = ["all"] if NEEDS[figure["kind"]].layer == "all" else layers_of(config, model, source)
                if figure["kind"] == "layers" and source == "vocabulary":
                    continue  # it has no layers to go through
                paths += [
                    f"results/figures/{model}/{sample}/{layer}/{reducer}/{name}.{suffix}"
                    for layer in layers
                    for reducer in reducers_of(config, name, source, concept)
                    for suffix in run["formats"]
                    if suffix == "html" or not html_only(figure)
                ]
    return list(dict.fromkeys(paths))


def files_needed(config, figure):
    """The stages whose files a figure is drawn from."""
    return NEEDS[config["figures"][figure]["kind"]].files


def comparison_targets(config):
    """Every comparison file of the sweep, as a list of paths."""
    return [
        f"results/comparisons/{name}.{suffix}"
        for name in config["run"]["comparisons"]
        for suffix in config["run"]["formats"]
        if suffix == "html" or config["comparisons"][name].get("dimensions") != 3
    ]


def compared_places(config, name):
    """What a comparison compares, as dicts of model, source, concept and, of panels, layer and reducer."""
    parts = ("model", "source", "concept", "layer", "reducer")
    return [dict(zip(parts, place.split("/"))) for place in config["comparisons"][name]["of"]]


def compared_pairs(config, name):
    """The similarities that a comparison is drawn from, as dicts of source, concept, model and other.

    The two models stand in the order of their names, so that two comparisons share a file.
    """
    places = compared_places(config, name)
    pairs = combinations(places, 2) if len(places) > 1 else [places * 2]
    return [{"source": a["source"], "concept": a["concept"], "model": first, "other": second}
            for a, b in pairs for first, second in [sorted((a["model"], b["model"]))]]  # fmt: skip


def similarity_options(config):
    """How layers are compared with layers."""
    options = config["metrics"]
    components = COMPARED if options["components"] == "all" else options["components"]
    return {"preprocess": options["preprocess"], "components": components,
            "permutations": min(options["permutations"], 999)}  # fmt: skip


def compared_shapes(config, name):
    """The shape of each set of a comparison."""
    return [shape_of(config["concepts"][place["concept"]]) for place in compared_places(config, name)]


def files_of(path):
    """The files of a local asset that are not hidden, so that a change in any of them is noticed."""
    if path is None:
        return []
    if not os.path.isdir(path):
        return [path]
    files = (f for f in Path(path).rglob("*") if not any(part.startswith(".") for part in f.relative_to(path).parts))
    return sorted(str(f) for f in files if f.is_file())


def code_version(rule):
    """Digest of the script and the modules that make a rule's output; comments and docstrings do not count."""
    return _digest([LIBRARY.parent / f"{rule}.py", *map(_module, MODULES[rule])])


def conversion_version(asset):
    """Digest of what converts an asset. Fetching has no version: its digests say what was fetched."""
    return _digest([_module(CONVERSIONS[asset["convert"]])]) if "convert" in asset else ""


def _module(name):
    return LIBRARY / (name if "." in name else f"{name}.py")


def _digest(files):
    layout = re.search(r"^FORMAT = \d+", _module("store/files").read_text(encoding="utf-8"), re.MULTILINE).group()
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
