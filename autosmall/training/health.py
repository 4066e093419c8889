"""Diagnosis of a fit while it trains: few, sound rules on training signals and predictions.

A fit is stopped only for what its training loss shows; what predictions or scores show is marked.
Validation labels enter one rule alone, :func:`overfitting`, which runs after the fit and marks.

The collapse rule needs two signs together, as one class may rightly win everywhere on a fold of
few pictures. Rules of thumb with fixed accuracy steps misfire on such folds: with 20 pictures one
picture is 5 points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIVERGED = "diverged"
NO_LEARNING = "no_learning"
COLLAPSE = "collapse"
OVERFITTING = "overfitting"

DIVERGENCE_FACTOR = 10.0
NO_LEARNING_SHARE = 1 / 3
NO_LEARNING_EPOCHS = 5
NO_LEARNING_CHANGE = 0.005
COLLAPSE_SPREAD = 0.01
OVERFITTING_GAP = 0.10
OVERFITTING_DEVIATIONS = 2.0


@dataclass(frozen=True)
class Rule:
    """A health rule, in the words of the report.

    Attributes:
        name: What :attr:`autosmall.schema.results.FoldResult.diagnoses` call it.
        seen: What it has seen when it fires.
        remedy: What to change.
        stops: Whether the fit is stopped.
    """

    name: str
    seen: str
    remedy: str
    stops: bool


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            DIVERGED,
            "the training loss was not a number, or rose to ten times its start",
            "lower the learning rate (by a factor of 3 to 10)",
            stops=True,
        ),
        Rule(
            NO_LEARNING,
            "the training loss stayed within 0.5 % of its start for a third of the epochs",
            "raise the learning rate, lower augmentation and regularisation, or check the labels",
            stops=True,
        ),
        Rule(
            COLLAPSE,
            "every picture was given the same class with nearly the same probability",
            "lower the learning rate, weigh or sample the classes equally, or train longer",
            stops=False,
        ),
        Rule(
            OVERFITTING,
            "the score on training pictures is far above the one on held-out pictures",
            "augment more, raise dropout or weight decay, or take a smaller or pretrained model",
            stops=False,
        ),
    )
}


class HealthMonitor:
    """Watches one fit, epoch by epoch.

    Args:
        planned_epochs: Epochs the fit will run if nobody stops it.
        class_count: Number of classes.

    >>> monitor = HealthMonitor(planned_epochs=30, class_count=2)
    >>> monitor.epoch(0.7, 0.5), monitor.epoch(float("nan"), 0.5)
    (True, False)
    >>> monitor.diagnoses
    ('diverged',)
    """

    def __init__(self, planned_epochs: int, class_count: int) -> None:
        self._planned_epochs = planned_epochs
        self._chance_loss = math.log(max(2, class_count))
        self._class_count = class_count
        self._losses: list[float] = []
        self._diagnoses: list[str] = []

    @property
    def diagnoses(self) -> tuple[str, ...]:
        """Names of the rules that fired, in the order they did."""
        return tuple(self._diagnoses)

    def epoch(
        self,
        train_loss: float,
        train_accuracy: float,
        validation_probabilities: NDArray[np.float32] | None = None,
    ) -> bool:
        """Take in an epoch and return whether to go on.

        ``validation_probabilities`` are judged in the last planned epoch only: early in training
        a network may well say the same of every picture.
        """
        self._losses.append(train_loss)
        if self._has_diverged():
            self._mark(DIVERGED)
        elif self._has_not_learned(train_accuracy):
            self._mark(NO_LEARNING)
        elif validation_probabilities is not None and len(self._losses) >= self._planned_epochs:
            self.judge_predictions(validation_probabilities)
        return not any(RULES[name].stops for name in self._diagnoses)

    def judge_predictions(self, probabilities: NDArray[np.float32]) -> None:
        """Mark a collapse in final predictions ``(n, class_count)``; at least 2 rows are needed."""
        if self._class_count < 2 or len(probabilities) < 2:
            return
        one_class = len(np.unique(probabilities.argmax(axis=1))) == 1
        if one_class and float(probabilities.std(axis=0).max()) < COLLAPSE_SPREAD:
            self._mark(COLLAPSE)

    def _has_diverged(self) -> bool:
        start, now = max(self._losses[0], self._chance_loss), self._losses[-1]
        return not math.isfinite(now) or now > DIVERGENCE_FACTOR * start

    def _has_not_learned(self, train_accuracy: float) -> bool:
        done = len(self._losses)
        if done < max(NO_LEARNING_EPOCHS, math.ceil(NO_LEARNING_SHARE * self._planned_epochs)):
            return False
        start = self._losses[0]
        # A loss that starts low has nothing left to learn.
        if start < self._chance_loss / 2 and train_accuracy > 1 / self._class_count:
            return False
        return max(abs(loss - start) for loss in self._losses) <= NO_LEARNING_CHANGE * start

    def _mark(self, name: str) -> None:
        if name not in self._diagnoses:
            self._diagnoses.append(name)


def overfitting(train_score: float, validation_score: float, validation_count: int) -> bool:
    """Tell whether a share of right answers is far better in training than on held-out pictures.

    Both scores are accuracies (plain or balanced) in ``[0, 1]``. The gap must exceed 0.10 and two
    standard deviations of the validation score, ``sqrt(p (1 - p) / n)`` for ``p`` right of ``n``;
    ``p`` is taken from ``(right + 1) / (n + 2)``, as the formula is 0 where all are wrong.

    >>> overfitting(1.0, 0.8, 200), overfitting(1.0, 0.8, 20)
    (True, True)
    >>> overfitting(1.0, 0.85, 20)
    False
    """
    if validation_count == 0:
        return False
    share = (validation_score * validation_count + 1) / (validation_count + 2)
    deviation = math.sqrt(share * (1 - share) / validation_count)
    return train_score - validation_score > max(OVERFITTING_GAP, OVERFITTING_DEVIATIONS * deviation)
