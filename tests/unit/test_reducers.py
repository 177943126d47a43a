"""Projections: properties and peers, never bytes."""

import subprocess
import sys
import types

import numpy as np
import pytest
import yaml
from orrery.config import graph_of
from orrery.errors import OrreryError
from orrery.geometry.cyclic import class_means
from orrery.neighbours import nearest
from orrery.preprocess import prepare, preprocess
from orrery.reducers import METHODS, SEEDED, film, onto, reduce
from orrery.schema import schema_mistakes
from sklearn.manifold import trustworthiness
from tools import ROOT

DEFS = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())["$defs"]
CIRCLE, LINE = {"topology": "circle", "period": 7.0}, {"topology": "line"}


def entry(method, **parameters):
    """An entry of reducers: with its defaults."""
    spec = {"method": method, **parameters}
    assert schema_mistakes(spec, {**DEFS["reducer"], "$defs": DEFS}) == []
    return spec


def columns(classes, groups=None):
    return {"label": [f"l{c}" for c in classes], "value": np.asarray(classes, dtype=float),
            "group": groups or [""] * len(classes)}  # fmt: skip


def ring(rng, p=7, per_class=12, noise=0.1):
    """Points around a regular polygon in 40 dimensions: (vectors, samples)."""
    plane, _ = np.linalg.qr(rng.standard_normal((40, 2)))
    classes = np.repeat(np.arange(p), per_class)
    theta = 2 * np.pi * classes / p
    points = np.c_[np.cos(theta), np.sin(theta)] @ plane.T + noise * rng.standard_normal((len(classes), 40))
    return points, columns(classes, [f"t{i % per_class}" for i in range(len(classes))])


@pytest.fixture
def cloud(rng):
    """Five clusters in 40 dimensions, away from the origin: (vectors (100, 40), classes)."""
    classes = np.repeat(np.arange(5), 20)
    return 6 * rng.standard_normal((5, 40))[classes] + rng.standard_normal((100, 40)) + 3, classes


def same_up_to_signs(found, peer, **tolerance):
    np.testing.assert_allclose(np.abs(found), np.abs(peer), **tolerance)


# ----------------------------------------------------------------------------------------------- schema and table


def test_the_schema_knows_the_methods():
    assert set(DEFS["reducer"]["properties"]["method"]["enum"]) == set(METHODS)
    assert {rule["then"]["$ref"].split("/")[-1] for rule in DEFS["reducer"]["allOf"]} == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_reads_every_key_of_its_schema_and_names_its_library(rng, method):
    read = set()

    class Spec(dict):
        def __getitem__(self, key):
            read.add(key)
            return super().__getitem__(key)

        def get(self, key, default=None):
            read.add(key)
            return super().get(key, default)

    vectors, samples = ring(rng, p=12, per_class=4)
    quick = {"iterations": 250} if "iterations" in DEFS[method]["properties"] else {}
    spec = Spec(entry(method, **quick, **({"kernel": "polynomial"} if method == "kernel-pca" else {})))
    arrays, facts = METHODS[method](
        vectors, spec, seed=0, samples=samples, shape={"topology": "circle", "period": 12.0}
    )
    assert read - {"method"} == set(DEFS[method]["properties"]) - {"method", "preprocess"}
    assert len(facts["library"].split()) == 2
    assert arrays["coordinates"].dtype == np.float32 and len(arrays["coordinates"]) == 48
    assert np.isfinite(arrays["coordinates"]).all()


# --------------------------------------------------------------------------------------------------------- linear


def test_pca_equals_scikit_learn_up_to_signs(cloud):
    from sklearn.decomposition import PCA

    arrays, facts = reduce(cloud[0], entry("pca", components=10), 0)
    peer = PCA(10, svd_solver="full").fit(cloud[0])
    same_up_to_signs(arrays["coordinates"], peer.transform(cloud[0]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(arrays["explained_variance_ratio"][:10], peer.explained_variance_ratio_, rtol=1e-6)
    assert arrays["explained_variance_ratio"].sum() == pytest.approx(1) and facts["components"] == 10


def test_svd_equals_scikit_learn_up_to_signs(cloud):
    from sklearn.decomposition import TruncatedSVD

    arrays, _ = reduce(cloud[0], entry("svd", components=10), 0)
    peer = TruncatedSVD(10, algorithm="arpack").fit(cloud[0])
    same_up_to_signs(arrays["coordinates"], peer.transform(cloud[0]), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(arrays["explained_variance_ratio"][:10], peer.explained_variance_ratio_, rtol=1e-5)


def test_axes_of_class_means(cloud):
    from sklearn.decomposition import PCA

    vectors, classes = cloud
    arrays, facts = reduce(vectors, entry("pca", fit="class-means"), 0, samples=columns(classes))
    peer = PCA(4, svd_solver="full").fit(class_means(vectors, classes, 5))
    same_up_to_signs(arrays["coordinates"], peer.transform(vectors), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(arrays["class_means_variance_ratio"], peer.explained_variance_ratio_, rtol=1e-6)
    share = peer.transform(vectors).var(0) / vectors.var(0).sum()
    np.testing.assert_allclose(arrays["explained_variance_ratio"], share, rtol=1e-6)
    assert facts["components"] == 4


def test_independent_components_are_the_sources_and_give_the_vectors_back(rng):
    sources = np.c_[np.sign(np.sin(np.arange(500) / 7)), rng.laplace(size=500), rng.uniform(-1, 1, 500)]
    vectors = sources @ rng.standard_normal((3, 20)) + 5
    arrays, facts = reduce(vectors, entry("ica", components=3), 0)
    assert np.abs(np.corrcoef(sources.T, arrays["coordinates"].T)[:3, 3:]).max(1).min() > 0.98 and facts["converged"]
    np.testing.assert_allclose(
        arrays["coordinates"] @ arrays["loadings"], vectors - vectors.mean(0), atol=1e-3 * np.abs(vectors).max()
    )
    assert arrays["explained_variance_ratio"].sum() == pytest.approx(1)
    assert (np.diff(arrays["explained_variance_ratio"]) <= 0).all()


@pytest.mark.parametrize("method", ["pca", "svd", "ica", "lda"])
def test_signs_do_not_depend_on_the_solver(cloud, method):
    for vectors in (cloud[0], 1 - cloud[0]):
        loadings = reduce(vectors, entry(method, components=4), 0, samples=columns(cloud[1]))[0]["loadings"]
        assert (loadings[np.arange(4), np.abs(loadings).argmax(1)] > 0).all()


def test_few_points_give_few_components(rng):
    arrays, facts = reduce(rng.standard_normal((6, 30)), entry("pca"), 0)
    assert facts["components"] == arrays["coordinates"].shape[1] == 5


def test_the_spectrum_of_noise_stands_beside(rng):
    vectors, noise = rng.standard_normal((2, 30, 10))
    arrays, _ = reduce(vectors, entry("svd"), 0, noise=noise)
    peer, _ = reduce(noise, entry("svd"), 0)
    np.testing.assert_array_equal(arrays["noise_explained_variance_ratio"], peer["explained_variance_ratio"])
    assert "noise_explained_variance_ratio" not in reduce(vectors, entry("ica"), 0, noise=noise)[0]


# ------------------------------------------------------------------------------------------------------ distances


def test_classical_mds_of_euclidean_distances_is_pca_and_scikit_learn_agrees(cloud):
    from sklearn.manifold import ClassicalMDS

    arrays, facts = reduce(cloud[0], entry("classical-mds"), 0)
    pca = reduce(cloud[0], entry("pca", components=2), 0)[0]
    same_up_to_signs(arrays["coordinates"], pca["coordinates"], rtol=1e-3, atol=1e-3)
    same_up_to_signs(arrays["coordinates"], ClassicalMDS(2).fit_transform(cloud[0]), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(arrays["explained_variance_ratio"], pca["explained_variance_ratio"][:2], rtol=1e-6)
    exact = reduce(np.c_[cloud[0][:, :2], np.zeros(100)], entry("classical-mds"), 0)[1]
    assert exact["stress"] < 1e-5 < facts["stress"] < 1


def test_metric_mds_lowers_the_stress_of_the_classical_solution(cloud):
    from scipy.spatial.distance import pdist

    arrays, facts = reduce(cloud[0], entry("mds"), 0)
    true, shown = pdist(cloud[0]), pdist(arrays["coordinates"])
    assert facts["stress"] == pytest.approx(np.sqrt(((true - shown) ** 2).sum() / (shown**2).sum()), rel=1e-4)
    assert facts["stress"] < reduce(cloud[0], entry("classical-mds"), 0)[1]["stress"]


def test_isomap_equals_scikit_learn(rng):
    from sklearn.manifold import Isomap

    turn = np.sort(rng.uniform(1.5 * np.pi, 4.5 * np.pi, 150))
    roll = np.c_[turn * np.cos(turn), 3 * rng.uniform(size=150), turn * np.sin(turn)]
    arrays, facts = reduce(roll, entry("isomap", neighbors=8), 0)
    peer = Isomap(n_neighbors=8, n_components=2, eigen_solver="dense").fit(roll)
    same_up_to_signs(arrays["coordinates"], peer.embedding_, rtol=1e-2, atol=1e-2)
    assert facts["reconstruction_error"] == pytest.approx(peer.reconstruction_error(), rel=1e-3)
    assert np.abs(np.corrcoef(turn, arrays["coordinates"][:, 0])[0, 1]) > 0.99


def test_isomap_joins_what_no_path_joins_or_says_so(rng):
    vectors = np.repeat([[0.0, 0, 0], [50, 0, 0]], 30, axis=0) + rng.standard_normal((60, 3))
    assert reduce(vectors, entry("isomap"), 0)[1]["neighbors"] == 30
    with pytest.raises(OrreryError, match="leaves the points in 2 parts"):
        reduce(vectors, entry("isomap", neighbors=5), 0)
    same = np.repeat(rng.standard_normal((9, 3)), 4, axis=0)  # points that coincide are joined
    assert np.isfinite(reduce(same, entry("isomap"), 0)[0]["coordinates"]).all()


@pytest.mark.parametrize("kernel, peer", [("rbf", "rbf"), ("cosine", "cosine"), ("polynomial", "poly")])
def test_kernel_pca_equals_scikit_learn(cloud, kernel, peer):
    from sklearn.decomposition import KernelPCA

    arrays, facts = reduce(cloud[0], entry("kernel-pca", kernel=kernel, components=3), 0)
    model = KernelPCA(3, kernel=peer, gamma=facts["gamma"], eigen_solver="dense").fit(cloud[0])
    scale = np.abs(arrays["coordinates"]).max()
    same_up_to_signs(arrays["coordinates"] / scale, model.transform(cloud[0]) / scale, atol=1e-4)
    mean_square = ((cloud[0][:, None] - cloud[0]) ** 2).sum(-1).mean()
    assert facts["gamma"] == pytest.approx(1 / mean_square)


def test_too_many_points_for_all_pairs(rng):
    for method in ("mds", "isomap", "kernel-pca", "circle"):
        with pytest.raises(OrreryError, match=f"6001 points are too many for {method}.* add class-means"):
            reduce(rng.standard_normal((6001, 2)), entry(method), 0, samples=columns(np.arange(6001) % 7), shape=CIRCLE)


# ----------------------------------------------------------------------------------------------------- embeddings

NEIGHBOUR_METHODS = [
    entry("tsne", iterations=500), entry("tsne", iterations=500, metric="cosine"), entry("tsne", iterations=500, components=3),
    entry("umap"), entry("umap", metric="cosine"), entry("umap", components=3), entry("pacmap"),
]  # fmt: skip


@pytest.mark.parametrize("spec", NEIGHBOUR_METHODS, ids=lambda s: f"{s['method']}-{s['metric']}-{s['components']}")
def test_neighbour_methods_keep_neighbours_and_seeds(cloud, spec):
    graph = nearest(cloud[0], 90, spec["metric"])
    arrays, facts = reduce(cloud[0], spec, 3, graph=graph)
    points = arrays["coordinates"]
    assert points.shape == (100, spec["components"]) and np.isfinite(points).all()
    assert trustworthiness(cloud[0], points, n_neighbors=10) > 0.9
    assert trustworthiness(cloud[0], np.random.default_rng(0).permuted(points, axis=0), n_neighbors=10) < 0.7
    assert 0 < facts["seed_procrustes"] < 1 and facts["seed_procrustes_to"].startswith("seed 4")
    np.testing.assert_array_equal(points, METHODS[spec["method"]](cloud[0], spec, seed=3)[0]["coordinates"])


def test_a_second_seed_is_unrelated_where_there_is_nothing_to_find(rng):
    blob, steps = rng.standard_normal((60, 40)), np.outer(np.arange(60), np.ones(3)) + rng.standard_normal((60, 3))
    assert set(SEEDED) <= set(METHODS)
    noise, line = (reduce(x, entry("tsne", iterations=500), 0)[1] for x in (blob, steps))
    assert line["seed_procrustes"] < 0.2 < noise["seed_procrustes"]
    assert line["seed_procrustes_to"] == "seed 1 started at random"
    assert reduce(steps, entry("tsne", iterations=250, init="random"), 0)[1]["seed_procrustes_to"] == "seed 1"


def test_auto_parameters_fit_ten_points(rng):
    vectors = rng.standard_normal((10, 20))
    assert reduce(vectors, entry("tsne"), 0)[1]["perplexity"] == pytest.approx(2.25)
    assert reduce(vectors, entry("umap"), 0)[1]["neighbors"] == 9
    assert reduce(vectors, entry("pacmap"), 0)[1]["neighbors"] == 2


@pytest.mark.parametrize("n", [4, 7, 20, 99, 100])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_few_points_do_not_fall_together(rng, n, init):
    arrays, facts = METHODS["tsne"](rng.standard_normal((n, 20)), entry("tsne", init=init, iterations=500), seed=0)
    distances = np.linalg.norm(arrays["coordinates"][:, None] - arrays["coordinates"], axis=-1)
    assert distances[np.triu_indices(n, 1)].min() > 1e-3 and 0 < facts["kl_divergence"] < 3


def test_umap_looks_for_no_neighbours_of_its_own(cloud, monkeypatch):
    import umap.umap_

    monkeypatch.setattr(umap.umap_, "nearest_neighbors", lambda *_, **__: pytest.fail("it looked"))
    METHODS["umap"](cloud[0], entry("umap"), seed=0)


def test_a_gpu_gets_the_same_parameters(cloud, tmp_path, monkeypatch):
    (tmp_path / "cuml.py").write_text("__version__ = '26.08'")
    monkeypatch.syspath_prepend(tmp_path)
    given = {}

    def fake(name):
        class Model:
            def __init__(self, n_iter=0, **options):
                given[name] = options | {"n_iter": n_iter}

            def fit_transform(self, vectors):
                return vectors[:, :2]

        return Model

    manifold = types.SimpleNamespace(TSNE=fake("tsne"), UMAP=fake("umap"))
    monkeypatch.setitem(sys.modules, "cuml.manifold", manifold)
    spec = entry("tsne", perplexity=20, iterations=300, learning_rate=200, metric="cosine")
    assert METHODS["tsne"](cloud[0], spec, seed=5)[1]["library"] == "cuml 26.08"
    assert given["tsne"] == {
        "n_components": 2, "perplexity": 20, "early_exaggeration": 12, "init": "pca", "metric": "cosine",
        "random_state": 5, "n_iter": 300, "learning_rate_method": "none", "learning_rate": 200,
    }  # fmt: skip
    assert METHODS["umap"](cloud[0], entry("umap", min_dist=0.3), seed=5)[1]["neighbors"] == 15
    assert given["umap"] == {"n_components": 2, "n_neighbors": 15, "min_dist": 0.3, "spread": 1, "metric": "euclidean",
                             "random_state": 5, "n_iter": 0}  # fmt: skip
    assert METHODS["tsne"](cloud[0], entry("tsne", components=3), seed=5)[1]["library"].startswith("openTSNE")


# ----------------------------------------------------------------------------------------------------- supervised


def test_discriminants_equal_scikit_learn_and_hidden_samples_are_found(rng):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    classes = np.tile(np.arange(4), 50)
    vectors = rng.standard_normal((4, 10))[classes] + 0.5 * rng.standard_normal((200, 10))
    arrays, facts = reduce(vectors, entry("lda"), 0, samples=columns(classes))
    peer = LinearDiscriminantAnalysis().fit(vectors, classes)
    same_up_to_signs(arrays["coordinates"], peer.transform(vectors), rtol=1e-3, atol=1e-3)
    assert facts["held_out_accuracy"] > 0.9 and facts["supervised"] and facts["folds"] == "samples"
    assert facts["chance_accuracy"] == 0.25 and facts["components"] == 3


def test_discriminants_of_noise_find_nothing_that_is_hidden(rng):
    """More dimensions than samples: the picture shows clusters, the accuracy says that there are none."""
    samples = columns(np.tile(np.arange(4), 20), [f"t{i // 4}" for i in range(80)])
    facts = reduce(rng.standard_normal((80, 300)), entry("lda"), 0, samples=samples)[1]
    assert facts["held_out_accuracy"] < 0.4 and facts["folds"] == "groups"


def test_partial_least_squares_equal_scikit_learn(rng):
    from sklearn.cross_decomposition import PLSRegression

    values = np.repeat(np.arange(30), 3)
    vectors = np.outer(values / 10, rng.standard_normal(20)) + rng.standard_normal((90, 20))
    arrays, facts = reduce(vectors, entry("pls", components=3), 0, samples=columns(values), shape=LINE)
    peer = PLSRegression(3, scale=False).fit(vectors, values)
    same_up_to_signs(arrays["coordinates"], peer.transform(vectors), rtol=1e-3, atol=1e-3)
    assert facts["held_out_r2"] > 0.85
    noise = rng.standard_normal((90, 20))
    assert reduce(noise, entry("pls", components=3), 0, samples=columns(values), shape=LINE)[1]["held_out_r2"] < 0.1


def test_a_planted_circle_is_found_by_probes_that_never_saw_the_label(rng):
    vectors, samples = ring(rng)
    arrays, facts = reduce(vectors, entry("circle"), 0, samples=samples, shape=CIRCLE)
    true = 2 * np.pi * samples["value"] / 7
    found = np.arctan2(arrays["coordinates"][:, 1], arrays["coordinates"][:, 0])
    error = np.abs(np.angle(np.exp(1j * (found - true)))).mean()
    assert facts["left_out_angle_error"] == pytest.approx(error, rel=1e-4) and error < 0.3
    assert sum(facts["plane_variance"]) > 0.9 and facts["supervised"]
    means = class_means(vectors, samples["value"].astype(int), 7)
    plane = (vectors - means.mean(0)) @ np.linalg.svd(means - means.mean(0))[2][:2].T
    same_up_to_signs(arrays["plane"], plane, rtol=1e-4, atol=1e-4)


def test_a_random_simplex_is_no_circle(rng):
    errors = []
    for _ in range(10):
        vectors = np.repeat(rng.standard_normal((7, 64)), 6, axis=0) + 0.3 * rng.standard_normal((42, 64))
        samples = columns(np.repeat(np.arange(7), 6))
        errors.append(reduce(vectors, entry("circle"), 0, samples=samples, shape=CIRCLE)[1]["left_out_angle_error"])
    assert np.mean(errors) > 1.4  # π/2 for a blind guess


def test_a_planted_helix_and_the_line_in_it(rng):
    n = np.arange(100)
    turns = np.c_[np.cos(2 * np.pi * n / 10), np.sin(2 * np.pi * n / 10), n / 30]
    vectors = turns @ np.linalg.qr(rng.standard_normal((50, 3)))[0].T + 0.05 * rng.standard_normal((100, 50))
    samples = columns(n)
    arrays, facts = reduce(vectors, entry("helix"), 0, samples=samples, shape=LINE)
    assert min(facts["held_out_r2"]) > 0.95 and arrays["coordinates"].shape == (100, 3)
    np.testing.assert_allclose(arrays["coordinates"][:, 2], n, atol=5)
    assert max(reduce(vectors, entry("helix", period=7), 0, samples=samples, shape=LINE)[1]["held_out_r2"][:2]) < 0.3
    arrays, facts = reduce(vectors, entry("line"), 0, samples=samples, shape=LINE)
    assert facts["held_out_r2"] > 0.95
    np.testing.assert_allclose(arrays["coordinates"][:, 0], n, atol=6)
    second = arrays["coordinates"][:, 1]  # what is left is the circle, which is not the line
    assert abs(np.corrcoef(second, n)[0, 1]) < 0.3 and second.std() > 0.5
    assert reduce(rng.standard_normal((100, 50)), entry("line"), 0, samples=samples, shape=LINE)[1]["held_out_r2"] < 0.3


# --------------------------------------------------------------------------------------------------------- errors

FOUR = columns(np.arange(4).repeat(5))


@pytest.mark.parametrize(
    "spec, samples, shape, sentence",
    [
        (entry("tsne", perplexity=7), FOUR, LINE, r"perplexity 7 is too large for 20 points; write one below 6.7"),
        (entry("umap", neighbors=20), FOUR, LINE, r"neighbors 20 is too large for 20 points"),
        (entry("isomap", neighbors=20), FOUR, LINE, r"neighbors 20 is too large for 20 points"),
        (entry("pacmap", neighbors=9), FOUR, LINE, r"neighbors 9 is too large for 20 points .* write 5 at most"),
        (entry("circle"), FOUR, LINE, "topology is circle, not line"),
        (entry("line"), FOUR, {"topology": "none"}, "topology is line, helix or circle, not none"),
        (entry("line"), FOUR, {"topology": "tree"}, "topology is line, helix or circle, not tree"),
        (entry("pls"), FOUR, {"topology": "sphere"}, "pls needs a concept whose topology is circle, line or helix"),
        (entry("helix"), FOUR, {"topology": "none"}, "topology is line, helix or circle, not none"),
        (entry("helix"), FOUR, LINE, "do not turn with a period of 10"),
        (entry("pls"), FOUR, {"topology": "none"}, "pls needs a concept whose topology"),
        (entry("line"), columns(np.arange(3).repeat(7)[:20]), LINE, "line needs 4 labels .* there are 3"),
        (entry("line"), {**FOUR, "value": np.full(20, np.nan)}, LINE, "line needs a value for every label"),
        (entry("lda"), columns(np.arange(20)), LINE, "two samples of each at least; remove class-means"),
        (entry("lda"), columns(np.zeros(20, int)), LINE, "lda needs two labels"),
    ],
)
def test_what_cannot_be_made_says_what_to_write(rng, spec, samples, shape, sentence):
    with pytest.raises(OrreryError, match=sentence):
        reduce(rng.standard_normal((20, 6)), spec, 0, samples=samples, shape=shape)


def test_nothing_to_project(rng):
    with pytest.raises(OrreryError, match="too few"):
        reduce(np.eye(3), entry("pca"), 0)
    with pytest.raises(OrreryError, match="all points are the same"):
        reduce(np.ones((9, 4)), entry("pca"), 0)
    with pytest.raises(OrreryError, match="too few for pacmap"):
        reduce(rng.standard_normal((9, 4)), entry("pacmap"), 0)


# ----------------------------------------------------------------------------------------------------- all layers


def test_pictures_are_turned_onto_one_another_and_keep_their_size(rng):
    first = rng.standard_normal((30, 2))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    pictures = [first, 2 * first @ turn + 5, first * [-1, 1], first[:, :1]]
    aligned = [onto(pictures[0], None, 2)]
    for picture in pictures[1:]:
        aligned.append(onto(picture, aligned[-1], 2))
    np.testing.assert_allclose(aligned[0], first - first.mean(0), atol=1e-6)
    np.testing.assert_allclose(aligned[1], 2 * aligned[0], atol=1e-5)
    np.testing.assert_allclose(aligned[2], aligned[0], atol=1e-5)
    from scipy.linalg import orthogonal_procrustes

    a, b = (x.astype(np.float64) - x.mean(0) for x in (rng.standard_normal((20, 3)), rng.standard_normal((20, 3))))
    np.testing.assert_allclose(
        onto(b, onto(a, None, a.shape[1]), a.shape[1]), b @ orthogonal_procrustes(b, a)[0], atol=1e-5
    )


def test_a_film_of_all_layers(rng):
    vectors, samples = ring(rng)
    layers = {
        "embed": np.ones_like(vectors),
        "00": vectors,
        "01": vectors @ np.linalg.qr(rng.standard_normal((40, 40)))[0],
    }
    samples["text"] = samples["label"]
    arrays, shown, facts = film(layers, samples, entry("pca"), 0, CIRCLE)
    assert arrays["coordinates"].shape == (2, 84, 3) and arrays["explained_variance_ratio"].shape == (2, 3)
    np.testing.assert_allclose(arrays["coordinates"][0, :, :2], arrays["coordinates"][1, :, :2], atol=0.02)
    assert facts["layers"] == ["00", "01"] and facts["left_out"] == ["embed"] and "Procrustes" in facts["alignment"]
    assert len(facts["trustworthiness"]) == len(facts["continuity_3d"]) == 2 and facts["components"] == 40
    assert len(shown["label"]) == 84
    small, shown, facts = film(layers, samples, entry("circle", preprocess=["class-means"]), 0, CIRCLE)
    assert small["coordinates"].shape == (2, 7, 2) and len(shown["label"]) == 7
    assert "explained_variance_ratio" not in small
    with pytest.raises(OrreryError, match="in every layer all points are the same"):
        film({"embed": layers["embed"]}, samples, entry("pca"), 0, CIRCLE)


# ----------------------------------------------------------------------------------------------------- preprocess


def test_preprocess(rng):
    x = rng.standard_normal((12, 5)) + 4
    groups = list("abcabcabcabc")
    np.testing.assert_allclose(np.linalg.norm(preprocess(x, ["l2"]), axis=1), 1, atol=1e-6)
    assert np.isfinite(preprocess(np.zeros((2, 3)), ["l2", "standardize"])).all()
    np.testing.assert_allclose(preprocess(x, ["center"]).mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(preprocess(x, ["standardize"]).std(0), 1, atol=1e-6)
    within = preprocess(x, ["group-center"], groups)
    np.testing.assert_allclose([within[i::3].mean(0) for i in range(3)], 0, atol=1e-12)
    np.testing.assert_array_equal(preprocess(x, []), x)


def test_one_point_a_label(rng):
    x = rng.standard_normal((6, 3))
    samples = {"label": list("bababc"), "value": np.array([1.0, 2, 1, 2, 1, 0]), "text": list("uvwxyz"),
               "title": ["t"] * 6, "group": list("aabbcc"), "start": np.ones(6, int), "row": np.arange(6)}  # fmt: skip
    means, shown = prepare(x, samples, ["l2", "class-means"])
    unit = preprocess(x, ["l2"])
    np.testing.assert_allclose(means, [unit[5], unit[[0, 2, 4]].mean(0), unit[[1, 3]].mean(0)])
    assert shown["label"] == shown["text"] == ["c", "b", "a"] and shown["count"].tolist() == [1, 3, 2]
    assert shown["value"].tolist() == [0, 1, 2] and shown["title"] == [""] * 3 and "row" not in shown
    assert shown["start"].tolist() == [0] * 3 and shown["end"].tolist() == [1] * 3
    same, kept = prepare(x, samples, [])
    assert kept is samples and (same == x).all()


@pytest.mark.parametrize(
    "steps, groups, sentence",
    [
        (["group-center"], ["a", "a", "b"], "two samples in every group"),
        (["group-center"], ["", "", ""], "group-center needs prompts"),
        (["class-means", "l2"], ["a", "a", "b"], "class-means .* comes last"),
    ],
)
def test_steps_that_do_not_fit(rng, steps, groups, sentence):
    with pytest.raises(OrreryError, match=sentence):
        prepare(rng.standard_normal((3, 5)), {"label": list("abc"), "value": np.arange(3.0), "group": groups}, steps)
    with pytest.raises(OrreryError, match="class-means is no step here"):
        preprocess(np.eye(3), ["class-means"])


def test_a_pca_imports_neither_scikit_learn_nor_numba():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import numpy as np; from orrery import reducers, store;"
        "from orrery.geometry.faithfulness import of_picture; from orrery.neighbours import nearest;"
        f"x = np.random.rand(9, 4); arrays, _ = reducers.reduce(x, {entry('pca')}, 0, noise=x);"
        "of_picture(x, arrays['coordinates'], 'cosine', 0, nearest(x, 5, 'cosine'));"
        "print([m for m in ('sklearn', 'numba', 'torch', 'scipy', 'openTSNE', 'pacmap') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---------------------------------------------------------------------------------------------------------- graph


def test_reducers_that_prepare_and_compare_alike_share_a_graph():
    assert (
        graph_of(entry("pca")) == graph_of(entry("umap")) == graph_of(entry("tsne", perplexity=30)) == "l2.euclidean.90"
    )
    assert graph_of(entry("tsne", perplexity=75)) == "l2.euclidean.270"
    assert graph_of(entry("umap", preprocess=[], metric="cosine", neighbors=90)) == "raw.cosine.90"
    assert graph_of(entry("lda", preprocess=["l2", "group-center"])) == "l2.group-center.euclidean.90"
