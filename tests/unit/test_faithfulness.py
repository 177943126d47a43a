"""Neighbours and what a picture keeps of them, beside scikit-learn."""

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.geometry import faithfulness as module
from orrery.geometry.faithfulness import faithfulness, of_picture
from orrery.neighbours import nearest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("offset", [0, 100])
def test_neighbours_equal_scikit_learn(rng, metric, offset):
    x = rng.standard_normal((300, 40)) + offset
    indices, distances = nearest(x, 20, metric)
    peer = NearestNeighbors(n_neighbors=20, metric=metric).fit(x).kneighbors()
    np.testing.assert_allclose(distances, peer[0], rtol=1e-3, atol=1e-6)
    assert (indices == peer[1]).mean() > 0.999
    assert indices.dtype == np.int32 and distances.dtype == np.float32


def test_blocks_change_nothing(rng, monkeypatch):
    x = rng.standard_normal((200, 10))
    whole = nearest(x, 7)
    monkeypatch.setattr("orrery.neighbours.BLOCK", 1300)
    for a, b in zip(whole, nearest(x, 7)):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_of_equal_distances_the_first_comes_first(rng):
    x = np.repeat(rng.standard_normal((4, 30)), 100, axis=0)
    indices, distances = nearest(x, 10)
    assert indices[0].tolist() == list(range(1, 11)) and indices[250].tolist() == list(range(200, 210))
    assert not distances.any()
    assert nearest(np.eye(60), 5)[0][59].tolist() == [0, 1, 2, 3, 4]


def test_near_duplicates_keep_their_order(rng):
    """Single precision alone would lose them in the rounding of the products."""
    direction = rng.standard_normal(50)
    x = 100 + np.outer(np.r_[1e-3 * np.arange(6), 50 + 20 * rng.uniform(size=40)], direction)
    assert nearest(x, 5)[0][0].tolist() == [1, 2, 3, 4, 5]


def test_few_points_have_few_neighbours(rng):
    assert nearest(rng.standard_normal((5, 3)), 90)[0].shape == (5, 4)
    with pytest.raises(OrreryError, match="1 points have no neighbours"):
        nearest(rng.standard_normal((1, 3)), 5)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("known", [True, False])
def test_scores_equal_scikit_learn(rng, metric, known):
    x = rng.standard_normal((400, 30)) * np.r_[5, 4, np.ones(28)]
    points = x[:, :2] + 0.5 * rng.standard_normal((400, 2))
    scores = faithfulness(x, points, metric, graph=nearest(x, 20, metric) if known else None)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert abs(scores["trustworthiness"] - trustworthiness(x, points, n_neighbors=15, metric=metric)) < 1e-12
    swapped = trustworthiness(points, unit if metric == "cosine" else x, n_neighbors=15)
    assert abs(scores["continuity"] - swapped) < 1e-12
    assert scores["faithfulness_k"] == 15 and scores["faithfulness_points"] == 400


def test_scores_fall_when_the_picture_is_shuffled(rng):
    x = rng.standard_normal((200, 3))
    shuffled = faithfulness(x, rng.permutation(x))
    scores = faithfulness(x, x)
    assert scores["trustworthiness"] == scores["continuity"] == 1
    assert 0.4 < shuffled["trustworthiness"] < 0.6 and 0.4 < shuffled["continuity"] < 0.6


def test_few_points_have_a_smaller_k(rng):
    x = rng.standard_normal((7, 3))
    assert faithfulness(x, x[:, :2])["faithfulness_k"] == 3
    assert faithfulness(x[:4], x[:4, :2])["faithfulness_k"] == 1


def test_a_sample_of_many_points_tells_nearly_the_same(rng, monkeypatch):
    x = rng.standard_normal((900, 10))
    points = x[:, :2]
    whole = faithfulness(x, points)
    monkeypatch.setattr(module, "QUERIES", 300)
    part = faithfulness(x, points, seed=1)
    assert part["faithfulness_points"] == 300 and part == faithfulness(x, points, seed=1) != whole
    for name in ("trustworthiness", "continuity"):
        assert part[name] == pytest.approx(whole[name], abs=0.02)


def test_a_picture_of_three_dimensions_has_both_scores(rng):
    x = rng.standard_normal((100, 3))
    facts = of_picture(x, x, "euclidean", 0)
    assert facts["trustworthiness_3d"] == facts["continuity_3d"] == 1 > facts["trustworthiness"]
    assert "trustworthiness_3d" not in of_picture(x, x[:, :2], "euclidean", 0)
