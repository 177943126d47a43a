"""The vectors of a set, or of one of its controls, in one layer, with all that its measures share."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from orrery.controls import NOISE, another_order
from orrery.covariates import COVARIATES, covariates_of, first_token_ids
from orrery.errors import OrreryError
from orrery.geometry import bases, clusters, curves, cyclic, factors, places, probes
from orrery.geometry.classes import classes_of
from orrery.geometry.exchange import (
    balanced,
    crossed,
    document_of_each_label,
    holds_several,
    joined,
    without_common_direction,
    without_template_effects,
)
from orrery.geometry.partial import concept_distances
from orrery.geometry.regions import regions_from_distances
from orrery.geometry.shapes import hypotheses
from orrery.preprocess import preprocess

MAX_FOLDS = 20
CAPPED = 500  # samples, above which tests that permute samples take a balanced subsample


def clouds_of(control, layers, others, samples, shape, options, seed):
    """(layer, Cloud) of every layer of a control, or of the set itself.

    Raises
    ------
    OrreryError
        A control has not as many samples as the set, or a label has several values.
    """
    labels, values, classes = classes_of(samples)
    groups = _groups(samples, classes)
    templates = "group" in samples and any(samples["group"]) and crossed(classes, groups)
    removed = templates and options.get("template_effects", "remove") == "remove"
    parents, spots, areas = (_by_label(key, labels, shape) for key in ("parents", "coordinates", "regions"))
    wanted = options.get("covariates", COVARIATES)
    known = {
        "values": values, "groups": groups, "shape": shape, "seed": seed,
        "components": None if options["components"] == "all" else options["components"],
        "ridge": options.get("ridge", probes.RIDGE),
        "parents": None if parents is None else np.unique(parents, return_inverse=True)[1],
        "places": None if spots is None else np.array(spots, dtype=float),
        "regions": None if areas is None else np.unique(areas, return_inverse=True)[1],
        "tokens": _tokens(samples, labels),
        "labels": labels, "templates": templates,
        "covariates": covariates_of(labels, values, token_ids=first_token_ids(samples, labels), names=wanted),
    }  # fmt: skip
    if control == "shuffled-labels":
        classes = another_order(len(values), np.random.default_rng([seed, 1]))[classes]
    if control not in ("", "shuffled-labels", *NOISE):
        layers = {name: x for name, x in others.get(control, {}).items() if "-" not in name}
    for i, (name, vectors) in enumerate(layers.items()):
        if len(vectors) != len(classes):
            raise OrreryError(
                f"the control {control} has {len(vectors)} samples and the set {len(classes)}, so it would be measured "
                "otherwise. Take it out of controls, or read both from the same samples."
            )
        raw = np.asarray(vectors, dtype=np.float64)
        if control in NOISE:
            raw = NOISE[control](raw, classes, len(values), np.random.default_rng([seed, i]))
        x = _preprocessed(raw, options["preprocess"], samples["group"])
        x = without_template_effects(x, groups) if removed else x
        yield name, Cloud(raw, x, classes, **known)


def _preprocessed(raw, steps, groups):
    """Vectors (N, D) after the steps, less their common direction where a step brings them to length 1."""
    scaled = len(steps) - steps[::-1].index("l2") if "l2" in steps else 0
    x = preprocess(raw, steps[:scaled], groups)
    return preprocess(without_common_direction(x) if scaled else x, steps[scaled:], groups)


def _groups(samples, classes):
    """What samples (N,) share, as numbers: their template or else their document; each its own where there is none.

    Where there are both, templates count if no document holds two labels, else documents; documents of one group are
    one where the groups are no templates. Documents in which the same text stands are one.
    """
    n = len(classes)
    alone = np.array([f"\0{i}" for i in range(n)])
    named = {key: _numbered(samples[key], alone) for key in ("group", "document") if any(samples.get(key, ()))}
    groups = named.get("group", named.get("document", np.arange(n)))
    if len(named) == 2 and holds_several(classes, named["document"]):
        documents = named["document"]
        groups = documents if crossed(classes, groups) else joined(documents, groups)
    if "text" not in samples or not any(samples["text"]):
        return groups
    texts = [" ".join(text.casefold().split()) or own for text, own in zip(samples["text"], alone)]
    return joined(groups, texts)


def _numbered(names, alone):
    names = np.asarray(names).astype(str)
    return np.unique(np.where(names == "", alone, names), return_inverse=True)[1]


def _tokens(samples, labels):
    """The token (p,) that is read of each label, as a number, where the samples tell it."""
    if "token" not in samples:
        return None
    token_of = dict(zip(samples["label"], map(str, samples["token"])))
    return np.unique([token_of[label] for label in labels], return_inverse=True)[1]


def _by_label(key, labels, shape):
    """What the shape says of each label, or None."""
    return [shape[key][label] for label in labels] if shape.get(key) else None


@dataclass(eq=False)
class Cloud:
    """The vectors of one layer, as they are and preprocessed (N, D), with what is known of their samples."""

    raw: np.ndarray
    x: np.ndarray
    classes: np.ndarray
    values: np.ndarray
    groups: np.ndarray
    shape: dict
    components: int | None
    seed: int
    parents: np.ndarray | None = None
    places: np.ndarray | None = None
    regions: np.ndarray | None = None
    ridge: float = probes.RIDGE
    labels: tuple = ()
    tokens: np.ndarray | None = None
    covariates: dict = field(default_factory=dict)
    templates: bool = False

    @property
    def p(self):
        return len(self.values)

    @property
    def regular(self):
        """Whether the labels stand equally spaced on a circle."""
        on_circle = self.shape["topology"] == "circle"
        return on_circle and np.allclose(np.diff(self.values), self.shape["period"] / self.p)

    @property
    def surface(self):
        """What the labels' places are on: coordinates (p, k), topology, and periods of a torus."""
        return self.places, self.shape["topology"], self.shape.get("periods")

    @property
    def angles(self):
        """Angle (p,) of each label of a circle, in radians."""
        return 2 * np.pi * self.values / self.shape["period"]

    @cached_property
    def curve(self):
        """The curve that the distances of the labels' means follow."""
        return curves.best_curve(self.means, self.angles)

    @cached_property
    def targets(self):
        """What a probe predicts of each label (p, q): its value, cosine and sine of its angle, or its place."""
        if self.places is not None:
            return places.embedded(*self.surface)
        if self.shape["topology"] != "circle":
            return self.values[:, None]
        return np.stack([np.cos(self.angles), np.sin(self.angles)], axis=1)

    @cached_property
    def apart(self):
        """Distances (p, p) of what the labels stand for: values, places, or 1 between families."""
        if self.places is not None:
            return places.distances(*self.surface)
        if self.parents is not None:
            return (self.parents[:, None] != self.parents).astype(float)
        return concept_distances(self.values, self.shape["topology"], self.shape.get("period"))

    @cached_property
    def shapes(self):
        """Squared distances (p, p) of each shape that the labels may have, by its name."""
        target, names = self.shape.get("distances"), list(self.shape.get("distances", {}))
        if target is not None:
            at = [names.index(label) for label in self.labels]
            target = np.array([target[label] for label in self.labels], dtype=float)[:, at]
        period = self.shape.get("period", self.shape.get("periods"))
        found = hypotheses(self.values, self.shape["topology"], period=period, parents=self.parents,
                           coordinates=self.places, target=target)  # fmt: skip
        return {name.replace(" ", "-"): squares for name, squares in found.items()}

    @cached_property
    def region_of(self):
        """The region (p,) of each label, from the set's file or from distances on the map."""
        if self.regions is not None:
            return self.regions
        return regions_from_distances(places.distances(*self.surface))

    @cached_property
    def levels(self):
        """The level (p,) of each label on each factor of a torus or grid."""
        return factors.levels_of(self.places, self.shape.get("periods"))

    def factor(self, i):
        """The coordinate (p, m) of one factor as a probe can predict it."""
        periods = self.shape.get("periods")
        return places.embedded(self.places[:, [i]], self.shape["topology"], periods and [periods[i]])

    @property
    def several(self):
        """Whether every label has several samples."""
        return np.bincount(self.classes, minlength=self.p).min() > 1

    @cached_property
    def means(self):
        return cyclic.class_means(self.x, self.classes, self.p)

    @cached_property
    def coordinates(self):
        """Principal coordinates (p, k) of the label means."""
        return bases.principal_coordinates(self.means)

    @cached_property
    def plane(self):
        """The samples (N, 2) in the plane of the first two principal components of the label means.

        Of the means, as the samples' own plane would lean to the labels with most samples; of samples where there are
        fewer than three labels.
        """
        points = self.means if self.p > 2 else self.x
        _, _, axes = np.linalg.svd(points - points.mean(0), full_matrices=False)
        plane = (self.x - self.x.mean(0)) @ axes[:2].T
        return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))  # vectors of one number lie on a line of it

    @cached_property
    def folds(self):
        """The fold of each label: its own on a circle, else one of at most twenty."""
        if self.shape["topology"] == "circle":
            return np.arange(self.p)
        return np.random.default_rng(self.seed).permutation(self.p) % min(MAX_FOLDS, self.p)

    @cached_property
    def hidden(self):
        """Weights (N, p) of predictions for samples whose label was hidden."""
        return self.weights_without(self.folds)

    def weights_without(self, folds):
        """Weights (N, p) of predictions for samples whose fold of labels, folds (p,), was hidden."""
        if self.smoother is None:
            return probes.held_out_weights(self.x, self.classes, folds, self.components, self.ridge)
        return probes.smoothed_weights(self.smoother, self.classes, self.p, np.asarray(folds)[self.classes])

    @cached_property
    def smoother(self):
        """The one factorisation of the vectors that all probes share; None for probes on leading components."""
        return probes.Smoother.of(self.x, self.ridge) if self.components is None and self.ridge > 0 else None

    @cached_property
    def sample_folds(self):
        return probes.group_folds(self.groups, MAX_FOLDS // 2, self.seed)

    @cached_property
    def operator(self):
        """Weights and baseline (N, N) of all samples in predictions for those whose document or template was hidden."""
        return self._grouped(np.arange(len(self.x)), len(self.x))

    def _grouped(self, classes, n_classes):
        return probes.grouped_weights(
            self.x, classes, n_classes, self.sample_folds, self.components, self.ridge, self.smoother
        )

    @cached_property
    def probe(self):
        """Weights and baseline (N, p) of the labels in predictions for samples whose document was hidden."""
        if self.sampled is self:
            onehot = np.eye(self.p)[self.classes]
            return tuple(weights @ onehot for weights in self.operator)
        return self._grouped(self.classes, self.p)

    @cached_property
    def sampled(self):
        """A balanced subsample of it, of at most 500 samples."""
        kept = clusters.balanced_subsample(self.classes, self.groups, CAPPED, self.seed)
        return self.part(kept) if len(kept) < len(self.classes) else self

    @cached_property
    def distances(self):
        """Euclidean distances (N, N)."""
        return clusters.pairwise_distances(self.x)

    def part(self, kept):
        """The same with the samples of some indices."""
        present, classes = np.unique(self.classes[kept], return_inverse=True)
        by_label = {name: None if getattr(self, name) is None else getattr(self, name)[present]
                    for name in ("parents", "places", "regions", "tokens")}  # fmt: skip
        labels = [self.labels[i] for i in present] if len(self.labels) else self.labels
        given = {name: values[present] for name, values in self.covariates.items()}
        return replace(
            self, raw=self.raw[kept], x=self.x[kept], classes=classes, values=self.values[present],
            groups=self.groups[kept], labels=labels, covariates=given, **by_label,
        )  # fmt: skip

    @cached_property
    def unmixed(self):
        """The samples that tests of labels and their order take, or None where labels cannot be told from documents.

        Of each document the samples of one label, where documents hold different ones: labels that share documents
        (neighbours, often) would lie together without any effect of their own, and a hidden label's samples would stand
        beside training samples of the same document. Templates hold all labels alike. Then about as many samples of
        each label, as means of fewer samples are noisier.
        """
        if self.templates:
            kept = np.arange(len(self.classes))
        else:
            kept = document_of_each_label(self.classes, self.groups, self.p, self.seed)
        if kept is None:
            return None
        kept = kept[balanced(self.classes[kept], self.p, self.seed)]
        return self if len(kept) == len(self.classes) else self.part(kept)

    @property
    def placed(self):
        """The labels, where there are enough of them to be arranged otherwise."""
        return self.classes if self.p > 2 else None
