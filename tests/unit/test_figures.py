"""Figures carry what the files carry, and nothing from a corpus runs."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest
from orrery import store
from orrery.atlas import build, entries
from orrery.errors import OrreryError
from orrery.figures import MEASURE_NAMES, colours, interactive, read_sources, static
from orrery.measures import measure
from orrery.reducers import reduce

EVIL = "'so' </script><script>alert(1)</script><img src=x onerror=alert(1)> & <b>bold</b>"
CIRCLE = {"topology": "circle", "period": 7.0}


def samples_of(labels, values, text="It was a {} again"):
    """Sample columns with the label marked in a text."""
    rows = [
        {"label": label, "value": float(v), "text": text.format(label), "start": text.index("{"),
         "end": text.index("{") + len(label), "title": "A <i>page</i>"}
        for label, v in zip(labels, values)
    ]  # fmt: skip
    return store.sample_columns(rows)


def project(path, vectors, samples, concept="days", **facts):
    """A projection file of a PCA."""
    noise = np.random.default_rng(1).standard_normal(vectors.shape)
    arrays, _ = reduce(vectors, {"method": "pca", "components": 5}, 0, noise)
    store.write_projection(path, arrays, samples, {
        "model": "m", "source": "prompts", "concept": concept, "layer": "08", "reducer": "pca", "method": "pca",
        "preprocess": ["l2"], "seed": 0, **facts})  # fmt: skip
    return path


@pytest.fixture
def ring(tmp_path, rng):
    """A projection of a planted ring of seven classes, with hostile text."""
    index = np.repeat(np.arange(7), 6)
    theta = 2 * np.pi * index / 7
    vectors = np.c_[np.cos(theta), np.sin(theta), 0.1 * rng.standard_normal((42, 6))]
    return project(tmp_path / "ring.h5", vectors, samples_of([f"day{i}" for i in index], index, EVIL + " {} " + EVIL))


@pytest.fixture
def numbers(tmp_path, rng):
    """A projection of 60 numbers and its control."""
    vectors = np.outer(np.arange(60), rng.standard_normal(8)) + rng.standard_normal((60, 8))
    names = [str(i) for i in range(60)]
    main = project(tmp_path / "n.h5", vectors, samples_of(names, range(60)), "numbers")
    control = project(tmp_path / "c.h5", rng.standard_normal((60, 8)), samples_of(names, range(60)), "random")
    return {"projection": main, "control": control}


@pytest.fixture
def metrics(tmp_path, rng):
    """A metrics file of a ring in six layers."""
    index = np.repeat(np.arange(7), 5)
    theta = 2 * np.pi * index / 7
    layers = {f"{i:02d}": np.c_[np.cos(theta), np.sin(theta)] @ rng.standard_normal((2, 9)) + i * rng.standard_normal((35, 9))
              for i in range(6)}  # fmt: skip
    rows = measure(
        layers, {"value": index, "group": [""] * 35}, CIRCLE, {"preprocess": [], "components": 5, "permutations": 99}, 0
    )
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    store.write_table(
        tmp_path / "m.parquet", columns, {"model": "m", "source": "prompts", "concept": "days", "seed": 0}
    )
    return {"metrics": tmp_path / "m.parquet"}


def page_of(*arguments):
    """The interactive figure, every key and value checked by plotly's own classes."""
    return go.Figure(interactive.draw(*arguments))


@pytest.mark.parametrize("kind", ["scatter-2d", "scatter-3d"])
def test_a_trace_a_class_with_every_point(ring, kind):
    page = page_of(read_sources(projection=ring), {"kind": kind}, CIRCLE)
    assert [t.name for t in page.data] == [f"day{i}" for i in range(7)]
    arrays, _, _ = store.read_projection(ring)
    drawn = np.concatenate([np.c_[t.x, t.y] for t in page.data])
    np.testing.assert_array_equal(drawn, arrays["coordinates"][:, :2])
    assert len({t.marker.color for t in page.data}) == 7
    assert "n = 42" in page.layout.title.text and "no control set drawn" in page.layout.title.text


def test_chosen_components_and_too_many(ring):
    page = page_of(read_sources(projection=ring), {"kind": "scatter-2d", "components": [2, 3]}, CIRCLE)
    assert page.layout.xaxis.title.text.startswith("PC 2 (")
    with pytest.raises(OrreryError, match="component 9 cannot be drawn: pca gave 5 for 42 points"):
        page_of(read_sources(projection=ring), {"kind": "scatter-2d", "components": [1, 9]}, CIRCLE)


def test_corpus_text_never_becomes_markup(ring, tmp_path):
    page = page_of(read_sources(projection=ring), {"kind": "scatter-3d"}, CIRCLE)
    hover = page.data[0].customdata[0]
    assert set(re.findall(r"<[^>]*>", hover)) <= {"<b>", "</b>", "<br>", "<i>", "</i>"}
    assert "&quot;" not in hover and "<b>day0</b>" in hover and "&lt;img" in hover and "A &lt;i&gt;page" in hover
    interactive.write_page(page.to_dict(), tmp_path / "f.html", "../plotly.min.js", rights="<img> & others")
    text = (tmp_path / "f.html").read_text()
    assert "&lt;img&gt; &amp; others</footer>" in text
    assert "<script>alert" not in text and "<img" not in text
    assert text.count("<script") == 2 and '<script src="../plotly.min.js">' in text


def test_the_control_stands_beside_with_its_own_scale(numbers):
    page = page_of(read_sources(**numbers), {"kind": "scatter-2d"}, {"topology": "line"})
    assert len(page.data) == 2 and page.data[0].xaxis != page.data[1].xaxis
    assert all(t.marker.colorbar.x is not None for t in page.data) and "control: random" in page.layout.title.text
    panels = static.draw(read_sources(**numbers), {"kind": "scatter-2d"}, {"topology": "line"})
    assert [ax.get_title(loc="left") for ax in panels.axes[:2]] == ["numbers", "random"]


def test_many_points_are_drawn_by_webgl(tmp_path, rng):
    names = ["a", "b", "c", "d"] * 1100
    path = project(tmp_path / "big.h5", rng.standard_normal((4400, 6)), samples_of(names, [0, 1, 2, 3] * 1100))
    page = page_of(read_sources(projection=path), {"kind": "scatter-2d"}, {"topology": "none"})
    assert {t.type for t in page.data} == {"scattergl"}


@pytest.mark.parametrize("kind", ["scatter-2d", "variance"])
def test_static_formats_are_real_and_repeatable(ring, tmp_path, kind):
    for run in ("a", "b"):
        figure = static.draw(read_sources(projection=ring), {"kind": kind}, CIRCLE)
        static.write_images(figure, [tmp_path / f"{run}.{suffix}" for suffix in ("png", "svg", "pdf")])
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG" and (tmp_path / "a.pdf").read_bytes()[:4] == b"%PDF"
    text = " ".join(ElementTree.parse(tmp_path / "a.svg").getroot().itertext())
    assert "days in m, layer 08, PCA" in text and ("day3" in text if kind == "scatter-2d" else "Gaussian noise" in text)
    for suffix in ("png", "svg", "pdf"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_names_do_not_cover_each_other(ring):
    figure = static.draw(read_sources(projection=ring), {"kind": "scatter-2d"}, CIRCLE)
    renderer = figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts]
    assert len(boxes) == 7
    assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_variance_has_noise_and_control(numbers):
    page = page_of(read_sources(**numbers), {"kind": "variance"}, {"topology": "line"})
    assert [t.name.split(":")[0] for t in page.data[::2]] == ["numbers", "random", "Gaussian noise, same shape"]
    np.testing.assert_allclose([t.y[-1] for t in page.data[1::2]], 100)


def test_metrics_in_both_ways(metrics, tmp_path):
    sources = read_sources(**metrics)
    page = page_of(sources, {"kind": "metrics"}, CIRCLE)
    measured = [t for t in page.data if t.name == "measured"]
    assert len(measured) == 3 and all(list(t.x) == [f"{i:02d}" for i in range(6)] for t in measured)
    figure = static.draw(sources, {"kind": "metrics"}, CIRCLE)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == [MEASURE_NAMES[m] for m in dict.fromkeys(sources.metrics["measure"])]
    static.write_images(figure, [tmp_path / "m.png"])


DEUTAN = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
PROTAN = np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]])


@pytest.mark.parametrize("eyes", [np.eye(3), DEUTAN, PROTAN], ids=["usual", "deutan", "protan"])
@pytest.mark.parametrize("n, least", [(7, 15), (12, 8)])
def test_cyclic_colours_differ_for_all_eyes(eyes, n, least):
    """CIE76 difference of any two classes, under Machado et al. (2009) at full severity."""
    lab = np.array([_lab(c, eyes) for c in colours.class_colours(n, "circle")])
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1e9 * np.eye(n)
    assert distance.min() > least, distance.min()


def _lab(colour, eyes):
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(eyes @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_ordered_colours_rise_in_lightness():
    assert np.all(np.diff([_lab(c, np.eye(3))[0] for c in colours.class_colours(9, "line")]) > 0)


def test_the_atlas_lists_every_figure(tmp_path):
    place = "results/figures/m/prompts/days/08/pca"
    files = [
        f"{place}/scatter-2d.html",
        f"{place}/scatter-2d.png",
        "results/figures/m/prompts/days/all/raw/metrics.svg",
    ]
    found = entries(files, "results/atlas")
    assert [e["figure"] for e in found] == ["scatter-2d", "metrics"] and found[1]["layer"] == "all"
    assert found[0]["files"] == {"html": "../figures/m/prompts/days/08/pca/scatter-2d.html",
                                 "png": "../figures/m/prompts/days/08/pca/scatter-2d.png"}  # fmt: skip
    build(files, tmp_path / "atlas" / "index.html")
    page = (tmp_path / "atlas" / "index.html").read_text()
    listed = re.search(r"const entries = (.*);\n", page).group(1)
    assert len(json.loads(listed)) == 2 and "http" not in page.replace("http-equiv", "")
