"""Figures carry what the files carry, and nothing from a corpus runs."""

import base64
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest
from orrery import store
from orrery.analysis import analyse
from orrery.atlas import build, entries
from orrery.errors import OrreryError
from orrery.figures import colours, comparisons, interactive, kinds, needs, static
from orrery.figures.chart import Axis, Chart, Heat, Panel, Points
from orrery.figures.kinds.measures import SHOWN
from orrery.figures.sources import read_sources
from orrery.measured import title_of
from orrery.measures import measure
from orrery.reducers import reduce
from PIL import Image

EVIL = "'so' </script><script>alert(1)</script><img src=x onerror=alert(1)> & <b>bold</b>"
CIRCLE, LINE = {"topology": "circle", "period": 7.0}, {"topology": "line"}
REFERENCES = Path(__file__).parent / "references"


def samples_of(labels, values, text="It was a {} again"):
    """Sample columns with the label marked in a text."""
    rows = [
        {"label": label, "value": float(v), "text": text.format(label), "start": text.index("{"),
         "end": text.index("{") + len(label), "title": "A <i>page</i>"}
        for label, v in zip(labels, values)
    ]  # fmt: skip
    return store.sample_columns(rows)


def about(concept, reducer="pca", **facts):
    """The attributes of a projection or analysis file."""
    return {"model": "m", "source": "prompts", "concept": concept, "layer": "08", "reducer": reducer, "method": reducer,
            "preprocess": ["l2"], "seed": 0, **facts}  # fmt: skip


def project(path, vectors, samples, concept="days", method="pca", **facts):
    """A projection file of a linear method."""
    noise = np.random.default_rng(1).standard_normal(vectors.shape)
    arrays, _ = reduce(vectors, {"method": method, "components": 5, "fit": "samples"}, 0, noise=noise)
    store.write_projection(
        path,
        arrays,
        samples,
        about(
            concept, method, trustworthiness=0.91, continuity=0.87, trustworthiness_3d=0.91, continuity_3d=0.87, **facts
        ),
    )
    return path


def turned(points, rng, width):
    """Points in few dimensions as rows of `width` with a little noise."""
    return points @ rng.standard_normal((points.shape[1], width)) + 0.1 * rng.standard_normal((len(points), width))


@pytest.fixture
def ring(tmp_path):
    """A projection of a planted ring of seven classes, with hostile text."""
    rng, index = np.random.default_rng(0), np.repeat(np.arange(7), 6)
    theta = 2 * np.pi * index / 7
    vectors = np.c_[np.cos(theta), np.sin(theta), 0.1 * rng.standard_normal((42, 6))]
    return project(tmp_path / "ring.h5", vectors, samples_of([f"day{i}" for i in index], index, EVIL + " {} " + EVIL))


@pytest.fixture
def files(tmp_path, ring):
    """kind of figure → the files it is drawn from and the shape, for every kind."""
    rng = np.random.default_rng(2)
    n = np.arange(120)
    vectors = turned(np.c_[np.log1p(n), np.cos(np.pi * n / 5), np.sin(np.pi * n / 5), n / 60, np.ones(120)], rng, 24)
    numbers, names = {}, [str(i) for i in n]
    for role, x, concept in (("", vectors, "numbers"), ("control", rng.standard_normal((120, 24)), "random")):
        samples = samples_of(names, n, "{}")
        path = project(tmp_path / f"p{role}.h5", x, samples, concept, "svd")
        arrays, facts = analyse(store.read_projection(path)[0]["coordinates"].astype(float), samples, 0, 99)
        store.write_projection(
            tmp_path / f"a{role}.h5", arrays, samples, {**about(concept, "svd"), "kind": "analysis", **facts}
        )
        numbers |= {role or "projection": path, f"{role}_analysis".strip("_"): tmp_path / f"a{role}.h5"}
    circle = tmp_path / "circle.h5"
    arrays, samples, _ = store.read_projection(ring)
    theta = 2 * np.pi * samples["value"] / 7 + 0.2 * rng.standard_normal(42)
    plane = {"plane": arrays["coordinates"][:, :2], "coordinates": np.c_[np.cos(theta), np.sin(theta)].astype("f4")}
    facts = {"left_out_angle_error": 0.31, "plane_variance": [0.5, 0.4]}
    store.write_projection(circle, plane, samples, about("days", "circle", **facts))
    moments = np.stack([arrays["coordinates"][:, :3] * (1 + layer) for layer in range(4)])
    film = {"layers": ["embed", "00", "01", "02"], "trustworthiness": [0.7, 0.8, 0.9, 0.95]}
    store.write_projection(
        tmp_path / "all.h5", {"coordinates": moments}, samples, {**about("days"), "layer": "all", **film}
    )
    days = {kind: ({"projection": ring}, CIRCLE) for kind in ("scatter-2d", "scatter-3d")}
    days |= {"ring": ({"projection": circle}, CIRCLE), "layers": ({"projection": tmp_path / "all.h5"}, CIRCLE)}
    return {kind: (numbers, LINE) for kind in needs.NEEDS} | days | {"metrics": (metrics_of(tmp_path), CIRCLE)}


def metrics_of(folder):
    """A metrics file of a ring in six layers."""
    rng, index = np.random.default_rng(0), np.repeat(np.arange(7), 5)
    theta = 2 * np.pi * index / 7
    layers = {f"{i:02d}": np.c_[np.cos(theta), np.sin(theta)] @ rng.standard_normal((2, 9)) + i * rng.standard_normal((35, 9))
              for i in range(6)}  # fmt: skip
    samples = {"label": [f"day{i}" for i in index], "value": index, "group": [""] * 35}
    options = {"preprocess": [], "components": 5, "permutations": 99}
    rows = measure(layers, samples, CIRCLE, options, 0, ["gaussian", "shuffled-labels"])
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    store.write_table(
        folder / "m.parquet",
        columns,
        {"kind": "metrics", "model": "m", "source": "prompts", "concept": "days", "seed": 0},
    )
    return {"metrics": folder / "m.parquet"}


def chart_of(files, figure, shape):
    """The chart of an entry of `figures:`."""
    return kinds.draw(read_sources(**files), {"theme": "light", **figure}, shape)


def page_of(*arguments, theme="light"):
    """The interactive figure, every key and value checked by plotly's own classes."""
    return go.Figure(interactive.draw(chart_of(*arguments), theme))


def numbers_of(packed):
    """What plotly.js reads from a packed array."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), "<f4")


# ------------------------------------------------------------------------------------------------------ every kind


@pytest.mark.parametrize("kind", needs.NEEDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_kind_in_both_ways(files, tmp_path, kind, theme):
    sources, shape = files[kind]
    page = page_of(sources, {"kind": kind, "theme": theme}, shape, theme=theme)
    assert page.data and page.layout.title.text
    if not needs.html_only({"kind": kind}):
        chart = chart_of(sources, {"kind": kind, "theme": theme}, shape)
        static.write_images(static.draw(chart, theme=theme), [tmp_path / "f.png"])
        corner = Image.open(tmp_path / "f.png").convert("RGB").getpixel((1, 1))
        assert corner == ((255, 255, 255) if theme == "light" else (20, 24, 31))


def blocks(path, size=(60, 60)):
    """A picture as the mean colours of its blocks: what is seen from afar."""
    return np.asarray(Image.open(path).convert("RGB").resize(size, Image.Resampling.BOX), float)


@pytest.mark.parametrize("kind", [kind for kind in needs.NEEDS if kind != "scatter-3d"])
def test_figures_look_as_they_did(files, tmp_path, kind):
    """Against pictures that were looked at; a shift of a line by a pixel passes, another colour or place does not.

    After a wanted change: delete tests/unit/references, run this once, and look at what it wrote.
    """
    sources, shape = files[kind]
    figure = static.draw(chart_of(sources, {"kind": kind}, shape))
    figure.savefig(tmp_path / "f.png", dpi=50)
    reference = REFERENCES / f"{kind}.png"
    if not reference.exists():
        REFERENCES.mkdir(exist_ok=True)
        Image.open(tmp_path / "f.png").convert("RGB").save(reference, optimize=True)
        pytest.fail(f"there was no reference for {kind}; one was written, look at it")
    difference = np.abs(blocks(tmp_path / "f.png") - blocks(reference))
    assert Image.open(reference).size == Image.open(tmp_path / "f.png").size
    assert difference.mean() < 1.5 and difference.max() < 60, (difference.mean(), difference.max())


def test_another_picture_is_noticed(files, tmp_path):
    sources, shape = files["scatter-2d"]
    figure = static.draw(chart_of(sources, {"kind": "scatter-2d", "components": [2, 1]}, shape))
    figure.savefig(tmp_path / "f.png", dpi=50)
    assert np.abs(blocks(tmp_path / "f.png") - blocks(REFERENCES / "scatter-2d.png")).max() > 60


def test_a_kind_of_ones_own(files, monkeypatch, tmp_path):
    """As the README says: a function, what it needs, its name in the schema."""

    def norms(sources, figure, shape):
        lengths = np.linalg.norm(sources.main.arrays["coordinates"], axis=1)
        return Chart(
            sources.main.title(), sources.caption(), [Panel([Heat(lengths[None], ["a"] * 42, ["norm"])], Axis())]
        )

    monkeypatch.setitem(kinds.KINDS, "norms", norms)
    sources, shape = files["scatter-2d"]
    assert page_of(sources, {"kind": "norms"}, shape).data[0].type == "heatmap"
    static.write_images(static.draw(chart_of(sources, {"kind": "norms"}, shape)), [tmp_path / "n.svg"])


# ---------------------------------------------------------------------------------------------------------- clouds


@pytest.mark.parametrize("kind", ["scatter-2d", "scatter-3d"])
def test_a_trace_a_class_with_every_point(ring, kind):
    page = interactive.draw(chart_of({"projection": ring}, {"kind": kind}, CIRCLE))
    clouds = [t for t in page["data"] if t.get("text")]
    assert [t["name"] for t in clouds] == [f"day{i}" for i in range(7)] and all(t["showlegend"] for t in clouds)
    arrays, _, _ = store.read_projection(ring)
    drawn = np.concatenate([np.c_[numbers_of(t["x"]), numbers_of(t["y"])] for t in clouds])
    np.testing.assert_array_equal(drawn, arrays["coordinates"][:, :2])
    assert len({t["marker"]["color"] for t in clouds}) == 7
    title = page["layout"]["title"]["text"]
    assert "n = 42" in title and "no control set drawn" in title and "trustworthiness 0.91 · continuity 0.87" in title


def test_chosen_components_and_too_many(ring):
    page = page_of({"projection": ring}, {"kind": "scatter-2d", "components": [2, 3]}, CIRCLE)
    assert page.layout.xaxis.title.text.startswith("PC 2 (")
    with pytest.raises(OrreryError, match="component 9 cannot be drawn: pca gave 5 for 42 points"):
        page_of({"projection": ring}, {"kind": "scatter-2d", "components": [1, 9]}, CIRCLE)


def test_corpus_text_never_becomes_markup(ring, tmp_path):
    page = page_of({"projection": ring}, {"kind": "scatter-3d"}, CIRCLE)
    hover = page.data[0].text[0]
    assert set(re.findall(r"<[^>]*>", hover)) <= {"<b>", "</b>", "<br>", "<i>", "</i>"}
    assert "&quot;" not in hover and "<b>day0</b>" in hover and "&lt;img" in hover and "A &lt;i&gt;page" in hover
    interactive.write_page(page.to_dict(), tmp_path / "f.html", "../plotly.min.js", rights="<img> & others")
    text = (tmp_path / "f.html").read_text()
    assert "&lt;img&gt; &amp; others</footer>" in text
    assert "<script>alert" not in text and "<img" not in text
    assert text.count("<script") == 3 and '<script src="../plotly.min.js">' in text


def test_three_ways_to_plotly(ring, tmp_path):
    page = interactive.draw(chart_of({"projection": ring}, {"kind": "scatter-2d"}, CIRCLE))
    place = tmp_path / "a" / "f.html"
    assert interactive.loader("shared", tmp_path / "plotly.min.js", place) == "../plotly.min.js"
    assert re.fullmatch(r"https://cdn\.plot\.ly/plotly-[\d.]+\.min\.js", interactive.loader("cdn", None, place))
    interactive.write_page(page, place, interactive.loader("inline", None, place))
    text = place.read_text()
    assert "<script src=" not in text and len(text) > 3_000_000


def test_the_control_stands_beside_with_its_own_scale(files):
    sources, shape = files["grid"]
    page = page_of(sources, {"kind": "scatter-2d"}, shape)
    assert len(page.data) == 2 and page.data[0].xaxis != page.data[1].xaxis
    assert all(t.marker.colorbar.x is not None for t in page.data) and "control: random" in page.layout.title.text
    panels = static.draw(chart_of(sources, {"kind": "scatter-2d"}, shape))
    assert [ax.get_title(loc="left") for ax in panels.axes[:2]] == ["numbers", "random"]


def test_digits_are_those_of_the_number(files):
    sources, shape = files["digits"]
    chart = chart_of(sources, {"kind": "digits"}, shape)
    assert [p.title for p in chart.panels[:4]] == [
        "numbers: ones digit", "numbers: tens digit", "numbers: hundreds digit", "numbers: number of digits"]  # fmt: skip
    values = chart.panels[0].marks[0].hover[0].samples["value"]
    for panel, digit in zip(chart.panels, (1, 10, 100)):
        for mark in panel.marks:
            found = values[mark.hover[1]].astype(int)
            assert (found < digit).all() if mark.name == "none" else set(found // digit % 10) == {int(mark.name)}
    lengths = {m.name: {len(str(int(v))) for v in values[m.hover[1]]} for m in chart.panels[3].marks}
    assert lengths == {"1 digit": {1}, "2 digits": {2}, "3 digits": {3}}


def test_the_strongest_pairs_are_drawn(files):
    sources, shape = files["pairs"]
    r = np.corrcoef(store.read_projection(sources["projection"])[0]["coordinates"].T)
    first, second = np.unravel_index(np.argmax(np.abs(np.triu(r, 1))), r.shape)
    chart = chart_of(sources, {"kind": "pairs"}, shape)
    assert chart.panels[0].title == f"{first + 1} × {second + 1}: r = {r[first, second]:+.2f}"
    bars = chart_of(sources, {"kind": "pair-table"}, shape).panels[0].marks[0]
    assert bars.names[0] == f"{first + 1} × {second + 1}"


def test_many_points_are_light(tmp_path, rng):
    names = ["a", "b", "c", "d"] * 5250
    samples = samples_of(names, [0, 1, 2, 3] * 5250, "so it goes " * 60 + "{} and on " + "and on " * 40)
    path = project(tmp_path / "big.h5", rng.standard_normal((21_000, 6)), samples)
    page = interactive.draw(chart_of({"projection": path}, {"kind": "scatter-2d"}, {"topology": "none"}))
    clouds = [t for t in page["data"] if t.get("text")]
    assert {t["type"] for t in clouds} == {"scattergl"} and clouds[0]["marker"]["opacity"] < 0.6
    interactive.write_page(page, tmp_path / "big.html", "p.js")
    assert (tmp_path / "big.html").stat().st_size <= 8_000_000
    static.write_images(
        static.draw(chart_of({"projection": path}, {"kind": "scatter-2d"}, CIRCLE)), [tmp_path / "b.svg"]
    )
    assert (tmp_path / "b.svg").stat().st_size < 1_000_000


def test_a_film_goes_through_the_layers(files):
    sources, shape = files["layers"]
    page = interactive.draw(chart_of(sources, {"kind": "layers"}, shape))
    assert [f["name"].split(" ")[0] for f in page["frames"]] == ["embed", "00", "01", "02"]
    assert len(page["layout"]["sliders"][0]["steps"]) == 4 and go.Figure(page)
    assert all(len(f["data"]) == len(page["data"]) for f in page["frames"])
    clouds = [t for t in page["frames"][2]["data"] if len(numbers_of(t["x"])) == 6]
    moments = store.read_projection(sources["projection"])[0]["coordinates"]
    drawn = np.concatenate([np.c_[numbers_of(t["x"]), numbers_of(t["y"])] for t in clouds])
    np.testing.assert_allclose(drawn, moments[2][:, :2] / np.abs(moments[2][:, :2]).max(), rtol=1e-6)
    strip = static.draw(chart_of(sources, {"kind": "layers"}, shape))
    assert sum(ax.axison for ax in strip.axes) == 4


# ---------------------------------------------------------------------------------------------------------- static


@pytest.mark.parametrize("kind", ["scatter-2d", "variance"])
def test_static_formats_are_real_and_repeatable(ring, tmp_path, kind):
    for run in ("a", "b"):
        figure = static.draw(chart_of({"projection": ring}, {"kind": kind}, CIRCLE))
        static.write_images(figure, [tmp_path / f"{run}.{suffix}" for suffix in ("png", "svg", "pdf")])
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG" and (tmp_path / "a.pdf").read_bytes()[:4] == b"%PDF"
    text = " ".join(ElementTree.parse(tmp_path / "a.svg").getroot().itertext())
    assert "days in m, layer 08, PCA" in text and ("day3" in text if kind == "scatter-2d" else "Gaussian noise" in text)
    for suffix in ("png", "svg", "pdf"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_three_dimensions_are_for_turning(ring):
    with pytest.raises(OrreryError, match="ask for its .html"):
        static.draw(chart_of({"projection": ring}, {"kind": "scatter-3d"}, CIRCLE))


@pytest.mark.parametrize("width, inches", [("column", 3.4), ("page", 7.0), (4.5, 4.5), (None, 5.2)])
def test_widths_of_a_paper(ring, width, inches):
    figure = static.draw(chart_of({"projection": ring}, {"kind": "scatter-2d"}, CIRCLE), width)
    assert figure.get_size_inches()[0] == inches


def test_names_do_not_cover_each_other(ring):
    figure = static.draw(chart_of({"projection": ring}, {"kind": "scatter-2d"}, CIRCLE))
    renderer = figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts]
    assert len(boxes) == 7
    assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_variance_has_noise_and_control(files):
    chart = chart_of(files["variance"][0], {"kind": "variance"}, LINE)
    curves = [m for m in chart.panels[1].marks if getattr(m, "name", "")]
    assert [m.name.split(":")[0] for m in curves] == ["numbers", "random", "Gaussian noise, same shape"]
    np.testing.assert_allclose([m.y[-1] for m in curves], 100)


def test_metrics_say_what_was_tested(files):
    sources = read_sources(**files["metrics"][0])
    chart = chart_of(files["metrics"][0], {"kind": "metrics"}, CIRCLE)
    assert [p.title.strip() for p in chart.panels] == [title_of(name) for name in SHOWN["circle"]]
    for panel, name in zip(chart.panels, SHOWN["circle"]):
        whose = list(zip(sources.metrics["measure"], sources.metrics["control"]))
        rows = [i for i, both in enumerate(whose) if both == (name, "")]
        np.testing.assert_array_equal(panel.marks[-1].y, np.asarray(sources.metrics["value"])[rows])
        p = np.asarray(sources.metrics["p_corrected"])[rows]
        assert panel.marks[-1].filled is None if np.isnan(p).all() else (panel.marks[-1].filled == (p <= 0.05)).all()
        others = [m.y for m in panel.marks if m.colour not in ("accent", "muted", "noise")]
        wanted = [
            [i for i, both in enumerate(whose) if both == (name, control)]
            for control in ("gaussian", "shuffled-labels")
        ]
        wanted = [rows for rows in wanted if rows]  # of controls only what verdicts need is measured
        assert len(others) == len(wanted) == (0 if name in ("first_harmonic_share", "probe_accuracy") else 2)
        assert not wanted or (np.array(others) == np.asarray(sources.metrics["value"])[wanted]).all()


def test_metrics_show_what_they_are_asked_for(files):
    chart = chart_of(files["metrics"][0], {"kind": "metrics", "measures": ["two_nn", "anisotropy"]}, CIRCLE)
    assert [panel.title.strip() for panel in chart.panels] == [title_of("two_nn"), title_of("anisotropy")]
    with pytest.raises(OrreryError, match="days has no arch_share; it has left_out_angle_error, weakest"):
        chart_of(files["metrics"][0], {"kind": "metrics", "measures": ["arch_share"]}, CIRCLE)


@pytest.mark.parametrize(
    "kind, options, sentence",
    [
        ("property-bars", {"properties": ["luck"]}, "property 'luck' is not there; choose from n, log10"),
        ("lines", {"components": [9]}, "component 9 cannot be drawn: random has fewer"),
    ],
)
def test_what_is_not_there_is_not_drawn(files, kind, options, sentence):
    with pytest.raises(OrreryError, match=sentence):
        chart_of(files[kind][0], {"kind": kind, **options}, LINE)


def test_uneven_values_have_no_spectrum(tmp_path, rng):
    samples = samples_of("abcdefgh", [0, 1, 2, 4, 8, 16, 32, 64], "{}")
    arrays, facts = analyse(rng.standard_normal((8, 4)), samples, 0, 99)
    store.write_projection(tmp_path / "a.h5", arrays, samples, {**about("sizes", "svd"), "kind": "analysis", **facts})
    with pytest.raises(OrreryError, match="sizes cannot be drawn so: .*; choose|sizes cannot be drawn so"):
        chart_of({"analysis": tmp_path / "a.h5"}, {"kind": "fourier"}, LINE)


def test_a_control_of_another_shape_is_left_out_where_it_must(files, tmp_path, rng):
    samples = samples_of("abcde", range(5), "{}")
    arrays, facts = analyse(rng.standard_normal((5, 6)), samples, 0, 99)
    store.write_projection(tmp_path / "few.h5", arrays, samples, {**about("few", "svd"), "kind": "analysis", **facts})
    sources, shape = files["fourier"]
    for kind in ("fourier", "fourier-map", "steps", "properties", "lines"):
        chart = chart_of({**sources, "control_analysis": tmp_path / "few.h5"}, {"kind": kind}, shape)
        assert static.draw(chart) and interactive.draw(chart)["data"]


def test_labels_may_hold_anything(tmp_path, rng):
    names = ["$$", "$^$", "_private", "<b>bold</b>", "x" * 120]
    samples = samples_of(names * 4, list(range(5)) * 4, "a {} b")
    path = project(tmp_path / "odd.h5", rng.standard_normal((20, 6)), samples)
    arrays, facts = analyse(store.read_projection(path)[0]["coordinates"].astype(float), samples, 0, 99)
    store.write_projection(tmp_path / "a.h5", arrays, samples, {**about("odd", "raw"), "kind": "analysis", **facts})
    for files, kind in (({"projection": path}, "grid"), ({"analysis": tmp_path / "a.h5"}, "cosines")):
        chart = chart_of(files, {"kind": kind}, {"topology": "none"})
        static.write_images(static.draw(chart), [tmp_path / "f.svg"])
        interactive.write_page(interactive.draw(chart), tmp_path / "f.html", "p.js")
        said = " ".join(ElementTree.parse(tmp_path / "f.svg").getroot().itertext())
        assert "$^$" in said and "_private" in said and "<b>bold" not in (tmp_path / "f.html").read_text()
        for axis in (a for name, a in interactive.draw(chart)["layout"].items() if name.startswith("xaxis")):
            assert 0 <= axis["domain"][0] < axis["domain"][1] <= 1


def test_colours_of_many_classes(tmp_path, rng):
    values = np.arange(-180, 180, 15.0)
    path = project(
        tmp_path / "p.h5", rng.standard_normal((24, 6)), samples_of([f"{v:g}" for v in values], values, "{}")
    )
    circle = chart_of({"projection": path}, {"kind": "scatter-2d"}, {"topology": "circle", "period": 360.0})
    np.testing.assert_array_equal(circle.panels[0].marks[0].values, values % 360)
    (mark,) = chart_of({"projection": path}, {"kind": "scatter-2d"}, {"topology": "none"}).panels[0].marks
    assert mark.colour == "accent"  # no order, so no gradient
    with pytest.raises(OrreryError, match="days has values that are no integers from 0 on, so no digits"):
        chart_of({"projection": path}, {"kind": "digits"}, LINE)


def test_variance_that_the_axes_do_not_reach(files, tmp_path):
    arrays, samples, facts = store.read_projection(files["variance"][0]["projection"])
    arrays |= {name: values * 0.1 for name, values in arrays.items() if name.endswith("variance_ratio")}
    store.write_projection(tmp_path / "p.h5", arrays, samples, facts)
    names = [
        m.name for m in chart_of({"projection": tmp_path / "p.h5"}, {"kind": "variance"}, LINE).panels[1].marks[1:]
    ]
    assert all("not reached" in name for name in names)


def test_trust_is_said_of_the_axes_that_are_drawn_only(ring):
    for components, said in (([1, 2], True), ([2, 3], False)):
        caption = chart_of({"projection": ring}, {"kind": "scatter-2d", "components": components}, CIRCLE).caption
        assert ("trustworthiness" in caption) == said


# ----------------------------------------------------------------------------------------------------- comparisons


@pytest.mark.parametrize("kind", ["curves", "map", "panels"])
def test_comparisons_in_both_ways(files, ring, tmp_path, kind):
    comparison = {"kind": kind, "theme": "light", "dimensions": 2, "of": ["a", "b"]}
    sources = comparisons.read([ring, ring] if kind == "panels" else [files["metrics"][0]["metrics"]] * 2, comparison)
    if kind == "panels":
        sources[1].main.attributes["model"] = "other"
    else:
        sources[1].facts["concept"] = "months"
    chart = comparisons.draw(sources, comparison, [CIRCLE, CIRCLE])
    said = " ".join([chart.title, *(p.title for p in chart.panels), *(str(m) for p in chart.panels for m in p.marks)])
    assert ("other" if kind == "panels" else "months") in said
    assert go.Figure(interactive.draw(chart)).data
    static.write_images(static.draw(chart), [tmp_path / "c.png"])


def test_layers_stand_under_their_own_names(files):
    comparison = {"kind": "map", "theme": "light", "of": ["a", "b"]}
    sources = comparisons.read([files["metrics"][0]["metrics"]] * 2, comparison)
    sources[1].facts["concept"] = "months"
    last = [i for i, layer in enumerate(sources[1].metrics["layer"]) if layer == "03"]
    sources[1].metrics = {k: [v[i] for i in last] for k, v in sources[1].metrics.items()}
    sources[1].metrics["layer"] = ["final"] * len(last)
    (heat,) = comparisons.draw(sources, comparison, [CIRCLE, CIRCLE]).panels[0].marks
    assert heat.x == [f"{i:02d}" for i in range(6)] + ["final"]
    assert np.isnan(heat.values[1, :6]).all() and np.isnan(heat.values[0, 6]) and not np.isnan(heat.values[1, 6])


def test_a_measure_that_not_all_have(files):
    comparison = {"kind": "curves", "theme": "light", "measure": "luck", "of": ["a", "b"]}
    sources = comparisons.read([files["metrics"][0]["metrics"]] * 2, comparison)
    with pytest.raises(OrreryError, match="'luck' is not there for all sets; choose from left_out_angle_error"):
        comparisons.draw(sources, comparison, [CIRCLE, CIRCLE])


# --------------------------------------------------------------------------------------------------------- colours


DEUTAN = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
PROTAN = np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]])


@pytest.mark.parametrize("eyes", [np.eye(3), DEUTAN, PROTAN], ids=["usual", "deutan", "protan"])
@pytest.mark.parametrize("n, least", [(7, 15), (12, 8)])
def test_cyclic_colours_differ_for_all_eyes(eyes, n, least):
    """CIE76 difference of any two classes, under Machado et al. (2009) at full severity."""
    lab = np.array([_lab(c, eyes) for c in colours.class_colours(np.arange(n), {"topology": "circle", "period": n})])
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1e9 * np.eye(n)
    assert distance.min() > least, distance.min()


def _lab(colour, eyes):
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(eyes @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ordered_colours_rise_in_lightness(theme):
    found = colours.class_colours(np.arange(9), {"topology": "line"}, theme)
    assert np.all(np.diff([_lab(c, np.eye(3))[0] for c in found]) > 0)


@pytest.mark.parametrize("topology", ["circle", "line", "none"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_seen_on_their_paper(topology, theme):
    """CIE76 difference of every class from the paper."""
    shape, paper = {"topology": topology, "period": 7}, _lab(static.THEMES[theme].paper, np.eye(3))
    found = [_lab(c, np.eye(3)) for c in colours.class_colours(np.arange(7), shape, theme)]
    assert min(np.linalg.norm(lab - paper) for lab in found) > 30


def placed(topology, coordinates, **more):
    """Shape and labels of a set with coordinates."""
    labels = [str(i) for i in range(len(coordinates))]
    return {"topology": topology, "coordinates": dict(zip(labels, coordinates)), **more}, labels


MAPS = {
    "plane": placed("plane", [[x, 9 * y] for x in range(3) for y in range(3)]),
    "country": placed("sphere", [[40 + x, 350 + 10 * y] for x in range(3) for y in range(3)]),
    "sphere": placed("sphere", [[40 * x, y] for x in (-1, 0, 1) for y in (-120, 0, 120)]),
    "torus": placed("torus", [[x, 8 * y] for x in range(3) for y in range(3)], periods=[3, 24]),
}


def map_colours(surface, theme="light"):
    shape, labels = MAPS[surface]
    return colours.class_colours(np.arange(len(labels)), shape, theme, labels)


@pytest.mark.parametrize("surface", list(MAPS))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_maps_differ_and_are_seen(surface, theme):
    lab = np.array([_lab(c, np.eye(3)) for c in map_colours(surface, theme)])
    apart = np.linalg.norm(lab[:, None] - lab, axis=-1) + 1e9 * np.eye(len(lab))
    assert apart.min() > 10 and np.linalg.norm(lab - _lab(static.THEMES[theme].paper, np.eye(3)), axis=1).min() > 25


@pytest.mark.parametrize("eyes", [np.eye(3), DEUTAN, PROTAN], ids=["usual", "deutan", "protan"])
@pytest.mark.parametrize("surface", ["plane", "country"])
def test_both_axes_of_a_plane_are_seen_by_all_eyes(surface, eyes):
    lab = np.array([_lab(c, eyes) for c in map_colours(surface)])
    assert (np.linalg.norm(lab[:, None] - lab, axis=-1) + 1e9 * np.eye(len(lab))).min() > 9
    square = lab.reshape(3, 3, 3)
    first, second = (square, square.swapaxes(0, 1)) if surface == "plane" else (square.swapaxes(0, 1), square)
    assert (np.diff(first[..., 2], axis=0) > 0).all() and (np.diff(second[..., 0], axis=0) > 0).all()


def test_a_map_crosses_the_date_line():
    west_to_east = placed("sphere", [[40, 170], [41, 179], [40, -179], [41, -170]])
    lab = [
        _lab(c, np.eye(3))[2] for c in colours.class_colours(np.arange(4), west_to_east[0], "light", west_to_east[1])
    ]
    assert np.all(np.diff(lab) > 0)


def test_a_place_and_a_parent_keep_their_colour_when_others_are_missing():
    shape, _ = MAPS["torus"]
    assert colours.class_colours([3, 5], shape, "light", ["3", "5"]) == [map_colours("torus")[i] for i in (3, 5)]
    tree = {"topology": "tree", "parents": {"owl": "bird", "dog": "mammal", "duck": "bird"}}
    found = colours.class_colours(np.arange(3), tree, "light", ["owl", "dog", "duck"])
    assert found[0] == found[2] != found[1] and colours.class_colours([1], tree, "light", ["dog"]) == [found[1]]


def test_points_of_trees_and_maps(tmp_path, rng):
    """However many labels there are, each has its colour and its hover; a tree's are named by parent."""
    labels = [f"l{i}" for i in range(24)]
    path = project(
        tmp_path / "p.h5", rng.standard_normal((48, 6)), samples_of(labels * 2, np.tile(np.arange(24.0), 2), "{}")
    )
    tree = {"topology": "tree", "parents": {label: f"parent {i % 3}" for i, label in enumerate(labels)}}
    for shape, names, legend in ((tree, ["parent 0", "parent 1", "parent 2"], "parents"),
                                 (placed("grid", [[i, i % 2] for i in range(24)])[0], labels, "")):  # fmt: skip
        if "coordinates" in shape:
            shape["coordinates"] = dict(zip(labels, shape["coordinates"].values()))
        (panel,) = chart_of({"projection": path}, {"kind": "scatter-2d"}, shape).panels
        clouds = [mark for mark in panel.marks if isinstance(mark, Points) and mark.hover]
        assert [mark.name for mark in clouds] == names and panel.legend == legend
        page = json.dumps(interactive.draw(Chart("t", "c", [panel])))
        assert all(f"<b>{label}</b>" in page for label in labels)


def test_a_class_keeps_its_colour_when_others_are_missing():
    shape = {"topology": "circle", "period": 7}
    assert colours.class_colours([2, 5], shape) == [colours.class_colours(np.arange(7), shape)[i] for i in (2, 5)]


def test_the_atlas_lists_every_figure(tmp_path):
    place = "results/figures/m/prompts/days/08/pca"
    files = [
        f"{place}/scatter-2d.html",
        f"{place}/scatter-2d.png",
        "results/figures/m/prompts/days/all/raw/metrics.svg",
        "results/comparisons/rings.png",
    ]
    found = entries(files, "results/atlas")
    assert [e["figure"] for e in found] == ["scatter-2d", "metrics", "rings"] and found[1]["layer"] == "all"
    assert found[2]["concept"] == "comparisons" and found[2]["files"] == {"png": "../comparisons/rings.png"}
    assert found[0]["files"] == {"html": "../figures/m/prompts/days/08/pca/scatter-2d.html",
                                 "png": "../figures/m/prompts/days/08/pca/scatter-2d.png"}  # fmt: skip
    build(files, tmp_path / "atlas" / "index.html")
    page = (tmp_path / "atlas" / "index.html").read_text()
    listed = re.search(r"const entries = (.*);\n", page).group(1)
    assert len(json.loads(listed)) == 3 and "http" not in page.replace("http-equiv", "")
