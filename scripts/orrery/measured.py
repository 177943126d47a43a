"""What is measured, by name: titles, chance levels, which sets have it. Standard library only: the workflow reads it.

docs/measures.md says of each what it is, what it ranges over, and what it cannot show.
"""

from dataclasses import dataclass
from math import pi

PERIODS = (2, 5, 10, 100)  # of integers; those that the values resolve are measured
LINES = ("line", "helix")  # topologies whose labels have a first and a last
PLACES = ("plane", "sphere", "torus", "grid")  # topologies whose labels have coordinates


@dataclass(frozen=True)
class Measured:
    """One measure.

    `sets` that have it: any, circle, line, ordered (both), numbers (integers), places (coordinates), labels (at least
    two samples each), parents; `better` says where structure is, high or low; `null` what its p is drawn from: orders
    (of the labels), labels (of the samples), gaussian (of the same spectrum), arranged (the same labels elsewhere),
    walks (of the same smoothness), or none; `chance` a known level.
    """

    title: str
    sets: str
    better: str
    null: str = "none"
    chance: float | None = None


ORDERS, LABELS = {"null": "orders"}, {"null": "labels", "sets": "labels", "better": "high"}
MEASURED = {
    "left_out_angle_error": Measured("left-out angle error (rad)", "circle", "low", **ORDERS, chance=pi / 2),
    "ring_closure": Measured("closing of the label means (rad × step)", "circle", "low", "walks"),
    "first_harmonic_share": Measured("first-harmonic share", "circle", "high", **ORDERS),
    "circle_probe_r2": Measured("circular probe R², grouped folds", "circle", "high", **ORDERS, chance=0),
    "ring_radius_cv": Measured("spread of the ring's radii", "circle", "low", **ORDERS),
    "ring_spacing_cv": Measured("spread of the ring's spacings", "circle", "low", **ORDERS),
    "h1_score": Measured("one loop (H1 score)", "circle", "high", "gaussian"),
    "left_out_value_r2": Measured("left-out value R²", "line", "high", **ORDERS, chance=0),
    "left_out_log_r2": Measured("left-out log value R²", "line", "high", **ORDERS, chance=0),
    "left_out_rank": Measured("left-out rank correlation", "line", "high", **ORDERS, chance=0),
    "step_ratio": Measured("steps along the order / all distances", "ordered", "low", **ORDERS, chance=1),
    "arch_share": Measured("variance in an arch", "line", "high", "walks"),
    "fourier_r2": Measured("helix regression R², held out", "numbers", "high", **ORDERS, chance=0),
    "polynomial_r2": Measured("polynomial of equal size R²", "numbers", "high", **ORDERS, chance=0),
    "digits_r2": Measured("digits regression R²", "numbers", "high", **ORDERS, chance=0),
    **{f"unique_r2_{t}": Measured(f"unique R² of period {t}", "numbers", "high", **ORDERS, chance=0) for t in PERIODS},
    **{f"modulo_kappa_{t}": Measured(f"n mod {t}, κ", "numbers", "high", **ORDERS, chance=0) for t in PERIODS[:3]},
    "tens_kappa": Measured("tens digit, κ", "numbers", "high", **ORDERS, chance=0),
    **{f"fourier_power_{t}": Measured(f"Fourier power at period {t}", "numbers", "high", **ORDERS) for t in PERIODS},
    "left_out_place_r2": Measured("left-out place R²", "places", "high", **ORDERS, chance=0),
    "weakest_axis_r2": Measured("weakest axis of left-out places, R²", "places", "high", **ORDERS, chance=0),
    "distance_rank": Measured("rank correlation of distances", "places", "high", **ORDERS, chance=0),
    "silhouette": Measured("silhouette of the labels", **LABELS),
    "neighbour_purity": Measured("neighbours with the same label", **LABELS),
    "probe_accuracy": Measured("linear probe accuracy, grouped folds", **LABELS),
    "parent_share": Measured("variance between parents", "parents", "high", **ORDERS),
    "difference_cosine": Measured("cosine of child and parent directions", "parents", "low", **ORDERS),
    "simplex_cv": Measured("spread of the distances of labels", "any", "low"),
    "components_90": Measured("components for 90 % of variance", "any", "low"),
    "participation_ratio": Measured("participation ratio", "any", "low"),
    "two_nn": Measured("intrinsic dimension (TwoNN)", "any", "low"),
    "two_nn_half": Measured("TwoNN of a half", "any", "low"),
    "two_nn_quarter": Measured("TwoNN of a quarter", "any", "low"),
    "separability": Measured("separability (bits)", "any", "high", "arranged", chance=0),
    "mixture_index": Measured("ε-mixture index", "any", "low", "arranged"),
    "anisotropy": Measured("mean cosine of pairs", "any", "low"),
    "norm_mean": Measured("mean norm", "any", "low"),
    "norm_cv": Measured("spread of the norms", "any", "low"),
}


CONTROLS = {  # what stands beside a set, and what it shows
    "random-tokens": "as many random tokens of the vocabulary (vocabulary sets only)",
    "gaussian": "Gaussian noise of the same shape",
    "spectrum": "Gaussian noise of the same mean and covariance",
    "shuffled-labels": "the same vectors with the labels in another order",
    "untrained": "the same architecture with random weights",
    "random-walk": "labels placed along a random walk, samples scattered around them as in the set",
}


def title_of(measure):
    """The title of a measure's axis."""
    return MEASURED[measure].title


def measures_of(shape):
    """The names of the measures that a set of some shape (topology, numbers, parents) may have."""
    has = {"any", "labels", *(key for key in ("numbers", "parents") if shape.get(key))}
    if shape["topology"] in PLACES:
        has.add("places")
    elif shape["topology"] in ("circle", *LINES):
        has |= {"ordered", "circle" if shape["topology"] == "circle" else "line"}
    return [name for name, m in MEASURED.items() if m.sets in has]
