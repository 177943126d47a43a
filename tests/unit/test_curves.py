"""Which curve the distances of label means follow: planted curves are named, noise and unequal labels are not taken for one."""

import numpy as np
import pytest
from orrery.geometry.curves import best_curve, pair_profile, seam_closeness, unit_profiles
from scipy.spatial.distance import pdist


def angles_of(p):
    return 2 * np.pi * np.arange(p) / p


def arc(p, degrees):
    turn = np.radians(degrees) * np.arange(p) / (p - 1)
    return np.c_[np.cos(turn), np.sin(turn)]


def circle(p, width=1.0):
    return np.c_[np.cos(angles_of(p)), width * np.sin(angles_of(p))]


def spiral(p, growth):
    return (1 + growth * np.arange(p) / (p - 1))[:, None] * circle(p)


def embedded(points, rng, own=0.0, noise=0.0, d=256):
    """Points in d dimensions, each with a direction of its own that holds `own` of their variance, and noise."""
    points = points - points.mean(0)
    points = points / np.sqrt((points**2).sum(1).mean())
    x = points @ np.linalg.qr(rng.standard_normal((d, 2)))[0].T
    directions = np.linalg.qr(rng.standard_normal((d, len(points))))[0].T
    lengths = np.sqrt(own) * (rng.uniform(0.3, 2, len(points)) if own else np.ones(len(points)))
    return x + lengths[:, None] * directions + noise / np.sqrt(d) * rng.standard_normal((len(points), d))


@pytest.mark.parametrize("p", [7, 12, 26])
@pytest.mark.parametrize("width", [1, 0.5, 1 / 3])
def test_circles_and_ellipses_are_closed(rng, p, width):
    found = best_curve(embedded(circle(p, width), rng), angles_of(p))
    assert found.gap == pytest.approx(1) and found.growth == 0 and found.closed > 0.98
    assert found.aspect == pytest.approx(width, abs=0.03)


@pytest.mark.parametrize("p", [7, 12, 26])
@pytest.mark.parametrize("degrees", [90, 180, 225, 270])
def test_arcs_have_the_gap_that_they_have(rng, p, degrees):
    """In steps, at most as many as labels; an arc is cut at .025 of a turn."""
    found = best_curve(embedded(arc(p, degrees), rng), angles_of(p))
    step = degrees / (p - 1)
    assert found.gap == pytest.approx(min((360 - degrees) / step, p), rel=0.1) and found.growth == 0
    assert found.arc > 0.999 > found.closed


@pytest.mark.parametrize("growth", [1, 2, 3])
@pytest.mark.parametrize("p", [7, 12])
def test_spirals_are_known(rng, p, growth):
    for points in (spiral(p, growth), spiral(p, growth)[::-1], np.roll(spiral(p, growth), 3, axis=0)):
        found = best_curve(embedded(points, rng), angles_of(p))
        assert found.growth == pytest.approx(growth, rel=0.3) and found.spiral > 0.99


@pytest.mark.parametrize("points, share", [(circle(7), (0.88, 1)), (arc(7, 225), (0, 0.15)), (arc(7, 270), (0.2, 0.8))])
def test_labels_with_directions_of_their_own(points, share):
    """How often a gap is below two steps: as much variance in directions of unequal length as on the curve."""
    found = [best_curve(embedded(points, np.random.default_rng(i), own=1), angles_of(7)).gap < 2 for i in range(100)]
    assert share[0] <= np.mean(found) <= share[1], np.mean(found)


def test_noise_is_no_spiral():
    """Nor is a ring under noise; 200 sets of each."""
    for points in (np.zeros((7, 2)), circle(7)):
        growths = []
        for i in range(200):
            rng = np.random.default_rng(i)
            means = rng.standard_normal((7, 48)) if not points.any() else embedded(points, rng, own=1, noise=0.5)
            growths.append(best_curve(means, angles_of(7)).growth)
        assert np.mean(np.array(growths) >= 0.5) <= 0.1


def test_a_profile_is_unbiased_linear_cka(rng):
    """U-centred squared distances correlate as the unbiased estimate of the centred alignment says (Song et al. 2007)."""

    def centred(x):
        gram = x @ x.T
        np.fill_diagonal(gram, 0)
        n = len(gram)
        rows = gram.sum(0) / (n - 2)
        left = gram - rows - rows[:, None] + gram.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(left, 0)
        return left

    a, b = rng.standard_normal((9, 4)), rng.standard_normal((9, 6))
    first, second = centred(a), centred(b)
    cka = (first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum())
    assert pair_profile(a) @ pair_profile(b) == pytest.approx(cka)


def test_a_part_that_labels_add_on_their_own_changes_nothing(rng):
    distances, own = pdist(rng.standard_normal((8, 3)), "sqeuclidean"), rng.uniform(0, 9, 8)
    first, second = np.triu_indices(8, 1)
    np.testing.assert_allclose(
        *unit_profiles(np.stack([distances, distances + own[first] + own[second]]), 8), atol=1e-9
    )
    assert np.isnan(unit_profiles((own[first] + own[second])[None], 8)).all()


def test_labels_may_come_in_any_order_and_turn(rng):
    means, order = embedded(spiral(12, 2), rng), rng.permutation(12)
    expected = best_curve(means, angles_of(12))
    np.testing.assert_allclose(best_curve(means[order], angles_of(12)[order]), expected)
    np.testing.assert_allclose(best_curve(5 * means + 3, angles_of(12) + 2 * np.pi), expected)


def test_many_labels_are_thinned(rng):
    assert best_curve(embedded(circle(200), rng), angles_of(200)).gap == pytest.approx(1)
    assert best_curve(embedded(arc(200, 270), rng), angles_of(200)).gap > 10


def test_where_there_is_no_curve(rng):
    assert np.isnan(best_curve(np.ones((7, 5)), angles_of(7))).all()
    assert np.isnan(best_curve(rng.standard_normal((4, 5)), angles_of(4))).all()
    assert np.isnan(best_curve(np.full((7, 5), np.nan), angles_of(7))).all()
    simplex = best_curve(np.eye(7), angles_of(7))
    assert np.isnan(simplex.gap) or simplex.gap == pytest.approx(1)


def test_labels_that_are_missing_leave_a_gap(rng):
    """Of twelve places the last three have no label: the closed curve has a gap of four steps."""
    found = best_curve(embedded(circle(12)[:9], rng), angles_of(12)[:9])
    assert found.gap == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    "points, low, high",
    [(circle(9), 0.95, 1.05), (arc(9, 270), 0.2, 0.4), (arc(9, 225), -0.4, -0.2), (arc(9, 180), -0.9, -0.7)],
)
def test_how_close_the_last_is_to_the_first(rng, points, low, high):
    found = seam_closeness(embedded(points, rng), angles_of(9))
    assert low < found < high
    order = rng.permutation(9)
    assert seam_closeness(3 * embedded(points, np.random.default_rng(1), own=1)[order], angles_of(9)[order]) == (
        pytest.approx(seam_closeness(embedded(points, np.random.default_rng(1), own=1), angles_of(9)))
    )


def test_a_chain_and_a_walk_do_not_meet():
    """Labels that share something with the next ones, the last with the first or not; 200 of each."""
    chains, rings, walks = [], [], []
    for i in range(200):
        rng = np.random.default_rng(i)
        shared = rng.standard_normal((12, 64))
        chains.append(seam_closeness(shared[:-1] + shared[1:], angles_of(11)))
        rings.append(seam_closeness(shared[1:] + np.roll(shared[1:], 1, 0), angles_of(11)))
        walks.append(seam_closeness(np.cumsum(rng.standard_normal((11, 64)), axis=0), angles_of(11)))
    assert abs(np.mean(chains)) < 0.1 and np.mean(np.array(chains) > 0.5) < 0.1
    assert abs(np.mean(rings) - 1) < 0.1 and np.mean(np.array(rings) > 0.5) > 0.85
    assert max(walks) < 0
    assert np.isnan(seam_closeness(np.ones((7, 4)), angles_of(7)))


@pytest.mark.parametrize("p", [7, 12, 24])
def test_groups_of_neighbours_do_not_meet(rng, p):
    """Three groups of neighbouring labels, each group a direction: the last group is not near the first."""
    groups = rng.standard_normal((3, 64))[np.arange(p) * 3 // p]
    assert seam_closeness(groups + 0.2 * rng.standard_normal((p, 64)), angles_of(p)) < 0
