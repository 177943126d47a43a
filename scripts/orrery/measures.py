"""Measures of one set in all layers of a model, and of its controls, as rows of one tidy table."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from orrery.controls import NOISE, another_order
from orrery.errors import OrreryError
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
    probes,
)
from orrery.geometry.permutations import cyclic_orders, linear_orders, p_values
from orrery.geometry.variance import components_for
from orrery.measured import MEASURED, PERIODS, measures_of
from orrery.preprocess import preprocess

MAX_FOLDS = 20
CAPPED = 500  # samples, above which tests that permute samples take a balanced subsample
CONTROL_PERMUTATIONS, LABEL_PERMUTATIONS, PLANES, DRAWS = 999, 999, 99, 199
BLOCKS = 10  # of the jackknife
AVERAGES = ("anisotropy", "norm_mean", "norm_cv")
PERMUTED = {
    "orders": "order of the labels", "labels": "labels of the samples", "gaussian": "Gaussian of the same spectrum",
    "arranged": "places of the labels", "walks": "walks of the same smoothness", "none": "",
}  # fmt: skip


def measure(layers, samples, shape, options, seed, controls=(), others=None):
    """Measure every layer of a set, and of its controls, with all that fits the set.

    Parameters
    ----------
    layers : dict of str → array (N, D)
    samples : dict of str → sequence of length N
        At least label, value, group.
    shape : dict
        topology; of a circle its period; `numbers`, true for integers; `parents`, label → parent, or nothing.
    options : dict
        The `metrics` section: preprocess, components, permutations.
    seed : int
    controls : sequence of str
        Names from `measured.CONTROLS`. Those that are read from other files are measured where `others` has them.
    others : dict of str → dict of str → array (N, D)
        Control → layers, of the same samples (untrained) or of as many (random-tokens).

    Returns
    -------
    list of dict
        control (empty for the set itself), layer, measure, value, low and high (95 % by the jackknife over documents,
        templates or labels; NaN where there is none), better (high or low), null_mean, null_low, null_high (2.5 and
        97.5 %), p, p_corrected (over layers and, of measures at several periods, over those), n, classes, orders
        (members of the null, the true one included), exact, least_p (the smallest p that there can be), permuted.

    Raises
    ------
    OrreryError
        A control has not as many samples as the set.
    """
    rows = []
    for control in ["", *controls]:
        clouds = list(_clouds(control, layers, others or {}, samples, shape, options, seed))
        if clouds:
            search = Search(clouds[0][1], options["permutations"], seed, control)
            rows += [{"control": control, **row} for row in _rows(clouds, search)]
    return rows


@dataclass(eq=False)
class Cloud:
    """The vectors of one layer, as they are and preprocessed (N, D), with what is known of their samples."""

    raw: np.ndarray
    x: np.ndarray
    classes: np.ndarray
    values: np.ndarray
    groups: np.ndarray
    shape: dict
    components: int
    seed: int
    parents: np.ndarray | None = None

    @property
    def p(self):
        return len(self.values)

    @property
    def regular(self):
        """Whether the labels stand equally spaced on a circle."""
        on_circle = self.shape["topology"] == "circle"
        return on_circle and np.allclose(np.diff(self.values), self.shape["period"] / self.p)

    @property
    def several(self):
        """Whether every label has several samples."""
        return np.bincount(self.classes, minlength=self.p).min() > 1

    @cached_property
    def means(self):
        return cyclic.class_means(self.x, self.classes, self.p)

    @cached_property
    def coordinates(self):
        """Principal coordinates (p, k) of the label means."""
        return bases.principal_coordinates(self.means)

    @cached_property
    def plane(self):
        """The samples (N, 2) in the plane of the first two principal components of the label means.

        Of the means, as the samples' own plane would lean to the labels with most samples; of samples where there are
        fewer than three labels.
        """
        points = self.means if self.p > 2 else self.x
        _, _, axes = np.linalg.svd(points - points.mean(0), full_matrices=False)
        return (self.x - self.x.mean(0)) @ axes[:2].T

    @cached_property
    def folds(self):
        """The fold of each label: its own on a circle, else one of at most twenty."""
        if self.shape["topology"] == "circle":
            return np.arange(self.p)
        return np.random.default_rng(self.seed).permutation(self.p) % min(MAX_FOLDS, self.p)

    @cached_property
    def hidden(self):
        """Weights (N, p) of predictions for samples whose label was hidden."""
        return probes.held_out_weights(self.x, self.classes, self.folds, self.components)

    @cached_property
    def sample_folds(self):
        return probes.group_folds(self.groups, MAX_FOLDS // 2, self.seed)

    @cached_property
    def operator(self):
        """Weights and baseline (N, N) of all samples in predictions for those whose document or template was hidden."""
        return probes.sample_weights(self.x, self.sample_folds, self.components)

    @cached_property
    def probe(self):
        """Weights and baseline (N, p) of the labels in predictions for samples whose document was hidden."""
        if self.sampled is self:
            onehot = np.eye(self.p)[self.classes]
            return tuple(weights @ onehot for weights in self.operator)
        return probes.grouped_weights(self.x, self.classes, self.p, self.sample_folds, self.components)

    @cached_property
    def sampled(self):
        """A balanced subsample of it, of at most 500 samples."""
        kept = clusters.balanced_subsample(self.classes, self.groups, CAPPED, self.seed)
        return self.part(kept) if len(kept) < len(self.classes) else self

    @cached_property
    def distances(self):
        """Euclidean distances (N, N)."""
        return clusters.pairwise_distances(self.x)

    def part(self, kept):
        """The same with the samples of some indices."""
        present, classes = np.unique(self.classes[kept], return_inverse=True)
        parents = None if self.parents is None else self.parents[present]
        return Cloud(self.raw[kept], self.x[kept], classes, self.values[present], self.groups[kept], self.shape,
                     self.components, self.seed, parents)  # fmt: skip

    @cached_property
    def unmixed(self):
        """The same with samples of one label from each document, where documents hold different ones.

        Labels that share documents (neighbours, often) would lie together without any effect of their own, and a hidden
        label's samples would stand beside training samples of the same document. Templates hold all labels alike. Where
        a label would be lost, everything stays.
        """
        held = np.zeros((self.groups.max() + 1, self.p), dtype=int)
        np.add.at(held, (self.groups, self.classes), 1)
        mixed = (held > 0).sum(1) > 1
        if not mixed.any() or (held == held[0]).all():
            return self
        kept = np.where(mixed[:, None], 0, held).sum(0)
        chosen = held.argmax(1)
        for group in np.random.default_rng(self.seed).permutation(np.flatnonzero(mixed)):
            there = np.flatnonzero(held[group])
            chosen[group] = there[np.argmin(kept[there])]
            kept[chosen[group]] += held[group, chosen[group]]
        part = self.part(np.flatnonzero(chosen[self.groups] == self.classes))
        return part if part.p == self.p and (part.several or not self.several) else self

    @property
    def placed(self):
        """The labels, where there are enough of them to be arranged otherwise."""
        return self.classes if self.p > 2 else None

    @cached_property
    def even(self):
        """The same with as many samples of each label: means of fewer are noisier, and so lie farther from others."""
        counts = np.bincount(self.classes)
        if counts.min() == counts.max():
            return self
        order = np.random.default_rng(self.seed).permutation(len(self.classes))
        kept = [order[self.classes[order] == c][: counts.min()] for c in range(self.p)]
        return self.part(np.sort(np.concatenate(kept)))

    def without(self, left_out):
        """The same without some samples, but for predictions, which stay those of the probes of all."""
        kept = np.flatnonzero(~left_out)
        part = self.part(kept)
        if part.p == self.p:
            part.hidden, part.probe = self.hidden[kept], tuple(weights[kept] for weights in self.probe)
            part.folds, part.distances = self.folds, self.distances[np.ix_(kept, kept)]
        return part


@dataclass
class Search:
    """What a set's statistics are compared with: the same permutations and seeds in every layer."""

    cloud: Cloud
    permutations: int
    seed: int
    control: str = ""
    exact: bool = field(init=False)

    def __post_init__(self):
        if self.control:
            self.permutations = min(self.permutations, CONTROL_PERMUTATIONS)
        make = cyclic_orders if self.cloud.regular else linear_orders  # an irregular circle cannot be turned
        self.orders, self.exact = make(self.cloud.p, self.permutations, self.seed)

    @cached_property
    def parents(self):
        """Parents (B, p) of the labels, the true ones first."""
        return self.cloud.parents[linear_orders(self.cloud.p, self.permutations, self.seed)[0]]

    @cached_property
    def least(self):
        """Kind of null → the smallest p that there can be: how much of the null is the true arrangement itself."""
        orders, labels = self.orders, self.labels if self.cloud.p > 1 and self.cloud.several else np.zeros((1, 1))
        same = (orders == orders[0]).all(1) | (orders == orders[0][::-1]).all(1)
        found = {"orders": same.mean(), "labels": np.mean([_same_parts(row, labels[0]) for row in labels])}
        if self.cloud.parents is not None:
            found["parents"] = np.mean([_same_parts(row, self.parents[0]) for row in self.parents])
        return found

    @cached_property
    def labels(self):
        """Labels (B, n) of the samples of the cloud's subsample, the true ones first."""
        cloud = self.cloud.sampled
        count = min(self.permutations, LABEL_PERMUTATIONS)
        labels = clusters.label_permutations(cloud.classes, cloud.groups, count, self.seed)
        if self.control == "shuffled-labels":
            labels[0] = clusters.label_permutations(cloud.classes, cloud.groups, 1, self.seed + 1)[1]
        return labels

    def draws(self, most):
        """How many members a null has that is drawn."""
        return min(self.permutations, most)


class Alone(Search):
    """No null: only what the cloud itself has."""

    @cached_property
    def parents(self):
        return self.cloud.parents[None]

    def __post_init__(self):
        self.orders, self.exact = np.arange(self.cloud.p)[None], True
        self.permutations = 0

    @cached_property
    def labels(self):
        return self.cloud.sampled.classes[None]


def _same_parts(labels, others):
    """Whether two labellings (n,) part the samples alike, whatever the parts are called."""
    return len(np.unique(np.stack([labels, others]), axis=1).T) == len(np.unique(labels)) == len(np.unique(others))


def _clouds(control, layers, others, samples, shape, options, seed):
    """(layer, Cloud) of every layer of a control, or of the set itself."""
    values, classes = np.unique(np.asarray(samples["value"], dtype=float), return_inverse=True)
    groups, parents = _groups(samples), _parents(samples, classes, shape)
    if control == "shuffled-labels":
        classes = another_order(len(values), np.random.default_rng([seed, 1]))[classes]
    layers = layers if control in ("", "shuffled-labels", *NOISE) else others.get(control, {})
    for i, (name, vectors) in enumerate(layers.items()):
        if len(vectors) != len(classes):
            raise OrreryError(
                f"the control {control} has {len(vectors)} samples and the set {len(classes)}, so it would be measured "
                "otherwise. Take it out of controls, or read both from the same samples."
            )
        raw = np.asarray(vectors, dtype=np.float64)
        if control in NOISE:
            raw = NOISE[control](raw, classes, len(values), np.random.default_rng([seed, i]))
        x = preprocess(raw, options["preprocess"], samples["group"])
        yield name, Cloud(raw, x, classes, values, groups, shape, options["components"], seed, parents)


def _groups(samples):
    """What samples share: their template or else their document, as numbers (N,); each its own where there is none."""
    n = len(samples["value"])
    named = [key for key in ("group", "document") if key in samples and any(samples[key])]
    names = np.asarray(samples[named[0]]).astype(str) if named else np.arange(n).astype(str)
    alone = np.array([f"\0{i}" for i in range(n)])
    return np.unique(np.where(names == "", alone, names), return_inverse=True)[1]


def _parents(samples, classes, shape):
    if not shape.get("parents"):
        return None
    label_of = dict(zip(classes, samples["label"]))
    return np.unique([shape["parents"][label_of[c]] for c in range(classes.max() + 1)], return_inverse=True)[1]


def _rows(clouds, search):
    """Rows of all measures of a set or a control in all its layers."""
    first = clouds[0][1]
    names = [name for name in measures_of(first.shape) if _fits(name, first)]
    found = {name: {} for name in names}
    bounds = {}
    for layer, cloud in clouds:
        varied = np.ptp(cloud.x, 0).max() > 1e-6 * np.abs(cloud.x).max()
        for name in names:
            found[name][layer] = FUNCTIONS[name](_asked(cloud, name), search) if varied else None
        if varied and not search.control:
            bounds |= {(name, layer): bound for name, bound in _intervals(cloud, names, found, layer).items()}
    families = {}
    for name in found:
        families.setdefault(name.rstrip("0123456789"), []).append(name)
    return [row for family in families.values() for row in _family_rows(family, found, bounds, first, search)]


def _asked(cloud, name):
    """The samples that a measure is taken of: of labels and their order only those that share no document."""
    return cloud.unmixed if MEASURED[name].sets in ("circle", "line", "numbers", "ordered", "parents") else cloud


def _fits(name, cloud):
    """Whether a set has what a measure of its topology needs besides."""
    sets = MEASURED[name].sets
    if sets == "labels" or name in ("circle_probe_r2",):
        return cloud.p > 1 and cloud.several
    if sets == "parents":
        return cloud.parents is not None
    if sets in ("circle", "line", "numbers", "ordered") and cloud.p < 4:
        return False
    if name == "first_harmonic_share":
        return cloud.regular
    if sets == "numbers":
        return _resolved(name, cloud.values)
    return name != "left_out_log_r2" or ordered.log_values(cloud.values) is not None


def _resolved(name, values):
    """Whether a period, or a digit, can be seen in some integers."""
    end = name.rpartition("_")[2]
    period = int(end) if end.isdigit() else 100 if name == "tens_kappa" else 2
    return np.ptp(values) + 1 >= (2 * period if end.isdigit() else period) and len(values) >= 8


def _family_rows(family, found, bounds, cloud, search):
    """Rows of measures that are searched over together."""
    keys = [(name, layer) for name in family for layer in found[name]]
    sizes = [len(s) for name in family for s in found[name].values() if s is not None]
    size, null = max(sizes, default=1), MEASURED[family[0]].null
    statistics = np.full((len(keys), size), np.nan)
    for i, (name, layer) in enumerate(keys):
        if found[name][layer] is not None:
            statistics[i] = found[name][layer]
    tested = null != "none" and size > 1
    high = MEASURED[family[0]].better == "high"
    p, corrected = p_values(statistics if high else -statistics) if tested else (np.full(len(keys), np.nan),) * 2
    spread = statistics[:, 1:] if tested else np.full((len(keys), 1), np.nan)
    low, high = np.quantile(spread, [0.025, 0.975], axis=1)
    means, n = spread.mean(1), len(_asked(cloud, family[0]).classes)
    enumerated = search.exact and null == "orders" and not family[0].startswith(("unique", "parent", "difference"))
    least = search.least.get("parents" if MEASURED[family[0]].sets == "parents" else null, 1 / size)
    return [
        {
            "layer": layer, "measure": name, "value": float(statistics[i, 0]),
            **dict(zip(("low", "high"), bounds.get((name, layer), (np.nan, np.nan)))),
            "better": MEASURED[name].better, "null_mean": float(means[i]), "null_low": float(low[i]),
            "null_high": float(high[i]), "p": float(p[i]), "p_corrected": float(corrected[i]), "n": n,
            "classes": cloud.p, "orders": size if tested else 0,
            "exact": bool(tested and enumerated), "least_p": float(least) if tested else np.nan,
            "permuted": PERMUTED[null] if tested else "",
        }
        for i, (name, layer) in enumerate(keys)
    ]  # fmt: skip


def _intervals(cloud, names, found, layer):
    """measure → (low, high): 95 % by the delete-a-block jackknife (Efron and Stein 1981) over ten blocks of groups.

    Probes are not fitted again, so that an interval says how much hangs on which contexts they are tried on, and not on
    which they were fitted: of probes it is too narrow for a confidence interval. Where each label has one sample and
    their places matter (a circle), nothing can be left out, and there is none; nor is there of dimensions, which fewer
    points change by themselves, and where a null is drawn.
    """
    names = [name for name in names if MEASURED[name].null in ("orders", "labels") or name in AVERAGES]
    bounds = {}
    for part in dict.fromkeys((cloud, cloud.unmixed)):
        bounds |= _jackknife(part, [name for name in names if _asked(cloud, name) is part], found, layer)
    return bounds


def _jackknife(cloud, names, found, layer):
    units = np.unique(cloud.groups)
    circle = cloud.shape["topology"] == "circle"
    if len(units) < BLOCKS or (circle and not cloud.several):
        return {}
    block = np.random.default_rng(cloud.seed).permutation(len(units)) % BLOCKS
    parts = [cloud.without(block[cloud.groups] == b) for b in range(BLOCKS)]
    if cloud.several and any(part.p < cloud.p for part in parts):
        return {}
    bounds = {}
    for name in names:
        if not all(_fits(name, part) for part in parts):
            continue
        again = np.array([FUNCTIONS[name](part, Alone(part, 0, cloud.seed))[0] for part in parts])
        error = np.sqrt((BLOCKS - 1) / BLOCKS * ((again - again.mean()) ** 2).sum())
        value = found[name][layer][0]
        bounds[name] = float(value - 1.96 * error), float(value + 1.96 * error)
    return bounds


# ------------------------------------------------------------------------------------------- one function a measure
# cloud, search → statistics (1 + B,), the cloud's own first


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
        return bases.basis_r2(cloud.coordinates, basis, cloud.folds, search.orders[: 1 + LABEL_PERMUTATIONS])

    return fitted


def _polynomial(values):
    return bases.polynomial_basis(values, bases.fourier_basis(values, PERIODS).shape[1])


def _unique(period):
    return lambda cloud, search: bases.unique_r2(
        cloud.coordinates, cloud.values, period, PERIODS, cloud.folds,
        search.draws(LABEL_PERMUTATIONS), search.seed,
    )  # fmt: skip


def _kappa(period):
    return lambda c, s: ordered.modulo_kappa(c.hidden, _values(c, s), c.classes, period, c.folds)


def _power(period):
    return lambda cloud, search: bases.fourier_power(cloud.coordinates, cloud.values, period, search.orders)


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
