"""How many dimensions a cloud of points needs."""

import numpy as np


def components_for(vectors, share=0.9):
    """Number of principal components that explain `share` of the variance of vectors (N, D).

    Gaussian noise of 1000 × 4096 needs 763 for 90 %, so a number below D says nothing by itself.
    """
    s = np.linalg.svd(vectors - vectors.mean(0), compute_uv=False)
    return count_for(s**2 / (s**2).sum(), share) if s.any() else 0


def count_for(ratios, share=0.9):
    """How many leading entries of explained-variance ratios (k,) sum to `share`; k + 1 where all of them do not."""
    return int(np.searchsorted(np.cumsum(ratios), share - 1e-12) + 1)
