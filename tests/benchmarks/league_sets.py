"""Sets of the league: planted structures and nulls as labelled samples, and the answers that are right for each.

A set has p labels with `SAMPLES` samples each in `DIMENSIONS` dimensions, in one layer. Planted sets and most nulls are
read from templates: every template holds every label once, and adds a vector of its own. The geometry of the labels has
a root-mean-square norm of `SIGNAL`, and each label has an offset of its own besides, as labels of a model do.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import shapes
from orrery import controls

DIMENSIONS, SAMPLES = 64, 12
SIGNAL, OWN, TEMPLATE, OFFSET = 4.0, 0.3, 1.0, 5.0  # norms; of the own offsets relative to the signal
QUESTIONS = ("ring", "line", "map", "clusters", "families")
YES, NO = True, False  # a question that a kind leaves out has no agreed answer, and is only reported


@dataclass(frozen=True)
class LabelledSet:
    """Samples of one layer and what may be declared of their labels.

    Attributes
    ----------
    vectors : array (N, D)
    classes, groups : array of int (N,)
        Label, and template or document, of each sample.
    templates : bool
        Whether the groups are templates, which hold every label once, or documents.
    coordinates : array (p, 2)
        Declared places of the labels; of a set without places, drawn at random.
    periods : list of float, optional
        Of a torus.
    parents : array of int (p,)
        Declared families of the labels; of a set without families, drawn at random.
    """

    vectors: np.ndarray
    classes: np.ndarray
    groups: np.ndarray
    templates: bool
    coordinates: np.ndarray
    parents: np.ndarray
    periods: list | None = None

    @property
    def centred(self):
        """Vectors (N, D) without the mean of their template; documents are left as they are."""
        return self.vectors - _means_of_groups(self.vectors, self.groups) if self.templates else self.vectors


@dataclass(frozen=True)
class Kind:
    """A kind of set.

    `make(p, level, rng)` returns a LabelledSet; `right` maps a question to its right answer; `labels` are the numbers of
    labels that it can have; `levels` the standard deviations of the noise of a planted set, or the size of the labels'
    own effect in a null.
    """

    make: Callable
    right: dict = field(default_factory=dict)
    labels: tuple = (7, 12, 24, 48)
    levels: tuple = (1.0, 2.0, 4.0)
    null: bool = False


# ---------------------------------------------------------------------------------------------------- planted sets


def arc(p, degrees):
    """Equally spaced on an arc of a circle: points (p, 2)."""
    theta = np.radians(degrees) * np.arange(p) / (p - 1)
    return np.c_[np.cos(theta), np.sin(theta)]


def halves(p):
    """Two halves of the order, each one point: (p, 1)."""
    return (np.arange(p) >= p / 2).astype(float)[:, None]


def n_families(p):
    """Families, or regions, of p labels."""
    return {12: 3, 24: 4, 48: 6}.get(p, max(2, p // 4))


def factors(p):
    """Sizes (a, b) of the two circles of a torus of p labels."""
    return {12: (3, 4), 24: (4, 6), 48: (6, 8)}[p]


def _planted(points, level, rng, **declared):
    """A set read from templates whose labels lie at some points (p, k), with noise of standard deviation `level`."""
    p = len(points)
    classes, groups = shapes.templates_of(p, SAMPLES)
    vectors = _scaled(points, rng)[classes] + _context(groups, rng) + level * _noise(len(classes), rng)
    return _declared(vectors, classes, groups, True, p, rng, **declared)


def _scaled(points, rng):
    """Label vectors (p, D): the points in random orthogonal directions, and an offset of each label's own."""
    points = points - points.mean(0)
    points = points * SIGNAL / np.sqrt((points**2).sum(1).mean())
    directions, _ = np.linalg.qr(rng.standard_normal((DIMENSIONS, points.shape[1])))
    return points @ directions.T + OWN * SIGNAL / np.sqrt(DIMENSIONS) * _noise(len(points), rng)


def _context(groups, rng, size=TEMPLATE):
    """What a template adds (N, D), around an offset that all samples share."""
    offset = OFFSET * rng.standard_normal(DIMENSIONS)
    return offset + size * _noise(groups.max() + 1, rng)[groups]


def _noise(n, rng):
    return rng.standard_normal((n, DIMENSIONS))


def _declared(vectors, classes, groups, templates, p, rng, coordinates=None, parents=None, periods=None):
    """A LabelledSet in which what a set has not is declared at random."""
    coordinates = rng.uniform(-1, 1, (p, 2)) if coordinates is None else np.asarray(coordinates, dtype=float)
    parents = rng.permutation(np.arange(p) % n_families(p)) if parents is None else np.asarray(parents)
    return LabelledSet(vectors, classes, groups, templates, coordinates, parents, periods)


def _means_of_groups(vectors, groups):
    sums = np.zeros((groups.max() + 1, vectors.shape[1]))
    np.add.at(sums, groups, vectors)
    return (sums / np.bincount(groups)[:, None])[groups]


def ordered_set(points):
    """make: labels in the order of the points that points(p) returns."""
    return lambda p, level, rng: _planted(points(p), level, rng)


def simplex_set(p, level, rng):
    """Every label as far from every other."""
    return _planted(shapes.simplex(p), level, rng)


def tree_set(p, level, rng):
    """Two halves, families in them, labels in those: three levels of the same variance, in arbitrary order."""
    family = rng.permutation(np.arange(p) % n_families(p))
    half = family % 2
    points = np.c_[np.eye(2)[half], np.eye(family.max() + 1)[family], np.eye(p)]
    return _planted(points, level, rng, parents=family)


def torus_set(p, level, rng):
    """Two circles, every pair of their places a label, in arbitrary order."""
    a, b = factors(p)
    places = rng.permutation(np.array([(i, j) for i in range(a) for j in range(b)]))
    points = np.hstack([shapes.circle(n)[places[:, k]] for k, n in enumerate((a, b))])
    return _planted(points, level, rng, coordinates=places, periods=[float(a), float(b)])


def map_set(p, level, rng):
    """Labels at places drawn evenly from a square, linear in the coordinates."""
    places = rng.uniform(-1, 1, (p, 2))
    return _planted(places, level, rng, coordinates=places)


def regions_set(p, level, rng):
    """Labels that know their region and nothing of the map: a simplex of regions, which lie apart on the map."""
    region = rng.permutation(np.arange(p) % n_families(p))
    places = (3 * rng.uniform(-1, 1, (region.max() + 1, 2)))[region] + 0.5 * rng.standard_normal((p, 2))
    return _planted(np.eye(region.max() + 1)[region], level, rng, coordinates=places, parents=region)


# ---------------------------------------------------------------------------------------------------------- nulls


def _unplaced(p, level, rng, noise, context=TEMPLATE):
    """A set read from templates whose labels have random offsets of norm SIGNAL · level, and noise (N, D) as given."""
    classes, groups = shapes.templates_of(p, SAMPLES)
    own = SIGNAL / np.sqrt(DIMENSIONS) * level * _noise(p, rng)
    return _declared(own[classes] + _context(groups, rng, context) + noise, classes, groups, True, p, rng)


def gaussian_set(p, level, rng):
    """Independent normal noise, and with a level above 0 clusters at random places."""
    return _unplaced(p, level, rng, _noise(p * SAMPLES, rng))


def spectrum_set(p, level, rng):
    """Normal vectors with the mean and covariance of a clear ring."""
    ring = _planted(shapes.circle(p), 0.5, rng)
    vectors = controls.spectrum(ring.centred, ring.classes, p, rng)
    return _declared(vectors + _context(ring.groups, rng), ring.classes, ring.groups, True, p, rng)


def walk_set(p, level, rng):
    """Labels along a random walk of independent coordinates."""
    classes, groups = shapes.templates_of(p, SAMPLES)
    walk = shapes.walk(p, DIMENSIONS, rng)
    walk = (walk - walk.mean(0)) * SIGNAL / np.sqrt(((walk - walk.mean(0)) ** 2).sum(1).mean())
    vectors = walk[classes] + _context(groups, rng) + _noise(len(classes), rng)
    return _declared(vectors, classes, groups, True, p, rng)


def documents_set(p, level, rng):
    """Documents that each mention three neighbouring labels, and add a vector three times as large as the noise."""
    count = p * SAMPLES // 3
    first = rng.permutation(np.arange(count) % p)
    groups = np.repeat(np.arange(count), 3)
    classes = (first[groups] + np.tile(np.arange(3), count)) % p
    own = SIGNAL / np.sqrt(DIMENSIONS) * level * _noise(p, rng)
    vectors = own[classes] + _context(groups, rng, 3.0) + _noise(len(classes), rng)
    return _declared(vectors, classes, groups, False, p, rng)


def templates_set(p, level, rng):
    """Templates whose vectors are five times as large as the noise, and scale what they hold by different factors."""
    _, groups = shapes.templates_of(p, SAMPLES)
    scale = np.exp(0.7 * rng.standard_normal(SAMPLES))[groups, None]
    return _unplaced(p, level, rng, scale * _noise(p * SAMPLES, rng), 5.0)


def tails_set(p, level, rng):
    """Noise of Student's t with two degrees of freedom: its variance is infinite."""
    return _unplaced(p, level, rng, rng.standard_t(2, (p * SAMPLES, DIMENSIONS)))


def massive_set(p, level, rng):
    """Three of the dimensions vary a hundred times as much as the others."""
    scale = np.where(np.arange(DIMENSIONS) < 3, 100.0, 1.0)
    return _unplaced(p, level, rng, scale * _noise(p * SAMPLES, rng))


def counts_set(p, level, rng):
    """Counts that decrease along the order of the labels, from forty samples to two; each sample its own document."""
    counts = np.round(np.geomspace(40, 2, p)).astype(int)
    classes = rng.permutation(np.repeat(np.arange(p), counts))
    groups = np.arange(len(classes))
    own = SIGNAL / np.sqrt(DIMENSIONS) * level * _noise(p, rng)
    vectors = own[classes] + OFFSET * _noise(1, rng) + _noise(len(classes), rng)
    return _declared(vectors, classes, groups, False, p, rng)


# ------------------------------------------------------------------------------------------------- the league's sets

NOTHING = dict.fromkeys(("ring", "line", "map", "families"), NO)
UNORDERED = {"ring": NO, "line": NO}
GROUPED = (12, 24, 48)
NULL = {"null": True, "levels": (0.0, 1.0)}
KINDS = {
    "circle": Kind(ordered_set(shapes.circle), {"ring": YES, "map": NO, "families": NO}),
    "ellipse 3:1": Kind(ordered_set(lambda p: shapes.circle(p, 1 / 3)), {"ring": YES, "map": NO, "families": NO}),
    "arc of 225°": Kind(ordered_set(lambda p: arc(p, 225)), {"map": NO, "families": NO}),
    "arc of 270°": Kind(ordered_set(lambda p: arc(p, 270)), {"map": NO, "families": NO}),
    "line": Kind(ordered_set(shapes.line), {"ring": NO, "line": YES, "map": NO, "families": NO}),
    "helix": Kind(ordered_set(shapes.helix), {"ring": NO, "line": YES, "map": NO, "families": NO}, (24, 48)),
    "two halves": Kind(ordered_set(halves), {"ring": NO, "map": NO, "families": NO}),
    "simplex": Kind(simplex_set, {**NOTHING, "clusters": YES}),
    "tree": Kind(tree_set, {**UNORDERED, "map": NO, "clusters": YES, "families": YES}, GROUPED),
    "torus": Kind(torus_set, {**UNORDERED, "map": YES, "families": NO}, GROUPED),
    "map": Kind(map_set, {**UNORDERED, "map": YES, "families": NO}, GROUPED),
    "regions only": Kind(regions_set, {**UNORDERED, "map": NO, "families": YES}, GROUPED),
    "Gaussian": Kind(gaussian_set, {**NOTHING, "clusters": NO}, levels=(0.0,), null=True),
    "matched spectrum": Kind(spectrum_set, {**NOTHING, "clusters": NO}, levels=(0.0,), null=True),
    "random walk": Kind(walk_set, {"ring": NO, "map": NO, "families": NO}, levels=(1.0,), null=True),
    "clusters": Kind(gaussian_set, {**NOTHING, "clusters": YES}, levels=(1.0,), null=True),
    "document effects": Kind(documents_set, NOTHING, **NULL),
    "template effects": Kind(templates_set, NOTHING, **NULL),
    "heavy tails": Kind(tails_set, NOTHING, **NULL),
    "massive dimensions": Kind(massive_set, NOTHING, **NULL),
    "decreasing counts": Kind(counts_set, NOTHING, **NULL),
}  # fmt: skip


def right_answer(kind, question, level):
    """True, False, or None where the sets of a kind have no agreed answer."""
    found = KINDS[kind].right.get(question)
    if KINDS[kind].null and question == "clusters" and found is None and level == 0:
        return NO  # no label differs from another
    return found


def draw(kind, p, level, seed, run):
    """The set of a kind with p labels: the same for each tool."""
    rng = np.random.default_rng([seed, run, p, int(1000 * level), list(KINDS).index(kind)])
    return KINDS[kind].make(p, level, rng)
