"""Which configuration to recommend: a rule on numbers alone, so that a correction can replay it.

The rule, in words. The leader is the configuration with the best score; equal scores are ordered
by log loss, then by fewer trainable parameters, then by their numbers. For who prefers a simple
configuration, the one with the fewest trainable parameters of those that are at most one standard
error of the paired difference, and at most :data:`MARGIN`, below the leader takes its place; for
who prefers speed, the one with the fewest seconds. What is found so is recommended if it is better
than the portfolio's plain default with a probability above :data:`LEAST_PROBABILITY`; else the
default stays.

**The probability.** The best of many looks better than it is, so the plain paired test is of no
use here. True scores are taken to spread normally around a common centre with standard deviation
``tau`` (:func:`true_spread`), and each difference ``d`` from the default, known with standard
error ``s``, is shrunk accordingly: with ``B = tau^2 / (tau^2 + s^2 / 2)`` the difference of two
such scores has the posterior mean ``B d`` and the variance ``B s^2``, so that
``P(better) = Phi(sqrt(B) d / s)`` (the normal-normal model of Efron and Morris, "Data analysis
using Stein's estimator and its generalizations", JASA 70, 1975).

The rule is the one with the least mean regret among those compared which end more than a point
worse than the default in under 3 % of simulated runs (``tests/benchmarks/README.md``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.schema.settings import PREFER_ACCURACY, PREFER_SPEED

MARGIN = 0.01
"""How far below, on the metric's scale, a simpler or quicker configuration may be: 1 point."""

LEAST_PROBABILITY = 0.9
"""Probability of being better from which a leader takes the place of the plain default."""

_EQUAL = 1e-9

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Contest:
    """What the rule knows of the configurations beside their scores, one entry per column.

    Attributes:
        trials: Trial numbers, one per column (C of them).
        trainable_parameters: ``float64 (C,)``.
        fit_seconds: ``float64 (C,)``, mean per fold.
        difference_errors: Of the paired differences of scores, in the order of the columns.
        spread: Standard deviation of true scores (see :func:`true_spread`).
        default: Column of the plain default, or ``None`` where it is not among the columns.
        prefer: ``accuracy``, ``simple`` or ``speed``.
    """

    trials: tuple[int, ...]
    trainable_parameters: Reals
    fit_seconds: Reals
    difference_errors: DifferenceErrors
    spread: float = 0.0
    default: int | None = None
    prefer: str = PREFER_ACCURACY

    def select(self, columns: NDArray[np.int64]) -> Contest:
        """Return the contest of these columns only."""
        kept = columns.tolist()
        return replace(
            self,
            trials=tuple(self.trials[column] for column in columns),
            trainable_parameters=self.trainable_parameters[columns],
            fit_seconds=self.fit_seconds[columns],
            difference_errors=self.difference_errors.select(columns),
            default=kept.index(self.default) if self.default in kept else None,
        )


def true_spread(scores: Reals, difference_errors: DifferenceErrors, partial_scores: Reals) -> float:
    """Return the standard deviation of true scores among the better half, 0 where none shows.

    Args:
        scores: ``float64 (C,)``, oriented scores of the complete configurations.
        difference_errors: Of their differences.
        partial_scores: ``float64 (D,)``, scores of those that were dropped, as far as known.
            Without them the survivors of a race would pass for all that there is.

    The mean square distance of the better half from the median is that of all in a symmetric
    distribution, and hopeless configurations, of which there may be many, do not swell it. Of it
    the noise is subtracted: half the mean squared standard error of a difference.
    """
    everything = np.concatenate([scores, partial_scores])
    if len(scores) < 2:
        return 0.0
    median = float(np.median(everything))
    better = everything[everything >= median]
    rows = np.flatnonzero(scores >= median)
    rows = rows if len(rows) > 1 else np.argsort(-scores)[:2]
    noise = difference_errors.select(rows).mean_square() / 2
    return math.sqrt(max(0.0, float(np.mean((better - median) ** 2)) - noise))


def probability_better(lead: float, error: float, spread: float) -> float:
    """Return P(better) of a configuration that is ``lead`` above another, given the spread.

    ``error`` is the standard error of the difference, ``spread`` that of the true scores; with no
    spread at all nothing is better than anything.
    """
    if error == 0 or spread == 0:
        return 0.5 if lead == 0 or error > 0 else float(lead > 0)
    return float(ndtr(lead / error / np.sqrt(1 + error**2 / (2 * spread**2))))


def required_leads(errors: Reals, spread: float) -> Reals:
    """Return ``float64 (C,)``: leads for which :func:`probability_better` is high enough.

    ``errors`` are the standard errors ``(C,)`` of the differences from the default.
    """
    if spread == 0:
        return np.where(errors > 0, np.inf, 0.0)
    quantile = float(ndtri(LEAST_PROBABILITY))
    return np.asarray(quantile * errors * np.sqrt(1 + errors**2 / (2 * spread**2)))


def leaders(scores: Reals, log_scores: Reals, contest: Contest) -> NDArray[np.int64]:
    """Return ``int64 (B,)``: the column with the best score of each row.

    ``scores`` and ``log_scores`` are ``(B, C)``, oriented; NaN never leads. ``log_scores`` is
    minus the log loss.
    """
    return _first(~np.isnan(scores), scores, log_scores, -contest.trainable_parameters)


def recommend(scores: Reals, log_scores: Reals, contest: Contest) -> NDArray[np.int64]:
    """Return ``int64 (B,)``: the recommended column for each row of ``scores (B, C)``.

    Rows are samples of pictures (one row for the data themselves, many for a bootstrap).
    """
    chosen = leaders(scores, log_scores, contest)
    if contest.prefer != PREFER_ACCURACY:
        chosen = _cheapest_near(chosen, scores, log_scores, contest)
    return _guarded(chosen, scores, contest)


def _cheapest_near(
    leading: NDArray[np.int64], scores: Reals, log_scores: Reals, contest: Contest
) -> NDArray[np.int64]:
    """Return the cheapest column within the margin of each row's leader."""
    rows = np.arange(len(scores))
    margin = np.minimum(MARGIN, contest.difference_errors.rows(leading)) + _EQUAL
    near = scores >= scores[rows, leading][:, None] - margin
    near[rows, leading] = True
    costs = [contest.trainable_parameters, contest.fit_seconds]
    first, second = reversed(costs) if contest.prefer == PREFER_SPEED else costs
    return _first(near, -first, -second, scores, log_scores)


def _guarded(chosen: NDArray[np.int64], scores: Reals, contest: Contest) -> NDArray[np.int64]:
    """Return the chosen columns, or the default where a lead over it is no proof."""
    if contest.default is None:
        return chosen
    lead = scores[np.arange(len(scores)), chosen] - scores[:, contest.default]
    required = required_leads(contest.difference_errors.row(contest.default), contest.spread)
    stays = lead <= required[chosen] + _EQUAL
    return np.where(stays, contest.default, chosen)


def _first(allowed: NDArray[np.bool_], *keys: Reals) -> NDArray[np.int64]:
    """Return of each row the allowed column that is largest by the first key, ties by the next."""
    for key in keys:
        values = np.where(np.isfinite(key), key, -1e300)
        masked = np.where(allowed, np.broadcast_to(values, allowed.shape), -np.inf)
        allowed = allowed & (masked >= masked.max(axis=1, keepdims=True) - _EQUAL)
    return np.argmax(allowed, axis=1)
