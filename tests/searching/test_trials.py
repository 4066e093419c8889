"""What is kept up to date as trials end, against going through all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED, RACED_OUT, FoldResult, Suggestion
from autosmall.searching.trial import RUNNING, Trial, best_complete
from autosmall.searching.trials import LATEST_FOLDS, MOST_LEADERS, Trials

METRIC = "accuracy"
CONFIG = Config.from_mapping({"strategy": "scratch"})


def trial_of(number, status=RUNNING, score=None):
    trial = Trial(Suggestion(number, CONFIG, "drawn"), status)
    if score is not None:
        trial.folds[0] = fold_of(number, score)
    return trial


def fold_of(number, score, fold=0):
    return FoldResult(number, fold, COMPLETE, {METRIC: score})


def agree(trials):
    """Assert that all that is kept is what all trials tell."""
    whole = list(trials.values())
    ended = [trial for trial in whole if trial.status != RUNNING]
    complete = [trial for trial in whole if trial.status == COMPLETE]
    by_score = sorted(complete, key=lambda trial: (-trial.score(METRIC), trial.number))
    assert list(trials.running.values()) == [t for t in whole if t.status == RUNNING]
    assert trials.leaders == by_score[:MOST_LEADERS]
    assert trials.ended.total() == len(ended)
    assert trials.folds_done == sum(len(trial.folds) for trial in whole)
    for horizon in (-3, 0, 4, len(whole) - 1, math.inf):
        known = [trial for trial in ended if trial.number <= horizon]
        assert trials.known(horizon) == known
        assert trials.best_known(horizon) is best_complete(known, METRIC)
    assert trials.latest_ended(4) == ended[-4:]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_all_trials_tell_in_whatever_order_they_end(seed):
    rng = np.random.default_rng(seed)
    trials = Trials(METRIC)
    for number in range(40):
        trials.add(trial_of(number))
        if len(trials.running) > 6:
            trial = trials.running[int(rng.choice(list(trials.running)))]
            trials.add_fold(trial, fold_of(trial.number, float(rng.integers(0, 6)) / 5))
            trials.end(trial, str(rng.choice([COMPLETE, COMPLETE, RACED_OUT, FAILED])))
        agree(trials)


def timed(number, *seconds, strategy="scratch", status=COMPLETE):
    """A running trial whose first folds took so long."""
    folds = {i: FoldResult(number, i, status, fit_seconds=s) for i, s in enumerate(seconds)}
    return Trial(Suggestion(number, Config.from_mapping({"strategy": strategy}), "t"), folds=folds)


def test_a_fold_is_expected_to_take_as_long_as_others_of_its_trial_or_strategy():
    own, new, other = timed(0, 2.0, 4.0), timed(1), timed(2, strategy="frozen")
    trials = Trials(METRIC)
    for trial in (own, new, other, timed(3, 99.0, status=FAILED)):
        trials.add(trial)
    assert trials.fold_seconds(own) == trials.fold_seconds(new) == 3.0
    assert trials.fold_seconds(other) is None
    trials.add_fold(new, FoldResult(1, 0, FAILED, fit_seconds=99.0))
    assert trials.fold_seconds(timed(4)) == 3.0
    trials.add_fold(new, FoldResult(1, 1, COMPLETE, fit_seconds=6.0))
    assert (trials.fold_seconds(new), trials.fold_seconds(timed(4))) == (6.0, 4.0)


def test_the_latest_folds_of_a_strategy_tell():
    trials = Trials(METRIC)
    trials.add(timed(0, *[9.0] * LATEST_FOLDS))
    trials.add(timed(1, *[1.0] * LATEST_FOLDS))
    assert trials.fold_seconds(timed(2)) == 1.0


def test_trials_of_an_earlier_sitting_are_taken_in_as_they_stand():
    trials = Trials(METRIC)
    for number, score in enumerate((0.5, 0.9, None, 0.9, 0.7)):
        trials.add(trial_of(number, RUNNING if score is None else COMPLETE, score))
    agree(trials)
    assert [trial.number for trial in trials.leaders] == [1, 3, 4, 0]


def test_folds_are_counted_once_and_taken_back():
    trials = Trials(METRIC)
    trials.add(trial_of(0))
    for fold in (0, 1, 1):
        trials.add_fold(trials[0], fold_of(0, 0.5, fold))
    assert trials.folds_done == 2
    trials.drop_fold(trials[0], 1)
    agree(trials)


def test_each_ended_trial_is_told_once_and_in_order():
    trials = Trials(METRIC)
    for number in range(5):
        trials.add(trial_of(number))
    for number in (3, 0, 4):
        trials.end(trials[number], FAILED)
    assert [trial.number for trial in trials.take_untold(3)] == [0, 3]
    trials.end(trials[1], FAILED)
    assert [trial.number for trial in trials.take_untold(math.inf)] == [1, 4]
    assert trials.take_untold(math.inf) == []


def test_an_undefined_score_leads_nobody():
    trials = Trials(METRIC)
    for number, score in enumerate((math.nan, 0.2)):
        trials.add(trial_of(number, COMPLETE, score))
    assert [trial.number for trial in trials.leaders] == [1, 0]
