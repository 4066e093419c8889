"""Section: which strategy suits my pictures?"""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.strategies import StrategyResult, compare_strategies
from autosmall.report import sentences
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class StrategyRow:
    """One strategy: its best trial beside the best of all others, on the same folds.

    ``trial``, ``score``, ``low`` and ``high`` are ``None`` where nothing is complete; ``rival``
    and ``difference`` where there is nothing to compare with.
    """

    strategy: str
    trial: int | None
    score: float | None
    low: float | None
    high: float | None
    rival: str | None
    rival_trial: int | None
    difference: PairedDifference | None
    verdict: str
    tried: int
    complete: int
    seconds: float
    sentence: str


@dataclass(frozen=True)
class Strategies:
    """All strategies that were tried, best first."""

    sentence: str
    rows: tuple[StrategyRow, ...]


def gather(run: RunData, ranking: Ranking) -> Strategies:
    """Return the comparison of strategies."""
    results = compare_strategies(run, ranking)
    return Strategies(
        sentences.strategies(run.metric, results), tuple(_row(run.metric, r) for r in results)
    )


def _row(metric: str, result: StrategyResult) -> StrategyRow:
    best, rival = result.best, result.rival
    return StrategyRow(
        strategy=result.strategy,
        trial=best.trial if best else None,
        score=best.score.mean if best else None,
        low=best.score.low if best else None,
        high=best.score.high if best else None,
        rival=rival.strategy if rival else None,
        rival_trial=rival.trial if rival else None,
        difference=result.difference,
        verdict=result.verdict,
        tried=result.tried,
        complete=result.complete,
        seconds=result.seconds,
        sentence=sentences.strategy_verdict(metric, result),
    )
