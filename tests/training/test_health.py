import math

import numpy as np
import pytest

from autosmall.training.health import RULES, HealthMonitor, overfitting


def run(losses, accuracies=None, epochs=30, classes=2, last_probabilities=None):
    """Feed a monitor until it says stop; return epochs taken in and diagnoses."""
    monitor = HealthMonitor(epochs, classes)
    for index, loss in enumerate(losses):
        accuracy = accuracies[index] if accuracies else 0.5
        probabilities = last_probabilities if index == len(losses) - 1 else None
        if not monitor.epoch(loss, accuracy, probabilities):
            return index + 1, monitor.diagnoses
    return len(losses), monitor.diagnoses


def test_a_falling_loss_is_healthy():
    assert run([0.7 * 0.95**epoch for epoch in range(30)]) == (30, ())


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_at_once(loss):
    assert run([0.7, loss, 0.6]) == (2, ("diverged",))


def test_a_loss_that_explodes_stops():
    assert run([0.7, 2.0, 8.0, 9.0]) == (3, ("diverged",))


def test_a_loss_that_starts_low_may_wobble_below_ten_times_chance():
    assert run([0.01, 0.5, 0.3, 0.1])[1] == ()


def test_nothing_learned_stops_after_a_third():
    assert run([0.6931] * 30) == (10, ("no_learning",))
    assert run([0.6931] * 30, epochs=6) == (5, ("no_learning",))


def test_a_short_run_is_never_said_to_have_learned_nothing():
    assert run([0.6931] * 4, epochs=4) == (4, ())


def test_a_slow_start_is_not_nothing_learned():
    assert run([0.6931, 0.6930, 0.6925, *[0.68 * 0.98**epoch for epoch in range(27)]])[1] == ()


def test_warm_up_and_mixup_do_not_trigger():
    """Mixed targets keep the loss high, and the first epochs hardly move it."""
    losses = [2.3026, 2.301, 2.295, *np.linspace(2.28, 1.6, 27)]
    assert run(losses, classes=10)[1] == ()


def test_a_loss_low_from_the_start_has_nothing_left_to_learn():
    assert run([0.002] * 30, accuracies=[1.0] * 30) == (30, ())


def test_collapse_needs_one_class_and_one_probability_at_the_planned_end():
    falling = list(np.linspace(0.7, 0.6, 5))
    same = np.tile(np.float32([0.6, 0.4]), (8, 1))
    assert run(falling, epochs=5, last_probabilities=same) == (5, ("collapse",))
    assert run(falling, epochs=6, last_probabilities=same) == (5, ())
    varied = same + np.linspace(0, 0.3, 8, dtype=np.float32)[:, None] * np.float32([1, -1])
    assert run(falling, epochs=5, last_probabilities=varied) == (5, ())
    assert run(falling, epochs=5, last_probabilities=same[:1]) == (5, ())


def test_overfitting_knows_how_many_pictures_there_are():
    assert not overfitting(1.0, 0.92, 1000)
    assert overfitting(1.0, 0.88, 1000)
    assert not overfitting(1.0, 0.85, 20)
    assert overfitting(1.0, 0.5, 20)
    assert not overfitting(1.0, 0.0, 0)


def test_every_rule_has_words():
    for rule in RULES.values():
        assert rule.seen and rule.remedy
    assert {name for name, rule in RULES.items() if rule.stops} == {"diverged", "no_learning"}
