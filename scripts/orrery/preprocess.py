"""What is done to vectors before they are projected or measured."""

import numpy as np

from orrery.errors import OrreryError

EPS = 1e-8


def preprocess(vectors, steps, groups=None):
    """Apply `steps` in order.

    Parameters
    ----------
    vectors : array (N, D)
    steps : list of str
        l2 (each row to length 1, eps 1e-8), center (subtract the mean), standardize (also divide by the standard
        deviation), group-center (subtract the mean of the row's group).
    groups : sequence of length N
        Needed by group-center.

    Returns
    -------
    array (N, D) float64

    Raises
    ------
    OrreryError
        A group to centre has one sample, which centring would make zero.
    """
    x = np.asarray(vectors, dtype=np.float64)
    for step in steps:
        if step == "l2":
            x = x / (np.linalg.norm(x, axis=1, keepdims=True) + EPS)
        elif step == "center":
            x = x - x.mean(0)
        elif step == "standardize":
            x = (x - x.mean(0)) / (x.std(0) + EPS)
        else:
            _, index = np.unique(np.asarray(groups), return_inverse=True)
            if np.bincount(index).min() < 2:
                raise OrreryError("preprocess: group-center needs two samples in every group; use it for prompts only.")
            sums = np.zeros((index.max() + 1, x.shape[1]))
            np.add.at(sums, index, x)
            x = x - (sums / np.bincount(index)[:, None])[index]
    return x
