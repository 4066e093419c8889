from __future__ import annotations

import math

import numpy as np
import pytest

from autosmall.runner.curves import CurveRecorder
from autosmall.training.health.monitor import HealthMonitor

LABELS = np.array([0, 1, 1])
RIGHT = np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]], np.float32)


def recorder(labels=LABELS, epochs: int = 10) -> CurveRecorder:
    return CurveRecorder(labels, HealthMonitor(epochs, 2))


def test_validation_points_are_log_loss_and_accuracy():
    made = recorder()
    assert made.epoch_end(0.7, 0.5, RIGHT)
    curves = made.curves()
    assert curves["train_loss"] == (0.7,)
    assert curves["train_accuracy"] == (0.5,)
    expected = -(math.log(0.8) + math.log(0.6) + math.log(0.5)) / 3
    assert curves["validation_loss"] == pytest.approx((expected,), rel=1e-6)
    assert curves["validation_accuracy"] == pytest.approx((2 / 3,))


def test_epochs_without_predictions_are_gaps():
    made = recorder()
    made.epoch_end(0.7, 0.5, None)
    made.epoch_end(0.6, 0.6, RIGHT)
    curves = made.curves()
    assert curves["train_loss"] == (0.7, 0.6)
    assert math.isnan(curves["validation_loss"][0])
    assert not math.isnan(curves["validation_loss"][1])


def test_no_predictions_no_validation_curves_and_no_epochs_no_curves():
    made = recorder()
    assert made.curves() == {}
    made.epoch_end(0.7, 0.5, None)
    assert set(made.curves()) == {"train_loss", "train_accuracy"}


def test_a_loss_that_is_no_number_stops_the_fit_and_is_kept():
    made = recorder()
    assert not made.epoch_end(math.nan, 0.5, None)
    assert math.isnan(made.curves()["train_loss"][0])


def test_going_on_never_depends_on_validation_labels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        losses, start = rng.uniform(0, 12, 8), rng.integers(0, 2, 12)
        predictions = rng.dirichlet([1, 1], (8, 12)).astype(np.float32)
        answers = []
        for labels in (start, 1 - start):
            made = recorder(labels, epochs=8)
            answers.append(
                [made.epoch_end(float(x), 0.5, p) for x, p in zip(losses, predictions, strict=True)]
            )
        assert answers[0] == answers[1]
