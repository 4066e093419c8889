"""Exact binomial intervals: what a share can be when hardly any picture is wrong.

Intervals from folds or bootstrap samples shrink to nothing when every fold, or every picture, has
the same outcome. Ten right answers out of ten do not show that the eleventh will be right, so
intervals of accuracies are never drawn narrower than the exact binomial one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from autosmall.analysis.root import root_of_rising

SHARES = ("accuracy", "balanced_accuracy")
"""Metrics that are shares of pictures."""


def exact_interval(share: float, count: float, level: float = 0.95) -> tuple[float, float]:
    """Return the mid-P interval for ``share`` of ``count`` pictures.

    The interval of Clopper and Pearson (Biometrika 26, 1934), with half of the probability of what
    was seen left out of each tail: it covers ``level`` on average, where that one covers more
    (Agresti and Gottard, "Nonconservative exact small-sample inference for discrete data",
    Computational Statistics & Data Analysis 51, 2007). ``count`` is the number of independent
    pictures and need not be whole.

    >>> low, high = exact_interval(1.0, 10)
    >>> round(low, 3), high
    (0.741, 1.0)
    """
    # Means over folds of equal shares differ in their last digits.
    return _interval(round(share * count, 9), count, (1 - level) / 2)


@lru_cache(maxsize=4096)
def _interval(hits: float, count: float, tail: float) -> tuple[float, float]:
    def excess(p: float, wanted: float) -> float:
        return _upper_tail(hits, count, p) - wanted

    low = root_of_rising(lambda p: excess(p, tail), 0.0, 1.0) if hits > 0 else 0.0
    high = root_of_rising(lambda p: excess(p, 1 - tail), 0.0, 1.0) if hits < count else 1.0
    return low, high


def _upper_tail(hits: float, count: float, p: float) -> float:
    """Return P(more than ``hits`` of ``count``) and half of P(as many), at a true share ``p``."""
    at_least = betainc(hits, count - hits + 1, p) if hits > 0 else 1.0
    more = betainc(hits + 1, count - hits, p) if hits < count else 0.0
    return float(at_least + more) / 2


def effective_count(metric: str, labels: NDArray[np.int64], groups: NDArray[np.int64]) -> float:
    """Return how many independent pictures a share rests on.

    Groups count once. For ``balanced_accuracy``, the mean over K classes of shares of
    ``n_k`` pictures, it is ``K^2 / sum(1 / n_k)``, as rare classes make it less certain.
    """
    independent = len(np.unique(groups)) / len(groups)
    if metric != "balanced_accuracy":
        return independent * len(labels)
    sizes = np.unique(labels, return_counts=True)[1]
    return float(independent * len(sizes) ** 2 / np.sum(1.0 / sizes))


def widen(
    metric: str, share: float, ends: tuple[float, float], count: float
) -> tuple[float, float]:
    """Return ``ends`` widened to the exact interval and cut to [0, 1], for shares of pictures."""
    if metric not in SHARES or not np.isfinite([share, *ends]).all():
        return ends
    low, high = exact_interval(min(1.0, max(0.0, share)), count)
    return max(0.0, min(low, ends[0])), min(1.0, max(high, ends[1]))
