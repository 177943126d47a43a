"""What the columns of one layer, its components or its dimensions, say of the values of a set."""

import json

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.classes import classes_of
from orrery.geometry.information import mutual_information
from orrery.geometry.sequences import LARGEST, number_properties, property_correlations, residuals
from orrery.geometry.spectrum import amplitudes, consecutive_distances, cosines, mean_power, unevenness

CORRELATED = 20  # columns
PAIRS = 50
COMPARED = 1500  # values, above which a matrix of them is not drawn
LABEL_BYTES = 60_000  # HDF5 takes attributes up to 64 kB


def analyse(columns, samples, seed, permutations=1000, ordered=True, information=False):
    """Correlations of columns with each other and with properties of numbers, means per value, and spectra over values.

    Parameters
    ----------
    columns : array (N, C)
    samples : dict of str → sequence of length N
        At least label and value.
    seed : int
    permutations : int
        Of the values, for the correlations with properties of numbers.
    ordered : bool
        The first columns are those to correlate with each other, as of components; else those of largest variance.
    information : bool
        Also the mutual information of columns and properties, of the columns with the largest correlations.

    Returns
    -------
    (arrays, facts) : dicts
        c = min(C, 20); V distinct values, in rising order.

        correlations (c, c), correlation_columns (c,) : Pearson over samples; column numbers count from 1
        pair_first, pair_second, pair_r (≤ 50,) : pairs of those columns, the largest |r| first
        values, counts (V,), by_value (V, C) : mean of the columns for each value
        class_cosines, class_cosines_centred (L, L) : of the means of the L ≤ 1500 labels, in the order of their values
        and of their first samples, as they are and less their mean
        frequencies, fourier_mean (F,), fourier (C, F), steps, step_values (V - 1,) : see `geometry.spectrum`; where
        values are evenly spaced and at least eight, else the fact `uneven` says why not
        property_r, property_p, property_partial_r, property_partial_p (C, S) : see `geometry.sequences`; where they are
        moreover integers from 0 to 1,000,000, else the fact `no_properties` says why not
        property_information (C, S) : in nats, see `geometry.information`; where it is asked for

        Of the facts, `labels` (V,) has the first label of each value, unless they are too many for an attribute, and
        `properties` (S,) a dict with name, kind and sequence.

    Raises
    ------
    OrreryError
        Fewer than three samples, no permutation, numbers that are not finite, or samples without a value.
    """
    values = np.asarray(samples["value"], dtype=float)
    _check(columns, values, permutations)
    arrays = _correlations(columns, ordered)
    values, first, classes, counts = np.unique(values, return_index=True, return_inverse=True, return_counts=True)
    means = _means(columns, classes, counts)
    labels = [samples["label"][i] for i in first]
    facts = {"permutations": permutations}
    if len(json.dumps(labels, ensure_ascii=False).encode()) < LABEL_BYTES:
        facts["labels"] = labels
    arrays |= {"values": values, "counts": counts, "by_value": means.astype(np.float32)}
    arrays |= _cosines_of_classes(columns, samples)
    if uneven := unevenness(values):
        return arrays, facts | {"uneven": uneven, "no_properties": uneven}
    arrays |= _signals(values, means)
    if reason := _unlike_numbers(values):
        return arrays, facts | {"no_properties": reason}
    properties, table = number_properties(values)
    arrays |= property_correlations(_without_dust(means), properties, table, permutations, seed)
    if information:
        arrays["property_information"] = mutual_information(_without_dust(means), table, seed)
    return arrays, facts | {"properties": properties}


def _check(columns, values, permutations):
    if columns.ndim != 2 or len(columns) != len(values):
        raise OrreryError(
            f"analyse: columns of shape {columns.shape} need a value for each row; {len(values)} were given."
        )
    if len(columns) < 3 or not columns.shape[1]:
        raise OrreryError(f"analyse: {len(columns)} samples are too few to correlate; choose a set with three or more.")
    if permutations < 1:
        raise OrreryError(f"analyse: {permutations} permutations give no p value; write 1 or more.")
    if not np.isfinite(columns).all():
        raise OrreryError("analyse: the vectors hold numbers that are not finite; read the model with dtype: float32.")
    if not np.isfinite(values).all():
        missing = np.count_nonzero(~np.isfinite(values))
        raise OrreryError(f"analyse: {missing} samples have no value; give the concept `values`, one for each label.")


def _correlations(columns, ordered):
    """Correlations of the chosen columns, and their pairs."""
    c = min(columns.shape[1], CORRELATED)
    chosen = np.arange(c) if ordered else np.argsort(-columns.var(0, dtype=np.float64), kind="stable")[:c]
    unit = residuals(_without_dust(columns[:, chosen].astype(np.float64)))
    r = unit.T @ unit
    np.fill_diagonal(r, 1)
    r[~unit.any(0)] = r[:, ~unit.any(0)] = np.nan
    i, j = np.triu_indices(c, 1)
    pairs = np.argsort(-np.abs(r[i, j]), kind="stable")[: min(PAIRS, np.count_nonzero(~np.isnan(r[i, j])))]
    i, j = i[pairs], j[pairs]
    names = {"correlation_columns": chosen + 1, "pair_first": chosen[i] + 1, "pair_second": chosen[j] + 1}
    return {"correlations": r, **names, "pair_r": r[i, j]}


def _cosines_of_classes(columns, samples):
    labels, _, classes = classes_of(samples)
    if len(labels) > COMPARED:
        return {}
    means = _means(columns, classes, np.bincount(classes))
    return {"class_cosines": cosines(means).astype(np.float32),
            "class_cosines_centred": cosines(means - means.mean(0)).astype(np.float32)}  # fmt: skip


def _without_dust(columns):
    """Columns (n, C) with zeros for those that are round-off beside the others, as components beyond the rank are."""
    spread = columns.std(0)
    return np.where(spread > 1e-9 * spread.max(), columns, 0)


def _means(columns, classes, counts):
    """Mean of the rows of each class: array (V, C) float64."""
    rows = columns[np.argsort(classes, kind="stable")]
    return np.add.reduceat(rows, np.cumsum(counts) - counts, dtype=np.float64) / counts[:, None]


def _signals(values, means):
    frequencies, fourier = amplitudes(means, values[1] - values[0])
    return {
        "frequencies": frequencies,
        "fourier": fourier.astype(np.float32),
        "fourier_mean": mean_power(fourier, len(values)),
        "steps": consecutive_distances(means),
        "step_values": values[1:],
    }


def _unlike_numbers(values):
    """Why values have no properties of numbers, as a phrase, or None."""
    if (values != np.round(values)).any():
        return "the values are not integers"
    if values[0] < 0:
        return "there are values below 0"
    return f"there are values above {LARGEST:,}" if values[-1] > LARGEST else None
