"""Adapters of the league's rivals, each run by the interpreter that the rival is installed in.

    python tests/benchmarks/league_rivals.py gamfit | smds

A worker reads requests from standard input, a JSON object a line, and answers each with a JSON object a line. A request
names an .npz file (vectors, classes, coordinates) and has the questions asked. This file imports nothing but NumPy and
the rival.
"""

import json
import os
import sys
import warnings

import numpy as np

RING = ("ChainShape", "CircularShape", "DiscreteCircularShape")
OPEN = ("EuclideanShape", "LogLinearShape", "SemicircularShape", "SpiralShape")
MAP = ("EuclideanShape", "GeodesicShape", "SphericalShape")


def gamfit_worker():
    """answer(set, request) by `gamfit.sae.adjudicate_atom_shape`, the race of four densities in a plane.

    The plane is that of gamfit's own recipe for cyclic concepts: the first two principal components of the label means,
    after template means are removed. A ring is `circle_wins`: circle and ring of clusters together have more held-out
    stacking weight than Gaussian and free mixture. Clusters are `winner_class` mixture. gamfit has no class for a line or
    a map. With `draws`, a ring also needs p ≤ .05 by `run_label_shuffle_margin_null`; a shuffle whose race is refused
    counts as no ring, which favours the finding.
    """
    from gamfit.sae import adjudicate_atom_shape, run_label_shuffle_margin_null

    def race(vectors, classes, seed):
        return adjudicate_atom_shape(_plane(vectors, classes), matched_controls=False)

    def shuffled(vectors, classes, seed):
        try:
            return race(vectors, classes, seed)
        except Exception:  # an expectation maximisation that did not converge
            return {"circular_margin": -1.0}

    def answer(x, request):
        found = race(x["vectors"], x["classes"], 0)
        called = {"ring": bool(found["circle_wins"]), "clusters": found["winner_class"] == "mixture"}
        if request["draws"] and called["ring"]:
            null = run_label_shuffle_margin_null(x["vectors"], x["classes"], shuffled, n_draws=request["draws"])
            called["ring"] = null.p_value <= 0.05
        return {"called": called, "detail": found["winner_class"]}

    return answer


def _plane(vectors, classes):
    """The samples (N, 2) in the plane of the label means' first two principal components."""
    means = np.stack([vectors[classes == c].mean(0) for c in np.unique(classes)])
    _, _, axes = np.linalg.svd(means - means.mean(0), full_matrices=False)
    return np.ascontiguousarray(vectors @ axes[:2].T)


def smds_worker():
    """answer(set, request) by `smds.pipeline.discovery_pipeline.discover_manifolds`, which ranks shapes.

    The ranking is by the scale-normalised stress of held-out samples, in five shuffled folds, as the tool sorts it. The
    tool ranks the shapes that accept labels of the given form. The first of those for scalar labels is its answer: a
    ring, clusters, or an open curve, which counts as a line. A map is asked with coordinates as labels, and the first of
    those shapes has to be a plane or a sphere (of a torus the torus). Families are asked with the tool's
    `HierarchicalShape`, which is in none of its default rankings, beside the shapes for scalar labels.
    """
    from smds.pipeline.discovery_pipeline import DEFAULT_SHAPES, discover_manifolds
    from smds.shapes.discrete_shapes import HierarchicalShape

    def rank(vectors, y, shapes, seed):
        table, _ = discover_manifolds(
            vectors, y, shapes=shapes, n_jobs=1, save_results=False, create_png_visualization=False, random_state=seed
        )
        return dict(zip(table["shape"], table["mean_scale_normalized_stress"]))

    def answer(x, request):
        shapes = [shape for shape in DEFAULT_SHAPES if request["chain"] or type(shape).__name__ != "ChainShape"]
        classes, seed, vectors = x["classes"], request["seed"], x["vectors"]
        scores = rank(vectors, classes.astype(float), shapes, seed)
        first = _first(scores)
        called = {"ring": first in RING, "line": first in OPEN, "clusters": first == "ClusterShape"}
        if "map" in request["questions"]:
            wanted = ("TorusShape",) if request["torus"] else MAP
            called["map"] = _first(rank(vectors, x["coordinates"][classes], shapes, seed)) in wanted
        if "families" in request["questions"]:
            levels = np.c_[x["parents"][classes], classes].astype(float)
            tree = rank(vectors, levels, [HierarchicalShape(level_distances=np.array([2.0, 1.0]))], seed)
            called["families"] = _first(scores | tree) == "HierarchicalShape"
        return {"called": called, "detail": first}

    return answer


def _first(scores):
    return max(scores, key=lambda name: np.nan_to_num(scores[name], nan=-np.inf))


WORKERS = {"gamfit": gamfit_worker, "smds": smds_worker}


def main(rival):
    """Answer requests until standard input ends; what the rival prints goes to standard error."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore")
    answer = WORKERS[rival]()
    print(json.dumps({"ready": rival}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            with np.load(request["path"]) as stored:
                reply = answer(dict(stored), request)
        except Exception as error:  # a refusal is an answer too
            reply = {"called": {}, "detail": f"{type(error).__name__}: {error}"[:60]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
