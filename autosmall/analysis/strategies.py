"""The best of each strategy against the best of the others, on the same pictures and folds.

A strategy is represented by the best of its configurations, so one with forty tries looks better
beside one with a single try than it is: with all forty-one equally good, a paired test of the best
against the one calls it worse in a quarter of the runs. Therefore the two are picked anew on
bootstrap samples and compared on the pictures that each sample leaves out, as in
:mod:`autosmall.analysis.selection_bias`. The mean of these differences is shown. Its uncertainty is
that of the paired difference of the two, or the scatter over samples where that is larger, as
another sample may pick others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.bootstrap import bootstrap_scores, draw_counts
from autosmall.analysis.last_result import keep_last
from autosmall.analysis.paired import PairedDifference, describe
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.recommendation import leaders
from autosmall.analysis.selection_bias import ERROR_REPETITIONS, LEFT_OUT_SCALE, OUT_OF_REACH
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.schema.run_data import RunData
from autosmall.training.metrics import oriented

BETTER = "better"
WORSE = "worse"
UNDECIDED = "undecided"
ALONE = "alone"


@dataclass(frozen=True)
class StrategyResult:
    """What one strategy brought.

    Attributes:
        strategy: Its name.
        tried: Trials of it.
        complete: Trials of it that are complete on all folds.
        best: Its best complete trial, or ``None``.
        rival: The best complete trial of all other strategies, or ``None``.
        difference: How much the best of the strategy exceeds the best of the others, paired and
            corrected for both having been picked, or ``None``.
        verdict: ``better``, ``worse``, ``undecided`` (the interval holds zero) or ``alone`` (no
            rival, or nothing complete).
        seconds: Wall time of all its fits.
    """

    strategy: str
    tried: int
    complete: int
    best: TrialSummary | None
    rival: TrialSummary | None
    difference: PairedDifference | None
    verdict: str
    seconds: float


@keep_last
def compare_strategies(run: RunData, ranking: Ranking) -> tuple[StrategyResult, ...]:
    """Return one result per strategy that was tried, best first, those without a score last."""
    names = sorted({trial.suggestion.config.strategy for trial in run.trials})
    draws = _draw(ranking) if ranking.rows else None
    results = [_result(run, ranking, draws, name) for name in names]
    return tuple(sorted(results, key=lambda result: _order(run.metric, result)))


@dataclass(frozen=True)
class _Draws:
    """Scores of the contenders on bootstrap samples: drawn pictures, and left-out ones.

    ``strategies`` names each column's strategy, ``in_bag`` and ``unseen`` are ``(B, C)``, and
    ``picked`` maps a tuple of columns to the one that leads each sample, ``(B,)``.
    """

    strategies: tuple[str, ...]
    in_bag: NDArray[np.float64]
    log_scores: NDArray[np.float64]
    unseen: NDArray[np.float64]
    ranking: Ranking
    columns: NDArray[np.int64]

    def of_best(self, strategy: str, *, others: bool) -> NDArray[np.float64]:
        """Return ``float64 (B,)``: left-out scores of whichever of these led among the drawn."""
        own = [(name != strategy) is others for name in self.strategies]
        contest = self.ranking.contest.select(self.columns[own])
        led = leaders(self.in_bag[:, own], self.log_scores[:, own], contest)
        return np.asarray(self.unseen[:, own][np.arange(len(led)), led], np.float64)


def _draw(ranking: Ranking) -> _Draws:
    columns = _contenders(ranking)
    table = ranking.table.select(columns)
    counts = draw_counts(table.groups, ERROR_REPETITIONS, ranking.seed)
    return _Draws(
        tuple(ranking.find(trial).summary.strategy for trial in table.trials),
        bootstrap_scores(ranking.metric, table, counts),
        bootstrap_scores("log_loss", table, counts),
        bootstrap_scores(ranking.metric, table, (counts == 0).astype(np.float64)),
        ranking,
        columns,
    )


def _contenders(ranking: Ranking) -> NDArray[np.int64]:
    """Return the columns that may lead their strategy on some sample; saves work."""
    trials = ranking.table.trials
    summaries = [ranking.find(trial).summary for trial in trials]
    kept = []
    for strategy in {summary.strategy for summary in summaries}:
        own = [column for column, s in enumerate(summaries) if s.strategy == strategy]
        best = _best(ranking.metric, [summaries[column] for column in own])
        assert best is not None
        errors = ranking.contest.difference_errors.row(trials.index(best.trial))
        least = ranking.oriented(best.score.mean) - OUT_OF_REACH * errors
        kept += [c for c in own if ranking.oriented(summaries[c].score.mean) >= least[c]]
    return np.array(sorted(kept), np.int64)


def _result(run: RunData, ranking: Ranking, draws: _Draws | None, strategy: str) -> StrategyResult:
    own = [row.summary for row in ranking.rows if row.summary.strategy == strategy]
    rest = [row.summary for row in ranking.rows if row.summary.strategy != strategy]
    trials = [t for t in run.begun if t.suggestion.config.strategy == strategy]
    best, rival = _best(run.metric, own), _best(run.metric, rest)
    difference = _difference(ranking, draws, best, rival) if draws and best and rival else None
    return StrategyResult(
        strategy=strategy,
        tried=len(trials),
        complete=len(own),
        best=best,
        rival=rival,
        difference=difference,
        verdict=_verdict(difference),
        seconds=sum(fold.fit_seconds for trial in trials for fold in trial.folds),
    )


def _difference(
    ranking: Ranking, draws: _Draws, best: TrialSummary, rival: TrialSummary
) -> PairedDifference:
    found = ranking.differences.posterior(best.trial, rival.trial)
    ahead = draws.of_best(best.strategy, others=False) - draws.of_best(best.strategy, others=True)
    known = ahead[np.isfinite(ahead)]
    if len(known) < 2:
        return describe(found)
    scale = max(found.scale, LEFT_OUT_SCALE * float(np.std(known, ddof=1)))
    return describe(replace(found, location=float(np.mean(known)), scale=scale))


def _best(metric: str, summaries: Sequence[TrialSummary]) -> TrialSummary | None:
    if not summaries:
        return None
    return min(
        summaries,
        key=lambda s: (-round(oriented(metric, s.score.mean), 9), s.log_loss, s.trial),
    )


def _verdict(difference: PairedDifference | None) -> str:
    if difference is None:
        return ALONE
    if difference.low > 0:
        return BETTER
    return WORSE if difference.high < 0 else UNDECIDED


def _order(metric: str, result: StrategyResult) -> tuple[float, float, str]:
    if result.best is None:
        return (math.inf, math.inf, result.strategy)
    score = round(oriented(metric, result.best.score.mean), 9)
    return (-score, result.best.log_loss, result.strategy)
