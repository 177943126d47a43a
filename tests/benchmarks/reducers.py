"""How long t-SNE and the neighbours of many points take, beside scikit-learn; run by hand, prints a table of ratios.

    python tests/benchmarks/reducers.py [--points 20000] [--dimensions 576] [--iterations 1000]

Both t-SNE get the same vectors, perplexity, iterations, start and one thread, in one run of one process.
"""

import argparse
import os
import resource
import sys
from pathlib import Path
from time import perf_counter

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as a job has it
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import numpy as np
from orrery.geometry.faithfulness import faithfulness
from orrery.methods.embeddings import tsne
from orrery.neighbours import nearest


def clusters(points, dimensions):
    """Fifty clusters with tails and a decaying spectrum, a little like activations: float32 (N, D)."""
    rng = np.random.default_rng(0)
    centres = 2 * rng.standard_normal((50, dimensions))
    cloud = rng.standard_normal((points, dimensions)) + centres[rng.integers(0, 50, points)]
    return (cloud / np.sqrt(1 + np.arange(dimensions))).astype(np.float32)


def timed(name, function):
    start = perf_counter()
    result = function()
    print(f"{name:44} {perf_counter() - start:7.1f} s", flush=True)
    return perf_counter() - start, result


def main():
    from sklearn.manifold import TSNE
    from sklearn.neighbors import NearestNeighbors

    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("points", 20_000), ("dimensions", 576), ("iterations", 1000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    x = clusters(args.points, args.dimensions)
    spec = {"method": "tsne", "components": 2, "perplexity": 30, "iterations": args.iterations, "init": "pca",
            "learning_rate": "auto", "early_exaggeration": 12, "metric": "euclidean"}  # fmt: skip
    print(f"{args.points} points, {args.dimensions} dimensions, {args.iterations} iterations, one thread")
    found, graph = timed("90 neighbours, orrery.neighbours", lambda: nearest(x, 90))
    peer = NearestNeighbors(n_neighbors=90, algorithm="brute")
    theirs, _ = timed("90 neighbours, scikit-learn", lambda: peer.fit(x).kneighbors())
    print(f"ratio {theirs / found:.2f}")
    ours, (arrays, facts) = timed("t-SNE, openTSNE, neighbours given", lambda: tsne(x, spec, seed=0, graph=graph))
    model = TSNE(2, perplexity=30, max_iter=args.iterations, init="pca", random_state=0, n_jobs=1)
    theirs, points = timed("t-SNE, scikit-learn, neighbours included", lambda: model.fit_transform(x))
    print(
        f"ratio {theirs / (found + ours):.2f} with the neighbours; KL {facts['kl_divergence']:.3f} and {model.kl_divergence_:.3f}"
    )
    _, scores = timed("trustworthiness and continuity", lambda: faithfulness(x, arrays["coordinates"], graph=graph))
    other = faithfulness(x, points, graph=graph)
    print(f"trustworthiness {scores['trustworthiness']:.4f} and {other['trustworthiness']:.4f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
