"""What figures are drawn from: the files of projections, analyses and measures, as figures see them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from orrery import store
from orrery.errors import OrreryError
from orrery.geometry.classes import classes_of

METHOD_NAMES = {
    "pca": "PCA", "svd": "SVD", "tsne": "t-SNE", "umap": "UMAP", "isomap": "Isomap", "classical-mds": "classical MDS",
    "mds": "MDS", "kernel-pca": "kernel PCA", "ica": "ICA", "pacmap": "PaCMAP", "lda": "LDA", "pls": "PLS",
    "circle": "circle probe", "line": "line probe", "helix": "helix probe", "raw": "raw vectors",
}  # fmt: skip
AXIS_NAMES = {"pca": "PC", "svd": "SV", "kernel-pca": "kernel PC", "ica": "IC", "lda": "LD", "raw": "dimension"}
PROBE_AXES = {
    "circle": ["predicted cos", "predicted sin"],
    "line": ["predicted value", "PC 1 of the rest"],
    "helix": ["predicted cos", "predicted sin", "predicted value"],
}
UNLIKE_AXES = ("line", "helix")  # methods whose axes have units of their own
DRAWN = ("projection", "similarity")  # kinds of files that are drawn as they are
MEANINGLESS = ("tsne", "umap", "pacmap")  # methods whose distances have no unit


@dataclass
class View:
    """A projection or an analysis of a set: arrays, columns of the samples, attributes."""

    arrays: dict
    samples: dict
    attributes: dict

    @property
    def n(self):
        """Number of samples."""
        return len(self.samples["label"])

    @property
    def concept(self):
        """The set's name."""
        return self.attributes["concept"]

    @cached_property
    def classes(self):
        """(labels in the order of their values, their values, index of each point's label)."""
        return classes_of(self.samples)

    @property
    def method(self):
        """Method of the reducer, or raw."""
        return self.attributes.get("method", "raw")

    @property
    def axis_family(self):
        """What all components are called."""
        return AXIS_NAMES.get(self.method, METHOD_NAMES.get(self.method, self.method))

    def axis_name(self, component):
        """What a component, counted from 1, is called, with its share of the variance where it has one."""
        if self.method in PROBE_AXES:
            return PROBE_AXES[self.method][component - 1]
        ratios = self.arrays.get("explained_variance_ratio")
        share = f" ({100 * ratios[component - 1]:.1f} %)" if ratios is not None and component <= len(ratios) else ""
        return f"{self.axis_family} {component}{share}"

    def coordinates(self, components):
        """Coordinates (N, len(components)) of components counted from 1.

        Raises
        ------
        OrreryError
            The projection has fewer components.
        """
        have = self.arrays["coordinates"].shape[1]
        if max(components) > have:
            raise OrreryError(
                f"component {max(components)} cannot be drawn: {self.attributes['reducer']} gave {have} for {self.n} "
                "points. Choose lower components, or a set with more points."
            )
        return self.arrays["coordinates"][:, [c - 1 for c in components]]

    def title(self):
        """What the picture shows, in a line."""
        a = self.attributes
        layer = "all layers" if a["layer"] == "all" else f"layer {a['layer']}"
        return f"{a['concept']} in {a['model']}, {layer}, {METHOD_NAMES.get(self.method, self.method)}"

    def caption(self, components=()):
        """How it was made, in a line; of a cloud on its first two or three components also how much to trust it."""
        a = self.attributes
        steps = ", ".join(a.get("preprocess") or []) or "vectors as they are"
        parts = [f"n = {self.n}", a["source"], f"{a['reducer']} ({steps})", f"seed {a['seed']}"]
        ending = {(1, 2): "", (1, 2, 3): "_3d"}.get(tuple(components))
        scores = [] if ending is None else [(f"trustworthiness{ending}", "trustworthiness"),
                                            (f"continuity{ending}", "continuity")]  # fmt: skip
        scores += [("seed_procrustes", "other seed's distance"), ("left_out_angle_error", "held-out error (rad)"),
                   ("held_out_r2", "held-out R²"), ("held_out_accuracy", "held-out accuracy")]  # fmt: skip
        parts += [f"{name} {a[key]:.2f}" for key, name in scores if isinstance(a.get(key), float)]
        return " · ".join(parts)


@dataclass
class Sources:
    """All that one figure is drawn from; what its kind does not need is None."""

    main: View | None = None
    control: View | None = None
    analysis: View | None = None
    control_analysis: View | None = None
    metrics: dict | None = None
    facts: dict = field(default_factory=dict)

    @property
    def views(self):
        """The projection, and its control where there is one."""
        return [v for v in (self.main, self.control) if v is not None]

    @property
    def analyses(self):
        """The analysis, and its control's where there is one."""
        return [v for v in (self.analysis, self.control_analysis) if v is not None]

    @property
    def credits(self):
        """Whom to name for the model and the texts, with their licences, in a line."""
        return credits_of([self.facts or (self.main or self.analysis).attributes])

    def caption(self, components=(), beside=True, elsewhere=""):
        """The caption of the set, and its control's name, or that none is drawn.

        `components` are those on the axes of a cloud; where the control is not `beside`, `elsewhere` names the figure
        that has it.
        """
        control = self.control or self.control_analysis
        note = f"control: {control.concept}" if control and beside else "no control set drawn"
        if control and elsewhere:
            note = f"control: see {elsewhere}"
        return f"{(self.main or self.analysis).caption(components)} · {note}"

    def title_of(self, what):
        """The title of a figure of the analysis that shows `what`."""
        return f"{self.analysis.title()}: {what}"

    def having(self, key):
        """The analysis and its control, as far as they have an array.

        Raises
        ------
        OrreryError
            The set itself has not.
        """
        main = self.analysis
        if key not in main.arrays:
            facts = main.attributes
            why = (
                facts.get("no_properties") if key == "property_r" else facts.get("uneven")
            ) or "it has too many classes"
            raise OrreryError(f"{main.concept} cannot be drawn so: {why}. Choose another figure, or another set.")
        return [view for view in self.analyses if key in view.arrays]


def credits_of(made):
    """Whom to name for all that some files (their attributes) were made from, in a line."""
    assets = [asset for a in made for asset in (a.get("asset", {}), a.get("samples_from", {}).get("asset", {}))]
    named = [f"{a['attribution']} ({a.get('licence', 'licence not stated')})" for a in assets if "attribution" in a]
    return " · ".join(dict.fromkeys(named))


def read_sources(projection=None, control=None, analysis=None, control_analysis=None, metrics=None, **_):
    """Read the files of a figure; other names are ignored."""
    table, facts = store.read_table(metrics, "metrics") if metrics else (None, {})
    drawn = [_view(path, *DRAWN) for path in (projection, control)]
    return Sources(*drawn, *(_view(path, "analysis") for path in (analysis, control_analysis)), table, facts)


def _view(path, *kinds):
    return View(*store.read_projection(path, *kinds)) if path else None


def series_of(metrics, control=""):
    """measure → columns of the table of measures, arrays over the layers of the set, or of one of its controls.

    Layers are those of the residual stream.
    """
    rows = {}
    for i, (name, whose) in enumerate(zip(metrics["measure"], metrics["control"])):
        if whose == control and not ("site" in metrics and metrics["site"][i]):
            rows.setdefault(name, []).append(i)
    return {name: {key: np.array([values[i] for i in some]) for key, values in metrics.items()}
            for name, some in rows.items()}  # fmt: skip
