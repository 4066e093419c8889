from __future__ import annotations

import math

import numpy as np
import pytest

from autosmall.training.health import losses

GUESSING = losses.guessing_loss(2)
FALLING = tuple(GUESSING * 0.9**epoch for epoch in range(20))


def curve(*parts):
    """Return losses given in units of guessing."""
    return [GUESSING * value for value in parts]


def test_guessing_is_cross_entropy_of_equal_probabilities():
    assert losses.guessing_loss(10) == pytest.approx(math.log(10))
    assert losses.guessing_loss(4, focal_gamma=2.0) == pytest.approx(0.75**2 * math.log(4))


def test_a_falling_loss_breaks_no_rule():
    assert losses.ended_above_guessing(FALLING, GUESSING) is None
    assert losses.thrown_off(FALLING, GUESSING) is None
    assert losses.jumping(FALLING, GUESSING) is None
    assert losses.turning_point(FALLING, GUESSING) is None
    assert not losses.is_flat(FALLING)


@pytest.mark.parametrize(
    ("values", "epoch"),
    [
        ((1.0, 6.0, 4.0, 2.0, 0.5, 0.1), 2),
        ((1.2, 1.0, 1.0, 0.98, 0.95, 0.95), 1),
        ((1.0, 1.0, 1.15, 0.9, 0.8, 0.85), 3),
        ((1.16, 0.9, 0.5, 0.1, 0.05, 0.01), None),
        ((1.05, 1.0, 1.04, 0.99, 1.0, 0.98), None),
    ],
)
def test_thrown_off_by_far_or_somewhat_and_for_long(values, epoch):
    assert losses.thrown_off(curve(*values), GUESSING) == epoch


def test_several_jumps_are_no_accident():
    jumping = curve(1.0, 0.6, 0.8, 0.5, 0.7, 0.4, 0.6, 0.3)
    assert losses.jumping(jumping, GUESSING) == 3
    assert losses.jumping(jumping[:6], GUESSING) is None


def test_a_validation_loss_far_off_counts_while_the_training_loss_is_stuck():
    far, stuck = curve(1.0, 1.1, 2.2, 1.0, 1.0, 1.0), curve(*[0.95] * 6)
    assert losses.held_out_thrown_off(stuck, far, GUESSING) == 3
    assert losses.held_out_thrown_off(FALLING, far, GUESSING) is None
    assert losses.held_out_thrown_off(stuck, stuck, GUESSING) is None
    assert losses.held_out_thrown_off(stuck, (), GUESSING) is None


def test_ending_above_guessing_names_the_worst_epoch():
    assert losses.ended_above_guessing(curve(1.0, 1.4, 1.1, 1.2, 1.1, 1.1), GUESSING) == 2
    assert losses.ended_above_guessing(curve(1.0, 1.4, 1.1, 1.0, 1.0, 1.01), GUESSING) is None
    assert losses.ended_above_guessing(curve(1.5, 1.5), GUESSING) is None


def test_still_falling_compares_the_last_two_quarters():
    assert losses.is_still_falling(np.linspace(1.0, 0.5, 20) * GUESSING, GUESSING)
    assert not losses.is_still_falling(curve(*[1.0, 0.8] + [0.7] * 18), GUESSING)
    assert losses.is_still_falling(curve(1.0, 0.9, 0.8), GUESSING)


def test_the_turning_point_is_the_lowest_validation_loss():
    rising = curve(1.0, 0.6, 0.4, 0.5, 0.7, 0.9)
    assert losses.turning_point(rising, GUESSING) == 3
    assert losses.turning_point(rising[:4], GUESSING) is None
    assert losses.turning_point(curve(1.0, 0.6, 0.4, 0.5, 0.55, 0.6), GUESSING) is None


def test_epochs_without_a_validation_loss_are_passed_over():
    values = [v for loss in curve(1.0, 0.6, 0.4, 0.5, 0.7, 0.9) for v in (math.nan, loss)]
    assert losses.turning_point(values, GUESSING) == 6
    assert losses.is_flat([0.7, math.nan, 0.7, 0.7, 0.701, 0.7])
    assert not losses.is_flat([0.7, math.nan, 0.7, 0.7])
    assert not losses.is_flat([0.7, 0.7, 0.71, 0.7, 0.7])
    assert not losses.is_flat([])


def test_the_level_around_an_epoch_passes_over_unknown_values():
    assert losses.level_around([0.2, math.nan, 0.6, 0.9], 2) == pytest.approx(0.4)
    assert losses.level_around([0.2, 0.4], 1) == pytest.approx(0.3)
    assert losses.level_around([0.2, 0.4, 0.9], 3) == pytest.approx(0.65)
