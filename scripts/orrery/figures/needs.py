"""What each kind of figure is drawn from, and so where it fits. Standard library only: the workflow reads it."""

from dataclasses import dataclass

from orrery.measured import LINES

COMPONENTS = ("pca", "svd", "kernel-pca", "ica", "pls", "lda")  # methods that give many, each with a meaning
SUPERVISED = ("lda", "pls", "circle", "line", "helix")  # methods that use the labels; a control has none that fit
SPECTRAL = ("pca", "svd")


@dataclass(frozen=True)
class Need:
    """What a kind of figure needs.

    `files` are stages (projection, analysis, metrics); `phrase` completes "it needs …"; `methods` of reducers that can
    give it, None for any; `raw` says whether the vectors themselves can: no, also, only; `layer` is one or all; `sets`
    that have it: any, circle, line (or helix), numbers (integers); `options` the keys that it alone reads.
    """

    phrase: str
    files: tuple = ("projection",)
    methods: tuple | None = None
    raw: str = "no"
    layer: str = "one"
    sets: str = "any"
    options: tuple = ()


MANY = "a reducer with many components (pca, svd, kernel-pca, ica, pls, lda)"
ORDERED = f"a set whose topology is line or helix, and {MANY}, or raw"
ALONG = {"files": ("analysis",), "methods": COMPONENTS, "raw": "also"}
NEEDS = {
    "scatter-2d": Need("a reducer with two components, or with many", options=("components", "colour")),
    "scatter-3d": Need("a reducer with three components, or with many", options=("components", "colour")),
    "digits": Need(
        "integers, and a reducer with enough components", sets="numbers", options=("components", "dimensions")
    ),
    "grid": Need(MANY, methods=COMPONENTS, options=("count", "colour")),
    "layers": Need("a reducer, under the layer all", layer="all", options=("dimensions",)),
    "ring": Need("a set whose topology is circle, and the reducer circle", methods=("circle",), sets="circle"),
    "variance": Need("pca or svd", methods=SPECTRAL),
    "loadings": Need("pca or svd", methods=SPECTRAL, options=("components",)),
    "correlation": Need(f"{MANY}, or raw", **ALONG),
    "pair-table": Need(f"{MANY}, or raw", **ALONG, options=("count",)),
    "pairs": Need(MANY, files=("projection", "analysis"), methods=COMPONENTS, options=("count",)),
    "lines": Need(ORDERED, **ALONG, sets="line", options=("components", "sequence")),
    "steps": Need(ORDERED, **ALONG, sets="line"),
    "fourier": Need(ORDERED, **ALONG, sets="line", options=("components",)),
    "fourier-map": Need(ORDERED, **ALONG, sets="line", options=("count",)),
    "properties": Need(f"integers, and {MANY}, or raw", **ALONG, sets="numbers", options=("count",)),
    "property-bars": Need(f"integers, and {MANY}, or raw", **ALONG, sets="numbers", options=("count", "properties")),
    "cosines": Need("the vectors themselves: ask for it under raw", files=("analysis",), methods=(), raw="only"),
    "metrics": Need(
        "all layers: ask for it under all/raw",
        files=("metrics",),
        methods=(),
        raw="only",
        layer="all",
        options=("measures",),
    ),
}
OPTIONS = {option for need in NEEDS.values() for option in need.options}


def dimensions_of(figure):
    """How many axes a figure has, where it is a cloud; else None."""
    kind = figure["kind"]
    if kind in ("scatter-2d", "scatter-3d"):
        return int(kind[-2])
    return figure.get("dimensions", 2) if kind in ("digits", "layers") else None


def html_only(figure):
    """Whether a figure is for turning, and has no form for paper."""
    return dimensions_of(figure) == 3


def gives(figure, reducer):
    """Whether a figure can be drawn from what a reducer (its entry, or None for the vectors themselves) gives."""
    need = NEEDS[figure["kind"]]
    if reducer is None:
        return need.raw != "no"
    if need.methods is not None and reducer["method"] not in need.methods:
        return False
    dimensions, have = dimensions_of(figure), components_of(reducer)
    if dimensions is None or need.layer == "all":
        return have >= max(figure.get("components", [2])) and have >= (dimensions or 2)
    many = reducer["method"] in COMPONENTS
    return have >= max(figure.get("components", [dimensions])) and (many or have == dimensions)


def components_of(reducer):
    """How many components a reducer gives at the most."""
    return reducer.get("components") or {"circle": 2, "line": 2, "helix": 3}.get(reducer["method"], 2)


def suits(figure, concept):
    """Whether a set has what a kind of figure shows."""
    sets, topology = NEEDS[figure["kind"]].sets, concept["topology"]
    if figure.get("colour") in ("ones", "tens", "hundreds", "length"):
        sets = "numbers"
    kinds = {"any", topology, *(["line"] if topology in LINES else []), *(["numbers"] if "integers" in concept else [])}
    return sets in kinds
