"""What the measures must say of sets whose structure is known, through the function that measures real sets.

docs/known-answers.md is about the same sets, with more runs and in more sizes.
"""

import numpy as np
import pytest
import shapes
from orrery import clouds, measures
from orrery.geometry.cyclic import class_means
from orrery.geometry.irreducible import mixture_test, separability_test
from orrery.geometry.persistence import h1_score
from orrery.measured import MEASURED
from shapes import planted, rows_of, smallest_p, templates_of

RUNS, SOME, ALPHA = 1000, 400, 0.05
PERMUTATIONS = 19  # the fewest with which p can be .05, and as exact as more
SCENES = {"noise": shapes.noise, "spectrum": shapes.spectrum, "templates": shapes.templates, "places": shapes.places}
TESTED_ALONE = {  # in unit tests of their own: what needs regions or more samples than a quick suite has
    "shape_log-line", "shape_log-line_r2", "shape_ring-of-clusters", "shape_ring-of-clusters_r2", "shape_target", "shape_target_r2",
    *(name for name in MEASURED if "_given_" in name),
}  # fmt: skip


def limit(runs):
    """A sound test is found more often than this in one of 1,000 such suites."""
    return ALPHA + 3.1 * np.sqrt(ALPHA * (1 - ALPHA) / runs)


def rates(scenes, kind, names, sizes, runs=RUNS, layers=2, permutations=PERMUTATIONS):
    """How often each measure has p ≤ .05 in any layer, corrected for the search, over runs that take turns in scenes."""
    hits = {}
    for run in range(runs):
        rng = np.random.default_rng([run, len(names)])
        scene, (p, samples, d) = scenes[run % len(scenes)], sizes[run // len(scenes) % len(sizes)]
        vectors = scene(p, samples, d, layers, rng)
        rows = rows_of(vectors, kind, *templates_of(p, samples), names, permutations, run)
        for name, smallest in smallest_p(rows).items():
            hits[name] = hits.get(name, 0) + (smallest <= ALPHA)
    assert set(hits) == {shapes.family(name) for name in names}
    return {name: count / runs for name, count in hits.items()}


@pytest.fixture
def few_folds(monkeypatch):
    """Five folds of the labels on a line instead of twenty, for speed."""
    monkeypatch.setattr(clouds, "MAX_FOLDS", 5)


def test_every_measure_with_a_null_is_in_the_suite():
    known = {*shapes.RING, *shapes.COMPARED, *shapes.PLANE, *shapes.LABELS, *shapes.NUMBERS, *shapes.PARENTS,
             *shapes.MAP, *shapes.GRID, "factor_r2_3", "factor_r2_4"}  # fmt: skip
    tested = {shapes.family(name) for name, m in MEASURED.items() if m.null != "none"}
    assert tested == set(map(shapes.family, known | TESTED_ALONE))


def test_false_positives_of_rings():
    found = rates(list(SCENES.values()), "circle", shapes.RING, [(7, 4, 16), (12, 4, 16)], SOME)
    assert max(found.values()) <= limit(SOME), found


def test_false_positives_of_shapes():
    found = rates(list(SCENES.values()), "circle", shapes.COMPARED, [(7, 4, 16), (12, 4, 16)])
    assert max(found.values()) <= limit(RUNS), found


def test_false_positives_of_labels():
    """Scenes in which labels say nothing: not those at random places, which are what these measures are to find."""
    scenes = [SCENES[name] for name in ("noise", "spectrum", "templates")]
    found = rates(scenes, "circle", shapes.LABELS, [(7, 4, 16), (12, 4, 16)], layers=3)
    assert max(found.values()) <= limit(RUNS), found


def test_false_positives_of_planes():
    found = rates(list(SCENES.values()), "circle", shapes.PLANE, [(7, 4, 16)])
    assert max(found.values()) <= limit(RUNS), found


def test_false_positives_of_numbers(few_folds):
    names = [name for name in shapes.NUMBERS if name != "tens_kappa"]
    found = rates(list(SCENES.values()), "numbers", names, [(30, 2, 16)], SOME)
    assert max(found.values()) <= limit(SOME), found


def test_false_positives_of_tens(few_folds):
    found = rates([shapes.noise, shapes.places], "numbers", ["tens_kappa"], [(100, 1, 8)])
    assert max(found.values()) <= limit(RUNS), found


def test_false_positives_of_parents():
    found = rates(list(SCENES.values()), "parents", shapes.PARENTS, [(12, 4, 16)], layers=3)
    assert max(found.values()) <= limit(RUNS), found


@pytest.mark.parametrize("surface, p", [("plane", 12), ("sphere", 16), ("torus", 42), ("grid", 30)])
def test_false_positives_of_places(few_folds, surface, p):
    """Of `weakest_axis_r2`, whose null is that of one axis, there are fewer."""
    names = shapes.GRID if surface in ("torus", "grid") else shapes.MAP
    found = rates(list(SCENES.values()), surface, names, [(p, 2, 16)], SOME)
    assert max(found.values()) <= limit(SOME), found


@pytest.mark.parametrize("surface", list(shapes.SURFACES))
def test_places_without_one_of_their_axes_are_found_seldom(few_folds, surface):
    """All axes of a map but one are clear, whichever way the map is turned; along that one there is nothing.

    Where the axis that is left is nearly that of the shorter spread, places as a whole are not found either.
    """
    points, runs, hits, placed = shapes.on(surface), 60, 0, 0
    axes = np.linalg.svd(points - points.mean(0), full_matrices=False)[0][:, : 2 if surface == "country" else None]
    classes, groups = templates_of(len(points), 2)
    for run in range(runs):
        rng = np.random.default_rng([run, 3])
        others = axes @ np.linalg.qr(rng.standard_normal((axes.shape[1],) * 2))[0][:, 1:]
        layers = [planted(others, classes, 32, 0.3, rng) for _ in range(2)]
        rows = rows_of(layers, surface, classes, groups, ["left_out_place_r2", "weakest_axis_r2"], 99, run)
        places, weakest = rows[:2], rows[2:]
        placed += min(row["p_corrected"] for row in places) <= ALPHA
        hits += any(row["p_corrected"] <= ALPHA and row["value"] > 0 for row in weakest)
    assert hits / runs <= limit(runs) and placed >= 0.8 * runs, (hits, placed)


def test_walks_are_flagged_as_arches():
    """They are ordered, so the order tests are right to find them; the arch is no more than a walk's."""
    sizes = [(7, 4, 16), (12, 4, 16), (30, 2, 16), (30, 2, 256)]
    found = rates([shapes.walks], "numbers", ["arch_share"], sizes, layers=4, permutations=39)
    assert found["arch_share"] <= limit(RUNS)
    vectors = shapes.walks(30, 2, 256, 1, np.random.default_rng(0))
    found = smallest_p(rows_of(vectors, "numbers", *templates_of(30, 2), ["left_out_rank", "arch_share"], 99, 0))
    assert found["left_out_rank"] == 1 / 100 and found["arch_share"] > 0.05


def test_walks_do_not_close():
    found = rates([shapes.walks], "circle", ["ring_closure"], [(7, 4, 16)])
    assert found["ring_closure"] <= limit(RUNS)


@pytest.mark.parametrize("name", ["h1_score", *shapes.PLANE])
def test_layers_that_are_arranged_differently_have_nulls_that_differ(rng, name):
    """Of one spectrum, or else the draws of all layers are alike, their maximum is that of one, and no search is paid.

    A turn of the space is the same arrangement, and has the same draws.
    """
    means = rng.standard_normal((12, 2)) * [1, 0.6]
    classes, noise = np.repeat(np.arange(12), 5), 0.01 * rng.standard_normal((60, 2))
    turn = np.linalg.qr(rng.standard_normal((2, 2)))[0]

    def drawn(points):
        test = {"h1_score": h1_score, "separability": separability_test, "mixture_index": mixture_test}[name]
        return test(points, classes, 0, 99)[1:] if name == "h1_score" else test(points, 0, 99, classes)[1:]

    first = drawn(means[classes] + noise)
    np.testing.assert_allclose(first, drawn((means[classes] + noise) @ turn), atol=0.05)
    assert abs(np.corrcoef(first, drawn(means[rng.permutation(12)][classes] + noise))[0, 1]) < 0.5


@pytest.mark.parametrize(
    "kind, name, p, size",
    [("circle", "separability", 8, 1), ("circle", "mixture_index", 8, 1), ("numbers", "left_out_rank", 20, 0), ("numbers", "left_out_value_r2", 20, 0),
     ("numbers", "step_ratio", 20, 0)],
)  # fmt: skip
def test_unequal_numbers_of_samples(monkeypatch, kind, name, p, size):
    """Rare labels have noisier means, and are rarer the larger their value: that alone is no structure."""
    monkeypatch.setattr(measures, "replicates", lambda *_: {})
    runs, hits = 150, 0
    for run in range(runs):
        vectors, classes, groups = shapes.unequal(p, np.random.default_rng([run, 5]), size=size)
        hits += smallest_p(rows_of([vectors], kind, classes, groups, [name], 19, run))[name] <= ALPHA
    assert hits / runs <= limit(runs)


# Power

PLANTED = {
    "circle": ("circle", shapes.circle(7), 
               (*(name for name in shapes.RING if "given" not in name), "shape_circle", "shape_circle_r2")),
    "ellipse": ("circle", shapes.circle(7, 0.5), ("left_out_angle_error", "first_harmonic_share", "circle_probe_r2")),
    "helix": ("numbers", shapes.helix(70), ("modulo_kappa_10", "fourier_r2", "residue_circle_10", "residue_closure_10",
              "residue_consistency_10", "helix_share", "period_share_10", "shape_helix")),
    "line": ("numbers", shapes.line(12), ("left_out_rank", "left_out_value_r2", "line_share", "step_ratio", "tortuosity",
             "order_r2_given_alphabet", "shape_line", "shape_line_r2")),
    "arch": ("numbers", shapes.arch(12), ("arch_share", "left_out_rank")),
    "clusters": ("circle", shapes.simplex(7), shapes.LABELS),
    **{surface: (surface, shapes.on(surface), shapes.MAP) for surface in ("plane", "sphere", "country")},
    **{surface: (surface, shapes.on(surface), shapes.GRID) for surface in ("grid", "torus")},
}  # fmt: skip


def found_share(shape, d, noise, runs):
    """Share of runs in which each measure finds a planted shape, p ≤ .05."""
    kind, points, names = PLANTED[shape]
    classes, groups = templates_of(len(points), 4)
    hits = dict.fromkeys(map(shapes.family, names), 0)
    for run in range(runs):
        vectors = planted(points, classes, d, noise, np.random.default_rng([run, d]))
        for name, p in smallest_p(rows_of([vectors], kind, classes, groups, names, 99, run)).items():
            hits[name] += p <= ALPHA
    return {name: count / runs for name, count in hits.items()}


@pytest.mark.parametrize("d", [16, 1024])
@pytest.mark.parametrize("shape", list(PLANTED))
def test_what_is_planted_is_found_and_what_is_drowned_is_not(few_folds, shape, d):
    assert set(found_share(shape, d, 0.02, 5).values()) == {1}
    drowned = found_share(shape, d, 100, 25)
    assert max(drowned.values()) <= limit(25), drowned


# Known answers


def values_of(vectors, kind, classes, groups, names, permutations=99):
    """The row of each measure in one layer."""
    return {row["measure"]: row for row in rows_of([vectors], kind, classes, groups, names, permutations, 0)}


@pytest.mark.parametrize("p, share", [(7, 0.333), (12, 0.182)])
def test_first_harmonic_share_of_a_simplex(rng, p, share):
    classes, groups = templates_of(p, 3)
    row = values_of(planted(np.eye(p), classes, 64, 0, rng), "circle", classes, groups, ["first_harmonic_share"])
    assert row["first_harmonic_share"]["value"] == pytest.approx(share, abs=5e-4)
    assert row["first_harmonic_share"]["p"] == 1  # all orders are the same


def test_a_circle_is_a_circle_and_a_simplex_is_none(rng):
    classes, groups = templates_of(7, 4)
    decide = "left_out_angle_error", "ring_closure", "weakest_circle_axis_r2"
    ring = values_of(planted(shapes.circle(7), classes, 64, 0.01, rng), "circle", classes, groups, shapes.RING)
    assert ring["left_out_angle_error"]["value"] < 0.05 and ring["left_out_angle_error"]["p"] == 1 / 360
    assert ring["first_harmonic_share"]["value"] > 0.99 and ring["weakest_circle_axis_r2"]["value"] > 0.9
    for k in (2, 3):
        assert ring[f"h1_score_{k}"]["value"] == pytest.approx(0.56, abs=0.02)
    assert ring["ring_radius_cv"]["value"] < 0.05 and ring["ring_spacing_cv"]["value"] < 0.05
    none = values_of(planted(shapes.simplex(7), classes, 64, 0.1, rng), "circle", classes, groups, shapes.RING)
    assert min(row["p"] for row in none.values()) * len(none) > 0.05
    assert none["weakest_circle_axis_r2"]["value"] < 0 and min(none[name]["p"] for name in decide) > 0.05


def test_the_probe_of_random_places_fits_every_order_as_well_as_the_true_one():
    """A held-out R² near 1 says that labels can be told apart; only where labels are hidden is it about a ring."""
    p = []
    for run in range(20):
        rng = np.random.default_rng(run)
        classes, groups = templates_of(7, 12)
        vectors = planted(shapes.clusters(7, 64, rng), classes, 64, 0.05, rng)
        row = values_of(vectors, "circle", classes, groups, ["circle_probe_r2", "left_out_angle_error"], 99)
        probe, hidden = row["circle_probe_r2"], row["left_out_angle_error"]
        assert probe["value"] > 0.5 and abs(probe["value"] - probe["null_mean"]) < 0.35
        assert hidden["null_mean"] > 1.2
        p.append(probe["p"])
    assert np.mean(np.array(p) <= 0.05) <= 0.2 and 0.3 < np.mean(p) < 0.7


def test_power_of_ten_without_residues(rng):
    """The spectrum has a spike at 10, and no residue can be told (Fu et al. 2026)."""
    classes, groups = templates_of(100, 1)
    vectors = planted(shapes.power_without_separability(100), classes, 64, 1e-3, rng)
    row = values_of(vectors, "numbers", classes, groups, ["fourier_power_10", "modulo_kappa_10"], 199)
    power, kappa = row["fourier_power_10"], row["modulo_kappa_10"]
    assert power["value"] > 0.5 and power["p"] == 1 / 200
    assert abs(kappa["value"]) < 0.12 and kappa["p"] > 0.05


def test_a_closed_circle_passes_for_a_walk(rng):
    """What the arch test cannot see."""
    classes, groups = templates_of(40, 2)
    row = values_of(planted(shapes.circle(40), classes, 64, 0.01, rng), "numbers", classes, groups, ["arch_share"])
    assert row["arch_share"]["value"] > 0.8 and row["arch_share"]["p"] > 0.05


def test_in_sample_r2_of_seven_means_is_five_sixths(rng):
    """Chance of R² in sample is k / (n - 1), which is why none is printed."""
    found = []
    for _ in range(200):
        means = rng.standard_normal((7, 64))
        scores = np.linalg.svd(means - means.mean(0), full_matrices=False)[0][:, :5]
        target = np.cos(2 * np.pi * np.arange(7) / 7)
        found.append(((scores.T @ target) ** 2).sum() / (target**2).sum())
    assert np.mean(found) == pytest.approx(5 / 6, abs=0.03)


def test_planted_shapes_have_the_size_they_say(rng):
    classes, _ = templates_of(12, 3)
    vectors = planted(shapes.circle(12, 0.5), classes, 32, 0, rng)
    squares = np.linalg.svd(class_means(vectors, classes, 12), compute_uv=False) ** 2
    assert squares[:2].sum() == pytest.approx(24) and squares[1] / squares[0] == pytest.approx(0.25)
    assert np.abs(squares[2:]).max() < 1e-12
