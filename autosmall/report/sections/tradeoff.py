"""Section: what is the price of a bigger model here?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autosmall.analysis.overfitting import StrategyGap, Trend, weigh_capacity
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report import sentences
from autosmall.report.numbers import count_text, counted
from autosmall.report.sections import alternatives, brakes
from autosmall.schema.run_data import RunData
from autosmall.training.health.rules import PARAMETERS_PER_PICTURE


@dataclass(frozen=True)
class Point:
    """One complete configuration: how it does in training and on held-out pictures."""

    trial: int
    strategy: str
    train_score: float
    score: float
    gap: float
    trainable_parameters: int
    parameters_per_picture: float
    fit_seconds: float
    recommended: bool


@dataclass(frozen=True)
class Tradeoff:
    """Size against overfitting.

    Attributes:
        sentence: The answer.
        trend_sentence: How size and gap go together.
        points: All complete configurations.
        trend: Rank correlation of size and gap, or ``None`` for too few.
        gaps: Gaps by strategy, smallest median first.
        choices: What else could be taken.
        brakes: What each brake on overfitting did.
        warning: Of configurations of absurd size, or an empty text.
        remark: The same, more mildly, of those that start from pretrained weights.
    """

    sentence: str
    trend_sentence: str
    points: tuple[Point, ...]
    trend: Trend | None
    gaps: tuple[StrategyGap, ...]
    choices: alternatives.Choices
    brakes: brakes.Brakes
    warning: str
    remark: str


def gather(run: RunData, ranking: Ranking, run_path: str) -> Tradeoff:
    """Return the trade-off between size, gap and score."""
    capacity = weigh_capacity(run, ranking)
    chosen = ranking.recommended.summary if ranking.recommended else None
    rows = [row.summary for row in ranking.rows]
    return Tradeoff(
        sentence=sentences.tradeoff(run.metric, chosen, capacity.by_strategy),
        trend_sentence=sentences.trend(run.metric, capacity.trend),
        points=tuple(_point(summary, chosen) for summary in rows),
        trend=capacity.trend,
        gaps=capacity.by_strategy,
        choices=alternatives.gather(ranking, run_path),
        brakes=brakes.gather(run, ranking),
        warning=_warning(capacity.absurd),
        remark=_remark(capacity.absurd_pretrained),
    )


def _warning(found: Sequence[TrialSummary]) -> str:
    if not found:
        return ""
    return (
        f"{_most(found)}. A colour picture of 183 px holds {count_text(PARAMETERS_PER_PICTURE)} "
        "numbers, so such a network has room for the training pictures themselves: what it gets "
        "right in training says nothing. ResNet50 had 20, VGG16 had 108 weights per picture of "
        "ImageNet."
    )


def _remark(found: Sequence[TrialSummary]) -> str:
    if not found:
        return ""
    return (
        f"{_most(found)}. They start from pretrained weights, which is why so many may do; fewer "
        "trainable blocks, or a frozen backbone, cost less."
    )


def _most(found: Sequence[TrialSummary]) -> str:
    """Return how many trained too many weights, and how many the largest of them did."""
    largest = max(found, key=lambda summary: summary.parameters_per_picture)
    return (
        f"{counted(len(found), 'configuration')} trained {count_text(PARAMETERS_PER_PICTURE)} "
        f"weights or more per training picture; the largest, trial {largest.trial} "
        f"({largest.strategy}), {count_text(largest.trainable_parameters)}, which is "
        f"{count_text(largest.parameters_per_picture)} per picture"
    )


def _point(summary: TrialSummary, chosen: TrialSummary | None) -> Point:
    return Point(
        summary.trial,
        summary.strategy,
        summary.train_score,
        summary.score.mean,
        summary.gap,
        summary.trainable_parameters,
        summary.parameters_per_picture,
        summary.fit_seconds,
        chosen is not None and summary.trial == chosen.trial,
    )
