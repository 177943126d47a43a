"""What the documentation shows is run."""

import re

import h5py
import pytest
import yaml
from orrery import checks
from orrery.errors import OrreryError
from orrery.figures import needs
from orrery.measured import MEASURED
from tools import ROOT

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def blocks(page, language):
    """The code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def activations(tmp_path, monkeypatch):
    """A file where the example looks for it, made by the library."""
    import numpy as np
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


def test_the_measures_page_explains_every_measure():
    named = re.findall(
        r"[\w-]+", " ".join(re.findall(r"^### (.*)$", (ROOT / "docs/measures.md").read_text(), re.MULTILINE))
    )
    assert [name for name in MEASURED if named.count(name) != 1] == []
    parts = re.split(r"^### ", (ROOT / "docs/measures.md").read_text(), flags=re.MULTILINE)
    measures = [part for part in parts if any(name in part.splitlines()[0] for name in MEASURED)]
    for part in measures:
        assert re.search("[Rr]ange|range", part) and re.search("[Cc]hance", part) and "annot show" in part, part[:60]


def test_the_figures_page_shows_every_kind():
    entries = {}
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for block in blocks("docs/figures.md", "yaml"):
        example = yaml.safe_load(block)
        entries |= example.get("figures", {})
        config = checks._merge(config, example)
    checks.prepare(config, SCHEMA, sorted((ROOT / "workflow/concepts").glob("*.yaml")))
    assert {entry["kind"] for entry in entries.values()} == set(needs.NEEDS)


def test_the_kind_of_ones_own_is_a_kind(tmp_path, monkeypatch):
    import numpy as np
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
    config = checks._merge(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(example))
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
    config = checks._merge(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(example))
    config["concepts"]["light"].update(MISTAKES[sentence])
    with pytest.raises(OrreryError) as mistake:
        checks.prepare(config, SCHEMA, sorted((ROOT / "workflow/concepts").glob("*.yaml")))
    assert sentence in page and sentence in str(mistake.value)
