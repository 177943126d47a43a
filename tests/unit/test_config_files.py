"""Config files as users write them: what YAML makes of them, names that are taken, and where each mistake stands."""

import json
import re
import subprocess
import sys

import pytest
from orrery import checks
from orrery.errors import OrreryError
from orrery.written import Written, load_strictly, repeated_keys
from tools import ROOT, snakemake


def mistakes_of(folder, text, name="mine.yaml"):
    """The lines that the check of a config file gives; none where it is right."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        checks.check_files(ROOT, [path])
    except OrreryError as error:
        return [line.replace(f"{checks.shown(path)}", name) for line in str(error).splitlines()]
    return []


SET = "concepts: {t: {topology: line, labels: %s, templates: ['At {label}']}}\n"
POINT = "concepts: {t: {topology: plane, labels: [a, b, c], coordinates: {a: [0, 1], b: [1, %s], c: [2, 2]}}}\n"
WORDS = ", ".join(f"{k}: {[str(n) for n in range(100)]}" for k in "qrs")
FILES = [  # a config file, the sentences it gets
    # numbers that are not finite, or no integers
    (SET.replace("]}}", "], values: [1, .nan, 3]}}") % "[a, b, c]", ["concepts.t.values.1: nan is no finite number; write one."]),
    (SET.replace("]}}", "], values: [1, 2, .inf]}}") % "[a, b, c]", ["concepts.t.values.2: inf is no finite number; write one."]),
    (SET.replace("]}}", "], values: [1, 2, 1.0e+200]}}") % "[a, b, c]", ["concepts.t.values.2: 1e+200 is too large; write a smaller number."]),
    (POINT % "-.inf", ["concepts.t.coordinates.b.1: -inf is no finite number; write one."]),
    ("concepts: {weekdays: {period: .nan}}", ["concepts.weekdays.period: nan is no finite number; write one. (The length of a circle"]),
    ("reducers: {tsne: {perplexity: .inf}}", ["reducers.tsne.perplexity: inf is no finite number; write one. (Effective"]),
    ("reducers: {umap: {min_dist: .nan}}", ["reducers.umap.min_dist: nan is no finite number; write one. (How close"]),
    ("metrics: {ridge: .inf}", ["metrics.ridge: inf is no finite number; write one. (Penalty"]),
    ("figures: {scatter-2d: {point_size: .nan}}", ["figures.scatter-2d.point_size: nan is no finite number; write one."]),
    ("models: {minilm: {depth: 6.0}}", ["models.minilm.depth: 6.0 must be of type integer; write 6. (How many"]),
    ("figures: {layers: {dimensions: 3.0}}", ["figures.layers.dimensions: 3.0 must be one of 2, 3. (Axes"]),
    ("reducers: {tsne-3d: {components: 3.0}}", ["reducers.tsne-3d.components: 3.0 must be one of 2, 3. (Dimensions"]),
    ("figures: {scatter-2d: {components: [1.0, 2]}}", ["figures.scatter-2d.components.0: 1.0 must be of type integer; write 1."]),
    ("metrics: {permutations: 1000.0}", ["metrics.permutations: 1000.0 must be of type integer; write 1000. (Permutations"]),
    ("seed: true", ["seed: true must be of type integer. (The seed"]),
    ("models: {minilm: {batch_tokens: 512.0}}", ["models.minilm.batch_tokens: 512.0 must be 'auto' or an integer from 1 to 1000000000. (Padded"]),
    ("seed: 99999999999999999999999", ["seed: 99999999999999999999999 is too large; write a smaller number. (The seed"]),
    # what YAML makes of labels, names and keys
    (SET % "[on, off, maybe]", ['concepts.t.labels.0: on is true to YAML; put it in quotes: "on".',
                                'concepts.t.labels.1: off is false to YAML; put it in quotes: "off".']),
    (SET % "[Norway, No, Sweden]", ['concepts.t.labels.1: No is false to YAML; put it in quotes: "No".']),
    (SET % "[1990, '1991']", ['concepts.t.labels.0: 1990 is a number to YAML; put it in quotes: "1990".']),
    (SET % "['12:00', 12:30]", ['concepts.t.labels.1: 12:30 is a number to YAML; put it in quotes: "12:30".']),
    (SET % "[a, 007, 1_000, 1.0e+3]", ['concepts.t.labels.1: 007 is a number to YAML; put it in quotes: "007".',
                                 'concepts.t.labels.2: 1_000 is a number to YAML; put it in quotes: "1_000".',
                                 'concepts.t.labels.3: 1.0e+3 is a number to YAML; put it in quotes: "1.0e+3".']),
    (SET % "[2001-09-11, b]", ['concepts.t.labels.0: 2001-09-11 is a date to YAML; put it in quotes: "2001-09-11".']),
    (SET % "[a, null, ~]", ['concepts.t.labels.1: null is no text to YAML; put text in quotes, such as "null", or remove it.',
                            'concepts.t.labels.2: ~ is no text to YAML; put text in quotes, such as "~", or remove it.']),
    (SET % "[a, b, a]", ["concepts.t.labels: ['a', 'b', 'a'] has 'a' twice; all must be different, so remove one."]),
    (SET % "{1990: ['1990'], 1991: ['1991']}", ['concepts.t.labels: the key 1990 is a number to YAML; put it in quotes: "1990".',
                                                'concepts.t.labels: the key 1991 is a number to YAML; put it in quotes: "1991".']),
    (SET % "{12:30: [half past], '13:30': [x]}", ['concepts.t.labels: the key 12:30 is a number to YAML; put it in quotes: "12:30".']),
    (SET % "{Yes: [yes], No: [no]}", ['concepts.t.labels: the key Yes is true to YAML; put it in quotes: "Yes".',
                                      'concepts.t.labels: the key No is false to YAML; put it in quotes: "No".']),
    (SET % "{a: [on], b: [b]}", ['concepts.t.labels.a.0: on is true to YAML; put it in quotes: "on".']),
    ("models: {7: {asset: minilm, depth: 6}}", ['models: the key 7 is a number to YAML; put it in quotes: "7".']),
    ("null: 1", ['the configuration: the key null is no text to YAML; put text in quotes, such as "null", or remove it.']),
    ("concepts: {t: {topology: tree, labels: [a, b], parents: {a: 1, b: no}}}",
     ['concepts.t.parents.a: 1 is a number to YAML; put it in quotes: "1".', 'concepts.t.parents.b: no is false to YAML; put it in quotes: "no".']),
    ("corpora: {news: {text: 1}}", ['corpora.news.text: 1 is a number to YAML; put it in quotes: "1".']),
    # what never ends
    ("concepts: {zz: {topology: none, random_tokens: {like: zz}}}", ["concepts.zz.random_tokens.like: 'zz' is this set itself; name another."]),
    ("concepts: {y: {topology: none, random_tokens: {like: z}}, z: {topology: none, random_tokens: {like: y}}}",
     ["concepts.y.random_tokens.like: y → z → y never ends; name a set with labels or integers.",
      "concepts.z.random_tokens.like: z → y → z never ends; name a set with labels or integers."]),
    ("concepts: {t: {topology: tree, labels: [a, b, c], parents: {a: b, b: c, c: a}}}",
     ["concepts.t.parents: a → b → c → a never ends; give one of them another parent."]),
    ("concepts: {t: {topology: tree, labels: [a, b], parents: {a: a, b: x}}}",
     ["concepts.t.parents: a → a never ends; give one of them another parent."]),
    ("concepts: {weekdays: {control: weekdays}}", ["concepts.weekdays.control: 'weekdays' is this set itself; name another."]),
    # limits
    (SET.replace("'At {label}'", "'{q} {r} {s} {label}'").replace("]}}", "], categories: {%s}}}") % ("[a, b]", WORDS),
     ["concepts.t.templates: make 2,000,000 prompts, more than 1,000,000; take fewer templates or categories."]),
    ("concepts: {t: {topology: line, integers: {stop: 1000000000}}}", ["concepts.t.integers.stop: 1000000000 must be 'single-token' or an integer from 1 to 20000."]),
    ("models: {minilm: {depth: 1000000000, layers: all}}", ["models.minilm.depth: 1000000000 must be at most 1000. (How many"]),
    ("concepts: {t: {topology: line, labels: [a, b], templates_file: /dev/zero}}", ["concepts.t.templates_file: '/dev/zero' is no regular file;"]),
    ("reducers: {tsne: {perplexity: 1.0e+99}}", ["reducers.tsne.perplexity: 1e+99 must be 'auto' or a number above 1 up to 100000."]),
    # one sentence a mistake
    ("reducers: {mine: pca}", ["reducers.mine: 'pca' must be a mapping."]),
    ("reducers: {mine: {components: 3}}", ["reducers.mine: the key 'method' is missing; add it."]),
    ("reducers: {mine: {method: [pca]}}", ["reducers.mine.method: ['pca'] must be one of 'pca', "]),
    ("figures: {mine: scatter-2d}", ["figures.mine: 'scatter-2d' must be a mapping."]),
    ("models: {minilm: {layers: [99]}}", ["models.minilm.layers: 99 is out of range; the blocks are 0 to 5."]),
    ("models: {mine: {asset: smollm2, depth: 6}}", ["models.mine.asset: 'smollm2' is not in assets; did you mean 'smollm2-135m'?."]),
    ("concepts: {weekdays: {corpus: {min_chars: 500}}}", ["concepts.weekdays.corpus.min_chars: 500 is more than before allows; raise before."]),
    ("comparisons: {z: {kind: panels, of: [minilm/prompts/weekdays/03-foo/pca, minilm/prompts/weekdays/03/pca]}}\nrun: {comparisons: [z]}",
     ["comparisons.z.of: 'minilm/prompts/weekdays/03-foo/pca' has no layer 03-foo; write embed, final, or a block such as 00"]),
    ("assets: {x: {package: -r==1, member: y, sha256: '%s'}}" % ("0" * 64), ["assets.x.package: '-r==1' must be pinned as name==version. (A pinned"]),
    # names that are taken
    ("models: {minilm-untrained: {asset: smollm2-135m, depth: 30}}",
     ["models.minilm-untrained: is the name of the untrained twin of minilm, from which it differs in asset, weights; rename it, or take untrained out of controls."]),
    ("models: {minilm-untrained-2: {asset: minilm, weights: random, init_seed: 1, pool: mean, depth: 6}}",
     ["models.minilm-untrained-2: is the name of the untrained twin of minilm, from which it differs in pool; rename"]),
    ("concepts: {weekdays-random: {topology: none, labels: [a, b], templates: ['{label}']}}",
     ["concepts.weekdays-random: is the name of the control random-tokens of weekdays; rename one of the two"]),
    ("concepts: {weekdays-words: {topology: none, random_words: {like: months}}}",
     ["concepts.weekdays-words: is the name of the control random-words of weekdays; rename one of the two"]),
    ("concepts: {weekdays: {topology: circle, labels: [a, b, c]}}",
     ["concepts.weekdays: workflow/concepts/weekdays.yaml has something else under this name, from which it would take about, "]),
    ("concepts: {cities: {topology: line, integers: {stop: 9}}}", ["concepts.cities: workflow/concepts/cities.yaml has something else"]),
    ("corpora: {news: {asset: enwiki-sample}}", ["corpora.news: config.yaml has something else under this name, from which it would take format; choose"]),
    ("reducers: {pca-within: {method: svd}}", ["reducers.pca-within: config.yaml has something else under this name, from which it would take preprocess;"]),
    ("comparisons: {circles: {kind: curves, of: [minilm/prompts/weekdays, minilm/prompts/months]}}",
     ["comparisons.circles: config.yaml has something else under this name, from which it would take measure;"]),
]  # fmt: skip


@pytest.mark.parametrize("text, sentences", FILES, ids=[re.sub(r"\W+", "-", text)[:60] for text, _ in FILES])
def test_each_mistake_in_a_file_is_one_sentence_with_its_line(tmp_path, text, sentences):
    lines = mistakes_of(tmp_path, text)
    assert len(lines) == len(sentences), lines
    for line, sentence in zip(lines, sentences):
        place, _, said = line.partition(": ")
        assert place == "mine.yaml, line 1" or sentence.startswith("the configuration"), line
        assert (said if place == "mine.yaml, line 1" else line).startswith(sentence), line


RIGHT = [
    "models: {minilm: {asset: minilm, layers: [2]}}",  # an edit of what is shipped
    "models: {minilm-untrained: {asset: minilm, weights: random, layers: [0], depth: 6}}",
    "concepts: {weekdays: {corpus: {per_label: 7}}}",
    "concepts: {seasons: {topology: line}}",
    "reducers: {tsne: {method: tsne, iterations: 300}}",
    "controls: [gaussian]\nmodels: {minilm-untrained: {asset: smollm2-135m, depth: 30}}",
    SET % '["on", "1990", "12:30"]',
    "concepts: {t: {topology: tree, labels: [a, b, c], parents: {a: b, b: c, c: top}}}",
    "",
    "models: {mine: &m {asset: minilm, depth: 6}, other: {<<: *m, pool: mean}}",
]  # fmt: skip


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_meant_is_right(tmp_path, text):
    assert mistakes_of(tmp_path, text) == []


REPEATED = [  # text, lines and keys
    ("run:\n  models: [minilm]\n  models: [smollm2-135m]\n", [(3, "models")]),
    ("seed: 1\nrun: {models: [minilm]}\nseed: 2\n", [(3, "seed")]),
    ("concepts:\n  t: {topology: line,\n   labels: [a, b], labels: [c, d]}\n  t: {}\n", [(4, "t"), (3, "labels")]),
    ('{"seed": 1,\n "run": {"seed": 1},\n "seed": 2}', [(3, "seed")]),
]


@pytest.mark.parametrize("text, found", REPEATED)
def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path, text, found):
    said = [f"mine.yaml, line {line}: the key {key!r} stands twice in one mapping;" for line, key in found]
    (tmp_path / "mine.yaml").write_text(text)
    told = [
        line.replace(checks.shown(tmp_path / "mine.yaml"), "mine.yaml")
        for line in Written([tmp_path / "mine.yaml"]).repeated()
    ]
    assert len(told) == len(said) and all(line.startswith(start) for line, start in zip(told, said)), told
    assert mistakes_of(tmp_path, text)[0].startswith(said[0])


BROKEN = [
    (b"run:\n  models: [minilm\n  samples: [prompts/weekdays]\n", "mine.yaml, line 3: this is not YAML ("),
    (b"seed: 1\n\trun: 2\n", "mine.yaml, line 2: this is not YAML ("),
    ("run: {seed: 1}".encode("utf-16"), "mine.yaml: cannot be read as UTF-8 text"),
    (b"run: {models: [caf\xe9]}", "mine.yaml: cannot be read as UTF-8 text"),
    (b"- a\n- b\n", "mine.yaml: holds no mapping;"),
    (b"a: *b\n", "mine.yaml, line 1: this is not YAML (found undefined alias"),
    (b"__use_yte__: true\nseed: ?1 / 0\n", "mine.yaml: is a template that runs code;"),
]


@pytest.mark.parametrize("text, sentence", BROKEN)
def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path, text, sentence):
    (line,) = mistakes_of(tmp_path, text)
    assert line.startswith(sentence), line
    (tmp_path / "mine.yaml").write_bytes(text)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/check_config.py", "mine.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and done.stderr.startswith(sentence) and "Traceback" not in done.stderr


def test_the_place_of_a_mistake_is_that_of_the_file_that_counts(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("models:\n  x.y:\n    depth: 3\nseed: 1\n")
    second.write_text("# more\nseed: 2\nmodels:\n  x.y: {layers: [0,\n     on]}\n")
    written = Written([first, second])
    names = {"a": checks.shown(first), "b": checks.shown(second)}
    assert written.place("seed") == f"{names['b']}, line 2"
    assert written.place("models.x.y.depth") == f"{names['a']}, line 3"
    assert written.place("models.x.y.layers.1") == f"{names['b']}, line 5"
    assert written.place("models.x.y.asset") == f"{names['b']}, line 4"  # it would stand there
    assert written.place("corpora.news") is None and written.text(["models", "x.y", "layers", 1]) == "on"


def test_anchors_that_multiply_cost_nothing():
    import yaml

    text = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert list(repeated_keys(yaml.compose(text))) == []


def test_a_json_file_with_tabs_is_read(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"seed": 3}, indent="\t"))
    assert checks.check_files(ROOT, [tmp_path / "mine.json"])["seed"] == 3
    assert load_strictly(tmp_path / "mine.json") == {"seed": 3}


def test_snakemake_says_the_same_in_one_sentence(tmp_path):
    text = "# mine\nconcepts: {t: {topology: line, labels: [Norway, No, on]}}\n"
    (tmp_path / "mine.yaml").write_text(text)
    said = mistakes_of(tmp_path, text)
    done = snakemake(tmp_path, "-n", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "mine.yaml")
    assert done.returncode != 0 and all(line in (done.stdout + done.stderr) for line in said), done.stdout + done.stderr
    assert len(said) == 2 and said[0].startswith("mine.yaml, line 2: concepts.t.labels.1: No is false to YAML")
    (tmp_path / "mine.yaml").write_text("seed: 1\nrun: {plotly: cdn}\nseed: 2\n")
    done = snakemake(tmp_path, "-n", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "mine.yaml")
    assert done.returncode != 0 and "mine.yaml, line 3: the key 'seed' stands twice" in (done.stdout + done.stderr)
    done = snakemake(
        tmp_path, "-n", "--snakefile", str(ROOT / "Snakefile"), "--config", "run={samples: [prompts/weekday]}"
    )
    assert done.returncode != 0 and "\nrun.samples: 'weekday' is not in concepts; did you mean 'weekdays'?" in (
        done.stdout + done.stderr
    )
