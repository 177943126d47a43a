"""How often each structure is found where there is none, and where one is planted.

    python tests/benchmarks/nulls.py RESULTS.json [--designs circle-7 tree-24 ...] [--kinds gaussian ...] [--runs 1000]
                                     [--permutations 199] [--seed 0] [--preprocess l2] [--components all] [--no-power]

Each run draws one set of a design (labels and what is declared of them) and a kind (what the vectors have), measures it
with `orrery.measures.measure` and takes the verdicts of `orrery.headline.summarise`, as a run of the workflow does. A
cell is a design, a kind and a structure. A line a cell gives the share of runs in which the structure is "found" (q ≤
.05 over the claims of the set) with Wilson's interval (1927), the share in which p_decided ≤ .05, and the other
verdicts. Cells in which the structure is there by construction are marked "there": their rate is power. RESULTS.json
is written after each design and kind; those that it already has with as many runs are not run again.
"""

import argparse
import json
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from orrery.geometry import places
from orrery.headline import summarise
from orrery.measures import measure

D, LAYERS = 48, 2
OWN, TEMPLATE, OFFSET, WEAK = 0.5, 1.0, 3.0, 0.35  # standard deviations a dimension, in units of the noise


@dataclass(frozen=True)
class Design:
    """Labels and what is declared of them.

    `declare(rng)` returns the topology and the rest of the shape, with arrays (p, …) for what is given by label.
    """

    labels: int
    samples: int
    structures: tuple
    declare: Callable
    most: int = 40  # samples of the most frequent label where counts differ


@dataclass(frozen=True)
class Vectors:
    """What a kind makes: label vectors (p, D), and the size of what stands beside them."""

    own: np.ndarray
    template: float = TEMPLATE
    noise: Callable = lambda rng, n: rng.standard_normal((n, D))
    scatter: np.ndarray | float = 1.0  # of each label (p,)
    counts: np.ndarray | None = None  # samples of each label (p,), each its own document
    documents: float = 0.0  # size of what a document adds, where documents hold neighbouring labels
    of_template: np.ndarray | float = 1.0  # factor of each template (S,) on all that its samples hold
    offset: float = OFFSET


# ---------------------------------------------------------------------------------------------------------- designs


def _circle(p):
    return lambda rng: {"topology": "circle", "period": p}


def _line(**more):
    return lambda rng: {"topology": "line", **more}


def _plane(p):
    return lambda rng: {"topology": "plane", "coordinates": rng.uniform(-1, 1, (p, 2))}


def _sphere(p):
    return lambda rng: {
        "topology": "sphere",
        "coordinates": np.c_[np.degrees(np.arcsin(rng.uniform(-0.9, 0.9, p))), rng.uniform(-180, 180, p)],
    }


def _product(a, b, periods):
    spots = np.array([(i, j) for i in range(a) for j in range(b)], dtype=float)
    more = {"topology": "torus", "periods": [float(a), float(b)]} if periods else {"topology": "grid"}
    return lambda rng: {**more, "coordinates": spots}


def _tree(*sizes):
    return lambda rng: {"topology": "tree", "parents": np.repeat(np.arange(len(sizes)), sizes)}


RINGS, LINE = ("ring", "cyclic order"), ("order", "arch")
NUMBERS = ("order", "helix", "period 10", "parity")
DESIGNS = {
    "circle-7": Design(7, 8, RINGS, _circle(7)),
    "circle-12": Design(12, 8, RINGS, _circle(12)),
    "line-12": Design(12, 8, LINE, _line()),
    "line-24": Design(24, 6, LINE, _line(), 30),
    "numbers": Design(100, 2, NUMBERS, lambda rng: {"topology": "helix", "numbers": True}, 8),
    "plane-24": Design(24, 5, ("places",), _plane(24), 30),
    "plane-40": Design(40, 4, ("places",), _plane(40), 20),
    "sphere-30": Design(30, 5, ("places",), _sphere(30), 30),
    "torus": Design(42, 4, ("places",), _product(7, 6, True), 20),
    "grid": Design(36, 4, ("places",), _product(6, 6, False), 20),
    "tree-12": Design(12, 8, ("families",), _tree(4, 4, 4)),
    "tree-24": Design(24, 6, ("families",), _tree(12, 6, 3, 3), 30),
    "tree-36": Design(36, 4, ("families",), _tree(*[6] * 6), 20),
    "labels-8": Design(8, 12, ("clusters",), lambda rng: {"topology": "none"}),
}
MAPS, PRODUCTS = ("plane-24", "plane-40", "sphere-30"), ("torus", "grid")
TREES = ("tree-12", "tree-24", "tree-36")


def _positions(shape, p):
    """Where labels stand along what is declared of them: (p,) from 0 to 1."""
    along = shape["coordinates"][:, 0] if "coordinates" in shape else shape.get("parents", np.arange(p))
    along = np.asarray(along, dtype=float)
    return (along - along.min()) / max(np.ptp(along), 1e-12)


def _neighbours(shape, p):
    """Labels (p, 3) that a document about each label mentions: itself and two neighbours by what is declared."""
    if "parents" in shape:
        apart = (shape["parents"][:, None] != shape["parents"]).astype(float)
    elif "coordinates" in shape:
        apart = places.distances(shape["coordinates"], shape["topology"], shape.get("periods"))
    else:
        after = (np.arange(p) - np.arange(p)[:, None]) % p
        apart = (
            np.where(after == 0, 0, after)
            if shape["topology"] == "circle"
            else np.abs(np.subtract.outer(*[range(p)] * 2))
        )
    apart = apart.astype(float) + 1e-6 * ((np.arange(p) - np.arange(p)[:, None]) % p)
    return np.argsort(apart, axis=1)[:, :3]


# ------------------------------------------------------------------------------------------- kinds without structure


def _own(rng, p, size=OWN):
    return size * rng.standard_normal((p, D))


def _along(shape, p, low, high):
    return low * (high / low) ** _positions(shape, p)


def _spectrum(rng, p):
    """Label vectors and noise with eigenvalues that fall as 1/k², far from the origin."""
    scale = 1 / np.arange(1, D + 1)
    scale = scale / np.sqrt((scale**2).mean())
    return Vectors(
        OWN * scale * rng.standard_normal((p, D)), noise=lambda r, n: scale * r.standard_normal((n, D)), offset=10
    )


def _massive(rng, p):
    scale = np.where(np.arange(D) < 3, 50.0, 1.0)
    return Vectors(OWN * scale * rng.standard_normal((p, D)), noise=lambda r, n: scale * r.standard_normal((n, D)))


def _tails(rng, p):
    return Vectors(OWN * rng.standard_t(1.5, (p, D)), noise=lambda r, n: r.standard_t(1.5, (n, D)))


def _counts(shape, p, most):
    return np.round(
        np.geomspace(most, max(1, most / 10), p)[np.argsort(np.argsort(_positions(shape, p), kind="stable"))]
    ).astype(int)


def _walk(rng, p):
    own = np.cumsum(rng.standard_normal((p, D)), axis=0)
    return own / own.std(0).mean()


ANY = {  # kind → vectors of (design, shape, rng): nothing in them follows what is declared, unless said below
    "gaussian": lambda d, s, rng: Vectors(np.zeros((d.labels, D))),
    "own directions": lambda d, s, rng: Vectors(_own(rng, d.labels)),
    "clear own directions": lambda d, s, rng: Vectors(_own(rng, d.labels, 2.0)),
    "spectrum": lambda d, s, rng: _spectrum(rng, d.labels),
    "templates": lambda d, s, rng: Vectors(_own(rng, d.labels), template=3.0),
    "unequal templates": lambda d, s, rng: Vectors(
        _own(rng, d.labels), template=3.0, of_template=np.exp(rng.standard_normal(d.samples))
    ),
    "documents": lambda d, s, rng: Vectors(_own(rng, d.labels), documents=3.0),
    "documents only": lambda d, s, rng: Vectors(np.zeros((d.labels, D)), documents=3.0),
    "counts": lambda d, s, rng: Vectors(_own(rng, d.labels), counts=_counts(s, d.labels, d.most)),
    "counts only": lambda d, s, rng: Vectors(np.zeros((d.labels, D)), counts=_counts(s, d.labels, d.most)),
    "tails": lambda d, s, rng: _tails(rng, d.labels),
    "massive": lambda d, s, rng: _massive(rng, d.labels),
    "scatter": lambda d, s, rng: Vectors(_own(rng, d.labels), scatter=_along(s, d.labels, 0.5, 2)),
    "unequal lengths": lambda d, s, rng: Vectors(_own(rng, d.labels) * np.exp(rng.standard_normal((d.labels, 1)))),
    "lengths along": lambda d, s, rng: Vectors(_own(rng, d.labels) * _along(s, d.labels, 0.5, 2)[:, None]),
    "walk": lambda d, s, rng: Vectors(_walk(rng, d.labels)),
}  # fmt: skip
LABELLED = tuple(kind for kind in ANY if kind not in ("gaussian", "documents only", "counts only"))  # labels differ


# ------------------------------------------------------------------------------------------------- kinds with a part


def _columns(points, rng, size=1.0):
    """Points (p, k) in random directions, with a variance a dimension of size², and own directions of .3²."""
    points = points - points.mean(0)
    points = points / np.sqrt((points**2).sum(1).mean())
    return size * points @ rng.standard_normal((points.shape[1], D)) + _own(rng, len(points), 0.3)


def _round(turns):
    return np.c_[np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)]


def _shape_of(points, size=1.0):
    """vectors of points(shape, p, rng) → (p, k)."""
    return lambda d, s, rng: Vectors(_columns(points(s, d.labels, rng), rng, size))


def _plus_line(*others):
    def points(shape, p, rng):
        i = np.arange(p)
        parts = [((i - i.mean()) / i.std())[:, None], *(np.asarray(other(i), dtype=float) for other in others)]
        return np.hstack([(x - x.mean(0)) / np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean()) for x in map(_column, parts)])

    return points


def _column(x):
    return x[:, None] if x.ndim == 1 else x


def _levels(shape, i, how):
    """One factor of a product as a circle or line, or as categories."""
    level = shape["coordinates"][:, i].astype(int)
    if how == "categories":
        return np.eye(level.max() + 1)[level]
    return _round(level / (level.max() + 1)) if shape["topology"] == "torus" else level[:, None].astype(float)


def _factors(*how):
    def points(shape, p, rng):
        parts = [_levels(shape, i, one) for i, one in enumerate(how) if one]
        return np.hstack([(x - x.mean(0)) / np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean()) for x in parts])

    return points


def _regions(given=False, voronoi=False):
    """A direction a region, in places that lie in heaps, or in the cells of random points on the map."""

    def made(d, shape, rng):
        p, k = d.labels, max(4, d.labels // 6)
        flat = shape["topology"] == "plane"
        spots = shape["coordinates"]
        if voronoi:
            centres = spots[rng.choice(p, k, replace=False)]
            apart = places.distances(np.r_[spots, centres], shape["topology"])[:p, p:]
            region = np.unique(apart.argmin(1), return_inverse=True)[1]
        else:
            region = rng.permutation(np.arange(p) % k)
            heaps = rng.uniform(-3, 3, (k, 2)) if flat else np.c_[rng.uniform(-60, 60, k), rng.uniform(-180, 180, k)]
            spread = 0.5 if flat else 10.0
            shape["coordinates"] = heaps[region] + spread * rng.standard_normal((p, 2))
        if given:
            shape["regions"] = region
        return Vectors(_columns(np.eye(region.max() + 1)[region], rng))

    return made


def _families(share):
    """A share of the variance of label vectors is between parents."""

    def made(d, shape, rng):
        between = rng.standard_normal((shape["parents"].max() + 1, D))[shape["parents"]]
        return Vectors(np.sqrt(share) * between + np.sqrt(1 - share) * rng.standard_normal((d.labels, D)))

    return made


def _lengths_of_parents(wide):
    """No difference of centres; one parent's labels are four times as far from it as the others'."""

    def made(d, shape, rng):
        of = wide(shape["parents"])
        return Vectors(_own(rng, d.labels) * np.where(of, 4.0, 1.0)[:, None])

    return made


CIRCLES, LINES, NUMBERED = ("circle-7", "circle-12"), ("line-12", "line-24"), ("numbers",)


def _along_the_order(points):
    """points(n, p) of the labels' places n (p,) in their order → points(shape, p, rng)."""
    return lambda shape, p, rng: _column(np.asarray(points(np.arange(p), p), dtype=float))


_CIRCLE, _LINE = _along_the_order(lambda n, p: _round(n / p)), _along_the_order(lambda n, p: n)
_ARCH = _along_the_order(lambda n, p: _round(n / (2 * (p - 1))))
_TWO_HALVES = _along_the_order(lambda n, p: n >= p / 2)
_EIGHT = _along_the_order(lambda n, p: np.c_[np.sin(2 * np.pi * n / p), np.sin(4 * np.pi * n / p)])
_COUNT = _along_the_order(lambda n, p: np.eye(3)[np.searchsorted([10, 100], n, "right")])
_TEN = _along_the_order(lambda n, p: _round(n / 10))
_HELIX, _PARITY = _plus_line(lambda n: _round(n / 10)), _plus_line(lambda n: n % 2)
_BOTH = _factors("ordered", "ordered")


def _map_of(shape, p, rng):
    return places.embedded(shape["coordinates"], shape["topology"])


PARTS = {  # kind → (designs, structures that are there, those that have no right answer, vectors)
    "line": (CIRCLES, (), (), _shape_of(_LINE)),
    "folded line": (CIRCLES, (), (), _shape_of(_along_the_order(lambda n, p: np.abs(n - p / 2)))),
    "two halves": (CIRCLES, (), (), _shape_of(_TWO_HALVES)),
    "figure eight": (CIRCLES, (), (), _shape_of(_EIGHT)),
    "half circle": (CIRCLES, (), (), _shape_of(_ARCH)),
    "planted circle": (CIRCLES, RINGS, (), _shape_of(_CIRCLE)),
    "weak circle": (CIRCLES, RINGS, (), _shape_of(_CIRCLE, WEAK)),
    "logarithm": (LINES, ("order",), (), _shape_of(_along_the_order(lambda n, p: np.log(n + 1)))),
    "two groups": (LINES, (), ("order",), _shape_of(_TWO_HALVES)),
    "planted line": (LINES, ("order",), (), _shape_of(_LINE)),
    "weak line": (LINES, ("order",), (), _shape_of(_LINE, WEAK)),
    "planted arch": (LINES, LINE, (), _shape_of(_ARCH)),
    "weak arch": (LINES, LINE, (), _shape_of(_ARCH, WEAK)),
    "last digits": (NUMBERED, ("order",), (), _shape_of(_plus_line(lambda n: np.eye(10)[n % 10]))),
    "ends in 0": (NUMBERED, ("order",), (), _shape_of(_plus_line(lambda n: n % 10 == 0))),
    "5 to 9": (NUMBERED, ("order",), (), _shape_of(_plus_line(lambda n: n % 10 >= 5))),
    "count of digits": (NUMBERED, (), ("order",), _shape_of(_COUNT)),
    "tens": (NUMBERED, ("order",), (), _shape_of(_plus_line(lambda n: np.eye(10)[n // 10]))),
    "planted line of numbers": (NUMBERED, ("order",), (), _shape_of(_plus_line())),
    "planted parity": (NUMBERED, ("order", "parity"), (), _shape_of(_PARITY)),
    "weak parity": (NUMBERED, ("order", "parity"), (), _shape_of(_PARITY, WEAK)),
    "planted circle of ten": (NUMBERED, ("period 10",), ("order",), _shape_of(_TEN)),
    "planted helix": (NUMBERED, ("order", "helix", "period 10"), (), _shape_of(_HELIX)),
    "weak helix": (NUMBERED, ("order", "helix", "period 10"), (), _shape_of(_HELIX, WEAK)),
    "regions": (MAPS, (), (), _regions()),
    "regions given": (MAPS, (), (), _regions(given=True)),
    "cells": (MAPS, (), (), _regions(voronoi=True)),
    "cells given": (MAPS, (), (), _regions(given=True, voronoi=True)),
    "one axis": (MAPS[:2], (), (), _shape_of(lambda s, p, rng: s["coordinates"][:, :1])),
    "planted map": (MAPS, ("places",), (), _shape_of(_map_of)),
    "weak map": (MAPS, ("places",), (), _shape_of(_map_of, WEAK)),
    "first factor": (PRODUCTS, (), (), _shape_of(_factors("ordered", None))),
    "ordered × categories": (PRODUCTS, (), (), _shape_of(_factors("ordered", "categories"))),
    "categories × ordered": (PRODUCTS, (), (), _shape_of(_factors("categories", "ordered"))),
    "categories × categories": (PRODUCTS, (), (), _shape_of(_factors("categories", "categories"))),
    "planted product": (PRODUCTS, ("places",), (), _shape_of(_BOTH)),
    "weak product": (PRODUCTS, ("places",), (), _shape_of(_BOTH, WEAK)),
    "first family wide": (TREES, (), (), _lengths_of_parents(lambda parents: parents == 0)),
    "last family wide": (TREES, (), (), _lengths_of_parents(lambda parents: parents == parents.max())),
    "planted families .1": (TREES, ("families",), (), _families(0.1)),
    "planted families .3": (TREES, ("families",), (), _families(0.3)),
    "planted clusters": (("labels-8",), ("clusters",), (), lambda d, s, rng: Vectors(_own(rng, d.labels))),
    "weak clusters": (("labels-8",), ("clusters",), (), lambda d, s, rng: Vectors(_own(rng, d.labels, 0.2))),
}  # fmt: skip


def kinds_of(name):
    """Kind → (structures that are there, structures without a right answer, vectors) of a design."""
    design = DESIGNS[name]
    found = {}
    for kind, make in ANY.items():
        if "clusters" in design.structures and kind in LABELLED:
            continue
        there = ("order",) if kind == "walk" and "order" in design.structures else ()
        if kind == "walk" and name in (*MAPS, *PRODUCTS, *TREES):
            continue  # their labels have no order, or one that follows what is declared
        found[kind] = there, (), make
    return found | {kind: (there, open_, make) for kind, (names, there, open_, make) in PARTS.items() if name in names}


# -------------------------------------------------------------------------------------------------------------- runs


def draw(name, kind, seed, run):
    """(layers, samples, shape) of one set."""
    design = DESIGNS[name]
    rng = np.random.default_rng([seed, run, zlib.crc32(f"{name}/{kind}".encode())])
    shape = design.declare(rng)
    vectors = kinds_of(name)[kind][2](design, shape, rng)
    classes, groups, documents = _samples(design, vectors, shape, rng)
    base = vectors.offset * rng.standard_normal(D) + vectors.own[classes]
    context = (vectors.documents or vectors.template) * rng.standard_normal((groups.max() + 1, D))
    if vectors.counts is not None:
        context[:] = 0
    noise, layers = vectors.noise(rng, len(classes)), {}
    scatter = np.broadcast_to(vectors.scatter, design.labels)[classes, None]
    for layer in range(LAYERS):
        x = base + context[groups] + scatter * noise
        if np.ndim(vectors.of_template):
            x = base + vectors.of_template[groups, None] * (x - base)
        layers[f"{layer:02d}"] = x
        noise = 0.7 * noise + 0.7 * vectors.noise(rng, len(classes))
        context = 0.7 * context + 0.7 * np.std(context) * rng.standard_normal(context.shape)
    return layers, _columns_of(classes, groups, documents), _shape(shape, design.labels)


def _samples(design, vectors, shape, rng):
    """Label (N,), template or document (N,) of the samples, and whether these are documents."""
    p = design.labels
    if vectors.counts is not None:
        classes = np.repeat(np.arange(p), vectors.counts)
        return classes, np.arange(len(classes)), True
    if vectors.documents:
        held = _neighbours(shape, p)
        about = rng.permutation(np.arange(max(p, p * design.samples // 3)) % p)
        return held[about].ravel(), np.repeat(np.arange(len(about)), 3), True
    return np.tile(np.arange(p), design.samples), np.repeat(np.arange(design.samples), p), False


def _columns_of(classes, groups, documents):
    names = [f"g{i}" for i in groups]
    return {
        "label": [f"w{i}" for i in classes], "value": [float(i) for i in classes],
        "group": [""] * len(names) if documents else names, "document": names if documents else [""] * len(names),
    }  # fmt: skip


def _shape(shape, p):
    """The shape as `config.shape_of` has it: by label, and only what is declared."""
    by_label = {
        key: {
            f"w{i}": f"f{value}" if key != "coordinates" else list(map(float, value))
            for i, value in enumerate(shape[key])
        }
        for key in ("coordinates", "parents", "regions")
        if key in shape
    }
    return {**shape, **by_label}


def play(name, kind, run, options, seed=0):
    """Structure → (verdict, p_decided) of one set."""
    layers, samples, shape = draw(name, kind, seed, run)
    rows = measure(layers, samples, shape, {**options, "structures": list(DESIGNS[name].structures)}, run)
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    facts = {"model": "m", "source": "prompts", "concept": "c", "topology": shape["topology"]}
    return {row["structure"]: (row["verdict"], float(row["p_decided"])) for row in summarise([(columns, facts)])}


def wilson(hits, n, z=1.96):
    """Wilson's interval (low, high) of a share."""
    share, shrink = hits / n, 1 + z**2 / n
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / shrink
    middle = (share + z**2 / (2 * n)) / shrink
    return max(0.0, middle - reach), min(1.0, middle + reach)


def cells_of(name, kind, runs, options, seed):
    """The cells of a design and a kind."""
    there, open_, _ = kinds_of(name)[kind]
    start, played = time.process_time(), [play(name, kind, run, options, seed) for run in range(runs)]
    cpu, cells = time.process_time() - start, []
    for structure in DESIGNS[name].structures:
        verdicts = Counter(one[structure][0] for one in played)
        hits = verdicts.pop("found", 0)
        cells.append({
            "design": name, "kind": kind, "structure": structure, "runs": runs, "seed": seed,
            "right": "there" if structure in there else "open" if structure in open_ else "not there",
            "found": hits / runs, "interval": wilson(hits, runs),
            "decided": float(np.mean([one[structure][1] <= 0.05 for one in played])),
            "verdicts": dict(verdicts.most_common()), "seconds": cpu,
        })  # fmt: skip
    return cells


def line_of(cell):
    """A cell in one line."""
    low, high = cell["interval"]
    off = "  << above .05" if cell["right"] == "not there" and low > 0.05 else ""
    others = ", ".join(f"{name} {count}" for name, count in cell["verdicts"].items())
    return (
        f"{cell['design']:<10} {cell['kind']:<24} {cell['structure']:<13} {cell['right']:<9} "
        f"found {cell['found']:.3f} [{low:.3f}, {high:.3f}]  p ≤ .05 {cell['decided']:.3f}  "
        f"({others}; {cell['runs']} runs, {cell['seconds']:.0f} s){off}"
    )


def main():
    """Play the cells that are asked for, print them, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=DESIGNS, metavar="DESIGN")
    parser.add_argument("--kinds", nargs="+", default=[*ANY, *PARTS], choices=[*ANY, *PARTS], metavar="KIND")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preprocess", nargs="*", default=["l2"])
    parser.add_argument("--components", default="all", type=lambda text: text if text == "all" else int(text))
    parser.add_argument("--no-power", action="store_true", help="leave out kinds in which all structures are there")
    asked = parser.parse_args()
    options = {key: getattr(asked, key) for key in ("permutations", "preprocess", "components")}
    cells = json.loads(asked.results.read_text()) if asked.results.exists() else []
    for name in asked.designs:
        for kind, (there, _, _) in kinds_of(name).items():
            if kind not in asked.kinds or (asked.no_power and {*there} >= {*DESIGNS[name].structures}):
                continue
            same = [c for c in cells if (c["design"], c["kind"], c["seed"]) == (name, kind, asked.seed)]
            if not same or same[0]["runs"] < asked.runs:
                cells = [c for c in cells if c not in same]
                same = cells_of(name, kind, asked.runs, options, asked.seed)
                cells += same
                asked.results.write_text(json.dumps(cells, indent=1) + "\n")
            print(*map(line_of, same), sep="\n", flush=True)


if __name__ == "__main__":
    main()
