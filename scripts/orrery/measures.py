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
    orders, exact = cyclic_orders(len(values), options["permutations"], seed)
    angles = (2 * np.pi * values / period)[orders]
    rows = []
    if np.allclose(np.diff(values), period / len(values)):  # the share is defined for equally spaced classes
        share = [first_harmonic_share(class_means(x, classes, len(values)), angles) for x in layers.values()]
        rows = _test_rows("first_harmonic_share", layers, np.stack(share), "high", exact)
    folds = np.arange(len(values))
    error = []
    for x in layers.values():
        weights = held_out_weights(x, classes, folds, options["components"])
        error.append(_in_blocks(lambda a, w=weights: angular_error(w, a, classes), angles, len(x)))
    return rows + _test_rows("left_out_angle_error", layers, np.stack(error), "low", exact)


def _line_rows(layers, classes, values, options, seed):
    orders, exact = linear_orders(len(values), options["permutations"], seed)
    n_folds = min(MAX_FOLDS, len(values))
    folds = np.random.default_rng(seed).permutation(len(values)) % n_folds
    r2 = []
    for x in layers.values():
        weights = held_out_weights(x, classes, folds, options["components"])
        r2.append(_in_blocks(lambda v, w=weights: held_out_r2(w, v, classes, folds), values[orders], len(x)))
    return _test_rows("left_out_value_r2", layers, np.stack(r2), "high", exact)


def _in_blocks(statistic, permuted, n):
    """`statistic` of the rows of `permuted` (B, p), a bounded number of rows at a time."""
    step = max(1, CHUNK // n)
    return np.concatenate([statistic(permuted[i : i + step]) for i in range(0, len(permuted), step)])


def _test_rows(measure, layers, statistics, better, exact):
    p, corrected = p_values(statistics if better == "high" else -statistics)
    null = statistics[:, 1:]
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
