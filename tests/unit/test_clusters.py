"""Known answers for sets without an order: clusters, their null distributions, and trees of labels."""

from itertools import combinations

import numpy as np
import pytest
from orrery.errors import OrreryError
from orrery.geometry import clusters as module
from orrery.geometry.clusters import (
    balanced_accuracy,
    balanced_subsample,
    label_permutations,
    neighbour_purity,
    neighbours_elsewhere,
    pairwise_distances,
    probe_accuracy,
    silhouette,
)
from orrery.geometry.hierarchy import difference_cosine, parent_share, simplex_cv
from orrery.geometry.probes import group_folds, sample_weights
from orrery.preprocess import preprocess
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import balanced_accuracy_score, silhouette_score

RUNS = 200
LIMIT = 0.05 + 3 * np.sqrt(0.05 * 0.95 / RUNS)


def planted_templates(rng, p=7, templates=12, d=64, label=1.0, template=1.0, noise=0.5):
    """Each label in each template, both with an effect of their own: (vectors, classes, groups)."""
    classes, groups = np.tile(np.arange(p), templates), np.repeat(np.arange(templates), p)
    effects = label * rng.standard_normal((p, d)), template * rng.standard_normal((templates, d))
    return effects[0][classes] + effects[1][groups] + noise * rng.standard_normal((len(classes), d)), classes, groups


def planted_documents(rng, sizes, p, d=32, document=2.0):
    """Documents of several samples of one label, alike within, the label without effect."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    classes = rng.permutation(np.arange(len(sizes)) % p)[groups]
    vectors = document * rng.standard_normal((len(sizes), d))[groups] + rng.standard_normal((len(groups), d))
    return vectors, classes, groups


def p_value(statistics):
    assert np.isfinite(statistics).all()
    return (statistics >= statistics[0] - 1e-6).mean()


def statistics_of(vectors, labels, groups, p):
    distances = pairwise_distances(vectors)
    return {
        "silhouette": silhouette(distances, labels, p),
        "purity": neighbour_purity(neighbours_elsewhere(distances, labels[0], groups), labels),
        "probe": probe_accuracy(sample_weights(vectors, group_folds(groups, 5, 0), 10)[0], labels, p),
    }


def test_labels_of_templates_are_permuted_within_each():
    classes, groups = np.tile(np.arange(4), 5), np.repeat(np.arange(5), 4)
    labels = label_permutations(classes, groups, 300, 0)
    assert labels.shape == (301, 20) and (labels[0] == classes).all()
    assert (np.sort(labels.reshape(301, 5, 4), axis=2) == np.arange(4)).all()
    orders, counts = np.unique(labels[1:, :4], axis=0, return_counts=True)
    assert len(orders) == 24 and counts.max() < 3 * counts.min() + 10  # all 4! of a template, about equally often
    assert (labels[1:, :4] != labels[1:, 4:8]).any()


def test_a_template_that_lacks_a_label_keeps_what_it_has():
    classes, groups = np.array([0, 1, 2, 0, 1, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 2, 2, 2])
    labels = label_permutations(classes, groups, 100, 0)
    assert (np.sort(labels[:, 3:5], axis=1) == [0, 1]).all() and len(np.unique(labels, axis=0)) > 40  # of 3! · 2! · 3!
    labels = label_permutations([0, 1, 1, 2, 0, 2], [0, 0, 1, 1, 2, 2], 200, 0)
    assert (np.sort(labels.reshape(-1, 3, 2), axis=2) == [[0, 1], [1, 2], [0, 2]]).all()


def test_samples_alone_in_their_documents_are_permuted_freely(rng):
    classes = rng.integers(0, 3, 40)
    labels = label_permutations(classes, np.arange(40), 200, 1)
    assert (np.sort(labels, axis=1) == np.sort(classes)).all() and len(np.unique(labels, axis=0)) == 201
    assert (label_permutations(classes, np.arange(40), 200, 1) == labels).all()
    assert (label_permutations(classes, np.arange(40), 200, 2) != labels).any()


def test_documents_move_whole_and_only_to_others_of_their_size():
    groups = np.array(["a", "a", "b", "b", "c", "c", "c", "d", "e", "f"])
    classes = np.array([0, 0, 1, 1, 2, 2, 2, 0, 1, 2])
    labels = label_permutations(classes, groups, 200, 0)
    assert (labels[:, 0] == labels[:, 1]).all() and (labels[:, 2] == labels[:, 3]).all()
    assert (labels[:, 4:7] == 2).all()  # no other document has three
    assert len(np.unique(labels, axis=0)) == 2 * 6
    assert (np.sort(labels, axis=1) == np.sort(classes)).all()


def test_a_document_of_several_labels_hands_on_all_of_them():
    classes, groups = np.array([0, 1, 2, 2, 1]), np.array([0, 0, 1, 1, 2])
    labels = label_permutations(classes, groups, 200, 0)
    pairs = {tuple(row) for row in labels[:, :4]}
    assert pairs == {(0, 1, 2, 2), (1, 0, 2, 2), (2, 2, 0, 1), (2, 2, 1, 0)} and (labels[:, 4] == 1).all()


def test_interleaved_groups_are_still_groups():
    classes, groups = np.array([0, 0, 1, 1]), np.array([1, 0, 1, 0])
    labels = label_permutations(classes, groups, 50, 0)
    assert ((labels[:, 0] != labels[:, 2]) & (labels[:, 1] != labels[:, 3])).all()


def test_a_subsample_is_balanced_and_keeps_templates_whole():
    classes, groups = np.tile(np.arange(10), 50), np.repeat(np.arange(50), 10)
    kept = balanced_subsample(classes, groups, 123, 0)
    assert (np.diff(kept) > 0).all() and (np.bincount(classes[kept]) == 12).all()
    assert (np.bincount(groups[kept], minlength=50) % 10 == 0).all()
    assert (balanced_subsample(classes, groups, 500, 0) == np.arange(500)).all()


def test_a_subsample_prefers_other_documents_and_keeps_rare_classes():
    groups = np.r_[np.zeros(20), np.arange(1, 11), np.arange(20, 23)].astype(int)
    classes = np.r_[np.zeros(30), np.ones(3)].astype(int)
    for seed in range(5):
        kept = balanced_subsample(classes, groups, 14, seed)
        assert (classes[kept] == 1).sum() == 3 and len(kept) == 14
        assert len(np.unique(groups[kept])) == 14


def test_a_subsample_of_too_many_classes_keeps_pairs():
    classes = np.repeat(np.arange(300), 5)
    kept = balanced_subsample(classes, np.arange(1500), 100, 0)
    assert (np.unique(classes[kept], return_counts=True)[1] == 2).all() and len(kept) == 100
    with pytest.raises(OrreryError, match="cannot hold two classes"):
        balanced_subsample(classes, np.arange(1500), 3, 0)


@pytest.mark.parametrize("d", [2, 16, 4096])
def test_silhouette_equals_scikit_learn(rng, d, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 3000)  # several blocks
    vectors = 5 + rng.standard_normal((60, d))
    classes = np.r_[0, rng.integers(1, 6, 59)]  # a class of one sample
    labels = label_permutations(classes, np.arange(60), 20, 0)
    distances = pairwise_distances(vectors)
    np.testing.assert_allclose(distances[np.triu_indices(60, 1)], pdist(vectors), rtol=1e-9)
    peer = [silhouette_score(vectors, row) for row in labels]
    np.testing.assert_allclose(silhouette(distances, labels, 6), peer, atol=2e-6)


def test_silhouette_of_clusters_and_of_nothing(rng):
    classes = np.repeat(np.arange(5), 20)
    tight = 100 * np.eye(5, 16)[classes] + rng.standard_normal((100, 16))
    assert silhouette(pairwise_distances(tight), classes[None], 5) > 0.9
    assert np.isnan(silhouette(np.zeros((100, 100)), classes[None], 5)).all()
    assert np.isnan(silhouette(pairwise_distances(tight), np.zeros((3, 100), int), 5)).all()


def test_neighbours_of_other_groups_by_looking(rng):
    vectors, classes, groups = planted_templates(rng, p=4, templates=9)
    distances = pairwise_distances(vectors)
    neighbours = neighbours_elsewhere(distances, classes, groups)
    assert neighbours.shape == (36, 8)  # eight other templates
    for i in range(36):
        other = [j for j in np.argsort(distances[i]) if groups[j] != groups[i]][:8]
        assert set(neighbours[i]) == set(other)
    labels = label_permutations(classes, groups, 10, 0)
    slow = [np.mean([[row[j] == row[i] for j in neighbours[i]] for i in range(36)]) for row in labels]
    np.testing.assert_allclose(neighbour_purity(neighbours, labels), slow)


def test_all_in_one_group_are_each_their_own(rng):
    distances = pairwise_distances(rng.standard_normal((30, 5)))
    neighbours = neighbours_elsewhere(distances, np.arange(30) % 2, [""] * 30)
    assert neighbours.shape == (30, 10) and (neighbours != np.arange(30)[:, None]).all()


def test_chance_purity_is_the_mean_of_the_null(rng):
    vectors, classes, groups = planted_templates(rng, label=0)
    labels = label_permutations(classes, groups, 2000, 0)
    null = neighbour_purity(neighbours_elsewhere(pairwise_distances(vectors), classes, groups), labels)[1:]
    assert null.mean() == pytest.approx(1 / 7, abs=4 * null.std() / np.sqrt(2000))


def test_neighbours_of_the_own_template_would_hide_the_labels(rng):
    """Templates far apart: the nearest are of the same template, so of other labels, though labels are plain to see.

    Left out, labels are above chance, but templates that are alike still decide; centring the templates shows them.
    """
    vectors, classes, groups = planted_templates(rng, label=1, template=4, noise=0.2)
    distances = pairwise_distances(vectors)
    labels = label_permutations(classes, groups, 99, 0)
    among_all = np.argsort(distances + 1e9 * np.eye(len(classes)), axis=1)[:, :6]
    assert neighbour_purity(among_all, labels)[0] < 0.5 / 7
    elsewhere = neighbour_purity(neighbours_elsewhere(distances, classes, groups), labels)
    assert p_value(elsewhere) == 1 / 100 and 1.3 / 7 < elsewhere[0] < 0.5
    distances = pairwise_distances(preprocess(vectors, ["group-center"], groups.astype(str)))
    assert neighbour_purity(neighbours_elsewhere(distances, classes, groups), labels)[0] > 0.9


@pytest.mark.parametrize("counts", [[12] * 5, [30, 12, 8, 6, 4]])
def test_probe_equals_scikit_learn(rng, counts):
    classes = rng.permutation(np.repeat(np.arange(5), counts))
    vectors = rng.standard_normal((5, 40))[classes] + rng.standard_normal((60, 40))
    labels = label_permutations(classes, np.arange(60), 5, 0)
    folds = group_folds(np.arange(60), 4, 0)
    weights, _ = sample_weights(vectors, folds, 8, ridge=0)
    found = probe_accuracy(weights, labels, 5)
    assert balanced_accuracy(weights @ np.eye(5)[labels[0]], labels[0]) == pytest.approx(found[0])
    for row, accuracy in zip(labels, found):
        guess = np.zeros(60, int)
        for fold in np.unique(folds):
            train = folds != fold
            reducer = PCA(8, svd_solver="full").fit(vectors[train])
            fit = LinearRegression().fit(reducer.transform(vectors[train]), np.eye(5)[row[train]])
            guess[~train] = fit.predict(reducer.transform(vectors[~train])).argmax(1)
        assert accuracy == pytest.approx(balanced_accuracy_score(row, guess), abs=1e-6)


@pytest.mark.parametrize("d", [16, 4096])
def test_planted_clusters_are_found_by_all(rng, d):
    vectors, classes, groups = planted_templates(rng, d=d, label=2)
    labels = label_permutations(classes, groups, 199, 0)
    for name, statistics in statistics_of(vectors, labels, groups, 7).items():
        assert p_value(statistics) == pytest.approx(1 / 200), name
        assert statistics[0] > {"silhouette": 0.2, "purity": 0.9, "probe": 0.9}[name]


def test_chance_of_the_probe_is_one_in_p(rng):
    vectors, classes, groups = planted_templates(rng, label=0)
    labels = label_permutations(classes, groups, 999, 0)
    assert statistics_of(vectors, labels, groups, 7)["probe"][1:].mean() == pytest.approx(1 / 7, abs=0.02)


def test_vectors_that_are_all_the_same_say_nothing():
    classes, groups = np.tile(np.arange(4), 5), np.repeat(np.arange(5), 4)
    labels = label_permutations(classes, groups, 9, 0)
    distances = pairwise_distances(0.1 + 1e-14 * np.random.default_rng(0).random((20, 8)))
    assert np.isnan(silhouette(distances, labels, 4)).all()
    assert np.isnan(neighbour_purity(neighbours_elsewhere(distances, classes, groups), labels)).all()
    assert np.isnan(probe_accuracy(sample_weights(np.ones((20, 8)), groups, 5)[0], labels, 4)).all()
    one_fold = sample_weights(np.random.default_rng(0).random((20, 8)), np.zeros(20, int), 5)[0]
    assert np.isnan(probe_accuracy(one_fold, labels, 4)).all()
    assert np.isnan(neighbour_purity(neighbours_elsewhere(np.zeros((1, 1)), [0], [0]), np.zeros((2, 1), int))).all()


@pytest.mark.parametrize("design", ["templates", "documents", "mixed documents"])
def test_false_positives_of_label_permutations(design):
    """Groups have large effects and labels none; the p values are as small as they should be, and no smaller."""
    rng = np.random.default_rng(7)
    found = {}
    for run in range(RUNS):
        if design == "templates":
            vectors, classes, groups = planted_templates(rng, p=4, templates=8, d=32, label=0, template=2)
        else:
            vectors, classes, groups = planted_documents(rng, np.r_[[1] * 12, [2] * 8, [3] * 6], 3)
        if design == "mixed documents":
            classes = np.where(np.arange(len(classes)) % 5 == 0, rng.integers(0, 3, len(classes)), classes)
        labels = label_permutations(classes, groups, 99, run)
        for name, statistics in statistics_of(vectors, labels, groups, labels.max() + 1).items():
            found.setdefault(name, []).append(p_value(statistics))
    for name, p in found.items():
        assert np.mean(np.array(p) <= 0.05) <= LIMIT, name
        assert 0.4 < np.mean(p) < 0.65, name


def test_permuting_samples_of_documents_one_by_one_would_find_what_is_not_there():
    rng = np.random.default_rng(8)
    naive, whole = [], []
    for run in range(40):
        vectors, classes, groups = planted_documents(rng, [3] * 15, 3)
        distances = pairwise_distances(vectors)
        for units, found in ((np.arange(45), naive), (groups, whole)):
            found.append(p_value(silhouette(distances, label_permutations(classes, units, 99, run), 3)))
    assert np.mean(np.array(naive) <= 0.05) > 0.5
    assert np.mean(np.array(whole) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)


def permuted(rng, parents, count):
    return np.vstack([parents, [rng.permutation(parents) for _ in range(count)]])


def test_parent_share_is_the_share_between_sums_of_squares(rng):
    means, parents = rng.standard_normal((11, 6)), np.array([0, 0, 0, 0, 2, 2, 2, 5, 5, 5, 5])
    orders = permuted(rng, parents, 30)
    centred = means - means.mean(0)
    for row, share in zip(orders, parent_share(means, orders)):
        between = sum((row == q).sum() * (centred[row == q].mean(0) ** 2).sum() for q in (0, 2, 5))
        assert share == pytest.approx(between / (centred**2).sum())


@pytest.mark.parametrize("d", [16, 4096])
def test_chance_of_the_parent_share_counts_parents(rng, d):
    means, parents = rng.standard_normal((12, d)) * np.geomspace(1, 0.1, d), np.repeat(np.arange(3), 4)
    null = parent_share(means, permuted(rng, parents, 4000))[1:]
    assert null.mean() == pytest.approx(2 / 11, abs=4 * null.std() / np.sqrt(4000))
    far = 10 * rng.standard_normal((3, d))[parents] + rng.standard_normal((12, d))
    assert parent_share(far, parents)[0] > 0.9


def test_difference_cosine_by_the_definition(rng):
    means, parents = 3 + rng.standard_normal((12, 20)), np.array([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3])
    orders = permuted(rng, parents, 10)
    for row, found in zip(orders, difference_cosine(means, orders)):
        cosines = []
        for a, b in combinations(range(12), 2):
            rest = [c for c in np.flatnonzero(row == row[a]) if c not in {a, b}]
            if row[a] == row[b] and rest:
                direction = means[rest].mean(0) - means[row != row[a]].mean(0)
                difference = means[a] - means[b]
                cosines.append(abs(difference @ direction) / np.linalg.norm(difference) / np.linalg.norm(direction))
        assert len(cosines) == 13 and found == pytest.approx(np.mean(cosines))


def test_orthogonal_and_parallel_children(rng):
    parents = np.repeat(np.arange(4), 6)
    orders = permuted(rng, parents, 199)
    orthogonal = 5 * np.eye(4, 30)[parents] + np.eye(30)[4:28]
    assert difference_cosine(orthogonal, parents)[0] == pytest.approx(0, abs=1e-9)
    assert (difference_cosine(orthogonal, orders) <= 1e-9).mean() == pytest.approx(1 / 200)
    parallel = np.eye(4, 30)[parents] * (1 + np.tile(np.linspace(0, 1, 6), 4))[:, None]
    assert difference_cosine(parallel, parents)[0] > 0.8


@pytest.mark.parametrize("d", [64, 4096])
def test_random_differences_are_orthogonal_in_many_dimensions(rng, d):
    """What nobody should take for a discovery: random means, and random children around random parents."""
    parents = np.repeat(np.arange(8), 8)
    scale = np.sqrt(2 / np.pi / d)
    assert difference_cosine(rng.standard_normal((64, d)), parents)[0] == pytest.approx(scale, rel=0.25)
    tree = 3 * rng.standard_normal((8, d))[parents] + rng.standard_normal((64, d))
    assert difference_cosine(tree, parents)[0] == pytest.approx(scale, rel=0.25)
    assert difference_cosine(tree, permuted(rng, parents, 1))[1] > 2 * scale


def test_leaving_out_the_child_alone_is_not_enough(rng):
    """Then both differences have the error of the parent's mean, and random children a cosine of -1/√n."""
    children, root = rng.standard_normal((300, 4, 500)), np.zeros(500)
    rest = children[:, 1:].mean(1)
    a, b = children[:, 0] - rest, rest - root
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.mean() == pytest.approx(-1 / 2, abs=0.02)


def test_hierarchies_that_say_nothing():
    means = np.random.default_rng(0).standard_normal((6, 9))
    assert np.isnan(difference_cosine(means, [[0, 0, 1, 1, 2, 2]])).all()  # no third child
    assert np.isnan(difference_cosine(means, [[0] * 6])).all()
    for measure in (parent_share, difference_cosine):
        assert np.isnan(measure(np.ones((6, 9)), [[0, 0, 0, 1, 1, 1]] * 4)).tolist() == [True] * 4
        with pytest.raises(OrreryError, match="parents of the 6 classes"):
            measure(means, [[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1]])
    assert np.isnan(simplex_cv(np.ones((6, 9)))) and np.isnan(simplex_cv(means[:2]))


def test_simplex_cv_of_known_shapes(rng):
    means = rng.standard_normal((9, 30))
    assert simplex_cv(means) == pytest.approx(pdist(means).std() / pdist(means).mean())
    assert simplex_cv(7 + np.eye(12)) == pytest.approx(0, abs=1e-9)
    theta = 2 * np.pi * np.arange(7) / 7
    assert simplex_cv(np.c_[np.cos(theta), np.sin(theta)]) == pytest.approx(0.307, abs=1e-3)
    assert simplex_cv(np.arange(7.0)[:, None]) == pytest.approx(0.559, abs=1e-3)


@pytest.mark.parametrize("d", [576, 4096])
def test_random_means_are_nearly_a_regular_simplex(rng, d):
    assert simplex_cv(rng.standard_normal((40, d))) == pytest.approx(1 / np.sqrt(2 * d), rel=0.15)


def test_the_mean_corner_angle_is_sixty_degrees_for_any_means(rng):
    means = rng.standard_normal((8, 3)) * [10, 1, 0.1]
    angles = []
    for i in range(8):
        for j, k in combinations([c for c in range(8) if c != i], 2):
            a, b = means[j] - means[i], means[k] - means[i]
            angles.append(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    assert np.degrees(np.mean(angles)) == pytest.approx(60)


def test_false_positives_of_trees_and_simplices():
    rng = np.random.default_rng(9)
    parents = np.repeat(np.arange(3), 4)
    found = {"share": [], "low cosine": [], "high cosine": []}
    for _ in range(RUNS):
        means = rng.standard_normal((12, 40)) * np.geomspace(1, 0.05, 40)
        orders = permuted(rng, parents, 39)
        cosine = difference_cosine(means, orders)
        for name, t in zip(found, (parent_share(means, orders), -cosine, cosine)):
            found[name].append(p_value(t))
    for name, p in found.items():
        assert np.mean(np.array(p) <= 0.05) <= LIMIT, name
        assert 0.42 < np.mean(p) < 0.58, name
