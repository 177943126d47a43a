"""What the documentation shows is run."""

import re

import h5py
import numpy as np
import pytest
import yaml
from orrery import checks, headline
from orrery.errors import OrreryError
from orrery.figures import needs
from orrery.geometry.curves import best_curve
from orrery.measured import CONTROLS, COVARIATES, MEASURED, SHAPES
from orrery.measures import measure
from orrery.structures import STRUCTURES
from tools import ROOT

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def blocks(page, language):
    """The code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def activations(tmp_path, monkeypatch):
    """A file where the example looks for it, made by the library."""
    from orrery import store

    monkeypatch.chdir(tmp_path)
    samples = {"label": ["Monday", "Tuesday", "Sunday"], "text": ["a", "b", "c"]}
    vectors = np.arange(12, dtype=np.float32).reshape(3, 4)
    path = "results/activations/smollm2-135m/prompts/weekdays.h5"
    store.write_activations(path, {"08": vectors}, samples, {"architecture": "LlamaModel"})


def test_the_example_that_reads_activations(activations, capsys):
    (example,) = blocks("docs/activations.md", "python")
    assert len([line for line in example.splitlines() if line]) == 5
    exec(example, {})
    assert capsys.readouterr().out == "LlamaModel (3, 4) ['Monday' 'Tuesday' 'Sunday']\n"


def test_the_bits_of_bfloat16(tmp_path):
    import torch

    line = re.search(r"`(\(bits.*?)` gives the numbers", (ROOT / "docs/activations.md").read_text()).group(1)
    values = torch.tensor([1.5, -3e38, 0.1]).bfloat16()
    with h5py.File(tmp_path / "x.h5", "w") as file:
        bits = file.create_dataset("x", data=values.view(torch.uint16).numpy())[:]
        assert eval(line, {"bits": bits}).tolist() == values.float().tolist()


def test_every_link_leads_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r'(?:\]\(|src=")([^)"#:]+?)[)"]', page.read_text())]
    assert len(links) > 30 and [link for page, link in links if not (page.parent / link).exists()] == []


def entries(page):
    """The entries of a page, each with the names in its heading and in the list of names that may follow it."""
    found = []
    for part in re.split(r"^### ", (ROOT / page).read_text(), flags=re.MULTILINE)[1:]:
        heading, *paragraphs = part.split("\n\n")
        listed = paragraphs[0] if paragraphs and re.fullmatch(r"(`[\w-]+`,?\s*)+", paragraphs[0]) else ""
        found.append((re.findall(r"[\w-]+", f"{heading} {listed}"), part))
    return found


def test_the_measures_page_explains_every_measure():
    named = [name for names, _ in entries("docs/measures.md") for name in names]
    assert [name for name in MEASURED if named.count(name) != 1] == []
    for names, part in entries("docs/measures.md"):
        if {*names} & {*MEASURED}:
            assert "ange:*" in part or "*Range, chance:*" in part, part[:60]
            assert re.search("[Cc]hance", part) and "*Cannot show:*" in part, part[:60]


def test_the_measures_page_names_no_measure_that_is_not_there():
    """Of names that look like those of measures."""
    known = {*MEASURED, *headline.COLUMNS, "silhouette_score"}
    ends = r"(?:_r2|_kappa|_share|_rank|_cv|_error|_closure|_score)(?:_\w+)?"
    page = (ROOT / "docs/measures.md").read_text()
    assert {name for name in re.findall(rf"`(\w+{ends})`", page) if name not in known} == set()


def test_the_measures_page_names_every_column():
    page = (ROOT / "docs/measures.md").read_text()
    classes = np.tile(np.arange(7), 3)
    samples = {"label": classes.astype(str), "value": classes, "group": np.repeat(["a", "b", "c"], 7)}
    layers = {"00": np.random.default_rng(0).standard_normal((21, 8))}
    options = {"preprocess": [], "components": "all", "permutations": 99, "structures": ["cyclic order"]}
    row, *_ = measure(layers, samples, {"topology": "circle", "period": 7}, options, 0)
    of_control = rf"^({'|'.join(CONTROLS)})(?=_({'|'.join(headline.OF_CONTROLS)})$)"
    columns = [re.sub(of_control, "{control}", name) for name in headline.COLUMNS]
    cells = " ".join(re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE))
    assert [name for name in [*row, *columns] if f"`{name}`" not in cells] == []


def test_the_measures_page_names_every_structure_with_what_it_needs():
    page = (ROOT / "docs/measures.md").read_text()
    table = re.search(r"^\| structure \| decided by .*?\n\n", page, re.MULTILINE | re.DOTALL).group()
    rows = re.split(r"^\| (?=\w)", table, flags=re.MULTILINE)
    for name, structure in STRUCTURES.items():
        (row,) = [row for row in rows if row.startswith(f"{name} |")]
        assert f"`{structure.measure}`" in row
        for need in structure.needs:
            among = "factor_r2_1` … `factor_r2_4" if need.measure.startswith("factor_r2_") else need.measure
            assert f"{among}`" in row or need.measure == structure.measure, (name, need.measure)
            assert need.otherwise in row, (name, need.otherwise)
    verdicts = {need.otherwise for structure in STRUCTURES.values() for need in structure.needs}
    verdicts |= {headline.FOUND, headline.NOT_FOUND, headline.UNDECIDABLE, headline.AS_UNTRAINED, headline.LESS}
    meanings = " ".join(re.findall(r"^\| (.*?) \|", page.partition("| verdict | meaning |")[2], re.MULTILINE))
    assert [verdict for verdict in verdicts if verdict not in meanings] == []


def test_the_measures_page_names_every_control_covariate_and_shape():
    page = (ROOT / "docs/measures.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)
    assert [name for name in (*CONTROLS, *COVARIATES) if name not in rows] == []
    assert [name for name in SHAPES if f"`shape_{name}`" not in page] == []


def test_the_smallest_arc_that_passes_as_a_ring():
    """The degrees that the page states, on arcs without noise; arcs are compared in steps of 9 degrees."""
    page = " ".join((ROOT / "docs/measures.md").read_text().split())
    stated = re.search(r"degrees: (\d+) for (\d+) labels, (\d+) for (\d+)", page).groups()
    for degrees, p in np.reshape(stated, (2, 2)).astype(int):
        assert degrees == round(360 * (p - 1) / (p + 1))
        for span, closed in ((degrees - 10, False), (degrees + 10, True)):
            along = np.radians(span) * np.arange(p) / (p - 1)
            gap = best_curve(np.c_[np.cos(along), np.sin(along)], 2 * np.pi * np.arange(p) / p).gap
            assert (gap < 2) == closed, (p, span, gap)


def test_the_figures_page_shows_every_kind():
    entries = {}
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for block in blocks("docs/figures.md", "yaml"):
        example = yaml.safe_load(block)
        entries |= example.get("figures", {})
        config = checks.merge(config, example)
    checks.prepare(config, SCHEMA, sorted((ROOT / "workflow/concepts").glob("*.yaml")))
    assert {entry["kind"] for entry in entries.values()} == set(needs.NEEDS)


def test_the_kind_of_ones_own_is_a_kind(tmp_path, monkeypatch):
    from orrery.figures import interactive, kinds, static
    from orrery.figures.chart import Axis, Chart, Line, Panel
    from orrery.figures.sources import Sources, View

    scope = {"np": np, "Axis": Axis, "Chart": Chart, "Line": Line, "Panel": Panel}
    (example,) = blocks("docs/figures.md", "python")
    exec(example, scope)
    monkeypatch.setitem(kinds.KINDS, "norms", scope["norms"])
    facts = {
        "concept": "days",
        "model": "m",
        "layer": "08",
        "method": "pca",
        "reducer": "pca",
        "source": "s",
        "seed": 0,
    }
    view = View({"coordinates": np.array([[3.0, 4.0], [0.0, 1.0]])}, {"label": ["a", "b"]}, facts)
    chart = kinds.draw(Sources(main=view), {"kind": "norms", "theme": "dark"}, {"topology": "none"})
    assert chart.panels[0].marks[0].y.tolist() == [5.0, 1.0]
    static.write_images(static.draw(chart, theme="dark"), [tmp_path / "n.png"])
    assert interactive.draw(chart, "dark")["data"]


def test_the_catalogue_page_lists_every_set(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import catalogue

    page = (ROOT / "docs/catalogue.md").read_text()
    assert catalogue.written(page, catalogue.lines(ROOT / "workflow/concepts")) == page, "run python docs/catalogue.py"
    (example,) = blocks("docs/catalogue.md", "yaml")
    config = checks.merge(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(example))
    checks.prepare(config, SCHEMA, sorted((ROOT / "workflow/concepts").glob("*.yaml")))


MISTAKES = {  # what is written into the example's set, and the start of a row's sentence
    "unknown key 'lables'": {"lables": ["a"]},
    ".topology: 'ring' must be one of": {"topology": "ring"},
    "2 values do not fit": {"values": [1, 2]},
    "coordinates: are missing; a sphere": {"topology": "sphere"},
    "parents: are missing; a tree": {"topology": "tree"},
    "'dawn' stands under 'dawn' and 'dusk'": {"labels": {"dawn": ["dawn"], "dusk": ["dawn"]}},
    "'At {label} or {label}' has 2 places": {"templates": ["At {label} or {label}"]},
    "labels.dawn: 'da(wn' is not a regular expression": {"labels": {"dawn": ["da(wn"], "dusk": ["dusk"]}},
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_the_catalogue_page_tells_what_a_mistake_says(sentence):
    page = (ROOT / "docs/catalogue.md").read_text()
    (example,) = blocks("docs/catalogue.md", "yaml")
    config = checks.merge(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(example))
    config["concepts"]["light"].update(MISTAKES[sentence])
    with pytest.raises(OrreryError) as mistake:
        checks.prepare(config, SCHEMA, sorted((ROOT / "workflow/concepts").glob("*.yaml")))
    assert sentence in page and sentence in str(mistake.value)
