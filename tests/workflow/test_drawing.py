"""Figures of all stages through the real rules, each asked for by its file name."""

import pytest
from orrery import store
from tools import snakemake, write

DAYS = "results/figures/tiny/prompts/weekdays"
FIGURES = [f"{DAYS}/01/circle/ring.svg", f"{DAYS}/all/pca/layers.html", f"{DAYS}/all/pca/layers.png",
           f"{DAYS}/01/raw/cosines.html", f"{DAYS}/01/svd/pairs.pdf", f"{DAYS}/01/svd/correlation.png",
           "results/figures/tiny/vocabulary/digits/embed/raw/steps.png", f"{DAYS}/01/lda/scatter-2d.html",
           "results/figures/tiny/prompts/tens/01/pca/digits.html", "results/figures/tiny/prompts/tens/01/helix/scatter-3d.html",
           "results/comparisons/sources.pdf", "results/comparisons/by-layer.html", "results/comparisons/by-layer.png",
           "results/comparisons/by-set.svg", "results/comparisons/alike.png", "results/comparisons/models.html"]  # fmt: skip
SETS = ["tiny/prompts/weekdays", "tiny/mine/weekdays"]


@pytest.fixture
def drawn(swept, small):
    """The swept folder with these figures made."""
    config = {
        **small,
        "concepts": {**small["concepts"], "tens": {
            "topology": "line", "integers": {"stop": 30}, "templates": ["number {label}", "See {label}", "on {label}"]}},
        "comparisons": {
            "sources": {"kind": "panels", "of": [f"{place}/01/pca" for place in SETS]},
            "by-layer": {"kind": "curves", "of": SETS, "theme": "dark"},
            "by-set": {"kind": "map", "of": SETS, "measure": "left_out_angle_error"},
            "alike": {"kind": "similarity", "of": [SETS[0], SETS[0].replace("tiny", "tiny-untrained")]},
            "models": {"kind": "models", "of": [SETS[1], SETS[1].replace("tiny", "tiny-untrained")], "measure": "cka"},
        },
    }  # fmt: skip
    done = snakemake(swept, *FIGURES, "--cores", "2", "--configfile", write(swept, config))
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return swept


def test_figures_of_every_stage(drawn):
    assert [path for path in FIGURES if not (drawn / path).stat().st_size] == []
    place = drawn / "results/projections/tiny/prompts/weekdays"
    film = store.read_attributes(place / "all/pca.h5")
    assert film["layers"] == ["embed", "00", "01", "02", "final"] and len(film["trustworthiness"]) == 5
    assert store.read_attributes(place / "01/circle.h5")["supervised"]
    table = (drawn / "results/analyses/tiny/prompts/weekdays/01/svd.pairs.csv").read_text().splitlines()
    assert table[0] == "component_1,component_2,correlation,checksum" and len(table) > 10
    page = (drawn / "results/comparisons/by-layer.html").read_text()
    assert 'src="../figures/plotly.min.js"' in page and "#14181f" in page


def test_pages_that_stand_alone(swept, small):
    page = f"{DAYS}/01/pca/scatter-2d.html"
    config = {**small, "run": {**small["run"], "plotly": "inline"}}
    done = snakemake(swept, page, "--cores", "1", "--configfile", write(swept, config))
    assert done.returncode == 0, done.stderr[-3000:]
    text = (swept / page).read_text()
    assert "<script src=" not in text and len(text) > 3_000_000
