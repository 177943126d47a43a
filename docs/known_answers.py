"""Make the tables and pictures of docs/known-answers.md.

    python docs/known_answers.py [--runs 350] [--parts rates sizes search unequal power walk]

Sets without structure and planted shapes go through the function that measures real sets. The tables are printed, and
the pictures written to docs/images. With the default number of runs it takes about ten minutes of one core.
"""

import argparse
import sys
import time
import zlib
from pathlib import Path
from unittest import mock

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import shapes
from orrery import measures
from orrery.figures import static
from orrery.figures.chart import Axis, Band, Chart, Line, Panel, Rules
from orrery.figures.colours import class_colours
from orrery.measured import MEASURED, title_of


def tested(*sets, without=()):
    """The measures with a null distribution of some kinds of sets, as `Measured.sets` names these."""
    names = [name for name, m in MEASURED.items() if m.null != "none" and m.sets in sets]
    return [name for name in names if not name.startswith(tuple(without))]


ALPHA = 0.05
RING, PLANE, LABELS = tested("circle", "ordered"), tested("any"), tested("labels")
SHAPES = tested("located")
DIGITS = [name for name in MEASURED if name.startswith(("residue_", "rank_within", "period_share", "helix_share"))]
NUMBERS = tested("line", "ordered", "numbers", without=DIGITS)
PLACES, FACTORS, PARENTS = tested("places", "map"), tested("factors"), tested("parents")
NULLS = {"noise": shapes.noise, "spectrum": shapes.spectrum, "templates": shapes.templates, "places": shapes.places}
# kind of set, measures, (labels, samples of each, dimensions), layers, scenes
SUITE = (
    ("circle", RING, (7, 4, 16), 3, NULLS),
    ("circle", PLANE, (7, 4, 16), 3, NULLS),
    ("circle", LABELS, (7, 4, 16), 3, ("noise", "spectrum", "templates")),
    ("numbers", [n for n in NUMBERS if n not in ("tens_kappa", "step_ratio", "turning_angle", "tortuosity")],
     (20, 2, 16), 2, NULLS),
    ("numbers", DIGITS, (100, 1, 16), 2, NULLS),
    ("numbers", SHAPES, (12, 4, 16), 2, NULLS),
    ("sphere", PLACES, (16, 2, 16), 2, NULLS),
    ("torus", FACTORS, (42, 2, 16), 2, NULLS),
    ("parents", PARENTS, (12, 4, 16), 3, NULLS),
)  # fmt: skip
WALKS = (
    ("circle", "ring_closure", (7, 4, 16)), ("numbers", "arch_share", (20, 2, 16)),
    ("numbers", "residue_closure_10", (100, 1, 16)), ("numbers", "residue_consistency_10", (100, 1, 16)),
)  # fmt: skip
WIDE = (
    ("circle", (7, 1, 4096), 200), ("circle", (12, 8, 1024), 200), ("circle", (7, 285, 16), 60),
    ("circle", (100, 4, 64), 40), ("numbers", (100, 1, 4096), 40), ("numbers", (100, 20, 16), 20),
)  # fmt: skip
POWER = {  # kind, points, measure → name in the picture
    "circle": ("circle", shapes.circle(7), ["left_out_angle_error", "h1_score_2", "ring_closure"]),
    "ellipse, axes 2 : 1": ("circle", shapes.circle(7, 0.5), ["left_out_angle_error", "circle_probe_r2", "h1_score_2"]),
    "helix of period 10": ("numbers", shapes.helix(50), ["modulo_kappa_10", "residue_circle_10", "fourier_r2"]),
    "line": ("numbers", shapes.line(12), ["left_out_rank", "left_out_value_r2", "shape_line"]),
    "half circle": ("numbers", shapes.arch(12), ["arch_share", "left_out_rank"]),
    "clusters": ("circle", shapes.simplex(7), ["silhouette", "probe_accuracy"]),
    "sphere": ("sphere", shapes.on("sphere"), ["left_out_place_r2", "weakest_axis_r2", "within_region_r2"]),
    "families": ("parents", np.eye(3)[np.arange(12) % 3], ["sibling_cosine", "parent_share"]),
}
DIMENSIONS = (16, 1024)
LEVELS = 2.0 ** np.arange(-3, 5)


def wilson(hits, runs):
    """95 % interval of a share (Wilson 1927)."""
    hits, z2 = np.asarray(hits, dtype=float), 1.96**2
    middle = (hits + z2 / 2) / (runs + z2)
    half = np.sqrt(hits * (runs - hits) / runs + z2 / 4) * 1.96 / (runs + z2)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def rows_of(layers, kind, classes, groups, names, permutations, seed):
    """The rows of some measures, with the default probe and without intervals."""
    with mock.patch.object(measures, "replicates", lambda *_: {}):
        return shapes.rows_of(layers, kind, classes, groups, names, permutations, seed, components="all")


def smallest_p(rows):
    """{measure: smallest corrected p of any layer}; measures that are one search are one."""
    found = {}
    for row in rows:
        if row["permuted"]:
            name = row["measure"]
            name = name if MEASURED[name].null.startswith("levels") else shapes.family(name)
            found[name] = min(found.get(name, 1), row["p_corrected"])
    return found


def count(make, kind, names, size, layers, runs, permutations=19):
    """{measure: runs in which p, corrected over layers and periods, is ≤ .05 in any layer}."""
    p, samples, d = size
    hits = {}
    for run in range(runs):
        vectors = make(p, samples, d, layers, np.random.default_rng([run, p, d]))
        seed = zlib.crc32(f"{make.__name__} {kind} {run}".encode())  # other permutations for each kind of null
        rows = rows_of(vectors, kind, *shapes.templates_of(p, samples), names, permutations, seed)
        for name, smallest in smallest_p(rows).items():
            hits[name] = hits.get(name, 0) + (smallest <= ALPHA)
    return hits


def rates(runs):
    """The table test × null, the pooled rate of each test with its interval."""
    table = {}
    for kind, names, size, layers, scenes in SUITE:
        for scene in scenes:
            for name, hits in count(NULLS[scene], kind, names, size, layers, runs).items():
                table.setdefault((kind, name), {})[scene] = hits
    for kind, name, size in WALKS:
        family = shapes.family(name)
        table[kind, family]["walks"] = count(shapes.walks, kind, [name], size, 3, 2 * runs)[family]
    print("| measure | noise | spectrum | templates | places | all: rate, 95 % interval | runs |")
    print("|---|--:|--:|--:|--:|---|--:|")
    for (_, name), hits in table.items():
        walks = hits.pop("walks", None)
        row(name, [f"{hits[s] / runs:.3f}" if s in hits else "" for s in NULLS], sum(hits.values()), runs * len(hits))
        if walks is not None:
            row(f"{name}, of walks", [""] * len(NULLS), walks, 2 * runs)


def row(name, cells, hits, runs):
    low, high = wilson(hits, runs)
    flag = " **above**" if low > ALPHA else " conservative" if high < ALPHA else ""
    print(f"| `{name}` | {' | '.join(cells)} | {hits / runs:.3f} ({low:.3f} to {high:.3f}){flag} | {runs} |")


def sizes(runs):
    """False positives of sets of other sizes: all tests of a size together, and the worst of them."""
    print("| labels × samples × dimensions | tests | runs | all tests | worst test |\n|---|--:|--:|--:|---|")
    for kind, size, most in WIDE:
        several = size[1] > 1
        names = {"circle": [*RING, *PLANE, *(LABELS * several)], "numbers": [*NUMBERS, *DIGITS]}[kind]
        made = min(most, runs)
        hits = count(shapes.noise, kind, names, size, 2, made)
        worst = max(hits, key=hits.get)
        low, high = wilson(hits[worst], made)
        share = sum(hits.values()) / made / len(hits)
        print(f"| {' × '.join(map(str, size))} | {len(hits)} | {made} | {share:.3f} | "
              f"`{worst}` {hits[worst] / made:.3f} ({low:.3f} to {high:.3f}) |", flush=True)  # fmt: skip


def search(runs):
    """Layers with one spectrum and arrangements of their own: whether the search over layers is paid for."""
    runs = min(runs, 100)
    print("| measure | 1 layer | 8 layers |\n|---|---|---|")
    for name in ("first_harmonic_share", "h1_score_2", *PLANE):
        cells = []
        for layers in (1, 8):
            hits = count(shapes.one_spectrum, "circle", [name], (12, 4, 16), layers, runs, 99)[shapes.family(name)]
            cells.append("{:.2f} ({:.2f} to {:.2f})".format(hits / runs, *wilson(hits, runs)))
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


def unequal(runs):
    """Pure noise, or labels at random places, where labels have from 40 samples to 2, the fewer the later they are."""
    runs = min(runs, 200)
    print("| set | measure | rate, 95 % interval |\n|---|---|---|")
    for kind, p, size, names in (
        ("circle", 8, 1, [*PLANE, "h1_score_2", "left_out_angle_error", "shape_circle"]),
        ("numbers", 20, 0, ["step_ratio", "left_out_rank", "arch_share", "polynomial_r2", "shape_line", *LABELS]),
        ("parents", 12, 0, PARENTS),
    ):
        hits = dict.fromkeys(names, 0)
        for run in range(runs):
            vectors, classes, groups = shapes.unequal(p, np.random.default_rng(run), size=size)
            for row in rows_of([vectors], kind, classes, groups, names, 99, run):
                hits[row["measure"]] += row["p"] <= ALPHA
        for name, found in hits.items():
            share = "{:.2f} ({:.2f} to {:.2f})".format(found / runs, *wilson(found, runs))
            print(f"| {kind} | `{name}` | {share} |", flush=True)


def power(runs):
    """Share of runs in which planted shapes are found, over the level of noise, as a picture and its numbers."""
    runs, panels = min(runs, 30), []
    for title, (kind, points, names) in POWER.items():
        classes, groups = shapes.templates_of(len(points), 4)
        colours, bands, lines = class_colours(np.arange(len(names)), {"topology": "none"}), [], []
        for d in DIMENSIONS:
            hits = np.zeros((len(names), len(LEVELS)))
            for level, noise in enumerate(LEVELS):
                for run in range(runs):
                    rng = np.random.default_rng([run, level, d])
                    vectors = shapes.planted(points, classes, d, noise, rng)
                    for row in rows_of([vectors], kind, classes, groups, names, 99, run):
                        hits[names.index(row["measure"]), level] += row["p"] <= ALPHA
            for name, colour, found in zip(names, colours, hits):
                bands.append(Band(LEVELS, *wilson(found, runs), colour))
                shown = title_of(name).partition(",")[0].partition(" (rad")[0] if d == DIMENSIONS[0] else ""
                lines.append(Line(LEVELS, found / runs, colour=colour, name=shown, dash=d != DIMENSIONS[0]))
                print(f"{title} · {name} · d = {d}:", *(f"{x:.2f}" for x in found / runs), flush=True)
        shares = (np.arange(5) / 4, ["0", ".25", ".5", ".75", "1"])
        ticks = (LEVELS[::2], [f"{x:g}" for x in LEVELS[::2]])
        panels.append(Panel([Rules([ALPHA], "y"), *bands, *lines], Axis("noise in each dimension", ticks, log=True),
                            Axis("share found", shares, limits=(-0.03, 1.6)), title=title, legend=" "))  # fmt: skip
    caption = (f"share of {runs} sets with p ≤ .05; dotted: .05 · solid: 16 dimensions; dashed: 1024 · bands: 95 % · "
               "noise: standard deviation, in units of the shape's along each of its own directions")  # fmt: skip
    chart = Chart("Power of the tests on planted shapes", caption, panels, columns=3, aspect=0.95)
    save(chart, "known-power", 9.5)


def walk(_):
    """Principal components of a random walk, as a picture."""
    x = shapes.walk(1000, 4096, np.random.default_rng(0))
    centred = x - x.mean(0)
    squares, u = np.linalg.eigh(centred @ centred.T)
    shares = squares[::-1][:2] / squares.sum()
    plane = u[:, ::-1][:, :2] * np.sqrt(squares[::-1][:2])
    print("the walk's PC1 and PC2 hold {:.1%} and {:.1%}".format(*shares))
    half, full = plane.T
    steps = np.arange(1000)
    left = Panel([Line(half, full)], Axis(f"PC1, {shares[0]:.1%}"), Axis(f"PC2, {shares[1]:.1%}"), title="its picture")
    right = Panel([Line(steps, half, name="PC1"), Line(steps, full, colour="control", name="PC2")], Axis("step"),
                  Axis("coordinate"), title="its components are cosines", legend=" ")  # fmt: skip
    save(Chart("A random walk of 1000 steps in 4096 dimensions", "no structure but that each step starts at the last",
               [left, right], columns=2, aspect=0.8), "known-walk", 7.0)  # fmt: skip


def save(chart, name, width):
    path = ROOT / "docs/images" / f"{name}.png"
    static.write_images(static.draw(chart, width), [path])
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=350, help="sets of each null")
    parts = {"rates": rates, "sizes": sizes, "search": search, "unequal": unequal, "power": power, "walk": walk}
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    options = parser.parse_args()
    for part in options.parts:
        start = time.process_time()
        parts[part](options.runs)
        print(f"{part}: {time.process_time() - start:.0f} s\n", flush=True)
