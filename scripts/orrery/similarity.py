"""Two activation sets of the same texts, joined: how alike each layer of one is to each of the other."""

from collections import Counter
from itertools import permutations
from math import factorial

import numpy as np
from scipy.sparse import csr_array

from orrery.errors import OrreryError
from orrery.geometry.classes import classes_of
from orrery.geometry.similarity import (
    calibrate,
    cka,
    component_scores,
    gram,
    half_means,
    joined_units,
    mutual_neighbours,
    neighbours,
    procrustes,
)
from orrery.preprocess import preprocess

ROWS = 400  # compared at the most
LABELS, SAMPLES = 5, 10  # compared at the least: five labels have 120 orders
ENUMERATE = 7  # 7! = 5,040 orders of labels
UNITS = {"template": ("group",), "document": ("group", "document", "text")}  # columns that tell what samples share
ARRAYS = ("rows", "permutations", "operators")  # of a view; the rest are facts
NEIGHBOURS = 10  # as Huh et al. (2024), or a quarter of the rows


def compare(layers, other_layers, samples, other_samples, source, options, seed):
    """Similarity of all pairs of layers of two models, or of a model with itself, on the samples that both have.

    Two questions are asked. `means`: are the labels arranged alike? Rows are the labels' means and the labels are
    permuted. The first model's means are taken from one half of the texts (whole documents, or templates of prompts)
    and the other model's from the other half (`geometry.similarity.half_means`), so that neither shared texts nor
    labels that both models tell apart count. A model compared with itself is compared across the halves: the diagonal
    shows how well a layer's arrangement is reproduced, and the matrix is not symmetric. In a vocabulary, each label is
    one token, and both models' vectors of it are compared. `samples`: is anything shared at all? Rows are samples,
    those of prompts without the mean of their template, and samples are permuted, those of prompts within their
    template. Any two models that see which label is written pass, untrained ones too.

    Parameters
    ----------
    layers, other_layers : iterable of (str, array (N, D))
        Name and vectors of each layer; the models may have other layers, samples and widths.
    samples, other_samples : dict of str → sequence of length N
        At least label, value, text, start, end, group, and document if it is known.
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
        and for means and samples how they were compared. Of means: n labels of the available ones; halves, whether the
        texts were halved; unit (document or template), units in all and per_label in each half; and the number of
        labels left_out. samples are missing where every label has one sample, or too few are shared.

    Raises
    ------
    OrreryError
        Fewer than five labels are in both sets, or have samples in both halves of the texts.
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
        "means": _means(classes, values, shared, source, options, seed),
        "samples": _samples(classes, shared, source, options, seed),
    }
    views = {name: view for name, view in views.items() if view}
    names, grams = [], []
    for some, rows in ((layers, mine), (other_layers, theirs)):
        prepared = [(name, _grams(x[rows], views, shared, options["preprocess"], len(names))) for name, x in some]
        names.append([name for name, _ in prepared])
        grams.append({way: np.stack([found[way] for _, found in prepared]) for way in views})
    arrays = {}
    for way, view in views.items():
        for measure, statistics in _statistics(grams[0][way], grams[1][way], view).items():
            arrays |= {f"{way}_{measure}_{field}": found for field, found in calibrate(statistics).items()}
    kept = views["means"]["rows"]
    facts = {way: {key: v for key, v in view.items() if key not in ARRAYS} for way, view in views.items()}
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


def _means(classes, values, shared, source, options, seed):
    """How labels are compared: at most 400 of them, drawn at random."""
    rng = np.random.default_rng(seed)
    labels, operators, halved = _operators(classes, shared, source, np.random.default_rng([seed, 1]))
    p = len(labels)
    if p < LABELS:
        raise OrreryError(_too_few(p, len(values), source))
    places = np.sort(rng.choice(p, ROWS, replace=False)) if p > ROWS else np.arange(p)
    n = len(places)
    if n <= ENUMERATE:
        orders = np.array(list(permutations(range(n))))
        assert len(orders) == factorial(n)
    else:
        orders = np.vstack([np.arange(n), rng.permuted(np.tile(np.arange(n), (options["permutations"], 1)), axis=1)])
    facts = {"n": n, "available": p, "permuted": "labels", "orders": len(orders), "exact": n <= ENUMERATE, **halved}
    operators = [operator[places] for operator in operators]
    return {"rows": labels[places], "operators": operators, "permutations": orders, **facts, **_sizes(n, options)}


def _operators(classes, shared, source, rng):
    """(labels, operators, facts): the labels and what takes their means for either model.

    A vocabulary has one sample a label, the same for both models: there is nothing to halve.
    """
    p = classes.max() + 1
    if source == "vocabulary":
        operator = csr_array((1 / np.bincount(classes)[classes], (classes, np.arange(len(classes)))))
        return np.arange(p), (operator, operator), {"halves": False}
    unit = "template" if source == "prompts" else "document"
    units = joined_units([shared[name] for name in UNITS[unit] if name in shared])
    labels, operators, counts = half_means(classes, units, rng)
    facts = {"halves": True, "unit": unit, "units": int(units.max()) + 1, "per_label": list(counts),
             "left_out": int(p) - len(labels)}  # fmt: skip
    return labels, operators, facts


def _too_few(kept, labels, source):
    """The sentence for too few labels with samples in both halves."""
    unit = "template" if source == "prompts" else "document"
    return (
        f"only {kept} of {labels} labels can be compared, and to compare their arrangement takes {LABELS}: one model's "
        f"means come from one half of the {unit}s and the other model's from the other half. Give each label samples "
        f"from several {unit}s; a {unit} that does not hold all labels counts for one label."
    )


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


def _grams(vectors, views, shared, steps, side):
    """The Gram matrix of a layer of the first or the second model (`side` 0 or 1) for each way to compare."""
    x, found = preprocess(vectors, steps, shared["group"]), {}
    found["means"] = gram(views["means"]["operators"][side] @ x)
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
