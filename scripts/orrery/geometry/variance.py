"""How many dimensions a cloud of points needs."""

import numpy as np


def components_for(vectors, share=0.9):
    """Number of principal components that explain `share` of the variance of vectors (N, D).

    Gaussian noise of 1000 × 4096 needs 763 for 90 %, so a number below D says nothing by itself.
    """
    centred = vectors - vectors.mean(0)
    gram = centred @ centred.T if len(centred) <= centred.shape[1] else centred.T @ centred
    squares = np.maximum(np.linalg.eigvalsh(gram)[::-1], 0)
    return count_for(squares / squares.sum(), share) if squares[0] > 0 else 0


def count_for(ratios, share=0.9):
    """How many leading entries of explained-variance ratios (k,) sum to `share`; k + 1 where all of them do not."""
    return int(np.searchsorted(np.cumsum(ratios), share - 1e-12) + 1)
