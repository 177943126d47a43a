"""How often 95 % intervals of measures, and of differences from untrained twins, hold what they should.

    python tests/benchmarks/coverage.py RESULTS.json [--measures left_out_rank ...] [--labels 7 12 30] [--noise 1 3]
                                        [--runs 300] [--seed 0]

A cell is a measure, a number of labels, a level of noise and what is drawn anew in each run: the contexts alone
("contexts": samples and templates of fixed label vectors), or the labels' own directions as well ("labels"). The
target is the mean of the measure over all runs of the cell: what the design gives on average, bias included. A line a
cell gives the share of runs whose interval holds it, with Wilson's interval (1927); the share of runs that have an
interval; its mean width; the mean standard error over the standard deviation of the values, both on the scale on which
the interval is symmetric; and of differences, the share of runs whose interval leaves out 0 (power). A set
of the difference has three twins: other label vectors, drawn anew in each run, with the shape at a third of its size.
"""

import argparse
import json
import os
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(Path(__file__).parent)]

from nulls import wilson
from orrery import intervals
from orrery.clouds import clouds_of
from orrery.measured import MEASURED
from orrery.nulls import Alone
from orrery.statistics import FUNCTIONS

D, OWN, TEMPLATE, OFFSET, TWINS = 48, 0.3, 1.0, 3.0, 3
OPTIONS = {"preprocess": ["l2"], "components": "all"}
DIFFERENCE = " less twins"


@dataclass(frozen=True)
class Population:
    """Measures that are taken of one kind of set.

    `declare(p)` returns the shape, with coordinates as an array (p, 2); `points(shape, p)` the labels (p, k).
    """

    measures: tuple
    declare: Callable
    points: Callable
    samples: int = 8
    least: int = 7  # labels


def _round(turns):
    return np.c_[np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)]


def _values(shape, p):
    return np.arange(p, dtype=float)[:, None]


POPULATIONS = (
    Population(("left_out_angle_error", "weakest_circle_axis_r2"), lambda p: {"topology": "circle", "period": p},
               lambda shape, p: _round(np.arange(p) / p)),
    Population(("left_out_rank", "left_out_value_r2"), lambda p: {"topology": "line"}, _values),
    Population(("modulo_kappa_10",), lambda p: {"topology": "helix", "numbers": True},
               lambda shape, p: np.c_[_round(np.arange(p) / 10), 2 * np.arange(p) / p], 4, 30),
    Population(("left_out_place_r2",),
               lambda p: {"topology": "plane", "coordinates": np.random.default_rng(p).uniform(-1, 1, (p, 2))},
               lambda shape, p: shape["coordinates"], 6),
    Population(("probe_accuracy", "silhouette"), lambda p: {"topology": "none"}, lambda shape, p: np.zeros((p, 1)), 20),
)  # fmt: skip
OF = {name: population for population in POPULATIONS for name in population.measures}


def label_vectors(points, shape, own, size=1.0):
    """Vectors (p, D): points (p, k) in random directions with a variance of size² a dimension, and own directions.

    `shape` and `own` are the generators of the two kinds of directions.
    """
    points = points - points.mean(0)
    points = points / max(np.sqrt((points**2).sum(1).mean()), 1e-300)
    directions = shape.standard_normal((points.shape[1], D))
    return size * points @ directions + OWN * own.standard_normal((len(points), D))


def cloud_of(vectors, shape, samples, noise, rng, seed):
    """The Cloud of label vectors (p, D) read from templates."""
    p = len(vectors)
    classes, groups = np.tile(np.arange(p), samples), np.repeat(np.arange(samples), p)
    x = OFFSET * np.random.default_rng(seed).standard_normal(D) + vectors[classes]
    x = x + TEMPLATE * rng.standard_normal((samples, D))[groups] + noise * rng.standard_normal((len(classes), D))
    labels = {
        key: {f"w{i}": list(spot) for i, spot in enumerate(shape[key])} for key in ("coordinates",) if key in shape
    }
    columns = {"label": [f"w{i}" for i in classes], "value": [float(i) for i in classes],
               "group": [f"t{i}" for i in groups], "document": [""] * len(classes)}  # fmt: skip
    return next(clouds_of("", {"00": x}, {}, columns, {**shape, **labels}, OPTIONS, seed))[1]


def measured(cloud, names):
    """Measure → (value, replicas or None), as `measures.measure` takes them."""
    replicas = intervals.replicates(cloud, names)
    return {name: (float(FUNCTIONS[name](cloud, Alone(cloud, 0, cloud.seed))[0]), replicas.get(name)) for name in names}


def one_run(population, p, noise, drawn, seed, run):
    """Measure → (value, low, high, standard error), of the differences too."""
    shape, names = population.declare(p), population.measures
    key = zlib.crc32(f"{names[0]}/{p}/{noise}/{drawn}".encode())
    fixed, rng = np.random.default_rng([seed, key]), np.random.default_rng([seed, key, 1, run])
    points = population.points(shape, p)
    vectors = label_vectors(points, fixed, fixed if drawn == "contexts" else rng)
    own = measured(cloud_of(vectors, shape, population.samples, noise, rng, seed), names)
    labels = [name for name in names if MEASURED[name].units == "labels"]
    twins = [
        measured(cloud_of(label_vectors(points, rng, rng, 1 / 3), shape, population.samples, noise, rng, seed), labels)
        for _ in range(TWINS if labels else 0)
    ]
    found = {}
    for name in names:
        value, replicas = own[name]
        found[name] = value, *_interval(value, replicas, MEASURED[name])
        if name in labels:
            apart = intervals.difference(own[name], [twin[name] for twin in twins], MEASURED[name])
            found[name + DIFFERENCE] = (
                *apart,
                (apart[2] - apart[1]) / 2 / intervals.quantile(len(replicas)) if replicas is not None else np.nan,
            )
    return found


def _interval(value, replicas, kind):
    """(low, high, standard error on the scale without ends)."""
    if replicas is None:
        return np.nan, np.nan, np.nan
    return *intervals.interval(value, replicas, kind), intervals.standard_error(
        intervals._stretch(replicas, kind.range)
    )


def cells_of(population, p, noise, drawn, runs, seed):
    """The cells of a population: one for each measure and difference."""
    start = time.process_time()
    played = [one_run(population, p, noise, drawn, seed, run) for run in range(runs)]
    cpu, cells = time.process_time() - start, []
    for name in played[0]:
        values = np.array([one[name] for one in played], dtype=float)
        cells.append({
            "measure": name, "labels": p, "noise": noise, "drawn": drawn, "runs": runs, "seed": seed, "seconds": cpu,
            **summary(values, _scale(name)),
        })  # fmt: skip
    return cells


def _scale(name):
    """The function to the scale on which the interval of a measure is symmetric."""
    if name.endswith(DIFFERENCE):
        return np.asarray
    return lambda values: intervals._stretch(values, MEASURED[name].range)


def summary(values, scale):
    """What a cell tells of values, lower and upper ends and standard errors (runs, 4)."""
    value, low, high, error = values.T
    target, there = np.nanmean(value), np.isfinite(low) & np.isfinite(high)
    count = max(there.sum(), 1)
    held = int(((low <= target) & (target <= high) & there).sum())
    spread = np.std(scale(value[there])) if there.any() else 0
    return {
        "target": float(target), "sd": float(np.nanstd(value)), "have": float(there.mean()), "coverage": held / count,
        "interval": wilson(held, count), "below": float((there & (high < target)).sum() / count),
        "width": float(np.mean((high - low)[there])) if there.any() else None,
        "without_0": float((there & ((low > 0) | (high < 0))).sum() / count),
        "error_ratio": float(np.sqrt(np.mean(error[there] ** 2)) / spread) if spread > 1e-9 else None,
    }  # fmt: skip


def line_of(cell):
    """A cell in one line."""
    head = f"{cell['measure']:<34} {cell['labels']:>3} labels, noise {cell['noise']:g}, {cell['drawn']:<8} anew: "
    if not cell["have"]:
        return f"{head}no interval (value {cell['target']:.3f}; {cell['runs']} runs)"
    low, high = cell["interval"]
    beyond = f", without 0 {cell['without_0']:.2f}" if cell["measure"].endswith(DIFFERENCE) else ""
    ratio = f"{cell['error_ratio']:.2f}" if cell["error_ratio"] else "-"
    return (
        f"{head}covers {cell['coverage']:.3f} [{low:.3f}, {high:.3f}], misses below {cell['below']:.3f}; has one "
        f"{cell['have']:.2f}; value {cell['target']:.3f} ± {cell['sd']:.3f}, width {cell['width']:.3f}, error / sd "
        f"{ratio}{beyond} ({cell['runs']} runs, {cell['seconds']:.0f} s){'  << below .90' if high < 0.9 else ''}"
    )


def main():
    """Play the cells that are asked for, print them, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--measures", nargs="+", default=list(OF), choices=OF, metavar="MEASURE")
    parser.add_argument("--labels", nargs="+", type=int, default=[7, 12, 30])
    parser.add_argument("--noise", nargs="+", type=float, default=[1.0, 3.0])
    parser.add_argument("--drawn", nargs="+", default=["contexts", "labels"], choices=["contexts", "labels"])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked, cells = parser.parse_args(), []
    for population in dict.fromkeys(OF[name] for name in asked.measures):
        for p, noise, drawn in ((p, n, d) for p in asked.labels for n in asked.noise for d in asked.drawn):
            if p < population.least:
                continue
            found = cells_of(population, p, noise, drawn, asked.runs, asked.seed)
            cells += found
            asked.results.write_text(json.dumps(cells, indent=1) + "\n")
            print(*map(line_of, found), sep="\n", flush=True)


if __name__ == "__main__":
    main()
