"""Section: would more pictures help?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autosmall.analysis.power_law import Expected
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.sample_size import (
    FACTOR,
    LEAST_FOLDS,
    ClassGain,
    LearningCurve,
    learning_curves,
)
from autosmall.report.numbers import (
    METRIC_WORDS,
    counted,
    interval_text,
    points_text,
    score_text,
    signed_interval_text,
)
from autosmall.schema.config import BASELINE
from autosmall.schema.run_data import RunData
from autosmall.schema.sample_size import SHARES_PERCENT

WORTH_HAVING = 0.01
"""A gain that surely stays below this (1 point, or 0.01 of a loss) is called hardly any."""


@dataclass(frozen=True)
class SampleSize:
    """What more pictures would bring.

    Attributes:
        sentence: The answer, or why there is none and what it would need.
        class_sentence: Which class to collect first; empty without curves.
        factor: How many times as many pictures the curves are continued to.
        curves: Learning curves, the best configuration's first; empty where none was measured.
    """

    sentence: str
    class_sentence: str
    factor: float
    curves: tuple[LearningCurve, ...]


def gather(run: RunData, ranking: Ranking) -> SampleSize:
    """Return the learning curves of the leaders, and what they say."""
    curves = learning_curves(run, ranking)
    if not curves:
        return SampleSize(_missing(run, ranking), "", FACTOR, ())
    return SampleSize(
        answer(run.metric, curves[0]), class_answer(curves[0].classes), FACTOR, curves
    )


def answer(metric: str, curve: LearningCurve) -> str:
    """Return what twice as many pictures would bring the configuration."""
    gain, reached = curve.gain, curve.predicted
    change = f"{signed_interval_text(metric, gain.low, gain.high)}{_unit(metric)}"
    reach = (
        f"With twice as many pictures the {METRIC_WORDS[metric]} of {curve.strategy} (trial "
        f"{curve.trial}) is expected to be "
        f"{score_text(metric, reached.value, _half_width(reached))} "
        f"({interval_text(metric, reached.low, reached.high)})"
    )
    if gain.low > 0 and gain.high >= WORTH_HAVING:
        by = points_text(metric, gain.value, _half_width(gain))
        return f"Yes. {reach}, {by} better than now ({change})."
    if gain.high < WORTH_HAVING:
        return f"Hardly. {reach}, a change by {change}."
    return f"That cannot be told. {reach}, a change by {change}."


def class_answer(classes: tuple[ClassGain, ...]) -> str:
    """Return which class to collect first."""
    if not classes:
        return "No class has enough held-out pictures to tell which one to collect first."
    first, *others = classes
    change = signed_interval_text("accuracy", first.gain.low, first.gain.high)
    found = (
        f"{score_text('accuracy', first.recall)} of its pictures are found now, twice as many "
        f"pictures of all classes would change that by {change} points"
    )
    if stands_out(first, others):
        return f"Collect {first.name} first: {found}."
    if all(found.gain.low > 0 for found in classes):
        return f"All classes would gain about alike; {first.name} leads: {found}."
    return (
        "Which class to collect first cannot be told from these pictures; the most may come from "
        f"{first.name}: {found}."
    )


def stands_out(first: ClassGain, others: Sequence[ClassGain]) -> bool:
    """Tell whether a class surely brings the metric more than the others do on average.

    The difference must exceed both intervals' arms, taken together as for independent errors.
    """
    if not others:
        return False
    mean = sum(other.weight * other.gain.value for other in others) / len(others)
    reach = sum((other.weight * _half_width(other.gain)) ** 2 for other in others)
    arm = first.weight * (first.gain.value - first.gain.low)
    difference = first.weight * first.gain.value - mean
    return first.gain.low > 0 and difference > math.hypot(arm, math.sqrt(reach) / len(others))


def _missing(run: RunData, ranking: Ranking) -> str:
    if run.state == "running":
        return "This is measured after the search, as far as the time budget allows."
    if run.settings.get("sample_size") is False:
        return (
            "This was not measured, as the search was run with --no-sample-size; the same command "
            "without it does."
        )
    if not any(row.summary.strategy != BASELINE for row in ranking.rows):
        return "This needs a complete configuration of a strategy that learns."
    return (
        f"This was not measured. It needs the best configuration trained on "
        f"{_listed_shares()} % of its training pictures, in at least "
        f"{counted(LEAST_FOLDS, 'fold')}{_cost(run, ranking)}: the same command with a larger "
        "--time-budget does it."
    )


def _listed_shares() -> str:
    *first, last = (str(share) for share in SHARES_PERCENT)
    return f"{', '.join(first)} and {last}"


def _cost(run: RunData, ranking: Ranking) -> str:
    """Return about how long the fits of the leader's least number of folds take."""
    for row in ranking.rows:
        if row.summary.strategy != BASELINE:
            seconds = LEAST_FOLDS * row.summary.fit_seconds * sum(SHARES_PERCENT) / 100
            return f" (about {max(1, round(seconds))} s of fits)"
    return ""


def _unit(metric: str) -> str:
    return "" if metric == "log_loss" else " points"


def _half_width(found: Expected) -> float:
    return (found.high - found.low) / 2
