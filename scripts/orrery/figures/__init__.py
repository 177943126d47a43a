"""Figures from projection and metrics files alone: drawing never computes geometry.

Each kind of figure is one function in `interactive` (plotly) and, where it makes sense on paper, one in `static`
(matplotlib). Both take the sources of a figure, its entry in the config, and the shape of the concept.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from orrery import store
from orrery.errors import OrreryError

MANY = 20  # classes, above which colour stands for a value and not for a name
LINEAR = ("pca", "svd")
METHOD_NAMES = {"pca": "PCA", "svd": "SVD", "tsne": "t-SNE", "umap": "UMAP"}
AXIS_NAMES = {"pca": "PC", "svd": "SV", "tsne": "t-SNE", "umap": "UMAP"}
MEASURE_NAMES = {
    "first_harmonic_share": "first-harmonic share",
    "left_out_angle_error": "left-out angle error (rad)",
    "left_out_value_r2": "left-out value R²",
    "components_90": "components for 90 % of variance",
}


@dataclass
class View:
    """A projection as figures see it."""

    arrays: dict
    samples: dict
    attributes: dict

    @property
    def n(self):
        """Number of points."""
        return len(self.samples["label"])

    @cached_property
    def classes(self):
        """(labels in the order of their values, index of each point's label)."""
        order = dict(sorted(dict(zip(self.samples["label"], self.samples["value"])).items(), key=lambda item: item[1]))
        place = {label: i for i, label in enumerate(order)}
        return list(order), np.array([place[label] for label in self.samples["label"]])

    def axes(self, components, dimensions):
        """Coordinates (N, dimensions) and axis titles of the components asked for, counted from 1."""
        components = components or list(range(1, dimensions + 1))
        have = self.arrays["coordinates"].shape[1]
        if max(components) > have:
            raise OrreryError(
                f"component {max(components)} cannot be drawn: {self.attributes['reducer']} gave {have} for {self.n} "
                "points. Choose lower components, or a set with more points."
            )
        name = AXIS_NAMES.get(self.attributes["method"], self.attributes["method"])
        ratios = self.arrays.get("explained_variance_ratio")
        titles = [f"{name} {c}" + (f" ({100 * ratios[c - 1]:.1f} %)" if ratios is not None else "") for c in components]
        return self.arrays["coordinates"][:, [c - 1 for c in components]], titles

    def title(self):
        """What the picture shows, in a line."""
        a = self.attributes
        return f"{a['concept']} in {a['model']}, layer {a['layer']}, {METHOD_NAMES.get(a['method'], a['method'])}"

    def caption(self):
        """How it was made, in a line."""
        a = self.attributes
        steps = ", ".join(a["preprocess"]) or "raw vectors"
        return f"n = {self.n} · {a['source']} · {a['reducer']} ({steps}) · seed {a['seed']}"


@dataclass
class Sources:
    """What a figure is drawn from: a projection with or without its control, or a table of metrics."""

    main: View | None = None
    control: View | None = None
    metrics: dict | None = None
    facts: dict = field(default_factory=dict)

    @property
    def views(self):
        """The projection, and its control where there is one."""
        return [v for v in (self.main, self.control) if v is not None]

    @property
    def credits(self):
        """Whom to name for the model and the texts, with their licences, in a line."""
        made = self.main.attributes if self.main else self.facts
        assets = [made["asset"], made.get("samples_from", {}).get("asset", {})]
        return " · ".join(
            f"{a['attribution']} ({a.get('licence', 'licence not stated')})" for a in assets if "attribution" in a
        )

    def control_note(self):
        """Names the control, or says that there is none."""
        return f"control: {self.control.attributes['concept']}" if self.control else "no control set drawn"


def read_sources(projection=None, control=None, metrics=None, **_):
    """Read the files of a figure; other names are ignored."""
    if metrics:
        table, facts = store.read_table(metrics)
        return Sources(metrics=table, facts=facts)
    return Sources(View(*store.read_projection(projection)), View(*store.read_projection(control)) if control else None)


def series_of(metrics):
    """measure → {layer, value, null_mean, null_low, null_high, p_corrected, permuted, better}, arrays over layers."""
    names = list(dict.fromkeys(metrics["measure"]))
    rows = {name: [i for i, m in enumerate(metrics["measure"]) if m == name] for name in names}
    return {name: {key: [values[i] for i in rows[name]] for key, values in metrics.items()} for name in names}


def spectra(sources):
    """name → explained-variance ratios, of the set, its control and Gaussian noise of the set's shape."""
    named = {view.attributes["concept"]: view.arrays["explained_variance_ratio"] for view in sources.views}
    return named | {"Gaussian noise, same shape": sources.main.arrays["noise_explained_variance_ratio"]}
