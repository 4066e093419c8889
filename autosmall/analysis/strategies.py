"""The best of each strategy against the best of the others, on the same folds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.ranking import Ranking, TrialSummary, paired
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
        difference: How much ``best`` exceeds ``rival``, paired, or ``None``.
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


def compare_strategies(run: RunData, ranking: Ranking) -> tuple[StrategyResult, ...]:
    """Return one result per strategy that was tried, best first, those without a score last.

    Each strategy is represented by the best of its configurations, so one with many tries has
    had more chances; the intervals do not know of that.
    """
    names = sorted({trial.suggestion.config.strategy for trial in run.trials})
    results = [_result(run, ranking, name) for name in names]
    return tuple(sorted(results, key=lambda result: _order(run.metric, result)))


def _result(run: RunData, ranking: Ranking, strategy: str) -> StrategyResult:
    own = [row.summary for row in ranking.rows if row.summary.strategy == strategy]
    rest = [row.summary for row in ranking.rows if row.summary.strategy != strategy]
    trials = [t for t in run.trials if t.suggestion.config.strategy == strategy]
    best, rival = _best(run.metric, own), _best(run.metric, rest)
    difference = paired(run, ranking.costs, best, rival) if best and rival else None
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


def _best(metric: str, summaries: list[TrialSummary]) -> TrialSummary | None:
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
