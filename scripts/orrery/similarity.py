"""Two activation sets of the same texts, joined: how alike each layer of one is to each of the other."""

from collections import Counter
from itertools import permutations
from math import factorial

import numpy as np

from orrery.errors import OrreryError
from orrery.geometry.classes import classes_of
from orrery.geometry.similarity import calibrate, cka, component_scores, gram, mutual_neighbours, neighbours, procrustes
from orrery.preprocess import preprocess

ROWS = 400  # compared at the most
LABELS, SAMPLES = 5, 10  # compared at the least: five labels have 120 orders
ENUMERATE = 7  # 7! = 5,040 orders of labels
NEIGHBOURS = 10  # as Huh et al. (2024), or a quarter of the rows


def compare(layers, other_layers, samples, other_samples, source, options, seed):
    """Similarity of all pairs of layers of two models, or of a model with itself, on the samples that both have.

    Two questions are asked. `means`: are the labels arranged alike? Rows are the labels' means and the labels are
    permuted, so what does not depend on which label is which counts for nothing: that both models tell the labels
    apart, or know the template. `samples`: is anything shared at all? Rows are samples, those of prompts without the
    mean of their template, and samples are permuted, those of prompts within their template. That both models see
    which label is written is enough for a yes, untrained ones too.

    Parameters
    ----------
    layers, other_layers : iterable of (str, array (N, D))
        Name and vectors of each layer; the models may have other layers, samples and widths.
    samples, other_samples : dict of str → sequence of length N
        At least label, value, text, start, end, group.
    source : str
        prompts, vocabulary, or a corpus.
    options : dict
        preprocess, components, permutations.
    seed : int

    Returns
    -------
    (arrays, rows, facts) : dict, dict, dict
        Arrays (L, M) named `{rows}_{measure}_{field}`, as means_cka_calibrated, with the fields of
        `geometry.similarity.calibrate`; label and value of the rows of means; layers, other_layers, matched (samples),
        and for means and samples how they were compared. samples are left out where a label has one sample, or too few
        are shared.

    Raises
    ------
    OrreryError
        Fewer than five labels are in both sets.
    """
    mine, theirs = matched(samples, other_samples, source)
    shared = {name: [values[i] for i in mine] for name, values in samples.items()}
    labels, values, classes = classes_of(shared) if len(mine) else ([], np.zeros(0), np.zeros(0, int))
    if len(labels) < LABELS:
        raise OrreryError(
            f"only {len(labels)} labels are in both sets, and to compare their arrangement takes {LABELS}; choose a "
            "set of which both models have more (random tokens are others in each vocabulary)."
        )
    views = {
        "means": _means(classes, values, options, seed),
        "samples": _samples(classes, shared, source, options, seed),
    }
    views = {name: view for name, view in views.items() if view}
    names, grams = [], []
    for some, rows in ((layers, mine), (other_layers, theirs)):
        prepared = [(name, _grams(x[rows], views, shared, options["preprocess"])) for name, x in some]
        names.append([name for name, _ in prepared])
        grams.append({way: np.stack([found[way] for _, found in prepared]) for way in views})
    arrays = {}
    for way, view in views.items():
        for measure, statistics in _statistics(grams[0][way], grams[1][way], view).items():
            arrays |= {f"{way}_{measure}_{field}": found for field, found in calibrate(statistics).items()}
    kept = views["means"]["rows"]
    facts = {way: {key: v for key, v in view.items() if not isinstance(v, np.ndarray)} for way, view in views.items()}
    facts |= {"layers": names[0], "other_layers": names[1], "matched": len(mine), "seed": seed}
    return arrays, {"label": [labels[i] for i in kept], "value": values[kept]}, facts


def matched(samples, other_samples, source):
    """Rows (n,) of each of two sets in which they have the same sample.

    A sample is its label, its text up to the end of the occurrence (what follows is kept for encoders alone) and where
    that begins; in a vocabulary its label alone. What stands twice in both is taken in its order.
    """
    places = [_places(s, source == "vocabulary") for s in (samples, other_samples)]
    common = [key for key in places[0] if key in places[1]]
    return tuple(np.array([place[key] for key in common], dtype=int) for place in places)


def _places(samples, label_alone):
    found, seen = {}, Counter()
    for i, label in enumerate(samples["label"]):
        end = int(samples["end"][i])
        key = (label,) if label_alone else (label, samples["text"][i][:end], int(samples["start"][i]))
        found[*key, seen[key]] = i
        seen[key] += 1
    return found


def _means(classes, values, options, seed):
    """How labels are compared: at most 400 of them, drawn at random."""
    rng = np.random.default_rng(seed)
    p = len(values)
    rows = np.sort(rng.choice(p, ROWS, replace=False)) if p > ROWS else np.arange(p)
    n = len(rows)
    if n <= ENUMERATE:
        orders = np.array(list(permutations(range(n))))
        assert len(orders) == factorial(n)
    else:
        orders = np.vstack([np.arange(n), rng.permuted(np.tile(np.arange(n), (options["permutations"], 1)), axis=1)])
    facts = {"n": n, "available": p, "permuted": "labels", "orders": len(orders), "exact": n <= ENUMERATE}
    return {"rows": rows, "of": classes, "permutations": orders, **facts, **_sizes(n, options)}


def _samples(classes, shared, source, options, seed):
    """How samples are compared: at most 400 of them, as many of each label; None where they cannot be."""
    if len(classes) < SAMPLES or np.bincount(classes).max() < 2:
        return None
    rng = np.random.default_rng(seed)
    quota = max(1, ROWS // (classes.max() + 1)) if len(classes) > ROWS else len(classes)
    shuffled = rng.permutation(len(classes))
    rank = np.empty(len(classes), int)
    for c in range(classes.max() + 1):
        own = shuffled[classes[shuffled] == c]
        rank[own] = np.arange(len(own))
    rows = np.flatnonzero(rank < quota) if classes.max() < ROWS else np.sort(shuffled[:ROWS])
    prompts = source == "prompts"
    groups = (
        np.unique(np.asarray(shared["group"])[rows], return_inverse=True)[1] if prompts else np.zeros(len(rows), int)
    )
    orders = np.tile(np.arange(len(rows)), (1 + options["permutations"], 1))
    for g in range(groups.max() + 1):
        own = np.flatnonzero(groups == g)
        orders[1:, own] = rng.permuted(orders[1:, own], axis=1)
    facts = {"n": len(rows), "available": len(classes), "orders": len(orders), "exact": False}
    facts["permuted"] = "samples within their template" if prompts else "samples"
    return {"rows": rows, "permutations": orders, "centred": prompts, **facts, **_sizes(len(rows), options)}


def _sizes(n, options):
    k = min(NEIGHBOURS, max(2, n // 4))
    return {"neighbours": k, "components": min(options["components"], max(2, (n - 1) // 2))}


def _grams(vectors, views, shared, steps):
    """The Gram matrix of a layer for each way to compare."""
    x, found = preprocess(vectors, steps, shared["group"]), {}
    means = views["means"]
    onehot = np.zeros((means["available"], len(x)))
    onehot[means["of"], np.arange(len(x))] = 1
    found["means"] = gram((onehot @ x / onehot.sum(1, keepdims=True))[means["rows"]])
    if "samples" in views:
        centred = preprocess(x, ["group-center"], shared["group"]) if views["samples"]["centred"] else x
        found["samples"] = gram(centred[views["samples"]["rows"]])
    return found


def _statistics(a, b, view):
    """measure → array (B, L, M)."""
    orders, k, components = view["permutations"], view["neighbours"], view["components"]
    near, scores = ([np.stack([made(g, size) for g in grams]) for grams in (a, b)]
                    for made, size in ((neighbours, k), (component_scores, components)))  # fmt: skip
    return {
        "cka": cka(a, b, orders),
        "mutual_knn": mutual_neighbours(*near, orders),
        "procrustes": procrustes(*scores, orders),
    }
