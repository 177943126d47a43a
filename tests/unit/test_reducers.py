"""Projections: properties and peers, never bytes."""

import subprocess
import sys

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.preprocess import preprocess
from orrery.reducers import reduce
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.manifold import trustworthiness
from tools import ROOT

LINEAR = {"method": "pca", "components": 10}
TSNE = {"method": "tsne", "components": 2, "perplexity": "auto", "iterations": 500, "learning_rate": "auto",
        "early_exaggeration": 12, "init": "pca", "metric": "euclidean"}  # fmt: skip
UMAP = {"method": "umap", "components": 2, "neighbors": "auto", "min_dist": 0.1, "spread": 1.0, "metric": "euclidean"}


@pytest.fixture
def cloud(rng):
    """Five clusters in 40 dimensions, away from the origin: (vectors (100, 40), classes)."""
    classes = np.repeat(np.arange(5), 20)
    return 6 * rng.standard_normal((5, 40))[classes] + rng.standard_normal((100, 40)) + 3, classes


def test_pca_equals_scikit_learn_up_to_signs(cloud):
    arrays, facts = reduce(cloud[0], LINEAR, 0)
    peer = PCA(10, svd_solver="full").fit(cloud[0])
    np.testing.assert_allclose(np.abs(arrays["coordinates"]), np.abs(peer.transform(cloud[0])), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(arrays["explained_variance_ratio"][:10], peer.explained_variance_ratio_, rtol=1e-6)
    assert arrays["explained_variance_ratio"].sum() == pytest.approx(1) and facts == {"components": 10}


def test_svd_equals_scikit_learn_up_to_signs(cloud):
    arrays, _ = reduce(cloud[0], {**LINEAR, "method": "svd"}, 0)
    peer = TruncatedSVD(10, algorithm="arpack").fit(cloud[0])
    np.testing.assert_allclose(np.abs(arrays["coordinates"]), np.abs(peer.transform(cloud[0])), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(arrays["explained_variance_ratio"][:10], peer.explained_variance_ratio_, rtol=1e-5)


def test_signs_do_not_depend_on_the_solver(cloud):
    a, _ = reduce(cloud[0], LINEAR, 0)
    b, _ = reduce(-cloud[0] + 1, LINEAR, 0)
    for loadings in (a["loadings"], b["loadings"]):
        assert (loadings[np.arange(10), np.abs(loadings).argmax(1)] > 0).all()


def test_few_points_give_few_components(rng):
    arrays, facts = reduce(rng.standard_normal((6, 30)), {**LINEAR, "components": 50}, 0)
    assert facts["components"] == arrays["coordinates"].shape[1] == 5


@pytest.mark.parametrize("spec", [TSNE, {**TSNE, "metric": "cosine"}, UMAP, {**UMAP, "metric": "cosine"}])
def test_neighbour_methods_keep_neighbours_and_seeds(cloud, spec):
    arrays, _ = reduce(cloud[0], spec, 3)
    points = arrays["coordinates"]
    assert points.shape == (100, 2) and np.isfinite(points).all()
    assert trustworthiness(cloud[0], points, n_neighbors=10) > 0.9
    assert trustworthiness(cloud[0], np.random.default_rng(0).permuted(points, axis=0), n_neighbors=10) < 0.7
    np.testing.assert_array_equal(points, reduce(cloud[0], spec, 3)[0]["coordinates"])


def test_auto_parameters_fit_ten_points(rng):
    vectors = rng.standard_normal((10, 20))
    assert reduce(vectors, TSNE, 0)[1]["perplexity"] == pytest.approx(2.25)
    assert reduce(vectors, UMAP, 0)[1]["neighbors"] == 9


@pytest.mark.parametrize(
    "spec, sentence",
    [
        ({**TSNE, "perplexity": 34}, r"perplexity 34 is too large for 100 points; write one below 33.3"),
        ({**UMAP, "neighbors": 100}, r"neighbors 100 is too large for 100 points"),
    ],
)
def test_parameters_beyond_the_points(cloud, spec, sentence):
    with pytest.raises(OrreryError, match=sentence):
        reduce(cloud[0], spec, 0)


def test_nothing_to_project():
    with pytest.raises(OrreryError, match="too few"):
        reduce(np.eye(3), LINEAR, 0)
    with pytest.raises(OrreryError, match="all points are the same"):
        reduce(np.ones((9, 4)), LINEAR, 0)


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


def test_groups_of_one_cannot_be_centred(rng):
    with pytest.raises(OrreryError, match="two samples in every group"):
        preprocess(rng.standard_normal((3, 5)), ["group-center"], ["a", "a", "b"])


def test_a_pca_imports_neither_scikit_learn_nor_numba():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import numpy as np; from orrery import reducers, store;"
        f"reducers.reduce(np.random.rand(9, 4), {LINEAR}, 0); print([m for m in ('sklearn', 'numba', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
