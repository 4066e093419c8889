"""What the best of many is worth: cross-validation corrected for having picked.

**Configurations that were raced out** are no columns of the correction. They could be picked
neither in the search nor here, but racing looks at the same pictures, so that those that remain
have been selected already, by something that the bootstrap does not replay. Simulated with the
project's own race (``tests/benchmarks/corrected_score.py``), the mean bias of the corrected score
without them differs by at most 0.2 points from that with all configurations completed, since a
race drops those that are surely behind, which hardly ever win in a draw. Completing them by
their distance to the leader so far was tried and makes the estimate worse: on a few pictures they
win draws by luck, which costs up to 0.7 points of bias and widens the interval by a third.

**Epoch counts read off one fit**, and any other candidates with correlated errors, need nothing
special: each is a column, drawn with the same pictures. Strategies of today read one off each fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.bootstrap import bootstrap_scores, draw_counts, pooled_scores
from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.exact import effective_count, widen
from autosmall.analysis.power_law import Expected
from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.recommendation import MARGIN, Contest, leaders, recommend

REPETITIONS = 500
"""Bootstrap samples drawn for a correction."""

ERROR_REPETITIONS = 200
"""Bootstrap samples drawn for the standard errors of differences (known to 5 % then)."""

OUT_OF_REACH = 6.0
"""Configurations this many standard errors and the margin below the leader are never picked."""

LEFT_OUT_SCALE = 1 / math.sqrt(math.e - 1)
"""What turns the scatter of scores on left-out pictures into that of a score on all of them.

A draw of n pictures leaves out the share 1/e. The mean of such a part, drawn without replacement,
has the variance ``(1 - 1/e) / (1/e) = e - 1`` times that of the mean of n independent pictures.
"""


@dataclass(frozen=True)
class CorrectedScore:
    """The score to expect of the configuration that the rule picks, on the metric's own scale.

    Attributes:
        score: Mean out-of-bag score of what was picked in-bag.
        low: Lower end of the 95 % interval.
        high: Upper end.
        pooled_score: Score of the recommended configuration with every picture counted once,
            computed as ``score`` is but without the correction.
        optimism: How much better ``pooled_score`` looks than ``score``; positive is too good.
        repetitions: Bootstrap samples that could be scored.
        candidates: Configurations among which was picked.
        distinct_picks: How many different ones were picked at least once.
        same_pick_share: Share of the samples in which the recommended one was picked, 0 to 1.
        final_gain: Improvement by learning from all pictures, where ``low`` and ``high`` were drawn
            out for it (:mod:`autosmall.analysis.final_model`).
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
    final_gain: Expected | None = None


def correct_selection(
    metric: str,
    table: PredictionTable,
    contest: Contest,
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
    behind the recommendation; its standard errors and spread are those of all pictures.

    The interval lies around the mean as the recommended configuration's scores on left-out
    pictures lie around theirs, times :data:`LEFT_OUT_SCALE`; for shares of pictures it is never
    narrower than the exact binomial one (:mod:`autosmall.analysis.exact`). Columns too far below
    the leader to be picked in any draw are left out of the work (see :data:`OUT_OF_REACH`), not
    out of the count.
    """
    candidates = len(table.trials)
    within_reach = _within_reach(metric, table, contest)
    table, contest = table.select(within_reach), contest.select(within_reach)
    counts = draw_counts(table.groups, repetitions, seed)
    picked = recommend(*_scores(metric, table, counts), contest)
    unseen = bootstrap_scores(metric, table, (counts == 0).astype(np.float64))
    result = _summary(metric, table, pick(metric, table, contest), unseen, picked)
    return replace(result, candidates=candidates)


def score_errors(
    metric: str, table: PredictionTable, *, seed: int = 0, repetitions: int = ERROR_REPETITIONS
) -> DifferenceErrors:
    """Return the bootstrap standard errors of the differences of all scores; 0 where unknown."""
    scores = bootstrap_scores(metric, table, draw_counts(table.groups, repetitions, seed))
    return DifferenceErrors.of_samples(scores[np.isfinite(scores).all(axis=1)])


def pick(metric: str, table: PredictionTable, contest: Contest) -> int:
    """Return the column that the rule recommends on the data themselves."""
    return int(recommend(*_scores(metric, table), contest)[0])


def _within_reach(metric: str, table: PredictionTable, contest: Contest) -> NDArray[np.int64]:
    """Return the columns that may be picked on some sample: those near the leader, the default."""
    scores, log_scores = _scores(metric, table)
    leader = int(leaders(scores, log_scores, contest)[0])
    reach = MARGIN + OUT_OF_REACH * contest.difference_errors.row(leader)
    near = scores[0] >= scores[0, leader] - reach
    near[[leader] if contest.default is None else [leader, contest.default]] = True
    return np.flatnonzero(near)


def _scores(
    metric: str, table: PredictionTable, counts: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores and minus log losses, ``(B, C)`` each; one row of all pictures by default."""
    drawn = np.ones((1, table.sample_count)) if counts is None else counts
    return bootstrap_scores(metric, table, drawn), bootstrap_scores("log_loss", table, drawn)


def _summary(
    metric: str,
    table: PredictionTable,
    chosen: int,
    unseen: NDArray[np.float64],
    picked: NDArray[np.int64],
) -> CorrectedScore:
    of_picked = unseen[np.arange(len(unseen)), picked]
    known = np.isfinite(of_picked) & np.isfinite(unseen[:, chosen])
    sign = -1.0 if metric == "log_loss" else 1.0
    pooled = float(pooled_scores(metric, table)[chosen])
    mean = float(of_picked[known].mean()) if known.any() else math.nan
    low, high = _interval(metric, table, mean, unseen[known, chosen])
    return CorrectedScore(
        score=sign * mean,
        low=low,
        high=high,
        pooled_score=sign * pooled,
        optimism=pooled - mean,
        repetitions=int(known.sum()),
        candidates=len(table.trials),
        distinct_picks=len(np.unique(picked[known])),
        same_pick_share=float(np.mean(picked[known] == chosen)) if known.any() else math.nan,
    )


def _interval(
    metric: str, table: PredictionTable, mean: float, unseen: NDArray[np.float64]
) -> tuple[float, float]:
    """Return both ends on the metric's own scale, for the oriented ``mean``."""
    if not len(unseen):
        return math.nan, math.nan
    sign = -1.0 if metric == "log_loss" else 1.0
    off = LEFT_OUT_SCALE * (np.percentile(unseen, [2.5, 97.5]) - unseen.mean())
    low, high = sorted((sign * (mean + float(off[0])), sign * (mean + float(off[1]))))
    first = np.unique(table.samples, return_index=True)[1]
    count = effective_count(metric, table.labels[first], table.groups)
    return widen(metric, sign * mean, (low, high), count)
