from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from autosmall.training.health.verdict import Evidence, Part, diagnose

GUESSING = math.log(4)
LABELS = np.arange(80) % 4
HEALTHY_CURVE = tuple(GUESSING * 0.85**epoch for epoch in range(30))
FLAT_CURVE = (GUESSING, *[0.8 * GUESSING] * 29)


def part(accuracy: float, seed: int = 0, sureness: float = 0.85) -> Part:
    """Return 80 pictures, that share of them right, spread over the classes."""
    rng = np.random.default_rng(seed)
    right = rng.permutation(80) < round(80 * accuracy)
    predicted = np.where(right, LABELS, (LABELS + rng.integers(1, 4, 80)) % 4)
    probabilities = np.full((80, 4), (1 - sureness) / 3, np.float32)
    probabilities[np.arange(80), predicted] = sureness
    return Part(LABELS, probabilities)


def one_class() -> Part:
    return Part(LABELS, np.tile(np.float32([0.4, 0.2, 0.2, 0.2]), (80, 1)))


HEALTHY = Evidence(part(1.0), part(0.85, 1), GUESSING, curves={"train_loss": HEALTHY_CURVE})


def names(**changes) -> list[str]:
    return list(diagnose(replace(HEALTHY, **changes)))


def test_a_healthy_fit_has_no_diagnosis():
    assert names() == []
    assert names(curves={}) == []


def test_equal_inputs_come_first():
    assert names(inputs_alike=True, train=one_class(), held_out=one_class()) == [
        "same_inputs",
        "collapse",
    ]


def test_long_steps_are_told_with_their_epoch():
    thrown = (GUESSING, 9.0, *HEALTHY_CURVE[2:])
    assert diagnose(replace(HEALTHY, curves={"train_loss": thrown})) == {"oscillating": 2}
    above = tuple(GUESSING * value for value in (1.0, 1.6, 1.2, 1.1, 1.3, 1.1))
    assert diagnose(replace(HEALTHY, curves={"train_loss": above})) == {"diverged": 2}


def test_weights_that_ran_away_are_told_unless_much_was_learned():
    stuck = {"train_loss": (GUESSING, *[0.97 * GUESSING] * 10)}
    assert names(weight_growth=2.5, dead_share=0.7, curves=stuck) == ["diverged", "dead_units"]
    assert names(weight_growth=2.5) == []
    assert names(weight_growth=1.3, curves=stuck) == []


def test_what_stopped_a_fit_is_not_told_twice():
    stopped = {"train_loss": (GUESSING,) * 10}
    changes = {"found": {"no_learning": 10}, "curves": stopped}
    assert names(train=one_class(), held_out=one_class(), **changes) == ["no_learning"]


def test_one_class_everywhere_is_a_collapse():
    assert names(train=one_class(), held_out=one_class()) == ["collapse"]


def test_training_pictures_at_chance_mean_that_nothing_was_learned():
    assert names(train=part(0.25, 3), held_out=part(0.25, 4)) == ["no_learning"]


def test_what_does_not_carry_over_at_all_is_at_chance_level():
    assert names(held_out=part(0.25, 5)) == ["chance_level"]


def test_too_few_held_out_pictures_cannot_show_chance():
    whole = part(0.25, 5)
    assert names(held_out=Part(whole.labels[:6], whole.probabilities[:6])) == []


def test_held_out_pictures_of_one_class_cannot_show_chance():
    whole = part(1.0)
    one = whole.labels == 0
    assert names(held_out=Part(whole.labels[one], whole.probabilities[one])) == []


def test_less_than_half_carried_over_is_overfitting():
    assert names(held_out=part(0.45, 6)) == ["overfitting"]


def test_a_gap_that_grows_is_overfitting_from_its_turning_point_on():
    growing = {"validation_loss": (1.4, 0.9, 0.6, 0.8, 1.0, 1.2, 1.3)}
    changed = replace(HEALTHY, held_out=part(0.75, 1))
    assert diagnose(replace(changed, curves=growing)) == {"overfitting": 3}
    assert diagnose(replace(changed, held_out=part(0.95, 1), curves=growing)) == {}


@pytest.mark.parametrize(("end", "found"), [(0.75, ["overfitting"]), (0.84, []), (0.9, [])])
def test_a_loss_that_rises_is_overfitting_only_where_the_accuracy_falls(end, found):
    curves = {
        "validation_loss": (1.4, 0.9, 0.6, 0.8, 1.0, 1.2, 1.3),
        "validation_accuracy": (0.4, 0.8, 0.85, 0.85, end, end, end),
    }
    assert names(held_out=part(0.75, 1), curves=curves) == found


def test_wrong_training_pictures_are_underfitting_once_the_loss_is_flat():
    low = {"train": part(0.55, 7), "held_out": part(0.5, 8)}
    assert names(**low, curves={"train_loss": FLAT_CURVE}) == ["underfitting"]
    assert names(**low, curves={}) == ["underfitting"]
    falling = tuple(GUESSING * (1 - 0.02 * epoch) for epoch in range(30))
    assert names(**low, curves={"train_loss": falling}) == ["unfinished"]


def test_a_validation_loss_that_never_moves_is_told():
    curves = {"train_loss": HEALTHY_CURVE, "validation_loss": (0.5,) * 10}
    assert names(curves=curves) == ["flat_validation"]


@pytest.mark.parametrize(("weights", "found"), [(7_999_999, []), (8_000_000, ["oversized"])])
def test_weights_per_training_picture(weights, found):
    assert names(parameters_from_scratch=weights) == found


def test_dead_units():
    assert names(dead_share=0.6) == ["dead_units"]
    assert names(dead_share=0.4) == []


def test_without_held_out_pictures_only_causes_are_told():
    nothing = Part(LABELS[:0], np.zeros((0, 4), np.float32))
    assert names(held_out=nothing, inputs_alike=True) == ["same_inputs"]
