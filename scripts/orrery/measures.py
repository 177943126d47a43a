"""Measures of one set in all layers of a model, as rows of one tidy table."""

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.cyclic import angular_error, class_means, first_harmonic_share
from orrery.geometry.permutations import cyclic_orders, linear_orders, p_values
from orrery.geometry.probes import held_out_r2, held_out_weights
from orrery.geometry.variance import components_for
from orrery.preprocess import preprocess

CHUNK = 100_000  # numbers of a permutation block in memory
MAX_FOLDS = 20


def measure(layers, samples, shape, options, seed):
    """Measure every layer with what fits the set's topology.

    Parameters
    ----------
    layers : dict of str → array (N, D)
    samples : dict of str → sequence of length N
        At least label, value, group.
    shape : dict
        topology, and for a circle its period.
    options : dict
        The `metrics` section: preprocess, components, permutations.
    seed : int

    Returns
    -------
    list of dict
        layer, measure, value, better (high or low), null_mean, null_low, null_high (2.5 and 97.5 %), p, p_corrected
        (over layers), n, classes, orders, exact, permuted.

    Raises
    ------
    OrreryError
        Fewer than four labels have samples.
    """
    values, classes = np.unique(np.asarray(samples["value"], dtype=float), return_inverse=True)
    if len(values) < 4 and shape["topology"] != "none":
        raise OrreryError(f"only {len(values)} labels have samples; a {shape['topology']} needs four to be tested.")
    shapes = {x.shape for x in layers.values()}
    noise = {
        s: preprocess(np.random.default_rng(seed).standard_normal(s), options["preprocess"], samples["group"])
        for s in shapes
    }
    layers = {name: preprocess(x, options["preprocess"], samples["group"]) for name, x in layers.items()}
    rows = []
    if shape["topology"] == "circle":
        rows += _circle_rows(layers, classes, values, shape["period"], options, seed)
    if shape["topology"] == "line":
        rows += _line_rows(layers, classes, values, options, seed)
    rows += _variance_rows(layers, noise)
    return [{**row, "n": len(classes), "classes": len(values)} for row in rows]


def _variance_rows(layers, noise):
    expected = {shape: components_for(x) for shape, x in noise.items()}
    return [
        _row(name, "components_90", components_for(x), "low", null_mean=expected[x.shape], permuted="Gaussian noise")
        for name, x in layers.items()
    ]


def _circle_rows(layers, classes, values, period, options, seed):
    regular = np.allclose(np.diff(values), period / len(values))  # else turning the circle is no symmetry of it
    orders, exact = (cyclic_orders if regular else linear_orders)(len(values), options["permutations"], seed)
    angles = (2 * np.pi * values / period)[orders]
    folds = np.arange(len(values))

    def share(x):
        return first_harmonic_share(class_means(x, classes, len(values)), angles)

    def error(x):
        weights = held_out_weights(x, classes, folds, options["components"])
        return _in_blocks(lambda a: angular_error(weights, a, classes), angles, len(x))

    rows = _test_rows("first_harmonic_share", layers, share, "high", exact) if regular else []
    return rows + _test_rows("left_out_angle_error", layers, error, "low", exact)


def _line_rows(layers, classes, values, options, seed):
    orders, exact = linear_orders(len(values), options["permutations"], seed)
    folds = np.random.default_rng(seed).permutation(len(values)) % min(MAX_FOLDS, len(values))

    def r2(x):
        weights = held_out_weights(x, classes, folds, options["components"])
        return _in_blocks(lambda v: held_out_r2(weights, v, classes, folds), values[orders], len(x))

    return _test_rows("left_out_value_r2", layers, r2, "high", exact)


def _in_blocks(statistic, permuted, n):
    """`statistic` of the rows of `permuted` (B, p), a bounded number of rows at a time."""
    step = max(1, CHUNK // n)
    return np.concatenate([statistic(permuted[i : i + step]) for i in range(0, len(permuted), step)])


def _test_rows(measure, layers, statistic, better, exact):
    """Rows of a test; `statistic` maps vectors (N, D) to values (B,), the true order first.

    A layer whose vectors are all the same has no structure to test: its values are NaN and its p is 1.
    """
    found = {name: statistic(x) for name, x in layers.items() if np.ptp(x, 0).max() > 1e-6 * np.abs(x).max()}
    orders = max(map(len, found.values()), default=1)
    statistics = np.stack([found.get(name, np.full(orders, np.nan)) for name in layers])
    p, corrected = p_values(statistics if better == "high" else -statistics)
    null = statistics[:, 1:] if orders > 1 else statistics
    low, high = np.quantile(null, [0.025, 0.975], axis=1)
    return [
        _row(
            name, measure, statistics[i, 0], better, null_mean=null[i].mean(), null_low=low[i], null_high=high[i],
            p=p[i], p_corrected=corrected[i], orders=statistics.shape[1], exact=exact, permuted="order of the labels",
        )
        for i, name in enumerate(layers)
    ]  # fmt: skip


def _row(layer, measure, value, better, **rest):
    empty = dict.fromkeys(("null_mean", "null_low", "null_high", "p", "p_corrected"), np.nan)
    row = {"layer": layer, "measure": measure, "value": value, "better": better, **empty, "orders": 0, "exact": False}
    row |= {"permuted": "", **rest}
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in row.items()} | {
        k: float(row[k]) for k in ("value", *empty)
    }
