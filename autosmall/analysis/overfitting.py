"""The price of a bigger model: gaps and capacity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.rank_correlation import rank_correlation
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.schema.run_data import RunData
from autosmall.strategies.registry import STRATEGIES
from autosmall.training.health.rules import PARAMETERS_PER_PICTURE

FEWEST_FOR_TREND = 6
"""Configurations needed before a rank correlation is shown."""


@dataclass(frozen=True)
class Trend:
    """Spearman rank correlation between trainable weights per picture and the gap.

    ``correlation`` lies in [-1, 1]; ``p_value`` is two-sided; ``count`` configurations.
    """

    correlation: float
    p_value: float
    count: int


@dataclass(frozen=True)
class StrategyGap:
    """Gaps of one strategy's complete trials: median, smallest and largest."""

    strategy: str
    count: int
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Capacity:
    """How size and overfitting go together in one run.

    Attributes:
        trend: Rank correlation of size and gap, or ``None`` for too few.
        by_strategy: Gaps by strategy, smallest median first.
        absurd: Trials that train :data:`PARAMETERS_PER_PICTURE` weights per training picture or
            more, from random values on. Weights that are kept frozen do not count.
        absurd_pretrained: Those that train as many, but start from weights that learned before.
    """

    trend: Trend | None
    by_strategy: tuple[StrategyGap, ...]
    absurd: tuple[TrialSummary, ...]
    absurd_pretrained: tuple[TrialSummary, ...]


def weigh_capacity(run: RunData, ranking: Ranking) -> Capacity:
    """Return the trend, the gaps by strategy and absurd sizes of ``run``."""
    summaries = [row.summary for row in ranking.rows]
    large = [
        s
        for s in (*summaries, *ranking.others)
        if s.parameters_per_picture >= PARAMETERS_PER_PICTURE
    ]
    return Capacity(
        trend=_trend(summaries),
        by_strategy=_gaps(summaries),
        absurd=tuple(s for s in large if not _starts_pretrained(s)),
        absurd_pretrained=tuple(s for s in large if _starts_pretrained(s)),
    )


def _starts_pretrained(summary: TrialSummary) -> bool:
    strategy = STRATEGIES.get(summary.strategy)
    return strategy is not None and strategy.starts_pretrained


def _trend(summaries: list[TrialSummary]) -> Trend | None:
    trained = [s for s in summaries if s.trainable_parameters > 0 and math.isfinite(s.gap)]
    sizes = [s.parameters_per_picture for s in trained]
    gaps = [s.gap for s in trained]
    if len(trained) < FEWEST_FOR_TREND or len(set(sizes)) < 2 or len(set(gaps)) < 2:
        return None
    found = rank_correlation(sizes, gaps)
    return Trend(found.correlation, found.p_value, len(trained))


def _gaps(summaries: list[TrialSummary]) -> tuple[StrategyGap, ...]:
    rows = []
    for strategy in sorted({s.strategy for s in summaries}):
        gaps = [s.gap for s in summaries if s.strategy == strategy and math.isfinite(s.gap)]
        if gaps:
            rows.append(
                StrategyGap(strategy, len(gaps), float(np.median(gaps)), min(gaps), max(gaps))
            )
    return tuple(sorted(rows, key=lambda row: row.median))
