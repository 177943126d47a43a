"""The classes of a set in their order."""

import numpy as np

from orrery.errors import OrreryError


def classes_of(samples):
    """Labels in the order of their values and, of equal ones, of their first samples.

    Parameters
    ----------
    samples : dict of str → sequence of length N
        At least label and value.

    Returns
    -------
    (labels, values, index) : list (p,), array (p,), int array (N,)
        `index` is the place of each sample's label. Labels may have the same value; they remain different classes.

    Raises
    ------
    OrreryError
        A label has several values.
    """
    pairs = list(dict.fromkeys(zip(samples["label"], map(float, samples["value"]))))
    value_of = dict(pairs)
    if len(pairs) > len(value_of):
        label = next(label for label, value in pairs if value != value_of[label])
        some = sorted(value for name, value in pairs if name == label)
        raise OrreryError(
            f"the label {label!r} has {len(some)} values ({', '.join(f'{v:g}' for v in some[:3])}"
            f"{', …' if len(some) > 3 else ''}), where a label has one; give each one value or leave the column out."
        )
    order = dict(sorted(value_of.items(), key=lambda item: item[1]))
    place = {label: i for i, label in enumerate(order)}
    return list(order), np.array(list(order.values())), np.array([place[label] for label in samples["label"]])
