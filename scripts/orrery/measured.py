"""What is measured, by name: titles, chance levels, which sets have it. Standard library only: the workflow reads it.

docs/measures.md says of each what it is, what it ranges over, and what it cannot show.
"""

from dataclasses import dataclass
from math import inf, pi

PERIODS = (2, 5, 10, 100)  # of integers; those that the values resolve are measured
LINES = ("line", "helix")  # topologies whose labels have a first and a last
PLACES = ("plane", "sphere", "torus", "grid")  # topologies whose labels have coordinates
MAPS = ("plane", "sphere")
FACTORS = range(1, 5)  # of a torus or grid


ANGLE, ONE, RANK, SHARE = (0, pi), (-inf, 1), (-1, 1), (0, 1)  # ranges


@dataclass(frozen=True)
class Measured:
    """One measure.

    `sets` that have it: any, circle, line, ordered (both), located (both, and places or parents), numbers (integers),
    places (coordinates), map (plane and sphere), factors (torus and grid), labels (at least two samples each), parents.
    `better` says where structure is, high or low; `null` what its p is drawn from, a key of `measures.PERMUTED`, or
    none; `chance` a known level; `range` the values that it can have. `units` are left out in turn for its interval,
    labels or contexts; none without one.
    """

    title: str
    sets: str
    better: str
    null: str = "none"
    chance: float | None = None
    range: tuple = (-inf, inf)
    units: str = ""


SHAPES = ("circle", "arc", "line", "log-line", "helix", "clusters", "ring-of-clusters", "tree", "map", "target")
COVARIATES = ("token_id", "length", "digits", "alphabet", "frequency")
PARTIAL = (("circle", "angle", "circle"), ("order", "value", "line"), ("place", "place", "places"))
ORDERS, LABELS = {"null": "orders"}, {"null": "labels", "sets": "labels", "better": "high", "units": "contexts"}
HELD_OUT = {**ORDERS, "units": "labels"}
ABOVE = {"better": "high", "chance": 0, "range": ONE}  # R²
MEASURED = {
    "left_out_angle_error": Measured(
        "left-out angle error (rad)", "circle", "low", **HELD_OUT, chance=pi / 2, range=ANGLE
    ),
    "weakest_circle_axis_r2": Measured("weakest axis of the circle, R²", "circle", **HELD_OUT, **ABOVE),
    "closing_gap": Measured("gap from the last label to the first (steps)", "circle", "low", range=(0, inf)),
    "seam_closeness": Measured("closeness of the last label to the first / of all steps", "circle", "high"),
    "ring_aspect": Measured("short / long axis of the best closed curve", "circle", "high", range=SHARE),
    "spiral_growth": Measured("growth of the radius over one turn", "circle", "low", range=(0, inf)),
    "ring_closure": Measured("closing of the label means (rad × step)", "circle", "low", "walks", range=(0, inf)),
    "first_harmonic_share": Measured("first-harmonic share", "circle", "high", **ORDERS, range=SHARE),
    "circle_probe_r2": Measured("circular probe R², grouped folds", "circle", **ORDERS, **ABOVE),
    "ring_radius_cv": Measured("spread of the ring's radii", "circle", "low", **ORDERS, range=(0, inf)),
    "ring_spacing_cv": Measured("spread of the ring's spacings", "circle", "low", **ORDERS, range=(0, inf)),
    **{f"h1_score_{k}": Measured(f"one loop in {k} components (H1 score)", "circle", "high", "gaussian", range=SHARE)
       for k in (2, 3)},
    "left_out_value_r2": Measured("left-out value R²", "line", **HELD_OUT, **ABOVE),
    "left_out_log_r2": Measured("left-out log value R²", "line", **HELD_OUT, **ABOVE),
    "left_out_rank": Measured("left-out rank correlation", "line", "high", **HELD_OUT, chance=0, range=RANK),
    "line_share": Measured("variance along a line in the value", "line", "high", **ORDERS, range=SHARE),
    "step_ratio": Measured(
        "steps along the order / all distances", "ordered", "low", **ORDERS, chance=1, range=(0, inf)
    ),
    "arch_share": Measured("variance in an arch", "line", "high", "walks", range=SHARE),
    "second_cosine_share": Measured("variance in a bend across the line", "line", "high", range=SHARE),
    "fourier_r2": Measured("helix regression R², held out", "numbers", **ORDERS, **ABOVE),
    "polynomial_r2": Measured("polynomial of equal size R²", "numbers", **ORDERS, **ABOVE),
    "digits_r2": Measured("digits regression R²", "numbers", **ORDERS, **ABOVE),
    **{f"unique_r2_{t}": Measured(f"unique R² of period {t}", "numbers", **ORDERS, **ABOVE) for t in PERIODS},
    **{f"modulo_kappa_{t}": Measured(f"n mod {t}, κ", "numbers", "high", **HELD_OUT, chance=0, range=RANK)
       for t in PERIODS[:3]},
    "tens_kappa": Measured("tens digit, κ", "numbers", "high", **HELD_OUT, chance=0, range=RANK),
    **{f"fourier_power_{t}": Measured(f"Fourier power at period {t}", "numbers", "high", **ORDERS, range=SHARE)
       for t in PERIODS},
    "residue_circle_10": Measured("last digits on a circle", "numbers", "high", "residues", range=SHARE),
    "residue_closure_10": Measured(
        "closing of the last digits (rad × step)", "numbers", "low", "walks", range=(0, inf)
    ),
    "residue_seam_10": Measured("closeness of the last digits 9 and 0 / of all steps", "numbers", "high"),
    "residue_consistency_10": Measured("last digits alike in every decade", "numbers", "high", "signs", range=SHARE),
    "residue_parity": Measured("even and odd last digits", "numbers", "high", "halves", range=SHARE),
    "rank_within_digits": Measured(
        "rank correlation given the count of digits", "numbers", "high", "digits", chance=0, range=RANK
    ),
    "helix_share": Measured("variance on a line and a circle of period 10", "numbers", "high", **ORDERS, range=SHARE),
    **{f"period_share_{t}": Measured(f"variance that turns with period {t}", "numbers", "high", **ORDERS, range=SHARE)
       for t in (2, 10)},
    "left_out_place_r2": Measured("left-out place R²", "places", **HELD_OUT, **ABOVE),
    "weakest_axis_r2": Measured("weakest axis of left-out places, R²", "places", **HELD_OUT, **ABOVE),
    "distance_rank": Measured("rank correlation of distances", "located", "high", **ORDERS, chance=0, range=RANK),
    "place_share": Measured("variance along the axes of the map", "places", "high", **ORDERS, range=SHARE),
    "left_out_region_r2": Measured("places in left-out regions, R²", "map", null="regions", **ABOVE),
    "within_region_r2": Measured(
        "places within regions of the map, r²", "map", "high", "within", chance=0, range=RANK
    ),
    "within_own_region_r2": Measured(
        "places within regions of the vectors, r²", "places", "high", "own", chance=0, range=RANK
    ),
    **{f"factor_r2_{i}": Measured(f"left-out levels of factor {i}, R²", "factors", null=f"levels {i}", **ABOVE)
       for i in FACTORS},
    **{f"{what}_r2_given_{name}": Measured(f"left-out {title} given {name}, R²", sets, null="partial", **ABOVE)
       for what, title, sets in PARTIAL for name in COVARIATES},
    "distance_rank_given_covariates": Measured(
        "rank correlation of distances given covariates", "located", "high", **ORDERS, chance=0, range=RANK
    ),
    "turning_angle": Measured("angle between steps (rad)", "ordered", "low", **ORDERS, range=ANGLE),
    "tortuosity": Measured("length of the path / of its chord", "ordered", "low", **ORDERS, range=(0, inf)),
    **{f"harmonic_share_of_{h}": Measured(f"share of harmonic {h}", "circle", "high", range=SHARE)
       for h in range(2, 7)},
    **{f"shape_{name}": Measured(f"distances like those of: {name}", "located", "high", "shapes", chance=0, range=RANK)
       for name in SHAPES},
    **{f"shape_{name}_r2": Measured(f"left-out coordinates of: {name}, R²", "located", null="shapes", **ABOVE)
       for name in SHAPES},
    "silhouette": Measured("silhouette of the labels", **LABELS, range=RANK),
    "neighbour_purity": Measured("neighbours with the same label", **LABELS, range=SHARE),
    "probe_accuracy": Measured("linear probe accuracy, grouped folds", **LABELS, range=SHARE),
    "sibling_cosine": Measured(
        "cosine of siblings beyond others", "parents", "high", "units", chance=0, range=RANK, units="labels"
    ),
    **{f"sibling_cosine_given_{name}": Measured(f"cosine of siblings given {name}", "parents", "high", "units", 0, RANK)
       for name in COVARIATES},
    "parent_share": Measured("variance between parents", "parents", "high", **ORDERS, range=SHARE),
    "difference_cosine": Measured("cosine of child and parent directions", "parents", "low", **ORDERS, range=SHARE),
    "simplex_cv": Measured("spread of the distances of labels", "any", "low"),
    "components_90": Measured("components for 90 % of variance", "any", "low"),
    "participation_ratio": Measured("participation ratio", "any", "low"),
    "two_nn": Measured("intrinsic dimension (TwoNN)", "any", "low"),
    "two_nn_half": Measured("TwoNN of a half", "any", "low"),
    "two_nn_quarter": Measured("TwoNN of a quarter", "any", "low"),
    "separability": Measured("separability (bits)", "any", "high", "arranged", chance=0),
    "mixture_index": Measured("ε-mixture index", "any", "low", "arranged"),
    "anisotropy": Measured("mean cosine of pairs", "any", "low", range=RANK, units="contexts"),
    "norm_mean": Measured("mean norm", "any", "low", range=(0, inf), units="contexts"),
    "norm_cv": Measured("spread of the norms", "any", "low", range=(0, inf), units="contexts"),
}  # fmt: skip


CONTROLS = {  # what stands beside a set, and what it shows
    "random-tokens": "as many random tokens of the vocabulary (vocabulary sets only)",
    "random-words": "as many random words in the same templates (prompts only)",
    "gaussian": "Gaussian noise of the same shape",
    "spectrum": "Gaussian noise of the same mean and covariance",
    "shuffled-labels": "the same vectors with the labels in another order",
    "untrained": "the same architecture with random weights",
    "random-walk": "labels placed along a random walk, samples scattered around them as in the set",
}
NOISE_FOR = ("components_90", "participation_ratio", "two_nn")  # what noise of the same shape is measured for besides


def title_of(measure):
    """The title of a measure's axis."""
    return MEASURED[measure].title


def measures_of(shape):
    """The names of the measures that a set of some shape (topology, numbers, parents) may have."""
    has = {"any", "labels", *(key for key in ("numbers", "parents") if shape.get(key))}
    if shape["topology"] in PLACES:
        has |= {"located", "places", "map" if shape["topology"] in MAPS else "factors"}
    elif shape["topology"] in ("circle", *LINES):
        has |= {"located", "ordered", "circle" if shape["topology"] == "circle" else "line"}
    if shape.get("parents") or shape.get("distances"):
        has.add("located")
    return [name for name, m in MEASURED.items() if m.sets in has]
