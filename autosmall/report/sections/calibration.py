"""Part of a section: how sure is it, and how sure should it be?"""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.analysis.calibration import Reliability, calibrate
from autosmall.analysis.ranking import Ranking
from autosmall.report.numbers import is_percent
from autosmall.schema.run_data import RunData

PROBABILITY_METRICS = ("log_loss", "roc_auc", "average_precision")
"""Metrics that look at probabilities, so that scaling may change them."""


@dataclass(frozen=True)
class CalibrationFacts:
    """The recommended configuration's probabilities before and after temperature scaling.

    Attributes:
        trial: Its number.
        temperature: What a saved model's probabilities are scaled by.
        before: As predicted for held-out pictures.
        after: Scaled, cross-fitted over the folds.
        sentence: The answer.
        metric_note: What scaling has to do with the search's metric; may be empty.
    """

    trial: int
    temperature: float
    before: Reliability
    after: Reliability
    sentence: str
    metric_note: str


def gather(run: RunData, ranking: Ranking) -> CalibrationFacts | None:
    """Return the calibration of the recommended configuration, ``None`` without one."""
    if ranking.recommended is None:
        return None
    found = calibrate(ranking.table, ranking.recommended.summary.trial, seed=ranking.seed)
    return CalibrationFacts(
        trial=found.trial,
        temperature=found.temperature,
        before=found.before,
        after=found.after,
        sentence=calibration_sentence(found.pictures, found.before, found.after),
        metric_note=metric_note(run.metric, found.before, found.after),
    )


def calibration_sentence(pictures: int, before: Reliability, after: Reliability) -> str:
    """Return how sure the model is, how sure it should be, and what scaling changes."""
    distance = before.mean_confidence - before.accuracy
    if not before.is_told_from_perfect:
        opening = (
            "How sure the model says it is agrees with how often it is right as far as "
            f"{pictures:,} pictures can tell"
        )
    elif abs(distance) < 0.01:
        opening = (
            "How sure the model says it is does not agree with how often it is right, though it "
            "does on average"
        )
    else:
        opening = (
            f"The model is too {'sure' if distance > 0 else 'unsure'}: it says "
            f"{_percent(before.mean_confidence)} on average and is right in "
            f"{_percent(before.accuracy)} of the cases"
        )
    return (
        f"{opening}. Its calibration error is {_points(before.error)}; scaled by one number, its "
        f"temperature, {_points(after.error)}. Perfect calibration would show "
        f"{_points(after.error_if_perfect)} on these pictures, by chance alone. "
        "Which class is picked does not change."
    )


def metric_note(metric: str, before: Reliability, after: Reliability) -> str:
    """Return how far the scores above hold for the scaled probabilities."""
    if metric not in PROBABILITY_METRICS:
        return ""
    losses = f"its log loss goes from {before.log_loss:.3f} to {after.log_loss:.3f}"
    if is_percent(metric):
        return (
            "The search's metric looks at probabilities and was taken before scaling; with two "
            "classes scaling leaves it as it is, with more it may change a little. In all, "
            f"{losses}."
        )
    return (
        "The search's metric is log loss and was taken before scaling: the scores elsewhere in "
        f"this report are of unscaled probabilities, while the saved model's are scaled; {losses} "
        "(all held-out pictures together)."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(share: float) -> str:
    number = f"{100 * share:.1f}"
    return f"{number} points"
