"""Sets whose structure is known: shapes planted in random directions of d dimensions, and noise without any."""

import re
from unittest import mock

import numpy as np
from orrery import controls, measures
from orrery.geometry.places import embedded


def planted(points, labels, d, noise, rng):
    """Samples (N, d): the points (p, k) of their labels (N,) in k random orthogonal directions, and Gaussian noise.

    The points are scaled to a mean square of 1 a direction, and `noise` is the noise's standard deviation along each
    of the d dimensions.
    """
    points = (points - points.mean(0)) / max(np.sqrt(((points - points.mean(0)) ** 2).mean()), 1e-300)
    directions, _ = np.linalg.qr(rng.standard_normal((d, points.shape[1])))
    return points[labels] @ directions.T + noise * rng.standard_normal((len(labels), d))


def circle(p, width=1.0):
    """Equally spaced on a circle, or on an ellipse whose second axis is `width`."""
    theta = 2 * np.pi * np.arange(p) / p
    return np.c_[np.cos(theta), width * np.sin(theta)]


def line(p):
    """Equally spaced on a line."""
    return np.arange(p, dtype=float)[:, None]


def arch(p):
    """Equally spaced on half a circle."""
    theta = np.pi * np.arange(p) / (p - 1)
    return np.c_[np.cos(theta), np.sin(theta)]


def helix(p, period=10, rise=1.0):
    """A circle of some period, and a line of the same variance times `rise`."""
    theta = 2 * np.pi * np.arange(p) / period
    n = np.arange(p) - (p - 1) / 2
    return np.c_[np.cos(theta), np.sin(theta), rise * n / (np.sqrt(2) * n.std())]


def simplex(p):
    """Every label as far from every other."""
    return np.eye(p)


def clusters(p, d, rng):
    """Labels at random places: clusters without any order."""
    return rng.standard_normal((p, min(d, p)))


def walk(p, d, rng):
    """A random walk of independent coordinates."""
    return np.cumsum(rng.standard_normal((p, d)), axis=0)


def globe(p, rng):
    """Latitude and longitude in degrees of places drawn evenly from a sphere."""
    return np.c_[np.degrees(np.arcsin(rng.uniform(-1, 1, p))), rng.uniform(-180, 180, p)]


SURFACES = {  # coordinates of thirty labels or so, and periods of a torus
    "plane": (np.random.default_rng(0).standard_normal((30, 2)) * [1, 40], None),
    "grid": (np.array([(i, j) for i in range(6) for j in range(5)]), None),
    "sphere": (globe(30, np.random.default_rng(1)), None),
    "country": (np.random.default_rng(2).uniform([35, -10], [60, 30], (30, 2)), None),
    "torus": (np.array([(i, 4 * j) for i in range(7) for j in range(6)]), [7, 24]),
}


def on(surface):
    """The places of a surface as they are embedded."""
    coordinates, periods = SURFACES[surface]
    return embedded(coordinates, "sphere" if surface == "country" else surface, periods)


def power_without_separability(p, a=1.0, b=30.0, period=10):
    """e(n) = a·(n mod T) + b·⌊n/T⌋ on one line (Fu et al. 2026).

    What a cubic leaves of it recurs every T numbers, so the spectrum has a spike; yet the numbers of one residue lie
    all along the line, among those of the others, so that no linear probe can tell them.
    """
    n = np.arange(p)
    return (a * (n % period) + b * (n // period))[:, None] / b


# ------------------------------------------------------------------------------ sets without structure, layer by layer


def templates_of(p, samples):
    """Classes and groups (N,) of p labels, each once in every one of some templates."""
    return np.tile(np.arange(p), samples), np.repeat(np.arange(samples), p)


def noise(p, samples, d, layers, rng):
    """Standard normal numbers, others in every layer: nothing in the labels, nor in their order."""
    return list(rng.standard_normal((layers, p * samples, d)))


def spectrum(p, samples, d, layers, rng):
    """Normal vectors with the mean and covariance of a clear ring that lies far from 0, in a falling spectrum."""
    classes, _ = templates_of(p, samples)
    falling = 1 / np.arange(1, d + 1)
    sets = [planted(circle(p), classes, d, 1, rng) * falling + 10 * (np.arange(d) == 0) for _ in range(layers)]
    return [controls.spectrum(x, classes, p, rng) for x in sets]


def templates(p, samples, d, layers, rng):
    """What the samples of a template share, and noise; each layer adds to that before, as in a residual stream."""
    _, groups = templates_of(p, samples)
    added = 3 * rng.standard_normal((layers, samples, d))[:, groups] + rng.standard_normal((layers, p * samples, d))
    return list(np.cumsum(added, axis=0))


def places(p, samples, d, layers, rng):
    """Labels at random places, others in every layer, tight clusters around them: no order, but labels."""
    classes, _ = templates_of(p, samples)
    return [planted(clusters(p, d, rng), classes, d, 0.3, rng) for _ in range(layers)]


def one_spectrum(p, samples, d, layers, rng):
    """`places` whose means have the same singular values 1, 1/2, 1/3 … in every layer, in arrangements of their own."""
    classes, _ = templates_of(p, samples)
    found = []
    for _ in range(layers):
        z = rng.standard_normal((p, p - 1))
        means = np.linalg.qr(z - z.mean(0))[0] / np.arange(1, p)
        directions = np.linalg.qr(rng.standard_normal((d, p - 1)))[0]
        found.append((means @ directions.T)[classes] + 0.01 * rng.standard_normal((len(classes), d)))
    return found


def walks(p, samples, d, layers, rng):
    """Labels along random walks and samples around them: ordered, and yet the null of an arch."""
    classes, _ = templates_of(p, samples)
    return [walk(p, d, rng)[classes] + rng.standard_normal((len(classes), d)) for _ in range(layers)]


def unequal(p, rng, d=32, size=1.0):
    """Labels at random places, of which the first have forty samples and the last two: vectors, classes, groups."""
    classes = np.repeat(np.arange(p), np.maximum(2, 40 // (1 + np.arange(p))))
    vectors = size * rng.standard_normal((p, d))[classes] + rng.standard_normal((len(classes), d))
    return vectors, classes, np.arange(len(classes))


# ----------------------------------------------------------------------------------- what the measures say of a set

RING = ("left_out_angle_error", "weakest_circle_axis_r2", "first_harmonic_share", "circle_probe_r2", "ring_radius_cv",
        "ring_spacing_cv", "ring_closure", "step_ratio", "h1_score_2", "h1_score_3", "turning_angle", "tortuosity",
        "distance_rank", "distance_rank_given_covariates", "circle_r2_given_alphabet")  # fmt: skip
COMPARED = tuple(f"shape_{name}{end}" for name in ("circle", "arc", "line", "clusters", "tree") for end in ("", "_r2"))
PLANE = ("separability", "mixture_index")
LABELS = ("silhouette", "neighbour_purity", "probe_accuracy")
NUMBERS = ("left_out_value_r2", "left_out_log_r2", "left_out_rank", "step_ratio", "arch_share", "fourier_r2",
           "polynomial_r2", "digits_r2", *(f"{name}_{t}" for name in ("unique_r2", "modulo_kappa", "fourier_power")
                                           for t in (2, 5, 10)), "tens_kappa",
           "line_share", "helix_share", "period_share_2", "period_share_10", "rank_within_digits", "residue_parity",
           *(f"residue_{name}_10" for name in ("circle", "closure", "consistency")), "order_r2_given_length",
           "order_r2_given_digits", "order_r2_given_alphabet", "shape_helix", "shape_helix_r2")  # fmt: skip
PARENTS = ("parent_share", "difference_cosine", "sibling_cosine")
PLACES = ("left_out_place_r2", "weakest_axis_r2", "distance_rank")
MAP = (*PLACES, "place_share", "left_out_region_r2", "within_region_r2", "within_own_region_r2", "shape_map",
       "shape_map_r2", "place_r2_given_alphabet")  # fmt: skip
GRID = (*PLACES, "place_share", "factor_r2_1", "factor_r2_2")


def shape_of(kind, p):
    """The shape of a set of p labels: a circle, a line of integers, labels of three parents, or the first of a surface."""
    if kind in SURFACES:
        coordinates, periods = SURFACES[kind]
        placed = {str(i): place for i, place in enumerate(coordinates[:p].tolist())}
        topology = "sphere" if kind == "country" else kind
        return {"topology": topology, "coordinates": placed, **({"periods": periods} if periods else {})}
    return {
        "circle": {"topology": "circle", "period": p},
        "numbers": {"topology": "line", "numbers": True},
        "parents": {"topology": "none", "parents": {str(i): "abc"[i % 3] for i in range(p)}},
    }[kind]


def rows_of(layers, kind, classes, groups, names, permutations, seed, components="all"):
    """The rows of some measures of a set in all its layers, by the function that measures real sets."""
    samples = {"label": classes.astype(str), "value": classes, "group": groups.astype(str)}
    options = {"preprocess": [], "components": components, "permutations": permutations}
    layers = {f"{i:02}": vectors for i, vectors in enumerate(layers)}
    with mock.patch.object(measures, "measures_of", lambda shape: list(names)):
        return measures.measure(layers, samples, shape_of(kind, classes.max() + 1), options, seed)


def smallest_p(rows):
    """{measure: smallest corrected p of any layer}; measures at several periods are one, as they are one search."""
    found = {}
    for row in rows:
        if row["permuted"]:
            name = family(row["measure"])
            found[name] = min(found.get(name, 1), row["p_corrected"])
    return found


def family(name):
    """The name of a measure without its period, or its number of components."""
    return name if name.startswith("factor") else re.sub(r"_\d+$", "", name)
