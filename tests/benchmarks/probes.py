"""Held-out class weights against scikit-learn's PCA and least squares a fold: `python tests/benchmarks/probes.py`."""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from orrery.geometry.probes import held_out_weights

SIZES = [(224, 7, 7), (700, 12, 12), (3000, 100, 20)]  # samples, classes, folds
DIMENSIONS, COMPONENTS, ROUNDS = 576, 10, 5


def by_sklearn(vectors, classes, folds, components):
    """What the weights are, fold by fold: predictions of the classes one-hot."""
    onehot, weights = np.eye(len(folds))[classes], np.empty((len(vectors), len(folds)))
    for fold in np.unique(folds):
        test = folds[classes] == fold
        model = make_pipeline(PCA(components, svd_solver="full"), LinearRegression())
        weights[test] = model.fit(vectors[~test], onehot[~test]).predict(vectors[test])
    return weights


def seconds(function, *inputs):
    began = time.perf_counter()
    function(*inputs)
    return time.perf_counter() - began


def main():
    rng = np.random.default_rng(0)
    print("| samples | classes | folds | ms | scikit-learn takes × |\n|---|---|---|---|---|")
    for n, p, n_folds in SIZES:
        vectors = rng.standard_normal((n, DIMENSIONS)) * np.arange(1, DIMENSIONS + 1) ** -0.5
        inputs = vectors, np.arange(n) % p, np.arange(p) % n_folds, COMPONENTS
        times = [(seconds(held_out_weights, *inputs), seconds(by_sklearn, *inputs)) for _ in range(ROUNDS)]
        ratio = statistics.median(theirs / ours for ours, theirs in times)
        print(f"| {n} | {p} | {n_folds} | {1000 * statistics.median(ours for ours, _ in times):.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
