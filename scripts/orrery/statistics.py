"""One function a measure: from a cloud and its search to the statistics (1 + B,), the cloud's own first."""

import numpy as np

from orrery.geometry import (
    arch,
    bases,
    closed,
    clusters,
    cyclic,
    dimension,
    hierarchy,
    irreducible,
    ordered,
    persistence,
    places,
    probes,
)
from orrery.geometry.variance import components_for
from orrery.measured import PERIODS

REGRESSIONS, PLANES, DRAWS = 999, 99, 199  # members of nulls that are slow to compute, or drawn


def _angles(cloud, search):
    return (2 * np.pi * cloud.values / cloud.shape["period"])[search.orders]


def _values(cloud, search):
    return cloud.values[search.orders]


def _angle_error(cloud, search):
    return cyclic.angular_error(cloud.hidden, _angles(cloud, search), cloud.classes)


def _circle_probe(cloud, search):
    angles = _angles(cloud, search)
    targets = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return probes.quadratic_r2(*cloud.probe, cloud.classes, targets)


def _regularity(which):
    return lambda cloud, search: cyclic.ring_regularity(cloud.hidden, _angles(cloud, search), cloud.classes)[which]


def _step_ratio(cloud, search):
    distances = clusters.pairwise_distances(cloud.even.means)
    closed = cloud.shape["topology"] == "circle"
    return ordered.step_ratio(distances, np.argsort(search.orders, axis=1), closed)


def _regression(basis_of):
    def fitted(cloud, search):
        basis = basis_of(cloud.values)
        return bases.basis_r2(cloud.coordinates, basis, cloud.folds, search.orders[: 1 + REGRESSIONS])

    return fitted


def _polynomial(values):
    return bases.polynomial_basis(values, bases.fourier_basis(values, PERIODS).shape[1])


def _unique(period):
    return lambda cloud, search: bases.unique_r2(
        cloud.coordinates, cloud.values, period, PERIODS, cloud.folds,
        search.draws(REGRESSIONS), search.seed,
    )  # fmt: skip


def _kappa(period):
    return lambda c, s: ordered.modulo_kappa(c.hidden, _values(c, s), c.classes, period, c.folds)


def _power(period):
    return lambda cloud, search: bases.fourier_power(cloud.coordinates, cloud.values, period, search.orders)


def _places(measure):
    return lambda c, s: measure(c.hidden, places.embedded(*c.surface), c.classes, c.folds, s.orders)


def _neighbours(cloud, search):
    part = cloud.sampled
    neighbours = clusters.neighbours_elsewhere(part.distances, part.classes, part.groups)
    return clusters.neighbour_purity(neighbours, search.labels)


def _accuracy(cloud, search):
    if len(search.labels) == 1:
        return np.array([clusters.balanced_accuracy(cloud.probe[0], cloud.classes)])
    return clusters.probe_accuracy(cloud.sampled.operator[0], search.labels, cloud.sampled.p)


def _one(number):
    """A measure that has no null of its own: the controls stand beside it."""
    return lambda cloud, search: np.array([number(cloud)])


def _subsample(cloud, share):
    _, found = dimension.two_nn_curve(cloud.x, cloud.seed, [share])
    return found[0] if len(found) else np.nan


FUNCTIONS = {
    "left_out_angle_error": _angle_error,
    "ring_closure": lambda c, s: closed.ring_or_walk(
        c.means, 2 * np.pi * c.values / c.shape["period"], c.components, s.seed, s.draws(DRAWS)
    ),
    "first_harmonic_share": lambda c, s: cyclic.first_harmonic_share(c.means, _angles(c, s)),
    "circle_probe_r2": _circle_probe,
    "ring_radius_cv": _regularity(0),
    "ring_spacing_cv": _regularity(1),
    "h1_score": lambda c, s: persistence.h1_score(c.x, c.classes, s.seed, s.draws(DRAWS)),
    "left_out_value_r2": lambda c, s: probes.held_out_r2(c.hidden, _values(c, s), c.classes, c.folds),
    "left_out_log_r2": lambda c, s: probes.held_out_r2(
        c.hidden, ordered.log_values(c.values)[s.orders], c.classes, c.folds
    ),
    "left_out_rank": lambda c, s: ordered.held_out_rank(c.hidden, _values(c, s), c.classes),
    "step_ratio": _step_ratio,
    "arch_share": lambda c, s: arch.arch_null(c.means, s.seed, s.draws(DRAWS)),
    "fourier_r2": _regression(lambda values: bases.fourier_basis(values, PERIODS)),
    "polynomial_r2": _regression(_polynomial),
    "digits_r2": _regression(bases.digit_basis),
    **{f"unique_r2_{t}": _unique(t) for t in PERIODS},
    **{f"modulo_kappa_{t}": _kappa(t) for t in PERIODS[:3]},
    "tens_kappa": lambda c, s: ordered.digit_kappa(c.hidden, _values(c, s), c.classes, 10, c.folds),
    **{f"fourier_power_{t}": _power(t) for t in PERIODS},
    "left_out_place_r2": _places(places.left_out_place_r2),
    "weakest_axis_r2": _places(places.weakest_axis_r2),
    "distance_rank": lambda c, s: places.distance_rank(c.even.means, places.distances(*c.surface), s.orders),
    "silhouette": lambda c, s: clusters.silhouette(c.sampled.distances, s.labels, c.sampled.p),
    "neighbour_purity": _neighbours,
    "probe_accuracy": _accuracy,
    "parent_share": lambda c, s: hierarchy.parent_share(c.means, s.parents),
    "difference_cosine": lambda c, s: hierarchy.difference_cosine(c.means, s.parents),
    "simplex_cv": _one(lambda c: hierarchy.simplex_cv(c.means)),
    "components_90": _one(lambda c: components_for(c.x)),
    "participation_ratio": _one(lambda c: dimension.participation_ratio(c.x)),
    "two_nn": _one(lambda c: dimension.two_nn(c.x)),
    "two_nn_half": _one(lambda c: _subsample(c, 1 / 2)),
    "two_nn_quarter": _one(lambda c: _subsample(c, 1 / 4)),
    "separability": lambda c, s: irreducible.separability_test(c.plane, s.seed, s.draws(PLANES), c.placed),
    "mixture_index": lambda c, s: irreducible.mixture_test(c.plane, s.seed, s.draws(PLANES), c.placed),
    "anisotropy": _one(lambda c: dimension.anisotropy(c.raw)),
    "norm_mean": _one(lambda c: dimension.norms(c.raw)[0]),
    "norm_cv": _one(lambda c: dimension.norms(c.raw)[1]),
}
