"""Columns as signals over evenly spaced values: Fourier spectra, and how far each value is from the one before."""

import numpy as np

LEAST = 8  # values, below which a spectrum says nothing


def unevenness(values):
    """Why a spectrum over sorted distinct values (V,) makes no sense, as a phrase, or None."""
    if len(values) < LEAST:
        return f"{len(values)} values are fewer than {LEAST}"
    gaps = np.diff(values)
    if not np.allclose(gaps, gaps[0], rtol=1e-6, atol=0):
        return f"the values are not evenly spaced: gaps from {gaps.min():g} to {gaps.max():g}"
    return None


def amplitudes(means, step):
    """Fourier magnitudes of columns over evenly spaced values.

    Parameters
    ----------
    means : array (V, C)
        One row for each value.
    step : float
        Distance of consecutive values.

    Returns
    -------
    (frequencies, magnitudes) : arrays (F,) and (C, F)
        Cycles per unit of value, from 1/(V·step) to at most 1/(2·step); frequency 0 is left out and F = V // 2. The
        magnitudes are 2|X_k|/V of the mean-subtracted columns, at the Nyquist frequency |X_k|/V, so a wave
        A cos(2πft + φ) at one of the frequencies has magnitude A.
    """
    n = len(means)
    magnitudes = np.abs(np.fft.rfft(means - means.mean(0), axis=0)[1:].T) * 2 / n
    if n % 2 == 0:
        magnitudes[:, -1] /= 2
    return np.fft.rfftfreq(n, step)[1:], magnitudes


def mean_power(magnitudes, n):
    """Share of the variance at each frequency, averaged over columns, each of which counts the same.

    By Parseval a column's variance is Σ A_k²/2, with A_k² at the Nyquist frequency of an even n. White noise has
    2/(n - 1) at each frequency, half of it at Nyquist. Power alone is no evidence of arithmetic: token frequencies have
    spikes at periods 2, 5 and 10 too (Fu et al. 2026).

    Parameters
    ----------
    magnitudes : array (C, F)
        From `amplitudes` of n values.

    Returns
    -------
    array (F,) that sums to 1; zeros where no column varies
    """
    power = magnitudes**2 / 2
    if n % 2 == 0:
        power[:, -1] *= 2
    variance = power.sum(1, keepdims=True)
    varies = variance[:, 0] > 1e-18 * variance.max()
    return (power[varies] / variance[varies]).mean(0) if varies.any() else np.zeros(power.shape[1])


def consecutive_distances(means):
    """‖e(n) - e(n-1)‖ of consecutive rows of means (V, C): array (V - 1,)."""
    return np.linalg.norm(np.diff(means, axis=0), axis=1)


def cosines(means):
    """Cosine similarity of the rows of means (V, C): array (V, V). A row of zeros has 0 with all."""
    length = np.linalg.norm(means, axis=1, keepdims=True)
    unit = np.divide(means, length, out=np.zeros_like(means), where=length > 1e-12 * length.max())
    return unit @ unit.T
