"""The classes of a set in their order."""

import numpy as np


def classes_of(samples):
    """Labels in the order of their values and, of equal ones, of their first samples.

    Parameters
    ----------
    samples : dict of str → sequence of length N
        At least label and value.

    Returns
    -------
    (labels, values, index) : list (p,), array (p,), int array (N,)
        `index` is the place of each sample's label.
    """
    order = dict(sorted(dict(zip(samples["label"], samples["value"])).items(), key=lambda item: item[1]))
    place = {label: i for i, label in enumerate(order)}
    return list(order), np.array(list(order.values())), np.array([place[label] for label in samples["label"]])
