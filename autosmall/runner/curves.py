"""What the worker lends a fit to report its epochs to: curves are kept, ill health is noticed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from autosmall.training.health.monitor import HealthMonitor
from autosmall.training.metrics import score


class CurveRecorder:
    """An :class:`~autosmall.strategies.base.EpochObserver` that holds the validation labels.

    The labels stay here: they turn probabilities into points of a curve, and the answer to a fit
    (go on or stop) comes from the monitor, which never sees them.

    Args:
        validation_labels: ``int64 (v,)``, rows as the fold's validation index.
        monitor: Judges training signals.
    """

    def __init__(self, validation_labels: NDArray[np.int64], monitor: HealthMonitor) -> None:
        self._labels = validation_labels
        self._monitor = monitor
        self._train: list[tuple[float, float]] = []
        self._validation: list[tuple[float, float]] = []

    def epoch_end(
        self,
        train_loss: float,
        train_accuracy: float,
        validation_probabilities: NDArray[np.float32] | None,
    ) -> bool:
        """Record an epoch and return whether to go on."""
        self._train.append((float(train_loss), float(train_accuracy)))
        self._validation.append(self._judge(validation_probabilities))
        return self._monitor.epoch(float(train_loss), float(train_accuracy))

    def curves(self) -> dict[str, tuple[float, ...]]:
        """Return curve name to one value per epoch.

        The curves are ``train_loss``, ``train_accuracy``, ``validation_loss`` and
        ``validation_accuracy``; those of validation are NaN in epochs without predictions and
        absent where there never were any. Without epochs there are no curves.
        """
        curves = _pair("train", self._train) if self._train else {}
        if not all(math.isnan(loss) for loss, _ in self._validation):
            curves |= _pair("validation", self._validation)
        return curves

    def _judge(self, probabilities: NDArray[np.float32] | None) -> tuple[float, float]:
        if probabilities is None:
            return math.nan, math.nan
        return (
            score("log_loss", self._labels, probabilities),
            score("accuracy", self._labels, probabilities),
        )


def _pair(part: str, points: list[tuple[float, float]]) -> dict[str, tuple[float, ...]]:
    losses, accuracies = zip(*points, strict=True)
    return {f"{part}_loss": losses, f"{part}_accuracy": accuracies}
