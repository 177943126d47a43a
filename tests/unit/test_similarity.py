"""How alike layers and models are: against slow formulas, on noise, on planted structure; and the figures of it."""

import re
import runpy
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest
import scipy.spatial
import yaml
from orrery import checks, logs, similarity, store
from orrery import config as orrery
from orrery.errors import OrreryError
from orrery.figures import comparisons, interactive, static
from orrery.geometry.similarity import (
    calibrate,
    cka,
    component_scores,
    gram,
    half_means,
    joined_units,
    mutual_neighbours,
    neighbours,
    procrustes,
    u_centre,
)
from orrery.similarity import compare, matched
from tools import ROOT

OPTIONS = {"preprocess": [], "components": 10, "permutations": 199}
MEASURES = ("cka", "mutual_knn", "procrustes")
TRUE = np.arange


def grams(*layers):
    """Gram matrices of some layers."""
    return np.stack([gram(x) for x in layers])


def random_orders(n, count, rng):
    """The true order and some others."""
    return np.vstack([TRUE(n), rng.permuted(np.tile(TRUE(n), (count, 1)), axis=1)])


# ------------------------------------------------------------------------------------------------ the published formulas


def hsic1(a, b):
    """The unbiased HSIC of two Gram matrices by equation 5 of Song et al. (2012)."""
    n, a, b = len(a), a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
    one = np.ones(n)
    second = (one @ a @ one) * (one @ b @ one) / ((n - 1) * (n - 2))
    return (np.trace(a @ b) + second - 2 / (n - 2) * (one @ a @ b @ one)) / (n * (n - 3))


def test_the_product_of_u_centred_matrices_is_the_unbiased_hsic(rng):
    x, y = rng.standard_normal((9, 5)), rng.standard_normal((9, 3))
    a, b = u_centre(np.stack([x @ x.T, y @ y.T]))
    np.testing.assert_allclose([a.sum(0), a.sum(1), np.diag(a)], 0, atol=1e-12)
    assert (a * b).sum() / (9 * 6) == pytest.approx(hsic1(x @ x.T, y @ y.T))


@pytest.mark.parametrize("n", [8, 90])  # in double and in single precision
def test_cka_by_the_published_formula(rng, n):
    a = [rng.standard_normal((n, d)) for d in (3, 40)]
    b = [a[0] @ rng.standard_normal((3, 6)) + rng.standard_normal((n, 6)), rng.standard_normal((n, 7))]
    orders = random_orders(n, 4, rng)
    found = cka(grams(*a), grams(*b), orders)
    assert found.shape == (5, 2, 2)
    for (o, i, j), value in np.ndenumerate(found):
        x, y = a[i] @ a[i].T, b[j][orders[o]] @ b[j][orders[o]].T
        assert value == pytest.approx(hsic1(x, y) / np.sqrt(hsic1(x, x) * hsic1(y, y)), abs=1e-5)


def test_cka_knows_no_rotation_scale_shift_or_width(rng):
    x = rng.standard_normal((12, 6))
    turned = 3 * np.c_[x, np.zeros((12, 20))] @ np.linalg.qr(rng.standard_normal((26, 26)))[0] + 5
    assert cka(grams(x), grams(turned), TRUE(12)[None])[0, 0, 0] == pytest.approx(1)


def naive_neighbours(x, k):
    return [set(np.argsort(np.linalg.norm(x - row, axis=1))[1 : k + 1]) for row in x]


@pytest.mark.parametrize("n", [12, 80])
def test_mutual_neighbours_by_a_naive_loop(rng, n):
    a, b, k = rng.standard_normal((n, 5)), rng.standard_normal((n, 4)), 3
    b[:, :2] += 2 * a[:, :2]
    orders = random_orders(n, 3, rng)
    found = mutual_neighbours([neighbours(gram(a), k)], [neighbours(gram(b), k)], orders)
    for order, value in zip(orders, found[:, 0, 0]):
        pairs = zip(naive_neighbours(a, k), naive_neighbours(b[order], k))
        assert value == pytest.approx(np.mean([len(p & q) / k for p, q in pairs]), abs=1e-6)


def test_chance_of_mutual_neighbours_is_k_over_n_minus_one(rng):
    every = np.array(list(permutations(range(6))))
    for width in (2, 500):
        near = [neighbours(gram(rng.standard_normal((6, width))), 2)]
        other = [neighbours(gram(rng.standard_normal((6, 3))), 2)]
        assert mutual_neighbours(near, other, every).mean() == pytest.approx(2 / 5)


def test_equal_rows_are_no_neighbours_by_their_place(rng):
    """Ten copies of each of four points: which copies are nearest is drawn, not read off the file's order."""
    x = np.repeat(np.eye(4), 10, axis=0)
    weights = neighbours(gram(x), 3)
    np.testing.assert_allclose(weights.sum(1), 3)
    assert weights[0, 1] == pytest.approx(3 / 9) and weights[0, 0] == weights[0, 10] == 0
    same = mutual_neighbours([weights], [weights], TRUE(40)[None])[0, 0, 0]
    drawn = [naive_neighbours(x + 1e-9 * rng.standard_normal(x.shape), 3) for _ in range(60)]
    expected = np.mean([len(p & q) / 3 for s, t in zip(drawn[::2], drawn[1::2]) for p, q in zip(s, t)])
    assert same == pytest.approx(1 / 3) and expected == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("n", [10, 90])
def test_procrustes_by_scipy(rng, n):
    a, b, k = rng.standard_normal((n, 30)), rng.standard_normal((n, 8)), 4
    b[:, :3] += a[:, :3] * 3
    scores = [component_scores(gram(x), k) for x in (a, b)]
    centred = a - a.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(scores[0]), np.abs(u[:, :k] * s[:k]), atol=1e-9)
    orders = random_orders(n, 3, rng)
    for order, value in zip(orders, procrustes([scores[0]], [scores[1]], orders)[:, 0, 0]):
        disparity = scipy.spatial.procrustes(scores[0], scores[1][order])[2]
        assert value**2 == pytest.approx(1 - disparity, abs=1e-5)


def test_components_beyond_the_rank_are_zero(rng):
    flat = rng.standard_normal((9, 1)) @ rng.standard_normal((1, 5))
    assert (component_scores(gram(flat), 3)[:, 1:] == 0).all()


def test_layers_without_structure_are_not_numbers(rng):
    flat, simplex, x = np.ones((8, 4)) * 1e3, np.eye(8), rng.standard_normal((8, 4))
    orders = random_orders(8, 20, rng)
    found = {
        "cka": cka(grams(flat, simplex, x), grams(x), orders),
        "mutual_knn": mutual_neighbours(
            *[[neighbours(g, 2) for g in grams(*s)] for s in ((flat, simplex, x), [x])], orders
        ),
        "procrustes": procrustes(
            *[[component_scores(g, 2) for g in grams(*s)] for s in ((flat, simplex, x), [x])], orders
        ),
    }
    for name, statistics in found.items():
        nan = np.isnan(statistics).all(0)[:, 0]
        assert nan.tolist() == [True, name == "cka", False], name
        made = calibrate(statistics)
        assert made["p"][0, 0] == made["p_corrected"][0, 0] == 1 and np.isnan(made["calibrated"][0, 0])
        assert made["value"][2, 0] == pytest.approx(1) and made["p_corrected"][2, 0] < 0.1


# ----------------------------------------------------------------------------------------------------------- calibration


def test_calibration_of_one_pair_is_that_of_the_paper(rng):
    """Algorithm 1 of Gröger, Wen and Brbić (2026): the critical value is an order statistic of null and value."""
    for value in (0.2, 0.9):
        null = rng.beta(2, 6, 99)
        made = calibrate(np.r_[value, null][:, None, None])
        tau = np.sort(np.r_[value, null])[int(np.ceil(0.95 * 100)) - 1]
        assert made["threshold"].item() == pytest.approx(tau) == made["null_high"].item()
        assert made["calibrated"].item() == pytest.approx(max(0, (value - tau) / (1 - tau)))
        assert made["p"].item() == pytest.approx((1 + (null >= value).sum()) / 100)


def test_a_calibrated_score_is_above_zero_where_the_corrected_p_is_small(rng):
    for _ in range(50):
        t = rng.normal(0.3, 0.1, (100, 3, 4)) + rng.normal(0, 0.1, (100, 1, 1))
        t[0, 0] += 0.35 * rng.random(4)
        made = calibrate(t)
        assert ((made["calibrated"] > 0) == (made["p_corrected"] <= 0.05)).all()
        assert (made["threshold"] >= made["null_high"] - 1e-9).all()


def test_what_all_pairings_reach_is_worth_nothing():
    made = calibrate(np.ones((50, 2, 2)))
    assert (made["calibrated"] == 0).all() and (made["p"] == 1).all()


def biased_cka(x, y):
    """The estimator of Kornblith et al. (2019)."""
    x, y = (z - z.mean(0) for z in (x, y))
    return np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x @ x.T) * np.linalg.norm(y @ y.T))


def test_width_raises_the_biased_estimator_and_no_other(rng):
    mean = {}
    for width in (16, 2048):
        some = [[rng.standard_normal((50, width)) for _ in range(6)] for _ in range(2)]
        mean["biased", width] = np.mean([biased_cka(x, y) for x, y in zip(*some)])
        a, b = (grams(*layers) for layers in some)
        near = [[neighbours(g, 5) for g in s] for s in (a, b)]
        mean["unbiased", width] = cka(a, b, TRUE(50)[None]).mean()
        mean["neighbours", width] = mutual_neighbours(*near, TRUE(50)[None]).mean()
    assert mean["biased", 16] < 0.3 and mean["biased", 2048] > 0.95
    assert abs(mean["unbiased", 16]) < 0.03 and abs(mean["unbiased", 2048]) < 0.03
    assert abs(mean["neighbours", 16] - 5 / 49) < 0.03 and abs(mean["neighbours", 2048] - 5 / 49) < 0.03


@pytest.fixture(scope="module")
def null_runs():
    """measure → smallest p, alone and corrected, and highest value, of 200 searches of 10 × 10 layers of noise.

    Half of the layers have 16 dimensions, half 4,096, and n = 50.
    """
    rng, runs, found = np.random.default_rng(11), 200, {m: [] for m in MEASURES}
    for _ in range(runs):
        a, b = (
            grams(*(rng.standard_normal((50, d), dtype=np.float32) for d in [16] * 5 + [4096] * 5)) for _ in range(2)
        )
        orders = random_orders(50, 59, rng)
        near, scores = (
            [[made(g, k) for g in s] for s in (a, b)] for made, k in ((neighbours, 3), (component_scores, 2))
        )
        statistics = cka(a, b, orders), mutual_neighbours(*near, orders), procrustes(*scores, orders)
        for measure, t in zip(MEASURES, statistics):
            made = calibrate(t)
            found[measure].append(
                [made["p"].min(), made["p_corrected"].min(), made["calibrated"].max(), made["value"].max(), t[0, 0, 0]]
            )
    return {measure: np.array(rows).T for measure, rows in found.items()}


@pytest.mark.parametrize("measure", MEASURES)
def test_the_search_over_layers_is_paid_for(null_runs, measure):
    alone, corrected, calibrated, highest, one = null_runs[measure]
    slack = 3 * np.sqrt(0.05 * 0.95 / len(alone))
    assert np.mean(corrected <= 0.05) <= 0.05 + slack
    assert np.mean(calibrated > 0) <= 0.05 + slack
    assert np.mean(alone <= 0.05) > 0.8  # what an uncorrected search would claim
    assert highest.mean() > one.mean() + 2 * one.std()  # what the search alone adds to the raw value


def test_planted_structure_is_found():
    """Two of six layers share a plane of the rows, under five times as much noise in all: power in forty runs."""
    rng, found = np.random.default_rng(3), {m: [] for m in MEASURES}
    for _ in range(40):
        shared = rng.standard_normal((50, 2))
        a, b = ([rng.standard_normal((50, d)) for d in (16, 64, 256)] for _ in range(2))
        a[1][:, :2] += 3 * shared
        b[2][:, :2] += 6 * shared
        a, b, orders = grams(*a), grams(*b), random_orders(50, 99, rng)
        near, scores = ([[made(g, 5) for g in s] for s in (a, b)] for made in (neighbours, component_scores))
        statistics = cka(a, b, orders), mutual_neighbours(*near, orders), procrustes(*scores, orders)
        for measure, t in zip(MEASURES, statistics):
            made = calibrate(t)
            found[measure].append((made["calibrated"] > 0)[1, 2])
            assert made["calibrated"].argmax() in (5, 0) or made["calibrated"].max() == 0
    assert np.mean(found["cka"]) > 0.95 and np.mean(found["procrustes"]) > 0.95
    assert np.mean(found["mutual_knn"]) > 0.8


# ------------------------------------------------------------------------------------------------------- two sets joined


def prompts(p=7, templates=12):
    """Columns of samples: every label in every template."""
    rows = [{"label": f"day{c}", "value": float(c), "text": f"Text {t} about day{c}", "start": len(f"Text {t} about "),
             "end": len(f"Text {t} about day{c}"), "group": f"template {t}"}
            for t in range(templates) for c in range(p)]  # fmt: skip
    return store.sample_columns(rows)


def classes_of(samples):
    return np.asarray(samples["value"], int), np.unique(samples["group"], return_inverse=True)[1]


def joined(a, b, samples, source="prompts", others=None, **options):
    """The arrays and facts of one layer each."""
    arrays, _, facts = compare([("00", a)], [("00", b)], samples, others or samples, source, {**OPTIONS, **options}, 0)
    return {name: array.item() for name, array in arrays.items()}, facts


def ring(samples, rng, d, noise=0.3):
    """Labels on a ring in a random plane, templates anywhere, and noise."""
    c, t = classes_of(samples)
    theta = 2 * np.pi * c / 7
    plane, place = rng.standard_normal((2, d)), rng.standard_normal((t.max() + 1, d))
    return np.c_[np.cos(theta), np.sin(theta)] @ plane + 2 * place[t] + noise * rng.standard_normal((len(c), d))


def test_the_same_ring_in_two_models_is_found(rng):
    samples = prompts()
    found, facts = joined(ring(samples, rng, 16), ring(samples, rng, 300), samples)
    assert (
        facts["means"] | {"n": 7, "orders": 5040, "exact": True, "permuted": "labels", "neighbours": 2}
        == facts["means"]
    )
    assert facts["samples"]["permuted"] == "samples within their template" and facts["matched"] == 84
    assert all(found[f"means_{m}_p_corrected"] <= 0.05 for m in MEASURES)
    assert found["means_cka_value"] > 0.8 and abs(found["means_cka_null_mean"]) < 0.01


def test_to_tell_the_labels_apart_is_not_to_arrange_them_alike():
    """Two models with six unrelated clusters: something is shared, but it is not the arrangement."""
    rng, samples, p_of = np.random.default_rng(7), prompts(p=6), {"means": [], "samples": []}
    c, t = classes_of(samples)
    for _ in range(40):
        a, b = (rng.standard_normal((6, d))[c] + rng.standard_normal((12, d))[t] + rng.standard_normal((72, d))
                for d in (16, 64))  # fmt: skip
        found, _ = joined(a, b, samples, permutations=99)
        for way, p in p_of.items():
            p.append(found[f"{way}_cka_p_corrected"])
    assert np.mean(np.array(p_of["samples"]) <= 0.05) == 1
    assert np.mean(np.array(p_of["means"]) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)


def test_to_know_the_template_counts_for_nothing():
    rng, samples, p_of = np.random.default_rng(8), prompts(p=6), {"means": [], "samples": []}
    _, t = classes_of(samples)
    for _ in range(40):
        place = rng.standard_normal((12, 5))
        a, b = (9 * place[t] @ rng.standard_normal((5, d)) + rng.standard_normal((72, d)) for d in (16, 64))
        found, _ = joined(a, b, samples, permutations=99)
        for way, p in p_of.items():
            p.append(found[f"{way}_cka_p_corrected"])
    assert all(np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40) for p in p_of.values())
    assert abs(found["samples_cka_value"]) < 0.1 and biased_cka(a, b) > 0.8  # of the rest, and of all


def test_samples_of_a_corpus_are_permuted_as_a_whole(rng):
    samples = prompts()
    x = rng.standard_normal((84, 5))
    found, facts = joined(x, x @ rng.standard_normal((5, 9)), samples, source="news")
    assert facts["samples"]["permuted"] == "samples" and found["samples_cka_p"] == 1 / 200
    assert found["samples_mutual_knn_null_mean"] == pytest.approx(10 / 83, abs=0.01)


def test_samples_are_matched_by_label_text_and_place():
    mine = store.sample_columns([
        {"label": "May", "text": "In May", "start": 3, "end": 6}, {"label": "June", "text": "In June", "start": 3, "end": 7},
        {"label": "May", "text": "In May", "start": 3, "end": 6}, {"label": "May", "text": "May", "start": 0, "end": 3},
    ])  # fmt: skip
    theirs = store.sample_columns([
        {"label": "May", "text": "May, or", "start": 0, "end": 3}, {"label": "July", "text": "In July", "start": 3, "end": 7},
        {"label": "May", "text": "In May it", "start": 3, "end": 6}, {"label": "May", "text": "In May we", "start": 3, "end": 6},
    ])  # fmt: skip
    a, b = matched(mine, theirs, "news")
    assert list(zip(a, b)) == [(0, 2), (2, 3), (3, 0)]
    assert [list(x) for x in matched(mine, theirs, "vocabulary")] == [[0, 2, 3], [0, 2, 3]]


def test_another_order_of_the_samples_changes_nothing(rng):
    samples, turn = prompts(), rng.permutation(84)
    a, b = ring(samples, rng, 9), ring(samples, rng, 9)
    moved = {name: [column[i] for i in turn] for name, column in samples.items()}
    assert joined(a, b, samples)[0] == pytest.approx(joined(a, b[turn], samples, others=moved)[0])


def test_vocabularies_are_compared_on_the_labels_of_both(rng):
    values = rng.standard_normal((60, 3))
    columns = [store.sample_columns([{"label": str(n), "value": float(n), "text": str(n)} for n in range(*span)])
               for span in ((0, 60), (20, 45))]  # fmt: skip
    arrays, rows, facts = compare(
        [("embed", values)], [("embed", values[20:45]), ("unembed", rng.standard_normal((25, 4)))], *columns, "vocabulary",
        OPTIONS, 0,
    )  # fmt: skip
    assert not facts["means"]["halves"]
    assert "samples" not in facts and facts["means"]["n"] == 25 == len(rows["label"]) and rows["label"][0] == "20"
    assert arrays["means_cka_value"].shape == (1, 2) and arrays["means_cka_value"][0, 0] == pytest.approx(1)
    assert arrays["means_cka_calibrated"][0].tolist() == pytest.approx([1, 0])


def test_few_shared_labels_are_an_error(rng):
    columns = [
        store.sample_columns([{"label": str(n), "value": float(n)} for n in range(*s)]) for s in ((0, 9), (6, 20))
    ]
    with pytest.raises(OrreryError, match="only 3 labels are in both sets"):
        compare([("embed", rng.standard_normal((9, 4)))], [("embed", rng.standard_normal((14, 4)))], *columns, "vocabulary",
                OPTIONS, 0)  # fmt: skip


def test_large_sets_are_thinned_evenly_and_by_the_seed(rng):
    samples = prompts(p=6, templates=200)
    x, y = rng.standard_normal((1200, 4)), rng.standard_normal((1200, 4))
    first = joined(x, y, samples, permutations=19)
    assert first[1]["samples"] == {**first[1]["samples"], "n": 396, "available": 1200}
    assert joined(x, y, samples, permutations=19) == first
    numbers = store.sample_columns([{"label": str(n), "value": float(n)} for n in range(500)])
    _, rows, facts = compare([("embed", x[:500])], [("embed", y[:500])], numbers, numbers, "vocabulary",
                                  {**OPTIONS, "permutations": 19}, 0)  # fmt: skip
    assert facts["means"]["n"] == 400 == len(rows["label"]) and facts["means"]["available"] == 500
    assert (np.diff(rows["value"]) > 0).all()


@pytest.fixture
def compared(tmp_path, monkeypatch, rng):
    """A file of similarities of two models with four and three layers, by the rule's own script."""
    samples, files = prompts(), []
    for name, widths in (("big", (8, 8, 16, 16)), ("small", (8, 8, 8))):
        layers = {f"{i:02d}": ring(samples, rng, d, noise=1 + 8 * (i == 0)) for i, d in enumerate(widths)}
        files.append(tmp_path / f"{name}.h5")
        facts = {"model": name, "asset": {"asset": name, "attribution": f"{name} by somebody", "licence": "MIT"}}
        store.write_activations(files[-1], {**layers, "01-mlp": layers["01"]}, samples, facts)
    monkeypatch.setattr(logs, "log_to", lambda path: None)
    job = SimpleNamespace(
        log=["x"], output=SimpleNamespace(similarity=tmp_path / "s.h5"),
        input=SimpleNamespace(activations=files[0], other=files[1]),
        wildcards=SimpleNamespace(model="big", other="small", source="prompts", concept="days"),
        params=SimpleNamespace(options=OPTIONS, seed=0),
    )  # fmt: skip
    runpy.run_path(str(ROOT / "scripts/compare_layers.py"), {"snakemake": job})
    return tmp_path / "s.h5"


def test_the_file_holds_what_was_compared(compared):
    arrays, rows, facts = store.read_projection(compared)
    assert facts["layers"] == ["00", "01", "02", "03"] and facts["other_layers"] == ["00", "01", "02"]
    assert facts["kind"] == "similarity" and facts["samples"]["exact"] is False and rows["label"][6] == "day6"
    assert arrays["means_procrustes_p_corrected"].shape == (4, 3)
    off = np.abs(arrays["samples_cka_value"][1:3, 1:] - 1)
    assert off.min() > 1e-3  # each file's own layers were read


# ------------------------------------------------------------------------------------------------------ halves of the texts


def texts(classes, documents):
    """Columns of samples of a corpus."""
    rows = [{"label": f"w{c:02d}", "value": float(c), "text": f"text {i}", "start": 0, "end": 9, "document": f"d{d}",
             "group": f"d{d}"} for i, (c, d) in enumerate(zip(classes, documents))]  # fmt: skip
    return store.sample_columns(rows)


def one_a_document(rng):
    return np.tile(np.arange(12), 20), np.arange(240)


def four_a_document(rng):
    """Four samples a document, of random labels."""
    return rng.permutation(np.tile(np.arange(12), 20)), np.arange(240) // 4


def neighbours_in_a_document(rng):
    """Documents hold four successive labels, each twice."""
    first = np.arange(72) % 12
    return (first[:, None] + np.arange(8) // 2).ravel() % 12, np.repeat(np.arange(72), 8)


def unequal(rng):
    """Half of the labels have 40 samples, half have 8."""
    classes = np.repeat(np.arange(12), [40, 8] * 6)
    return classes, np.arange(len(classes))


def crossed(rng):
    """Every label once in each of twenty templates."""
    return np.tile(np.arange(12), 20), np.repeat(np.arange(20), 12)


DESIGNS = (one_a_document, four_a_document, neighbours_in_a_document, unequal, crossed)


def reading(shared, rng, d=40, layers=2):
    """Layers of a model that reads what is shared (N, q), in its own way and with noise."""
    return [(f"{i:02d}", shared @ rng.standard_normal((shared.shape[1], d)) + rng.standard_normal((len(shared), d)))
            for i in range(layers)]  # fmt: skip


def smallest(a, b, samples, source="news", seed=0, **options):
    """The smallest corrected p of each measure over label means."""
    arrays, *_ = compare(a, b, samples, samples, source, {**OPTIONS, "permutations": 99, **options}, seed)
    return [arrays[f"means_{m}_p_corrected"].min() for m in MEASURES]


def false_positives(design, source, runs, itself=False):
    """How often two models that share single texts, and no arrangement of labels, are called similar."""
    found = []
    for run in range(runs):
        rng = np.random.default_rng([17, run])
        classes, documents = design(rng)
        shared = rng.standard_normal((len(classes), 6)) + 2 * rng.standard_normal((documents.max() + 1, 6))[documents]
        a, b = reading(shared, rng), reading(shared, rng)
        found.append(smallest(a, a if itself else b, texts(classes, documents), source, run))
    return np.mean(np.array(found) <= 0.05, axis=0)


@pytest.mark.parametrize("design", DESIGNS)
def test_shared_texts_are_no_shared_arrangement(design, monkeypatch):
    monkeypatch.setattr(similarity, "_samples", lambda *_: None)
    rates = false_positives(design, "prompts" if design is crossed else "news", runs=150)
    assert (rates <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)).all(), rates


def test_a_model_beside_itself_shares_texts_with_itself(monkeypatch):
    """Two texts' halves: not similar without an arrangement of labels, similar with one, and never just equal."""
    monkeypatch.setattr(similarity, "_samples", lambda *_: None)
    rates = false_positives(one_a_document, "news", runs=150, itself=True)
    assert (rates <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)).all(), rates
    rng, samples = np.random.default_rng(2), texts(*one_a_document(None))
    planted = reading(rng.standard_normal((12, 6))[np.tile(np.arange(12), 20)] + rng.standard_normal((240, 6)), rng)
    arrays, *_ = compare(planted, planted, samples, samples, "news", OPTIONS, 0)
    diagonal = np.diag(arrays["means_cka_value"])
    assert (np.diag(arrays["means_cka_p_corrected"]) <= 0.05).all()
    assert (diagonal > 0.6).all() and (diagonal < 0.999).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_a_shared_arrangement_is_found_across_the_halves(design, monkeypatch):
    monkeypatch.setattr(similarity, "_samples", lambda *_: None)
    rng, found = np.random.default_rng(5), []
    for run in range(10):
        classes, documents = design(rng)
        single = 0.5 * rng.standard_normal((len(classes), 6)) + rng.standard_normal((documents.max() + 1, 6))[documents]
        shared = 1.5 * rng.standard_normal((12, 6))[classes] + single
        source = "prompts" if design is crossed else "news"
        found.append(smallest(reading(shared, rng), reading(shared, rng), texts(classes, documents), source, run))
    assert (np.mean(np.array(found) <= 0.05, axis=0) >= 0.9).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_halves_share_no_document_and_treat_labels_alike(design, rng):
    classes, documents = design(rng)
    labels, operators, counts = half_means(classes, documents, rng)
    assert labels.tolist() == list(range(12)) and min(counts) >= 1
    of = [[(documents[own], weights) for own, weights in zip(*_rows(operator))] for operator in operators]
    used = [set(np.concatenate([units for units, _ in half])) for half in of]
    assert not used[0] & used[1]
    for operator, half, count in zip(operators, of, counts):
        np.testing.assert_allclose(operator.sum(1), 1)
        assert all((classes[own] == c).all() for c, own in enumerate(_rows(operator)[0]))
        profiles = {tuple(sorted(np.unique(units, return_counts=True)[1])) for units, _ in half}
        assert len(profiles) == 1 and len(profiles.pop()) == count
        assert all(np.allclose(_sums(units, weights), 1 / count) for units, weights in half)
        holders = np.concatenate([np.unique(units) for units, _ in half])
        assert design is crossed or len(holders) == len(set(holders))


def _rows(operator):
    """Samples and weights of each row."""
    return np.split(operator.indices, operator.indptr[1:-1]), np.split(operator.data, operator.indptr[1:-1])


def _sums(units, weights):
    return np.bincount(np.unique(units, return_inverse=True)[1], weights)


def test_units_are_joined_by_what_they_share():
    documents = ["a", "a", "b", "c", "", "", "d"]
    repeated = ["1", "2", "2", "3", "4", "4", "5"]
    assert joined_units([documents]).tolist() == [0, 0, 1, 2, 3, 4, 5]
    assert joined_units([documents, repeated]).tolist() == [0, 0, 0, 1, 2, 2, 3]


def test_labels_without_documents_in_both_halves_are_left_out(rng):
    classes = np.r_[np.tile(np.arange(7), 12), [7] * 9, [8, 8]]
    documents = np.r_[np.arange(84), [84] * 9, 85, 86]  # label 7 is in one document, label 8 is rare
    samples = texts(classes, documents)
    x = [("00", rng.standard_normal((95, 5)))]
    _, rows, facts = compare(x, x, samples, samples, "news", OPTIONS, 0)
    assert rows["label"] == [f"w{c:02d}" for c in range(7)] and facts["means"]["available"] == facts["means"]["n"] == 7
    assert facts["means"]["halves"] and facts["means"]["left_out"] == 2 and facts["means"]["per_label"] == [6, 6]
    assert facts["means"]["unit"] == "document" and facts["means"]["units"] == 87


def test_one_rare_label_does_not_take_the_templates_from_the_others(rng):
    classes, documents = crossed(rng)
    classes, documents = np.r_[classes, 12, 12], np.r_[documents, 0, 1]
    labels, _, counts = half_means(classes, documents, rng)
    assert labels.tolist() == list(range(12)) and counts == (10, 10)


@pytest.mark.parametrize("source, unit", [("prompts", "template"), ("news", "document")])
def test_texts_that_cannot_be_halved_are_an_error(rng, source, unit):
    x, samples = [("00", rng.standard_normal((60, 4)))], texts(np.tile(np.arange(6), 10), np.zeros(60, int))
    with pytest.raises(OrreryError, match=f"only 0 of 6 labels can be compared.* several {unit}s"):
        compare(x, x, samples, samples, source, OPTIONS, 0)


def test_the_same_text_in_two_documents_is_in_one_half(rng):
    """Every text stands in two documents, so that halves of documents alone would share texts."""
    classes = np.tile(np.arange(6), 20)
    samples = texts(classes, np.arange(120))
    samples["text"] = [f"text {c} {i // 12}" for i, c in enumerate(classes)]
    x = [("00", rng.standard_normal((120, 4)))]
    facts = compare(x, x, samples, samples, "news", OPTIONS, 0)[2]["means"]
    assert facts["units"] == 60 and facts["per_label"] == [5, 5]


# --------------------------------------------------------------------------------------------------------------- figures

PLACES = ["big/prompts/days", "small/prompts/days"]


def chart_of(files, comparison):
    """The chart of an entry of `comparisons:`, drawn in both ways."""
    comparison = {"theme": "light", **comparison}
    sources = comparisons.read(files, comparison)
    chart = comparisons.draw(sources, comparison, [])
    assert comparisons.credits_of_all(sources).startswith("big by somebody (MIT)")
    assert go.Figure(interactive.draw(chart)).data
    static.write_images(static.draw(chart), [files[0].parent / "c.png"])
    return chart


def test_a_map_of_two_models(compared):
    arrays = store.read_projection(compared)[0]
    chart = chart_of([compared], {"kind": "similarity", "of": PLACES})
    (heat,) = chart.panels[0].marks
    assert heat.x == ["00", "01", "02"] and heat.y == ["03", "02", "01", "00"]
    meant = arrays["means_cka_p_corrected"][::-1] <= 0.05
    assert meant.any() and ((heat.values > 0) == meant).all()
    assert (heat.marked.sum(1) == meant.any(1)).all() and (
        heat.values[heat.marked] == np.nanmax(heat.values[meant.any(1)], 1)
    ).all()
    assert "most alike:" in chart.caption and "5,040 orders of the labels (all)" in chart.caption
    assert "big→small: 0" in chart.caption and chart.panels[0].x.title == "layer of small"


def test_the_first_place_is_in_the_rows(compared):
    straight, turned = (
        chart_of([compared], {"kind": "similarity", "of": of, "measure": "procrustes", "score": "raw"})
        for of in (PLACES, PLACES[::-1])
    )
    (a,), (b,) = (chart.panels[0].marks for chart in (straight, turned))
    np.testing.assert_array_equal(a.values[::-1], b.values[::-1].T)
    assert np.isfinite(a.values).all() and turned.panels[0].y.title == "layer of small"


def test_a_map_of_nothing_says_so(compared):
    arrays, rows, facts = store.read_projection(compared)
    for name in list(arrays):
        if name.endswith(("_p", "_p_corrected")):
            arrays[name] = np.full_like(arrays[name], 0.4)
        if name.endswith("calibrated"):
            arrays[name] = np.zeros_like(arrays[name])
    path = compared.with_name("none.h5")
    store.write_projection(path, arrays, rows, facts)
    chart = chart_of([path], {"kind": "similarity", "of": PLACES})
    assert not chart.panels[0].marks[0].marked.any()
    assert "than by chance: smallest corrected p = .400" in chart.caption and "→" not in chart.caption
    assert "1 × 2: p = .400, p = .400, p = .400" in chart_of([path], {"kind": "models", "of": PLACES}).caption


def test_a_model_beside_itself(compared):
    arrays, rows, facts = store.read_projection(compared)
    itself = {name: array[:3] for name, array in arrays.items()}
    path = compared.with_name("self.h5")
    store.write_projection(path, itself, rows, {**facts, "other": "big", "layers": facts["other_layers"]})
    chart = chart_of([path], {"kind": "similarity", "of": PLACES[:1]})
    marked = chart.panels[0].marks[0].marked[::-1]
    assert not np.diag(marked).any() and marked.any() and "most similar other layer" in chart.caption


def test_a_map_of_models(compared):
    arrays = store.read_projection(compared)[0]
    chart = chart_of([compared], {"kind": "models", "of": PLACES[::-1]})
    assert len(chart.panels) == 3
    for panel, measure in zip(chart.panels, MEASURES):
        (heat,) = panel.marks
        best = arrays[f"means_{measure}_calibrated"][arrays[f"means_{measure}_p_corrected"]
                                                     == arrays[f"means_{measure}_p_corrected"].min()].max()  # fmt: skip
        assert heat.x == ["1", "2"] and heat.values[0, 1] == heat.values[1, 0] == pytest.approx(best)
        assert np.isnan(np.diag(heat.values)).all() and heat.printed
    layers = {
        name: store.read_projection(compared)[2][key] for name, key in (("big", "layers"), ("small", "other_layers"))
    }
    said = re.search(r"1 × 2: (\d\d)–(\d\d) p = \.\d+, ", chart.caption)
    assert chart.panels[0].marks[0].y == ["1 small", "2 big"]
    p = arrays["means_cka_p_corrected"][layers["big"].index(said[2]), layers["small"].index(said[1])]
    assert p == arrays["means_cka_p_corrected"].min()
    assert len(chart_of([compared], {"kind": "models", "of": PLACES, "measure": "cka", "rows": "samples"}).panels) == 1


def test_samples_that_were_not_compared(compared):
    arrays, rows, facts = store.read_projection(compared)
    path = compared.with_name("means.h5")
    store.write_projection(path, {k: v for k, v in arrays.items() if k.startswith("means")}, rows, facts)
    with pytest.raises(OrreryError, match="write rows: means"):
        chart_of([path], {"kind": "similarity", "of": PLACES, "rows": "samples"})


# ---------------------------------------------------------------------------------------------------------------- config

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
CONCEPTS = sorted((ROOT / "workflow/concepts").glob("*.yaml"))
DAYS = ["smollm2-135m/prompts/weekdays", "minilm/prompts/weekdays"]


def prepared(comparison, **concepts):
    """The configuration with one comparison more, called `a`."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["comparisons"]["a"] = comparison
    config["concepts"] = concepts
    checks.prepare(config, SCHEMA, CONCEPTS)
    return config


MISTAKES = [  # the comparison, what the sentence must hold
    ({"kind": "similarity", "of": [*DAYS, "minilm/prompts/months"]}, ["comparisons.a.of", "3 places", "kind: models"]),
    ({"kind": "similarity", "of": []}, ["comparisons.a.of", "empty"]),
    ({"kind": "models", "of": DAYS[:1]}, ["comparisons.a.of", "one place", "two at least"]),
    ({"kind": "curves", "of": DAYS[:1]}, ["comparisons.a.of", "one place", "kind curves"]),
    ({"kind": "similarity", "of": [DAYS[0], "minilm/wikipedia/months"]}, ["prompts/weekdays and wikipedia/months"]),
    ({"kind": "similarity", "of": DAYS, "measure": "cca"}, ["comparisons.a.measure", "'cca'", "did you mean 'cka'"]),
    ({"kind": "models", "of": DAYS, "measure": "silhouette"}, ["comparisons.a.measure", "'silhouette'", "mutual_knn"]),
    ({"kind": "curves", "of": DAYS, "measure": "cka"}, ["comparisons.a.measure", "'cka'", "kind curves"]),
    ({"kind": "map", "of": DAYS, "score": "raw"}, ["comparisons.a.score", "kind map"]),
    ({"kind": "panels", "of": [f"{d}/03/pca" for d in DAYS], "rows": "means"}, ["comparisons.a.rows", "kind panels"]),
    ({"kind": "similarity", "of": DAYS, "dimensions": 2}, ["comparisons.a.dimensions", "kind similarity"]),
    ({"kind": "similarity", "of": DAYS, "rows": "labels"}, ["comparisons.a.rows", "'labels'", "'means'"]),
    ({"kind": "similarity", "of": ["minilm/prompts/weekday"]}, ["comparisons.a.of", "'weekday'", "'weekdays'"]),
    ({"kind": "similarity", "of": ["minilm/prompts/four"]}, ["comparisons.a.of", "has 4 labels", "five"]),
    ({"kind": "similarity", "of": ["minilm/vocabulary/integers"], "rows": "samples"}, ["one sample a label", "rows: means"]),
    ({"kind": "similarity", "of": ["minilm/vocabulary/random-tokens", "smollm2-135m/vocabulary/random-tokens"]},
     ["comparisons.a.of", "other tokens in each vocabulary"]),
]  # fmt: skip


@pytest.mark.parametrize("comparison, words", MISTAKES)
def test_a_mistake_gets_a_sentence(comparison, words):
    four = {
        "topology": "none",
        "labels": ["spade", "heart", "diamond", "club"],
        "templates": ["a {label}", "the {label}"],
    }
    with pytest.raises(OrreryError) as caught:
        prepared(comparison, four=four)
    text = str(caught.value)
    assert all(word in text for word in words) and all(len(line) < 420 for line in text.splitlines()), text


def test_two_comparisons_of_the_same_models_share_a_file():
    config = prepared({"kind": "similarity", "of": DAYS})
    pair = {"source": "prompts", "concept": "weekdays", "model": "minilm", "other": "smollm2-135m"}
    assert orrery.compared_pairs(config, "a") == [pair]
    assert orrery.compared_pairs(prepared({"kind": "models", "of": DAYS[::-1]}), "a") == [pair]
    alone = orrery.compared_pairs(prepared({"kind": "similarity", "of": DAYS[:1]}), "a")
    assert alone == [{**pair, "model": "smollm2-135m"}]
    assert orrery.similarity_options(config) == {"preprocess": ["l2"], "components": 10, "permutations": 999}


def test_schema_and_code_know_the_same_similarities():
    assert set(orrery.SIMILARITIES) == set(MEASURES) and set(orrery.PAIRED) <= set(comparisons.KINDS)
    described = SCHEMA["$defs"]["comparison"]["properties"]["measure"]["description"]
    assert all(measure in described for measure in MEASURES)
