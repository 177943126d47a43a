"""What a set may be said to have, by which measures that is decided, and in which words. Standard library only."""

from dataclasses import dataclass

from orrery.measured import COVARIATES, LINES, PLACES, SHAPES

ALPHA = 0.05


@dataclass(frozen=True)
class Need:
    """What must hold in the same layer as a structure's own measure.

    A measure whose corrected p is at most .05 (and whose value is on the better side of chance), or, with a bound, one
    whose value is above or below it. A set that has the structure's own measure and not this gets the verdict
    `otherwise`; where a set does not have the measure at all, nothing is asked.
    """

    measure: str
    otherwise: str
    above: float | None = None
    below: float | None = None

    @property
    def tested(self):
        """Whether its p counts."""
        return self.above is None and self.below is None

    def holds(self, value):
        """Whether a value is within the bounds."""
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)


@dataclass(frozen=True)
class Structure:
    """What a set may be said to have: the measure that decides, what else must hold, and the numbers in words.

    `given` begins the names of its partial measures. `share` is the measure that says which part of the labels'
    variance the shape holds. `limit` is what else passes.
    `planted` names the shape that is put into a control to see whether the control could show it at all. Of the
    measures in `guards`, which tell it from what is simpler, a set has one at least, or it is `unguarded`: undecidable.
    """

    measure: str
    says: str
    planted: str
    needs: tuple = ()
    share: str = ""
    given: str = ""
    limit: str = ""
    guards: tuple = ()
    unguarded: str = ""


AROUND = (
    Need("weakest_circle_axis_r2", "one axis only", above=0),
    Need("ring_aspect", "one axis only", above=0.2),
    Need("closing_gap", "open arc", below=2),
    Need("seam_closeness", "open chain", above=0.5),
)
CHAINS = (
    "An arc from which less than one label is missing and a few open chains of labels that share features with their "
    "neighbours also pass."
)
SPIRALS = (
    "An arc from which less than one label is missing, a few open chains of labels that share features with their "
    "neighbours, and some spirals whose radius doubles also pass."
)
TEN = (
    Need("residue_circle_10", "digit categories"),
    Need("residue_circle_10", "digit categories", above=2 / 9),
    Need("residue_closure_10", "open arc of digits"),
    Need("residue_seam_10", "open arc of digits", above=0.5),
    Need("residue_consistency_10", "not the same in every decade"),
)
FEW = "circles and halves of the last digits cannot be told from categories of digits with fewer than 20 numbers"
FACTORS = tuple(Need(f"factor_r2_{i}", "one factor only") for i in range(1, 5))

# What the table of a run answers for each set; the other measures stand beside it in the set's own table.
STRUCTURES = {
    "cyclic order": Structure(
        "left_out_angle_error",
        "a held-out label is placed {value:.2f} rad off on average, {null_mean:.2f} with shuffled labels",
        planted="circle",
        needs=AROUND,
        share="first_harmonic_share",
        given="circle_r2",
        limit=CHAINS,
    ),
    "ring": Structure(
        "ring_closure",
        "the labels close with {value:.2f} (rad × longest step), open walks with {null_mean:.2f}",
        planted="circle",
        needs=(Need("left_out_angle_error", "no order"), *AROUND, Need("spiral_growth", "spiral", below=0.5)),
        share="first_harmonic_share",
        given="circle_r2",
        limit=SPIRALS,
    ),
    "order": Structure(
        "left_out_rank",
        "held-out values are ordered with a rank correlation of {value:.2f}, {null_mean:.2f} with shuffled values",
        planted="line",
        share="line_share",
        given="order_r2",
    ),
    "helix": Structure(
        "residue_circle_10",
        "the ten last digits lie on a circle that holds {value:.0%} of their variance, {null_mean:.0%} in other orders",
        planted="helix",
        needs=(*TEN[1:], Need("left_out_rank", "circle only"), Need("rank_within_digits", "circle only")),
        share="helix_share",
        guards=("residue_circle_10",),
        unguarded=FEW,
    ),
    "arch": Structure(
        "arch_share",
        "an arch holds {value:.0%} of the labels' variance, {null_mean:.0%} on walks of the same smoothness",
        planted="arch",
        needs=(Need("second_cosine_share", "no bend", above=0.08),),
        share="arch_share",
    ),
    "period 10": Structure(
        "modulo_kappa_10",
        "n mod 10 of held-out numbers is predicted with κ = {value:.2f}, {null_mean:.2f} with shuffled values",
        planted="period 10",
        needs=TEN,
        share="period_share_10",
        guards=("residue_circle_10",),
        unguarded=FEW,
    ),
    "parity": Structure(
        "modulo_kappa_2",
        "the parity of held-out numbers is predicted with κ = {value:.2f}, {null_mean:.2f} with shuffled values",
        planted="parity",
        needs=(
            Need("residue_parity", "digit categories"),
            Need("residue_consistency_10", "not the same in every decade"),
        ),
        share="period_share_2",
        guards=("residue_parity",),
        unguarded=FEW,
    ),
    "places": Structure(
        "left_out_place_r2",
        "the places of held-out labels are predicted with R² = {value:.2f}, {null_mean:.2f} with shuffled places",
        planted="places",
        needs=(
            Need("weakest_axis_r2", "one axis only"),
            Need("left_out_region_r2", "regions only", above=0),
            Need("within_region_r2", "regions only"),
            Need("within_own_region_r2", "regions only"),
            Need("within_region_r2", "regions only", above=0.05),
            Need("within_own_region_r2", "regions only", above=0.05),
            *FACTORS,
        ),
        share="place_share",
        given="place_r2",
        guards=("within_region_r2", "factor_r2_1"),
        unguarded="no labels share a level of the declared factors; write topology: plane, or coordinates on a grid",
    ),
    "clusters": Structure(
        "probe_accuracy",
        "the label is named in unseen contexts in {value:.0%} of cases, {null_mean:.0%} with shuffled labels",
        planted="clusters",
        limit="Distinct tokens alone pass this test.",
    ),
    "families": Structure(
        "sibling_cosine",
        "siblings have a cosine of {value:.2f} beyond other labels, {null_mean:.2f} by chance",
        planted="families",
        share="parent_share",
        given="sibling_cosine",
        limit="Families of words that are used alike also pass this test.",
    ),
}  # fmt: skip

# What a topology claims, the stronger first. Of the last two nothing is claimed but that labels are told apart.
CLAIMS = {
    "circle": ("ring", "cyclic order"),
    **dict.fromkeys(LINES, ("order",)),
    "helix": ("helix", "order"),
    **dict.fromkeys(PLACES, ("places",)),
    "tree": ("families",),
    "simplex": ("clusters",),
    "none": ("clusters",),
}
PARTS = tuple(dict.fromkeys(need.otherwise for what in STRUCTURES.values() for need in what.needs))
TRIVIAL = ("clusters",)  # is true of any labels that are written differently


def deciding(structures):
    """The measures by which some structures are decided, with those that say how much they hold."""
    told = [STRUCTURES[name] for name in structures]
    needed = [name for what in told for name in (what.measure, *(need.measure for need in what.needs))]
    return dict.fromkeys(needed)


def said(structures):
    """What is measured of a set besides, to say how much of it a structure holds and what else explains it."""
    told = [STRUCTURES[name] for name in structures]
    given = [f"{what.given}_given_{name}" for what in told if what.given for name in COVARIATES]
    return dict.fromkeys([*(what.share for what in told if what.share), *given, *(f"shape_{name}" for name in SHAPES)])
