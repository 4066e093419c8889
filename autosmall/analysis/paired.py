"""Paired comparison of two configurations on the same folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over folds with its standard error and 95 % interval (NaN where unknown)."""

    mean: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """How much one configuration exceeds another on the same folds.

    Attributes:
        difference: Mean difference, oriented so that more is better for the first.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Two-sided probability of a difference at least this large if there were none.
    """

    difference: float
    low: float
    high: float
    p_value: float

    @property
    def can_be_told(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def corrected_standard_error(values: Sequence[float], fold_count: int) -> float:
    """Return the standard error of the mean of one value per fold, for overlapping folds.

    Training parts of different folds share most of their pictures, so fold scores are not
    independent; the variance is therefore multiplied by ``1/J + n_test/n_train`` instead of
    ``1/J``, where J is the number of values and ``n_test/n_train = 1/(k - 1)`` for k folds
    (Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003,
    section 3, "corrected resampled t-test"). NaN for fewer than two values.
    """
    count = len(values)
    if count < 2:
        return math.nan
    ratio = 1.0 / (fold_count - 1)
    return math.sqrt((1.0 / count + ratio) * float(np.var(values, ddof=1)))


def estimate(values: Sequence[float], fold_count: int, least_error: float = 0.0) -> Estimate:
    """Return the mean of fold scores with its corrected standard error and 95 % t-interval.

    The interval has ``J - 1`` degrees of freedom; the standard error is at least
    ``least_error``. It describes one configuration named in
    advance; it knows nothing of having been picked as the best of many.
    """
    mean = float(np.mean(values)) if len(values) else math.nan
    error = corrected_standard_error(values, fold_count)
    if math.isnan(error):
        return Estimate(mean, error, math.nan, math.nan)
    error = max(error, least_error)
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, len(values) - 1)) * error
    return Estimate(mean, error, mean - reach, mean + reach)


def compare(
    first: Sequence[float], second: Sequence[float], fold_count: int, least_error: float = 0.0
) -> PairedDifference:
    """Return how much ``first`` exceeds ``second``, both oriented, one score per fold each.

    The corrected resampled t-test; equal scores on every fold have p = 1. The standard error is
    taken to be at least ``least_error`` (the one over pictures), because a few folds may differ
    by the same number of pictures by chance. Raises ``ValueError`` for a different number of
    scores.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} scores cannot be paired with {len(second)}")
    differences = [a - b for a, b in zip(first, second, strict=True)]
    result = estimate(differences, fold_count, least_error)
    return PairedDifference(result.mean, result.low, result.high, _p_value(result, len(first)))


def _p_value(result: Estimate, count: int) -> float:
    if math.isnan(result.standard_error):
        return math.nan
    if result.standard_error < 1e-12:
        return 1.0 if abs(result.mean) < 1e-12 else 0.0
    return float(2 * stats.t.sf(abs(result.mean) / result.standard_error, count - 1))
