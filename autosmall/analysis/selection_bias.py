"""What the best of many is worth: cross-validation corrected for having picked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.bootstrap import bootstrap_scores, draw_counts, pooled_scores
from autosmall.analysis.exact import effective_count, widen
from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.recommendation import MARGIN, Costs, recommend

REPETITIONS = 500
"""Bootstrap samples drawn for a correction."""

ERROR_REPETITIONS = 200
"""Bootstrap samples drawn for the standard errors of differences (known to 5 % then)."""

OUT_OF_REACH = 6.0
"""Configurations this many standard errors and the margin below the leader are never picked."""


@dataclass(frozen=True)
class CorrectedScore:
    """The score to expect of the configuration that the rule picks, on the metric's own scale.

    Attributes:
        score: Mean out-of-bag score of what was picked in-bag.
        low: Lower end of the 95 % percentile interval.
        high: Upper end.
        pooled_score: Score of the recommended configuration with every picture counted once,
            computed as ``score`` is but without the correction.
        optimism: How much better ``pooled_score`` looks than ``score``; positive is too good.
        repetitions: Bootstrap samples that could be scored.
        candidates: Configurations among which was picked.
        distinct_picks: How many different ones were picked at least once.
        same_pick_share: Share of the samples in which the recommended one was picked, 0 to 1.
    """

    score: float
    low: float
    high: float
    pooled_score: float
    optimism: float
    repetitions: int
    candidates: int
    distinct_picks: int
    same_pick_share: float


def correct_selection(
    metric: str,
    table: PredictionTable,
    costs: Costs,
    *,
    seed: int = 0,
    repetitions: int = REPETITIONS,
) -> CorrectedScore:
    """Return the bootstrap bias-corrected cross-validation estimate (BBC-CV).

    Tsamardinos, Greasidou and Borboudakis, "Bootstrapping the out-of-sample predictions for
    efficient and accurate cross-validation", Machine Learning 107 (2018), algorithm 3: draw the
    rows of the matrix of out-of-fold predictions with replacement, pick a configuration on the
    rows drawn, score it on those that were not, average over many draws. Here whole groups are
    drawn, and the picking is :func:`~autosmall.analysis.recommendation.recommend`, the very rule
    behind the recommendation, with the standard errors of paired differences as estimated from
    all pictures. The percentile interval rests on the 37 % of the pictures that a draw leaves
    out, which makes it wider than need be; for shares of pictures it is never narrower than the
    exact binomial one (:mod:`autosmall.analysis.exact`).

    Configurations that were dropped before their last fold are no columns of ``table``: they
    could be picked neither in the search nor here. Columns too far below the leader to be picked
    in any draw are left out of the work (see :data:`OUT_OF_REACH`), not out of the count.
    """
    candidates = len(table.trials)
    within_reach = _within_reach(metric, table, costs)
    table, costs = table.select(within_reach), costs.select(within_reach)
    counts = draw_counts(table.groups, repetitions, seed)
    picked = recommend(bootstrap_scores(metric, table, counts), -_log_losses(table, counts), costs)
    rows = np.arange(repetitions)
    unseen = bootstrap_scores(metric, table, (counts == 0).astype(np.float64))[rows, picked]
    known = np.isfinite(unseen)
    result = _summary(metric, table, costs, unseen[known], picked[known])
    return replace(result, candidates=candidates)


def difference_errors(
    metric: str, table: PredictionTable, *, seed: int = 0, repetitions: int = ERROR_REPETITIONS
) -> NDArray[np.float64]:
    """Return ``float64 (C, C)``: bootstrap standard errors of paired score differences."""
    scores = bootstrap_scores(metric, table, draw_counts(table.groups, repetitions, seed))
    known = scores[np.isfinite(scores).all(axis=1)]
    if len(known) < 2:
        return np.zeros((scores.shape[1], scores.shape[1]))
    covariance = np.atleast_2d(np.cov(known, rowvar=False))
    variance = np.diag(covariance)
    spread = variance[:, None] + variance[None, :] - 2 * covariance
    return np.asarray(np.sqrt(np.maximum(spread, 0.0)), np.float64)


def pick(metric: str, table: PredictionTable, costs: Costs) -> int:
    """Return the column that the rule recommends on the data themselves."""
    once = np.ones((1, table.sample_count))
    chosen = recommend(bootstrap_scores(metric, table, once), -_log_losses(table, once), costs)
    return int(chosen[0])


def _within_reach(metric: str, table: PredictionTable, costs: Costs) -> NDArray[np.int64]:
    scores = pooled_scores(metric, table)
    leader = int(np.argmax(np.where(np.isfinite(scores), scores, -np.inf)))
    reach = MARGIN + OUT_OF_REACH * costs.difference_errors[leader]
    return np.flatnonzero(scores >= scores[leader] - reach)


def _log_losses(table: PredictionTable, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return -bootstrap_scores("log_loss", table, counts)


def _summary(
    metric: str,
    table: PredictionTable,
    costs: Costs,
    unseen: NDArray[np.float64],
    picked: NDArray[np.int64],
) -> CorrectedScore:
    chosen = pick(metric, table, costs)
    sign = -1.0 if metric == "log_loss" else 1.0
    pooled = float(pooled_scores(metric, table)[chosen])
    mean = float(unseen.mean()) if len(unseen) else float("nan")
    ends = np.percentile(unseen, [2.5, 97.5]) if len(unseen) else np.full(2, np.nan)
    low, high = sorted((sign * float(ends[0]), sign * float(ends[1])))
    first = np.unique(table.samples, return_index=True)[1]
    count = effective_count(metric, table.labels[first], table.groups)
    low, high = widen(metric, sign * mean, (low, high), count)
    return CorrectedScore(
        score=sign * mean,
        low=low,
        high=high,
        pooled_score=sign * pooled,
        optimism=pooled - mean,
        repetitions=len(unseen),
        candidates=len(table.trials),
        distinct_picks=len(np.unique(picked)),
        same_pick_share=float(np.mean(picked == chosen)) if len(picked) else float("nan"),
    )
