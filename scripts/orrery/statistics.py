"""One function a measure: from a cloud and its search to the statistics (1 + B,), the cloud's own first."""

import numpy as np

from orrery.geometry import (
    arch,
    bases,
    closed,
    clusters,
    curves,
    cyclic,
    dimension,
    exchange,
    factors,
    hierarchy,
    irreducible,
    local,
    ordered,
    partial,
    persistence,
    places,
    probes,
    regions,
    residues,
    shapes,
    shares,
)
from orrery.geometry.variance import components_for
from orrery.measured import COVARIATES, FACTORS, MEASURED, PERIODS, SHAPES

SHAPED = 4_000_000  # pairs of labels in all orders of a shape
REGRESSIONS, PLANES, SHARES = 999, 99, 199  # members of nulls that are slow to compute, or hardly vary


def _angles(cloud, search):
    return cloud.angles[search.orders]


def _values(cloud, search):
    return cloud.values[search.orders]


def _angle_error(cloud, search):
    return cyclic.angular_error(cloud.hidden, _angles(cloud, search), cloud.classes)


def _weakest_circle_axis(cloud, search):
    return places.weakest_axis_r2(cloud.hidden, cloud.targets, cloud.classes, cloud.folds, search.orders)


def _curve(which):
    return _one(lambda c: getattr(c.curve, which))


def _share(columns):
    """Share of the variance of the label means that some functions of the label hold, in other orders too."""
    return lambda c, s: shares.explained_share(c.means, columns(c), s.orders[: 1 + SHARES])


def _waves(period):
    return lambda c: np.stack([np.cos(2 * np.pi * c.values / period), np.sin(2 * np.pi * c.values / period)], axis=1)


def _rank_within_digits(cloud, search):
    return ordered.rank_within(cloud.hidden, cloud.values, cloud.classes, residues.digit_counts(cloud.values),
                               search.draws(REGRESSIONS), search.seed)  # fmt: skip


def _given(name):
    """Held-out R² of what a covariate leaves of the targets, under permutations of it (Freedman and Lane 1983)."""

    def found(cloud, search):
        left = partial.partial_targets(cloud.targets, cloud.covariates[name], search.free_orders)
        baseline = probes.held_out_baseline(cloud.classes, cloud.folds)
        return probes.quadratic_r2(cloud.hidden, baseline, cloud.classes, left)

    return found


def _distance_rank(cloud, search):
    return places.distance_rank(cloud.means, cloud.apart, search.orders)


def _distance_rank_given(cloud, search):
    covariates = np.stack(list(cloud.covariates.values()), axis=1)
    return partial.residual_rsa(cloud.means, cloud.targets, covariates, search.free_orders[: 1 + SHARES])


def _along(measure):
    """How class means turn along the order of their labels, and of others."""

    def found(cloud, search):
        sequences = np.argsort(search.orders[: 1 + REGRESSIONS], axis=1)
        return measure(cloud.means, cloud.shape["topology"] == "circle", sequences)

    return found


def _harmonic(h):
    def found(cloud):
        spectrum = local.harmonic_spectrum(cloud.means, cloud.angles)
        return spectrum[h - 1] if h <= len(spectrum) else np.nan

    return _one(found)


def _shape_orders(cloud, search):
    return search.free_orders[: 1 + int(np.clip(SHAPED / cloud.p**2, PLANES, REGRESSIONS))]


def _shape(name):
    return lambda c, s: shapes.distance_scores(c.means, {name: c.shapes[name]}, _shape_orders(c, s))[:, 0]


def _shape_r2(name):
    return lambda c, s: shapes.prediction_score(c.hidden, c.classes, c.folds, c.shapes[name], _shape_orders(c, s))


def _region(cloud, search):
    weights = cloud.weights_without(cloud.region_of)
    return regions.left_out_region_r2(weights, cloud.targets, cloud.classes, cloud.region_of, search.regions[0])


def _within(cloud, search):
    return regions.within_region_r2(
        cloud.hidden, cloud.targets, cloud.classes, cloud.region_of, search.within_regions[0]
    )


def _within_own(cloud, search):
    """Within the regions that the vectors themselves show, which know nothing of the places."""
    own = regions.clearest_regions(clusters.pairwise_distances(cloud.means))
    orders, _ = regions.within_region_orders(own, search.draws(REGRESSIONS), search.seed, enumerated=False)
    return regions.within_region_r2(cloud.hidden, cloud.targets, cloud.classes, own, orders)


def _factor(i):
    def found(cloud, search):
        levels = cloud.levels[i]
        weights = cloud.weights_without(factors.level_folds(levels))
        return factors.factor_r2(weights, cloud.factor(i), cloud.classes, levels, search.levels(i)[0])

    return found


def _siblings(given=None):
    """Of the vectors as they are: scaled to length 1, families that differ in scatter differ in their centres too."""

    def found(cloud, search):
        vectors = exchange.without_template_effects(cloud.raw, cloud.groups) if cloud.templates else cloud.raw
        means = cyclic.class_means(vectors, cloud.classes, cloud.p)
        covariates = None if given is None else cloud.covariates[given]
        count = search.draws(REGRESSIONS)
        return hierarchy.sibling_cosine(means, cloud.parents, count, search.seed, cloud.tokens, covariates)

    return found


def _circle_probe(cloud, search):
    angles = _angles(cloud, search)
    targets = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return probes.quadratic_r2(*cloud.probe, cloud.classes, targets)


def _regularity(which):
    return lambda cloud, search: cyclic.ring_regularity(cloud.hidden, _angles(cloud, search), cloud.classes)[which]


def _step_ratio(cloud, search):
    distances = clusters.pairwise_distances(cloud.means)
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


def _one_of_means(number):
    return _one(lambda c: number(c.means))


def _residue_seam(cloud):
    means = residues.residue_means(cloud.means, cloud.values, 10)
    return np.nan if means is None else curves.seam_closeness(means, 2 * np.pi * np.arange(10) / 10)


def _subsample(cloud, share):
    _, found = dimension.two_nn_curve(cloud.x, cloud.seed, [share])
    return found[0] if len(found) else np.nan


FUNCTIONS = {
    "left_out_angle_error": _angle_error,
    "weakest_circle_axis_r2": _weakest_circle_axis,
    "closing_gap": _curve("gap"),
    "seam_closeness": _one(lambda c: curves.seam_closeness(c.means, c.angles)),
    "ring_aspect": _curve("aspect"),
    "spiral_growth": _curve("growth"),
    "ring_closure": lambda c, s: closed.ring_or_walk(
        c.means, c.angles, c.components, s.seed, s.draws()
    ),
    "first_harmonic_share": lambda c, s: cyclic.first_harmonic_share(c.means, _angles(c, s)),
    "circle_probe_r2": _circle_probe,
    "ring_radius_cv": _regularity(0),
    "ring_spacing_cv": _regularity(1),
    **{f"h1_score_{k}": lambda c, s, k=k: persistence.h1_score(c.x, c.classes, s.seed, s.draws(), components=k)
       for k in (2, 3)},
    "left_out_value_r2": lambda c, s: probes.held_out_r2(c.hidden, _values(c, s), c.classes, c.folds),
    "left_out_log_r2": lambda c, s: probes.held_out_r2(
        c.hidden, ordered.log_values(c.values)[s.orders], c.classes, c.folds
    ),
    "left_out_rank": lambda c, s: ordered.held_out_rank(c.hidden, _values(c, s), c.classes),
    "line_share": _share(lambda c: c.values[:, None]),
    "step_ratio": _step_ratio,
    "arch_share": lambda c, s: arch.arch_null(c.means, s.seed, s.draws()),
    "second_cosine_share": _one_of_means(arch.second_cosine_share),
    "fourier_r2": _regression(lambda values: bases.fourier_basis(values, PERIODS)),
    "polynomial_r2": _regression(_polynomial),
    "digits_r2": _regression(bases.digit_basis),
    **{f"unique_r2_{t}": _unique(t) for t in PERIODS},
    **{f"modulo_kappa_{t}": _kappa(t) for t in PERIODS[:3]},
    "tens_kappa": lambda c, s: ordered.digit_kappa(c.hidden, _values(c, s), c.classes, 10, c.folds),
    **{f"fourier_power_{t}": _power(t) for t in PERIODS},
    "residue_circle_10": lambda c, s: residues.residue_circle(c.means, c.values, 10, s.draws(REGRESSIONS), s.seed),
    "residue_closure_10": lambda c, s: residues.residue_closure(
        c.means, c.values, 10, c.components, s.seed, s.draws()
    ),
    "residue_seam_10": _one(_residue_seam),
    "residue_consistency_10": lambda c, s: residues.residue_consistency(
        c.means, c.values, 10, s.draws(REGRESSIONS), s.seed
    ),
    "residue_parity": lambda c, s: residues.residue_parity(c.means, c.values),
    "rank_within_digits": _rank_within_digits,
    "helix_share": _share(lambda c: np.c_[c.values, _waves(10)(c)]),
    **{f"period_share_{t}": _share(_waves(t)) for t in (2, 10)},
    "left_out_place_r2": _places(places.left_out_place_r2),
    "weakest_axis_r2": _places(places.weakest_axis_r2),
    "distance_rank": _distance_rank,
    "distance_rank_given_covariates": _distance_rank_given,
    **{f"circle_r2_given_{name}": _given(name) for name in COVARIATES},
    **{f"order_r2_given_{name}": _given(name) for name in COVARIATES},
    **{f"place_r2_given_{name}": _given(name) for name in COVARIATES},
    "turning_angle": _along(local.turning_angle),
    "tortuosity": _along(local.tortuosity),
    **{f"harmonic_share_of_{h}": _harmonic(h) for h in range(2, 7)},
    **{f"shape_{name}": _shape(name) for name in SHAPES},
    **{f"shape_{name}_r2": _shape_r2(name) for name in SHAPES},
    "place_share": _share(lambda c: c.targets),
    "left_out_region_r2": _region,
    "within_own_region_r2": _within_own,
    "within_region_r2": _within,
    **{f"factor_r2_{i}": _factor(i - 1) for i in FACTORS},
    "silhouette": lambda c, s: clusters.silhouette(c.sampled.distances, s.labels, c.sampled.p),
    "neighbour_purity": _neighbours,
    "probe_accuracy": _accuracy,
    "sibling_cosine": _siblings(),
    **{f"sibling_cosine_given_{name}": _siblings(name) for name in COVARIATES},
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
}  # fmt: skip
RESIDUES = (
    "residue_circle_10",
    "residue_seam_10",
    "residue_closure_10",
    "residue_consistency_10",
    "residue_parity",
    "helix_share",
)


def fits(name, cloud):
    """Whether a set has what a measure of its topology needs besides."""
    sets = MEASURED[name].sets
    if sets == "labels" or name in ("circle_probe_r2",):
        return cloud.p > 1 and cloud.several
    if sets == "parents" and cloud.parents is None:
        return False
    if sets not in ("any", "labels") and cloud.p < 4:
        return False
    if "_given_" in name:
        given = name.partition("_given_")[2]
        return bool(cloud.covariates) if given == "covariates" else given in cloud.covariates
    if name.startswith("shape_"):
        return name.removeprefix("shape_").removesuffix("_r2") in cloud.shapes
    if name == "first_harmonic_share" or name.startswith("harmonic_share_of_"):
        return cloud.regular and (name == "first_harmonic_share" or int(name[-1]) <= cloud.p // 2)
    if sets == "factors":
        return int(name[-1]) <= len(cloud.levels)
    if sets == "numbers":
        return _resolved(name, cloud.values)
    return name != "left_out_log_r2" or ordered.log_values(cloud.values) is not None


def _resolved(name, values):
    """Whether a period, or a digit, can be seen in some integers."""
    end = name.rpartition("_")[2]
    period = int(end) if end.isdigit() else 100 if name == "tens_kappa" else 2
    if name in RESIDUES:
        return len(values) >= 20 and len(np.unique(values)) == len(values) and np.ptp(values) >= 19
    return np.ptp(values) + 1 >= (2 * period if end.isdigit() else period) and len(values) >= 8
