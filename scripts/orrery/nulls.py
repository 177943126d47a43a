"""What the statistics of a set are compared with: the same permutations and seeds in every layer."""

from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from orrery.clouds import Cloud
from orrery.geometry import clusters, factors, places, regions
from orrery.geometry.permutations import cyclic_orders, linear_orders, tied_orders
from orrery.measured import LINES

CONTROL_PERMUTATIONS, LABEL_PERMUTATIONS, PARTIAL_PERMUTATIONS, CONTROL_LABELS = 999, 999, 1999, 199
FIRST_DRAWS, MORE_DRAWS = 199, 4999  # of nulls that are drawn, at first and where almost none is beyond the set
BEYOND = 10  # draws beyond the set at which drawing stops (Besag and Clifford 1991)


@dataclass(eq=False)
class Search:
    """The null distributions of a set, or of a control with at most 999 permutations."""

    cloud: Cloud
    permutations: int
    seed: int
    control: str = ""
    most_draws: int = FIRST_DRAWS
    exact: bool = field(init=False)

    def __post_init__(self):
        if self.control:
            self.permutations = min(self.permutations, CONTROL_PERMUTATIONS)
        if self.cloud.regular:  # an irregular circle cannot be turned
            self.orders, self.exact = cyclic_orders(self.cloud.p, self.permutations, self.seed)
        else:
            self.orders, self.exact = self._orders(self.permutations)

    def _orders(self, count):
        """The true order and `count` random ones; on a line, labels of one value stay together."""
        if self.cloud.shape["topology"] in LINES:
            groups = np.unique(self.cloud.values, return_inverse=True)[1]
            if groups.max(initial=-1) + 1 < self.cloud.p:
                return tied_orders(groups, count, self.seed)
        return linear_orders(self.cloud.p, count, self.seed)

    @cached_property
    def free_orders(self):
        """Orders (B, p) of the labels without any symmetry, of targets that are no regular circle."""
        return self._orders(min(self.permutations, PARTIAL_PERMUTATIONS))[0]

    @cached_property
    def parents(self):
        """Parents (B, p) of the labels, the true ones first."""
        return self.cloud.parents[linear_orders(self.cloud.p, self.permutations, self.seed)[0]]

    @cached_property
    def within_regions(self):
        """Orders (B, p) of the labels within their regions, and whether these are all."""
        return regions.within_region_orders(self.cloud.region_of, self.permutations, self.seed)

    @cached_property
    def regions(self):
        """Orders (B, k) of whole regions, and whether these are all."""
        return regions.region_orders(self.cloud.region_of, self.permutations, self.seed)

    @cache  # noqa: B019
    def levels(self, i):
        """Orders (B, m) of the levels of a factor, and whether these are all."""
        periods = self.cloud.shape.get("periods")
        even = factors.evenly_spaced(self.cloud.places[:, i], periods and periods[i])
        count = self.cloud.levels[i].max() + 1
        return factors.level_orders(count, self.permutations, self.seed, periods is not None, even)

    @cached_property
    def least(self):
        """Kind of null → the smallest p that there can be: how much of the null is the true arrangement itself."""
        orders, part = self.orders, self.cloud.unmixed
        same = (orders == orders[0]).all(1) | (orders == orders[0][::-1]).all(1)
        labels = self.labels if self.cloud.p > 1 and self.cloud.several else np.zeros((1, 1))
        found = {"orders": same.mean(), "labels": np.mean([_same_parts(row, labels[0]) for row in labels])}
        if self.cloud.parents is not None:
            found["parents"] = np.mean([_same_parts(row, self.parents[0]) for row in self.parents])
        if self.cloud.places is not None:
            found["places"] = places.same_places(places.distances(*self.cloud.surface), orders).mean()
        if part is None:
            found |= dict.fromkeys(("orders", "parents", "places"), 1.0)
        return found

    @cached_property
    def labels(self):
        """Labels (B, n) of the samples of the cloud's subsample, the true ones first."""
        cloud = self.cloud.sampled
        count = min(self.permutations, CONTROL_LABELS if self.control else LABEL_PERMUTATIONS)
        labels = clusters.label_permutations(cloud.classes, cloud.groups, count, self.seed)
        if self.control == "shuffled-labels":
            labels[0] = clusters.label_permutations(cloud.classes, cloud.groups, 1, self.seed + 1)[1]
        return labels

    def draws(self, most=FIRST_DRAWS):
        """How many members a null has that is drawn."""
        return min(self.permutations, max(most, self.most_draws))

    def with_more_draws(self):
        """The same, for a set that almost no draw is beyond."""
        return Search(self.cloud, self.permutations, self.seed, self.control, MORE_DRAWS)


class Alone(Search):
    """No null: only what the cloud itself has."""

    def __post_init__(self):
        self.orders, self.exact = np.arange(self.cloud.p)[None], True
        self.permutations = 0

    @cached_property
    def free_orders(self):
        return self.orders

    @cached_property
    def parents(self):
        return self.cloud.parents[None]

    @cached_property
    def within_regions(self):
        return self.orders, True

    @cached_property
    def regions(self):
        return np.arange(self.cloud.region_of.max() + 1)[None], True

    def levels(self, i):
        return np.arange(self.cloud.levels[i].max() + 1)[None], True

    @cached_property
    def labels(self):
        return self.cloud.sampled.classes[None]


def _same_parts(labels, others):
    """Whether two labellings (n,) part the samples alike, whatever the parts are called."""
    return len(np.unique(np.stack([labels, others]), axis=1).T) == len(np.unique(labels)) == len(np.unique(others))
