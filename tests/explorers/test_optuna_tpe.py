from __future__ import annotations

import math
import warnings

import optuna
import pytest

from autosmall.explorers.optuna_tpe import OptunaExplorer
from autosmall.schema.results import COMPLETE, Suggestion, TrialOutcome


def test_a_strategy_without_choices_is_left_to_the_portfolio(space, driver):
    explorer = OptunaExplorer(space, 0)
    suggestions, _ = driver.drive(explorer, 30)
    assert {s.config.strategy for s in suggestions} == {"frozen", "scratch"}


def test_it_is_silent(space, driver, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        driver.drive(OptunaExplorer(space, 0), 12)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("lag", [0, 5])
def test_the_study_holds_each_suggestion_once_with_its_state(space, driver, lag):
    explorer = OptunaExplorer(space, 0)
    suggestions, told = driver.drive(explorer, 20, lag)
    held = [t for t in explorer._study.get_trials() if t.state.name != "FAIL"]
    states = {True: optuna.trial.TrialState.COMPLETE, False: optuna.trial.TrialState.RUNNING}
    expected = [
        states[s.number in told]
        for s in suggestions
        if s.number not in told or driver.outcome(s).score is not None
    ]
    assert [trial.state for trial in held] == expected


def test_outcomes_told_in_another_order_give_the_same_proposals(space, driver):
    suggestions = OptunaExplorer(space, 0).ask(14)
    proposals = []
    for order in (suggestions, suggestions[::-1]):
        explorer = OptunaExplorer(space, 0)
        explorer.restore(suggestions)
        for suggestion in order:
            explorer.tell(TrialOutcome(suggestion, COMPLETE, driver.score(suggestion.config)))
        proposals.append(explorer.ask(3))
    assert proposals[0] == proposals[1]


def test_numbers_need_not_start_at_zero(space, driver):
    config = OptunaExplorer(space, 5).ask(1)[0].config
    explorer = OptunaExplorer(space, 0)
    explorer.tell(driver.outcome(Suggestion(40, config, "somebody")))
    assert explorer.ask(1)[0].number == 41


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, None])
def test_a_trial_without_a_finite_score_is_a_failed_one(space, score):
    explorer = OptunaExplorer(space, 0)
    (suggestion,) = explorer.ask(1)
    explorer.tell(TrialOutcome(suggestion, COMPLETE, score))
    assert {t.state for t in explorer._study.get_trials()} == {optuna.trial.TrialState.FAIL}
