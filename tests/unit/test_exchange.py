"""Labels and documents: what can be told apart is told apart, against trying everything, and the rest is refused."""

from itertools import product

import numpy as np
import pytest
from orrery.clouds import clouds_of
from orrery.geometry.exchange import balanced, crossed, document_of_each_label, joined, without_template_effects


def most_even(held):
    """The largest number of groups that every class can have, trying every class for every group: 0 if one has none."""
    choices = [np.flatnonzero(row) for row in held]
    return max(np.bincount(chosen, minlength=held.shape[1]).min() for chosen in product(*choices))


def samples_of(held, rng):
    """(classes, groups) of a table (G, p) of counts, in random order."""
    pairs = [(c, g) for g, row in enumerate(held) for c, count in enumerate(row) for _ in range(count)]
    return tuple(np.array(pairs)[rng.permutation(len(pairs))].T)


@pytest.mark.parametrize("p, most", [(2, 5), (3, 6), (4, 7)])
def test_a_document_for_each_label_wherever_there_is_one(p, most):
    """Of 150 small sets; documents of one label alone count for it."""
    impossible = 0
    for seed in range(150):
        rng = np.random.default_rng([seed, p])
        held = rng.integers(1, 3, (rng.integers(1, most + 1), p)) * (rng.random((1, p)) < rng.uniform(0.3, 1))
        held = held * (rng.random(held.shape) < 0.5)
        held[np.arange(len(held)), rng.integers(0, p, len(held))] += 1  # no group is empty
        classes, groups = samples_of(held, rng)
        kept, best = document_of_each_label(classes, groups, p, seed), most_even(held)
        impossible += best == 0
        if best == 0 and not ((held > 0).sum(1) == 1).all():
            assert kept is None
            continue
        assert (np.diff(kept) > 0).all()
        of_group = [set(classes[kept][groups[kept] == g]) for g in range(len(held))]
        assert [len(some) for some in of_group] == [1] * len(held)  # one label each, and none is thrown away
        assert all((groups[kept] == g).sum() == held[g, min(some)] for g, some in enumerate(of_group))
        counts = np.bincount([min(some) for some in of_group], minlength=p)
        assert counts.min() == best
    assert 10 < impossible < 140


def test_neighbours_in_three_documents_each():
    """Twelve labels, documents of three neighbours: as many as labels are enough, one fewer is not."""
    first = np.arange(12)
    groups, classes = np.repeat(first, 3), (np.repeat(first, 3) + np.tile(np.arange(3), 12)) % 12
    kept = document_of_each_label(classes, groups, 12, 0)
    assert sorted(classes[kept]) == list(range(12)) and len(set(groups[kept])) == 12
    fewer = groups != 5
    groups = np.unique(groups[fewer], return_inverse=True)[1]
    assert document_of_each_label(classes[fewer], groups, 12, 0) is None


def test_documents_that_are_left_go_to_labels_with_the_fewest_samples(rng):
    held = np.ones((40, 2), int)
    classes, groups = samples_of(held, rng)
    kept = document_of_each_label(classes, groups, 2, 0)
    assert np.bincount(classes[kept]).tolist() == [20, 20]
    again = document_of_each_label(classes, groups, 2, 0)
    assert (again == kept).all()


def test_documents_of_one_label_stay_as_they_are():
    classes = np.repeat(np.arange(3), 4)
    assert (document_of_each_label(classes, np.arange(12), 3, 0) == np.arange(12)).all()


@pytest.mark.parametrize("counts", [[2, 2, 3], [2, 3, 9], [1, 1, 40], [4, 7, 6], [20, 20, 20]])
def test_rare_labels_bound_the_frequent_ones(rng, counts):
    classes = rng.permutation(np.repeat(np.arange(3), counts))
    kept = balanced(classes, 3, 0)
    most = max(1, int(1.5 * min(counts)))
    assert np.bincount(classes[kept]).tolist() == np.minimum(counts, most).tolist()
    assert (np.diff(kept) > 0).all() and (balanced(classes, 3, 0) == kept).all()


def test_which_groups_are_templates(rng):
    classes, groups = np.tile(np.arange(7), 12), np.repeat(np.arange(12), 7)
    assert crossed(classes, groups)
    few, many = rng.permutation(84) >= 5, rng.permutation(84) >= 12
    assert crossed(classes[few], groups[few])  # a label may be missing from a template
    assert not crossed(classes[many], groups[many])  # but not from so many
    assert not crossed(classes, np.arange(84))  # a group for each sample
    assert crossed(classes, np.zeros(84, int))  # one template of all
    neighbours = (np.repeat(np.arange(12), 3) + np.tile(np.arange(3), 12)) % 12
    assert not crossed(neighbours, np.repeat(np.arange(12), 3))
    assert not crossed(np.r_[classes, 0], np.r_[groups, 12])  # one document of a single label is among them


def test_templates_shift_and_scale_nothing(rng):
    """A template that moves all labels, or tells them apart more strongly, leaves what one without it leaves."""
    classes, groups = np.tile(np.arange(7), 12), np.repeat(np.arange(12), 7)
    plain = rng.standard_normal((7, 20))[classes] + 0.3 * rng.standard_normal((84, 20))
    shifted = plain * rng.uniform(0.2, 5, 12)[groups, None] + 9 * rng.standard_normal((12, 20))[groups]
    left, expected = (without_template_effects(x, groups) for x in (shifted, plain))
    scale = np.linalg.norm(left) / np.linalg.norm(expected)
    np.testing.assert_allclose(left, scale * expected, atol=1e-9)
    for g in range(12):
        assert np.abs(left[groups == g].mean(0)).max() < 1e-9
        assert (left[groups == g] ** 2).sum(1).mean() == pytest.approx((left**2).sum(1).mean())
    np.testing.assert_allclose(without_template_effects(np.ones((84, 3)), groups), 0)


def test_a_text_joins_the_documents_that_hold_it():
    """a and b share a text, b and c another, d is alone."""
    groups, texts = np.array([0, 0, 1, 1, 2, 3]), ["x", "y", "y", "z", "z", "w"]
    assert joined(groups, texts).tolist() == [0, 0, 0, 0, 0, 1]
    assert joined(np.arange(3), ["x", "y", "x"]).tolist() == [0, 1, 0]


def unmixed(classes, samples, template_effects="remove"):
    options = {"preprocess": [], "components": "all", "template_effects": template_effects}
    shape = {"topology": "circle", "period": 1 + max(classes)}
    samples = {"label": [f"w{c}" for c in classes], "value": classes, **samples}
    vectors = np.random.default_rng(0).standard_normal((len(classes), 8))
    return next(clouds_of("", {"00": vectors}, {}, samples, shape, options, 0))[1]


def test_a_cloud_says_when_labels_cannot_be_told_from_documents():
    first = np.repeat(np.arange(7), 3)
    classes = (first + np.tile(np.arange(3), 7)) % 7
    shared = {"group": [""] * 21, "document": [f"d{i}" for i in first]}
    cloud = unmixed(classes, shared)
    assert len(cloud.unmixed.classes) == 7 and len(set(cloud.unmixed.groups)) == 7
    fewer = first < 6
    cloud = unmixed(classes[fewer], {key: list(np.array(values)[fewer]) for key, values in shared.items()})
    assert cloud.p == 7 and cloud.unmixed is None


def test_a_cloud_keeps_all_samples_of_templates_and_takes_their_effects_away():
    classes, groups = np.tile(np.arange(7), 4), np.repeat(np.arange(4), 7)
    samples = {"group": [f"t{g}" for g in groups], "document": [""] * 28}
    cloud = unmixed(classes, samples)
    assert cloud.unmixed is cloud
    assert max(np.abs(cloud.x[groups == g].mean(0)).max() for g in range(4)) < 1e-12
    kept = unmixed(classes, samples, "keep")
    np.testing.assert_array_equal(kept.x, kept.raw)


def test_documents_with_the_same_text_are_one_context():
    classes = np.repeat(np.arange(4), 6)
    texts = [f"text {i}" for i in range(24)]
    texts[7], texts[13] = "One  Text", "one text"
    samples = {"group": [""] * 24, "document": [f"d{i}" for i in range(24)], "text": texts}
    groups = unmixed(classes, samples).groups
    assert len(set(groups)) == 23 and groups[7] == groups[13]
