"""Which configuration to recommend: a rule on numbers alone, so that a correction can replay it.

The rule, in words. The leader is the configuration with the best score; equal scores are ordered
by log loss. Configurations within a small margin of it (at most 0.5 points, and at most one
standard error of the paired difference) count as equally good. Of these the smallest is sought:
those with at most twice the fewest trainable parameters stay, and of them the best score wins,
then the lowest log loss, then the fewest seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MARGIN = 0.005
"""How far below the leader, on the metric's scale, a recommendation may be: 0.5 points."""

ABOUT_AS_SMALL = 2.0
"""Parameter counts within this factor of the smallest count as equally small."""

_EQUAL = 1e-9


@dataclass(frozen=True)
class Costs:
    """What the configurations cost, one entry per column of the score matrices.

    Attributes:
        trials: Trial numbers, one per column.
        trainable_parameters: ``float64 (C,)``.
        fit_seconds: ``float64 (C,)``, mean per fold.
        difference_errors: ``float64 (C, C)``, standard error of each paired difference of scores.
    """

    trials: tuple[int, ...]
    trainable_parameters: NDArray[np.float64]
    fit_seconds: NDArray[np.float64]
    difference_errors: NDArray[np.float64]

    def select(self, columns: NDArray[np.int64]) -> Costs:
        """Return the costs of these columns only."""
        return Costs(
            tuple(self.trials[column] for column in columns),
            self.trainable_parameters[columns],
            self.fit_seconds[columns],
            self.difference_errors[np.ix_(columns, columns)],
        )

    def difference_error(self, first: int, second: int) -> float:
        """Return the standard error of the score difference of two trials, by their numbers."""
        row, column = self.trials.index(first), self.trials.index(second)
        return float(self.difference_errors[row, column])


def leaders(scores: NDArray[np.float64], log_scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return ``int64 (B,)``: the column with the best score of each row, ties by log loss.

    ``scores`` and ``log_scores`` are ``(B, C)``, oriented; NaN never leads. ``log_scores`` is
    minus the log loss.
    """
    best = np.nanmax(np.where(np.isnan(scores), -np.inf, scores), axis=1, keepdims=True)
    tied = scores >= best - _EQUAL
    return np.argmax(np.where(tied, _rank_safe(log_scores), -np.inf), axis=1)


def recommend(
    scores: NDArray[np.float64], log_scores: NDArray[np.float64], costs: Costs
) -> NDArray[np.int64]:
    """Return ``int64 (B,)``: the recommended column for each row of ``scores (B, C)``.

    Rows are samples of pictures (one row for the data themselves, many for a bootstrap).
    """
    leader = leaders(scores, log_scores)
    rows = np.arange(len(scores))
    margin = np.minimum(MARGIN, costs.difference_errors[leader]) + _EQUAL
    near = scores >= scores[rows, leader][:, None] - margin
    near[rows, leader] = True
    small = _about_as_small(near, costs.trainable_parameters)
    return _best_of(small, scores, log_scores, costs.fit_seconds)


def _about_as_small(near: NDArray[np.bool_], parameters: NDArray[np.float64]) -> NDArray[np.bool_]:
    fewest = np.where(near, parameters, np.inf).min(axis=1, keepdims=True)
    return np.asarray(near & (parameters <= np.maximum(ABOUT_AS_SMALL * fewest, 1)))


def _best_of(
    allowed: NDArray[np.bool_],
    scores: NDArray[np.float64],
    log_scores: NDArray[np.float64],
    seconds: NDArray[np.float64],
) -> NDArray[np.int64]:
    for values in (scores, _rank_safe(log_scores), np.broadcast_to(-seconds, scores.shape)):
        masked = np.where(allowed, values, -np.inf)
        allowed = allowed & (masked >= masked.max(axis=1, keepdims=True) - _EQUAL)
    return np.argmax(allowed, axis=1)


def _rank_safe(log_scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``log_scores`` with a finite, very low value for what is undefined."""
    return np.where(np.isfinite(log_scores), log_scores, -1e12)
