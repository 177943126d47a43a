"""Configs that somebody may write: the shipped one with a few changes, from the schema and from a pool of odd values."""

import copy
import signal
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import yaml
from hypothesis import strategies as st
from orrery import checks
from orrery import config as orrery
from orrery.errors import OrreryError
from tools import ROOT

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
SHIPPED = yaml.safe_load((ROOT / "config.yaml").read_text())
# A dozen sets stand for all of the catalogue, which takes most of the time otherwise.
NAMES = (
    "weekdays",
    "months",
    "integers",
    "random-tokens",
    "cities",
    "animals",
    "rgb",
    "seasons",
    "nonsense-words",
    "colours",
)
CONCEPTS = [file for file in sorted((ROOT / "workflow/concepts").glob("*.yaml")) if file.stem in NAMES]
SECONDS = 2

# As they stand in a file: YAML makes of each what it makes.
ODD = ["", "null", "~", "true", "no", "on", "0", "1", "-1", "2", "5.0", "0.5", ".nan", ".inf", "-.inf", "1.0e+300", "1e400",
       "99999999999999999999", "0x" + "f" * 300, "12:30", "2001-09-11", "''", "' '", "a", "'*'", "x/y", "'../..'", "A B", "é", "'²'",
       "'08-foo'", "'²-pre'", "all", "auto", "raw", "prompts", "[]", "{}", "[[]]", "[a, a]", "[1, 2]", "[null]", "[[a, b], [c]]",
       "[on, off, maybe]", "{a: 1}", "{1: a}", "{a: {b: {c: d}}}", "'{label}'", "['{label} {x}']", "['{label} {label}']", "'{'", "'('",
       "['(a', 'b']", "{a: ['('], b: [b]}", "{a: [b], b: [b]}", "-r==1", "!!binary aGk=", "!!set {a, b}", "'a\\tb'", '"a\\nb"',
       "[" * 40 + "]" * 40, "x" * 300, "[prompts/weekdays]", "[prompts/*]", "['*/*']", "['/']", "[minilm]", "[pca]", "{like: zz}"]  # fmt: skip
KEYS = [
    "",
    "1",
    "on",
    "12:30",
    "zz",
    "minilm",
    "minilm-untrained",
    "weekdays",
    "weekdays-random",
    "weekdays-words",
    "'*'",
    "x.y",
    "Zz",
    "-a",
]


@cache
def _places():
    """(path, schema) of every key that the schema knows, with names of entries where tables have any."""

    def walk(schema, path):
        while "$ref" in schema:
            schema = {
                **SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]],
                **{k: v for k, v in schema.items() if k != "$ref"},
            }
        yield path, schema
        for key, sub in schema.get("properties", {}).items():
            yield from walk(sub, (*path, key))
        for branch in schema.get("allOf", ()):
            if branch["if"]["properties"]["method"]["const"] == SHIPPED["reducers"].get(path[-1], {}).get("method"):
                yield from walk(branch["then"], path)
        if path and len(path) == 1 and isinstance(entries := schema.get("additionalProperties"), dict):
            names = {"concepts": NAMES[:6], "reducers": ["pca", "tsne", "umap", "lda"]}
            for name in [*names.get(path[0], list(SHIPPED.get(path[0], ()))[:4]), "zz"]:
                yield from walk(entries, (*path, name))

    return [place for place in walk(SCHEMA, ()) if place[0]]


def _fitting(schema):
    """Values that a schema may allow, or just not, as YAML."""
    values = []
    for form in (schema, *schema.get("anyOf", ())):
        values += [str(v) for v in form.get("enum", ())] + ([str(form["const"])] if "const" in form else [])
        for bound, near in (("minimum", (-1, 0, 1)), ("maximum", (-1, 0, 1)), ("exclusiveMinimum", (0, 0.5, 1))):
            values += [str(form[bound] + step) for step in near if bound in form]
        if form.get("type") == "boolean":
            values += ["true", "false"]
        if form.get("type") == "array":
            values += [f"[{v}]" for v in _fitting(form.get("items", {}))[:6]]
    return values


@st.composite
def changes(draw):
    """A config file, as text: an entry of the user's own, and up to three keys of the schema with other values."""
    tree = {}
    if draw(st.booleans()):
        table, entry, run = draw(st.sampled_from(ENTRIES))
        tree = {table: {"zz": dict(entry)}, "run": dict([run])}
    places = [(path, schema) for path, schema in _places() if "zz" not in path or path[0] in tree]
    for path, schema in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        fitting = _fitting(schema)
        value = draw(st.sampled_from(fitting if fitting and draw(st.integers(0, 5)) else ODD))
        keys = list(path)
        if draw(st.integers(0, 19)) == 0:
            keys[draw(st.integers(0, len(keys) - 1))] = draw(st.sampled_from(KEYS))
        place = tree
        for key in keys[:-1]:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[keys[-1]] = value
    return _written(tree)


# An entry of each table, as it should be, and what of the run asks for it.
ENTRIES = [
    ("concepts", {"topology": "circle", "labels": "[a, b, c]", "templates": "['{label} x']"}, ("samples", "[prompts/zz, vocabulary/zz]")),
    ("concepts", {"topology": "line", "integers": "{stop: 9}", "templates": "['{label} x']"}, ("samples", "[prompts/zz, wikipedia/zz]")),
    ("concepts", {"topology": "tree", "labels": "[a, b]", "parents": "{a: b, b: a}"}, ("samples", "[vocabulary/zz]")),
    ("concepts", {"topology": "torus", "labels": "[a, b]", "periods": "[1, 2]", "coordinates": "{a: [0, 0], b: [.5, 1]}"}, ("samples", "[news/zz]")),
    ("concepts", {"topology": "none", "random_tokens": "{like: zz}"}, ("samples", "[vocabulary/zz]")),
    ("concepts", {"topology": "none", "random_tokens": "{like: weekdays}"}, ("samples", "[vocabulary/zz]")),
    ("concepts", {"topology": "none", "random_words": "{like: weekdays}"}, ("samples", "[prompts/zz]")),
    ("models", {"asset": "minilm", "depth": "6", "layers": "all"}, ("models", "[zz]")),
    ("models", {"asset": "minilm", "depth": "6", "layers": "[embed, 1, 01-attn]", "sites": "[resid_post, attn_out]"}, ("models", "[zz]")),
    ("reducers", {"method": "tsne", "perplexity": "1000"}, ("reducers", "[pca, zz]")),
    ("reducers", {"components": "3"}, ("reducers", "[zz, raw]")),
    ("figures", {"kind": "layers", "reducers": "[pca]"}, ("figures", "[zz]")),
    ("comparisons", {"kind": "panels", "of": "[minilm/prompts/weekdays/03-foo/pca, minilm/prompts/weekdays/03/pca]"}, ("comparisons", "[zz]")),
    ("comparisons", {"kind": "similarity", "of": "[minilm/prompts/weekdays]"}, ("comparisons", "[zz]")),
    ("corpora", {"asset": "lee-news", "scatter": "7", "together": "[months]"}, ("samples", "[zz/weekdays]")),
]  # fmt: skip


def _written(tree, depth=0):
    lines = []
    for key, value in tree.items():
        body = "\n" + _written(value, depth + 1) if isinstance(value, dict) else f" {value}\n"
        lines.append("  " * depth + f"{key}:{body}" if key != "" else "  " * depth + f"? \n{'  ' * depth}:{body}")
    return "".join(lines)


def prepared(path):
    """What the Snakefile makes of a config file, or OrreryError."""
    from orrery.written import load_strictly

    own = load_strictly(path) or {}
    if not isinstance(own, dict):
        return None
    config = checks.merge(copy.deepcopy(SHIPPED), own)
    checks.prepare(config, SCHEMA, CONCEPTS, files=[ROOT / "config.yaml", path], own=own, shipped=SHIPPED)
    return planned(config)


def planned(config):
    """All that the rules ask of a config that is right, for every set of the run."""
    asked = [orrery.figure_targets(config), orrery.comparison_targets(config), orrery.similarity_options(config),
             orrery.label_specs(config), orrery.catalogue_entries(config), orrery.surveyed(config),
             [orrery.graph_of(reducer) for reducer in config["reducers"].values()],
             [sorted(config[table]) for table in ("assets", "models", "concepts", "reducers", "figures")]]  # fmt: skip
    for place in orrery.headline_places(config):
        model, source, name = place.values()
        concept = config["concepts"][name]
        asked += [orrery.reading_of(config, model), orrery.layers_of(config, model, source), orrery.corpus_spec(config, name),
                  orrery.vocabulary_spec(config, name), orrery.shape_of(concept), orrery.outline_of(concept),
                  orrery.measuring(config, name), orrery.measured_controls(config, model, source, name)]  # fmt: skip
        if source in config["corpora"]:
            asked += [orrery.specs_together(config, source, name), orrery.parts_of(config, source, name)]
    for name in config["run"]["comparisons"]:
        asked += [orrery.compared_places(config, name), orrery.compared_shapes(config, name)]
    return asked


@contextmanager
def limit(seconds=SECONDS):
    """Raise TimeoutError where a block takes longer than that, in CPU time of this process."""

    def stop(*_):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def tried(text, folder):
    """The sentences that a config file gets, none where it is right; anything but OrreryError is raised.

    Each must be one line that begins with its place and key, ends as a sentence and is no longer than it needs to be.
    """
    path = Path(folder, "mine.yaml")
    path.write_text(text, encoding="utf-8")
    try:
        with limit():
            prepared(path)
    except OrreryError as error:
        lines = str(error).splitlines()
        for line in lines:
            assert line.endswith((".", ".)")) and ": " in line and len(line) < 600, line
            assert "Error" not in line and "object at 0x" not in line, line
        assert len(set(lines)) == len(lines) <= checks.MOST + 1, lines
        return lines
    return []
