from __future__ import annotations

import math

import numpy as np
import pytest

from autosmall.schema.config import Config
from autosmall.training import losses
from autosmall.training.health.monitor import FOCAL_GAMMA, HealthMonitor
from autosmall.training.health.rules import RULES


def run(curve, accuracies=None, epochs=30, classes=2):
    """Feed a monitor until it says stop; return epochs taken in and what it found."""
    monitor = HealthMonitor(epochs, classes)
    for index, loss in enumerate(curve):
        accuracy = accuracies[index] if accuracies else 0.5
        if not monitor.epoch(loss, accuracy):
            return index + 1, monitor.found
    return len(curve), monitor.found


def test_a_falling_loss_is_healthy():
    assert run([0.7 * 0.95**epoch for epoch in range(30)]) == (30, {})


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_at_once(loss):
    assert run([0.7, loss, 0.6]) == (2, {"diverged": 2})


def test_a_loss_that_explodes_stops():
    assert run([0.7, 2.0, 8.0, 9.0]) == (3, {"diverged": 3})


def test_a_loss_that_starts_low_may_wobble_below_ten_times_guessing():
    assert run([0.01, 0.5, 0.3, 0.1])[1] == {}


def test_nothing_learned_stops_after_a_third():
    assert run([0.6931] * 30) == (10, {"no_learning": 10})
    assert run([0.6931] * 30, epochs=6) == (5, {"no_learning": 5})


def test_a_short_run_is_never_stopped_for_having_learned_nothing():
    assert run([0.6931] * 4, epochs=4) == (4, {})


def test_a_slow_start_is_not_nothing_learned():
    assert run([0.6931, 0.6930, 0.6925, *[0.68 * 0.98**epoch for epoch in range(27)]])[1] == {}


def test_warm_up_and_mixup_do_not_trigger():
    """Mixed targets keep the loss high, and the first epochs hardly move it."""
    curve = [2.3026, 2.301, 2.295, *np.linspace(2.28, 1.6, 27)]
    assert run(curve, classes=10)[1] == {}


def test_a_loss_low_from_the_start_has_nothing_left_to_learn():
    assert run([0.002] * 30, accuracies=[1.0] * 30) == (30, {})


def test_a_monitor_knows_what_a_configuration_plans():
    values = {"strategy": "scratch", "epochs": 6, "class_balance": "focal"}
    monitor = HealthMonitor.of(Config.from_mapping(values), 2)
    assert monitor.guessing == pytest.approx(math.log(2) / 4)
    assert [monitor.epoch(0.17, 0.5) for _ in range(5)] == [True] * 4 + [False]
    plain = HealthMonitor.of(Config.from_mapping({"strategy": "classical"}), 3)
    assert plain.guessing == pytest.approx(math.log(3))


def test_the_focal_loss_is_the_one_that_is_trained_with():
    assert FOCAL_GAMMA == losses.FOCAL_GAMMA


def test_every_rule_has_words_and_only_training_signals_stop():
    for name, rule in RULES.items():
        assert rule.name == name and rule.seen and rule.remedy
    assert {name for name, rule in RULES.items() if rule.stops} == {"diverged", "no_learning"}
