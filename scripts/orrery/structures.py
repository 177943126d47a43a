"""What a set may be said to have, and in which words. Standard library only."""

from dataclasses import dataclass

from orrery.measured import LINES, PLACES


@dataclass(frozen=True)
class Structure:
    """What a set may be said to have: the measure that decides, and the numbers in words.

    `planted` are controls that have it by construction, which says nothing against the set; what `also` names must be
    significant in the same layer; `limit` is what else would be found. Where the measure has a level of chance, the
    value must be on the better side of it, of both measures.
    """

    measure: str
    says: str
    planted: tuple = ()
    also: str = ""
    limit: str = ""


# What the table of a run answers for each set; the other measures stand beside it in the set's own table.
STRUCTURES = {
    "cyclic order": Structure(
        "left_out_angle_error",
        "a hidden label is placed {value:.2f} rad off on average, {null_mean:.2f} with shuffled labels",
        planted=("random-walk",),
        limit="An open curve would do.",
    ),
    "ring": Structure(
        "ring_closure",
        "the labels are in order and close with {value:.2f} (rad × longest step), open walks with {null_mean:.2f}",
        also="left_out_angle_error",
        limit="Three quarters of a ring would do.",
    ),
    "loop": Structure(
        "h1_score",
        "the longest loop outlasts the next by {value:.0%} of its life, {null_mean:.0%} in noise of the same spectrum",
        planted=("shuffled-labels",),
    ),
    "order": Structure(
        "left_out_rank",
        "hidden values are ordered with a rank correlation of {value:.2f}, {null_mean:.2f} with shuffled values",
        planted=("random-walk",),
    ),
    "arch": Structure(
        "arch_share",
        "an arch holds {value:.0%} of the labels' variance, {null_mean:.0%} on walks of the same smoothness",
    ),
    "period 10": Structure(
        "modulo_kappa_10",
        "n mod 10 of hidden numbers is told with κ = {value:.2f}, {null_mean:.2f} with shuffled values",
    ),
    "parity": Structure(
        "modulo_kappa_2",
        "the parity of hidden numbers is told with κ = {value:.2f}, {null_mean:.2f} with shuffled values",
    ),
    "places": Structure(
        "left_out_place_r2",
        "the places of hidden labels are told with R² = {value:.2f}, {null_mean:.2f} with shuffled places",
        also="weakest_axis_r2",
        limit="Labels that lie in clusters would do.",
    ),
    "clusters": Structure(
        "probe_accuracy",
        "the label is named in unseen contexts in {value:.0%} of cases, {null_mean:.0%} with shuffled labels",
        planted=("random-walk",),
    ),
    "families": Structure(
        "parent_share", "families hold {value:.0%} of the labels' variance, {null_mean:.0%} with shuffled labels"
    ),
}  # fmt: skip

# What a topology claims, the stronger first. Of the last two nothing is claimed but that labels are told apart.
CLAIMS = {
    "circle": ("ring", "cyclic order"),
    **dict.fromkeys(LINES, ("order",)),
    **dict.fromkeys(PLACES, ("places",)),
    "tree": ("families",),
    "simplex": ("clusters",),
    "none": ("clusters",),
}


def deciding(structures):
    """The measures by which some structures are told."""
    told = [STRUCTURES[name] for name in structures]
    return {measure for what in told for measure in (what.measure, what.also) if measure}
