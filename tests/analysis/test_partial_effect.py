"""The effect of one setting with the others held still, against planted effects."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.analysis.partial_effect import Effect, partial_effect

DRAWS = 200


def draw(rng, trials, *, effect, others, confounding):
    """Return outcome, setting, confounders (rate and its square) and eight other settings.

    The outcome depends on the rate as an inverted parabola; the setting goes with the rate.
    """
    rate = rng.normal(size=trials)
    setting = confounding * rate + rng.normal(size=trials)
    rest = rng.normal(size=(trials, 8))
    outcome = effect * setting + rate - 0.5 * rate**2 + rest @ rng.normal(0, others, 8)
    return outcome + rng.normal(size=trials), setting, np.column_stack([rate, rate**2]), rest


@pytest.mark.parametrize("trials", [20, 40])
@pytest.mark.parametrize(
    ("effect", "others", "confounding"), [(0.0, 0.0, 0.0), (1.0, 0.5, 1.0), (-0.5, 2.0, 0.5)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(trials, effect, others, confounding):
    rng = np.random.default_rng(3)
    found = [
        partial_effect(
            *draw(rng, trials, effect=effect, others=others, confounding=confounding)
        )
        for _ in range(DRAWS)
    ]  # fmt: skip
    held = sum(f.low <= effect <= f.high for f in found)
    # Binomial with p = 0.95: standard deviation sqrt(200 * 0.95 * 0.05) = 3.1. Four of them below
    # 190 is passed by chance in 1 of 10,000 tests.
    assert held >= 190 - 4 * 3.1


def test_a_confounder_does_not_pass_for_an_effect():
    rng = np.random.default_rng(0)
    outcome, setting, confounders, rest = draw(rng, 200, effect=0.0, others=0.0, confounding=1.0)
    naive = partial_effect(outcome, setting, np.zeros((200, 0)), rest)
    adjusted = partial_effect(outcome, setting, confounders, rest)
    assert naive.p_value < 1e-3
    assert adjusted.low < 0 < adjusted.high


def test_other_settings_that_matter_are_taken_out_of_the_noise():
    rng = np.random.default_rng(0)
    outcome, setting, confounders, rest = draw(rng, 60, effect=0.0, others=3.0, confounding=0.0)
    alone = partial_effect(outcome, setting, confounders, np.zeros((60, 0)))
    beside = partial_effect(outcome, setting, confounders, rest)
    assert beside.high - beside.low < 0.5 * (alone.high - alone.low)


def test_ordinary_least_squares_where_there_is_nothing_else():
    rng = np.random.default_rng(1)
    setting = rng.normal(size=30)
    outcome = 2 * setting + rng.normal(size=30)
    found = partial_effect(outcome, setting, np.zeros((30, 0)), np.zeros((30, 0)))
    slope, intercept = np.polyfit(setting, outcome, 1)
    residual = outcome - intercept - slope * setting
    error = np.sqrt(residual @ residual / 28 / ((setting - setting.mean()) ** 2).sum())
    assert found.change == pytest.approx(slope)
    assert found.high - found.low == pytest.approx(2 * 2.048407 * error, rel=1e-5)  # t, 28 df


@pytest.mark.parametrize("trials", [3, 11])
def test_nothing_is_said_of_too_few_trials(trials):
    rng = np.random.default_rng(0)
    assert partial_effect(*draw(rng, trials, effect=9.0, others=0.0, confounding=0.0)) is None


def test_nothing_is_said_of_a_setting_that_goes_with_its_confounder():
    rng = np.random.default_rng(0)
    outcome, setting, _, rest = draw(rng, 40, effect=9.0, others=0.0, confounding=0.0)
    assert partial_effect(outcome, setting, 2 * setting[:, None], rest) is None


def test_an_effect_turned_round_keeps_its_ends_in_order():
    assert Effect(1.0, 0.5, 2.0, 0.01).scaled(-1.0) == Effect(-1.0, -2.0, -0.5, 0.01)
