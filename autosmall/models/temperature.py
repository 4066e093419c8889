"""Temperature scaling: one number that makes probabilities as sure as they deserve to be.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section
4.2: the logits are divided by a temperature before the softmax. Logits are known here only by the
probabilities made of them, and the logarithm of a probability is its logit up to a constant that
the softmax cancels. The class with the highest probability stays the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROBABILITY_FLOOR = 1e-7
"""Smaller probabilities count as this much, so that their logarithm is finite."""


def log_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the logarithm of each probability, at least that of :data:`PROBABILITY_FLOOR`."""
    return np.log(np.maximum(np.asarray(probabilities, np.float64), PROBABILITY_FLOOR))


def scale_probabilities(probabilities: ArrayLike, temperature: float) -> NDArray[np.float32]:
    """Return ``softmax(log(p) / temperature)`` along the last axis.

    A temperature above 1 makes predictions less sure, one below 1 surer.

    >>> scale_probabilities([[0.9, 0.1]], 2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    logits = log_probabilities(probabilities) / temperature
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True), np.float32)
