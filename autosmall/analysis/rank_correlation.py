"""Spearman's rank correlation, as ``scipy.stats.spearmanr`` gives it.

``scipy.stats`` takes half a second to import, which every report would wait for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr


class RankCorrelation(NamedTuple):
    """The correlation of two rankings, -1 to 1, and its two-sided p-value."""

    correlation: float
    p_value: float


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> RankCorrelation:
    """Return how far two series of equal length, three or more, rise together.

    Equal values share their mean rank. The p-value is that of Student's t with two degrees of
    freedom less than there are pairs. Neither series may be constant.
    """
    correlation = float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])
    unexplained = max(1e-300, (1 - correlation) * (1 + correlation))
    freedom = len(first) - 2
    t = abs(correlation) * math.sqrt(freedom / unexplained)
    return RankCorrelation(correlation, float(2 * stdtr(freedom, -t)))


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])
