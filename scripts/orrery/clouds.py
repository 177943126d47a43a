"""The vectors of a set, or of one of its controls, in one layer, with all that its measures share."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orrery.controls import NOISE, another_order
from orrery.errors import OrreryError
from orrery.geometry import bases, clusters, cyclic, probes
from orrery.preprocess import preprocess

MAX_FOLDS = 20
CAPPED = 500  # samples, above which tests that permute samples take a balanced subsample


def clouds_of(control, layers, others, samples, shape, options, seed):
    """(layer, Cloud) of every layer of a control, or of the set itself."""
    values, classes = np.unique(np.asarray(samples["value"], dtype=float), return_inverse=True)
    groups, parents, places = _groups(samples), _parents(samples, classes, shape), _places(samples, classes, shape)
    if control == "shuffled-labels":
        classes = another_order(len(values), np.random.default_rng([seed, 1]))[classes]
    layers = layers if control in ("", "shuffled-labels", *NOISE) else others.get(control, {})
    for i, (name, vectors) in enumerate(layers.items()):
        if len(vectors) != len(classes):
            raise OrreryError(
                f"the control {control} has {len(vectors)} samples and the set {len(classes)}, so it would be measured "
                "otherwise. Take it out of controls, or read both from the same samples."
            )
        raw = np.asarray(vectors, dtype=np.float64)
        if control in NOISE:
            raw = NOISE[control](raw, classes, len(values), np.random.default_rng([seed, i]))
        x = preprocess(raw, options["preprocess"], samples["group"])
        yield name, Cloud(raw, x, classes, values, groups, shape, options["components"], seed, parents, places)


def _groups(samples):
    """What samples share: their template or else their document, as numbers (N,); each its own where there is none."""
    n = len(samples["value"])
    named = [key for key in ("group", "document") if key in samples and any(samples[key])]
    names = np.asarray(samples[named[0]]).astype(str) if named else np.arange(n).astype(str)
    alone = np.array([f"\0{i}" for i in range(n)])
    return np.unique(np.where(names == "", alone, names), return_inverse=True)[1]


def _parents(samples, classes, shape):
    """The parent (p,) of each label, as a number, or None."""
    names = _by_class("parents", samples, classes, shape)
    return None if names is None else np.unique(names, return_inverse=True)[1]


def _places(samples, classes, shape):
    """The coordinates (p, k) of each label, or None."""
    coordinates = _by_class("coordinates", samples, classes, shape)
    return None if coordinates is None else np.array(coordinates, dtype=float)


def _by_class(key, samples, classes, shape):
    """What the shape says of each label, in the order of the classes, or None."""
    label_of = dict(zip(classes, samples["label"])) if shape.get(key) else {}
    return [shape[key][label_of[c]] for c in range(len(label_of))] or None


@dataclass(eq=False)
class Cloud:
    """The vectors of one layer, as they are and preprocessed (N, D), with what is known of their samples."""

    raw: np.ndarray
    x: np.ndarray
    classes: np.ndarray
    values: np.ndarray
    groups: np.ndarray
    shape: dict
    components: int
    seed: int
    parents: np.ndarray | None = None
    places: np.ndarray | None = None

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
        return (self.x - self.x.mean(0)) @ axes[:2].T

    @cached_property
    def folds(self):
        """The fold of each label: its own on a circle, else one of at most twenty."""
        if self.shape["topology"] == "circle":
            return np.arange(self.p)
        return np.random.default_rng(self.seed).permutation(self.p) % min(MAX_FOLDS, self.p)

    @cached_property
    def hidden(self):
        """Weights (N, p) of predictions for samples whose label was hidden."""
        return probes.held_out_weights(self.x, self.classes, self.folds, self.components)

    @cached_property
    def sample_folds(self):
        return probes.group_folds(self.groups, MAX_FOLDS // 2, self.seed)

    @cached_property
    def operator(self):
        """Weights and baseline (N, N) of all samples in predictions for those whose document or template was hidden."""
        return probes.sample_weights(self.x, self.sample_folds, self.components)

    @cached_property
    def probe(self):
        """Weights and baseline (N, p) of the labels in predictions for samples whose document was hidden."""
        if self.sampled is self:
            onehot = np.eye(self.p)[self.classes]
            return tuple(weights @ onehot for weights in self.operator)
        return probes.grouped_weights(self.x, self.classes, self.p, self.sample_folds, self.components)

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
        parents, places = (None if known is None else known[present] for known in (self.parents, self.places))
        return Cloud(self.raw[kept], self.x[kept], classes, self.values[present], self.groups[kept], self.shape,
                     self.components, self.seed, parents, places)  # fmt: skip

    @cached_property
    def unmixed(self):
        """The same with samples of one label from each document, where documents hold different ones.

        Labels that share documents (neighbours, often) would lie together without any effect of their own, and a hidden
        label's samples would stand beside training samples of the same document. Templates hold all labels alike. Where
        a label would be lost, everything stays.
        """
        held = np.zeros((self.groups.max() + 1, self.p), dtype=int)
        np.add.at(held, (self.groups, self.classes), 1)
        mixed = (held > 0).sum(1) > 1
        if not mixed.any() or (held == held[0]).all():
            return self
        kept = np.where(mixed[:, None], 0, held).sum(0)
        chosen = held.argmax(1)
        for group in np.random.default_rng(self.seed).permutation(np.flatnonzero(mixed)):
            there = np.flatnonzero(held[group])
            chosen[group] = there[np.argmin(kept[there])]
            kept[chosen[group]] += held[group, chosen[group]]
        part = self.part(np.flatnonzero(chosen[self.groups] == self.classes))
        return part if part.p == self.p and (part.several or not self.several) else self

    @property
    def placed(self):
        """The labels, where there are enough of them to be arranged otherwise."""
        return self.classes if self.p > 2 else None

    @cached_property
    def even(self):
        """The same with as many samples of each label: means of fewer are noisier, and so lie farther from others."""
        counts = np.bincount(self.classes)
        if counts.min() == counts.max():
            return self
        order = np.random.default_rng(self.seed).permutation(len(self.classes))
        kept = [order[self.classes[order] == c][: counts.min()] for c in range(self.p)]
        return self.part(np.sort(np.concatenate(kept)))

    def without(self, left_out):
        """The same without some samples, but for predictions, which stay those of the probes of all."""
        kept = np.flatnonzero(~left_out)
        part = self.part(kept)
        if part.p == self.p:
            part.hidden, part.probe = self.hidden[kept], tuple(weights[kept] for weights in self.probe)
            part.folds, part.distances = self.folds, self.distances[np.ix_(kept, kept)]
        return part
