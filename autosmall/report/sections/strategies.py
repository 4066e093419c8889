"""Section: which strategy suits my pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.strategies import BETTER, WORSE, StrategyResult, compare_strategies
from autosmall.report import sentences
from autosmall.report.numbers import listed, span_text
from autosmall.schema.run_data import RunData

LEAST_LEAD = 0.0005
"""A corrected lead below this (0.05 points, or 0.0005 of a loss) is none."""


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
    several = sum(result.best is not None for result in results) > 2
    rows = tuple(_row(run.metric, result, several=several) for result in results)
    return Strategies(verdict(run.metric, results), rows)


def _row(metric: str, result: StrategyResult, *, several: bool) -> StrategyRow:
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
        sentence=row_verdict(metric, result, several=several),
    )


def verdict(metric: str, results: Sequence[StrategyResult]) -> str:
    """Return which strategy suits, by how much, or that these pictures cannot tell."""
    finished = [result for result in results if result.best is not None]
    if not finished:
        return sentences.NOTHING_COMPLETE
    first = finished[0]
    if first.difference is None or first.rival is None:
        return f"Only {first.strategy} has a configuration that finished all its folds."
    size = span_text(metric, first.difference)
    if first.verdict == BETTER:
        return f"{first.strategy} beats {first.rival.strategy} here by {size}."
    open_ones = [r.strategy for r in finished[1:] if r.verdict != WORSE]
    if not first.difference.difference >= LEAST_LEAD:
        return (
            f"None leads. {first.strategy} has the best single score, but corrected for how "
            f"often each was tried, its difference from {first.rival.strategy} is {size}."
        )
    if not open_ones:
        return f"{first.strategy} has the best score, but not by more than chance could give."
    return (
        f"{first.strategy} has the best score, but there are too few pictures to tell it from "
        f"{listed(open_ones)}. The difference from "
        f"{_others(first.rival.strategy, several=len(finished) > 2)} is {size}."
    )


def _others(strategy: str, *, several: bool) -> str:
    """Return what a strategy was compared with: which one is the best differs from draw to draw."""
    return f"the best of the others ({strategy})" if several else strategy


def row_verdict(metric: str, result: StrategyResult, *, several: bool) -> str:
    """Return one strategy's verdict in words; ``several``: whether more than two are compared."""
    if result.best is None:
        return "no configuration finished all its folds"
    if result.difference is None or result.rival is None:
        return "nothing to compare with"
    rival = _others(result.rival.strategy, several=several)
    if result.verdict == BETTER:
        return f"beats {rival} by {span_text(metric, result.difference)}"
    if result.verdict == WORSE:
        return f"loses to {rival} by {span_text(metric, result.difference.reversed())}"
    return f"cannot be told from {rival}: {span_text(metric, result.difference)}"
