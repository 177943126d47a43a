"""Measures of one set in all layers of a model, and of its controls, as rows of one tidy table."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from orrery.clouds import Cloud, clouds_of
from orrery.geometry import clusters, ordered, places
from orrery.geometry.permutations import cyclic_orders, linear_orders, p_values
from orrery.measured import MEASURED, measures_of
from orrery.statistics import FUNCTIONS
from orrery.structures import deciding

CONTROL_PERMUTATIONS, LABEL_PERMUTATIONS = 999, 999
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
        From `config.shape_of`: topology, and what the set has of period, numbers, parents, coordinates and periods.
    options : dict
        The `metrics` section: preprocess, components, permutations; structures, if only the measures that decide some
        are asked for.
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
        clouds = list(clouds_of(control, layers, others or {}, samples, shape, options, seed))
        if clouds:
            search = Search(clouds[0][1], options["permutations"], seed, control)
            rows += [{"control": control, **row} for row in _rows(clouds, search, options.get("structures"))]
    return rows


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
        if self.cloud.places is not None:
            found["places"] = places.same_places(places.distances(*self.cloud.surface), orders).mean()
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


def _rows(clouds, search, structures):
    """Rows of the measures that decide some structures, or of all, of a set or a control in all its layers."""
    first = clouds[0][1]
    asked = deciding(structures) if structures else FUNCTIONS
    names = [name for name in measures_of(first.shape) if name in asked and _fits(name, first)]
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
    return cloud if MEASURED[name].sets in ("any", "labels") else cloud.unmixed


def _fits(name, cloud):
    """Whether a set has what a measure of its topology needs besides."""
    sets = MEASURED[name].sets
    if sets == "labels" or name in ("circle_probe_r2",):
        return cloud.p > 1 and cloud.several
    if sets == "parents":
        return cloud.parents is not None
    if sets in ("circle", "line", "numbers", "ordered", "places") and cloud.p < 4:
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
    sets = MEASURED[family[0]].sets
    least = max(search.least.get(sets if sets in ("parents", "places") else null, 0), 1 / size)
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
