from __future__ import annotations

import math

import pytest

from autosmall.runner.pool import WorkerStatus
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FoldResult, Suggestion
from autosmall.searching.limits import LAG, Limits
from autosmall.searching.time_left import GRACE_SHARE, LAST_SHARE, TimeLeft
from autosmall.searching.trial import Trial
from autosmall.searching.trials import Trials

FOLDS = 5
BUDGET = 1000.0


def trial(number: int, *seconds: float) -> Trial:
    """A running trial whose first folds took so long."""
    folds = {i: FoldResult(number, i, COMPLETE, fit_seconds=s) for i, s in enumerate(seconds)}
    suggestion = Suggestion(number, Config.from_mapping({"strategy": "s"}), "t")
    return Trial(suggestion, folds=folds, judged=len(folds))


def time_left(*trials: Trial, spent: float = 0.0, budget: float | None = BUDGET) -> TimeLeft:
    known = Trials("accuracy")
    for each in trials:
        known.add(each)
    limits = Limits(None, budget, seconds_before=spent, reserve=lambda all_: 10.0 * len(all_))
    return TimeLeft(limits, known, FOLDS)


def test_what_is_left_counts_earlier_sittings_and_what_is_set_aside():
    left = time_left(trial(0), trial(1), spent=300.0)
    assert left.seconds == pytest.approx(700.0, abs=5.0)
    left.reserve()
    assert left.seconds == pytest.approx(680.0, abs=5.0)
    assert left.spent_seconds == pytest.approx(300.0, abs=5.0)


def test_without_a_budget_nothing_is_too_long():
    endless = trial(0, 1e9)
    left = time_left(endless, budget=None)
    assert left.seconds == math.inf
    assert not left.near_end
    assert not left.is_too_short_for(endless)
    assert not left.is_too_short_for_rest_of(endless, workers(None))


def test_the_end_is_near_in_the_last_part_of_the_budget():
    assert not time_left(spent=BUDGET * (1 - 1.1 * LAST_SHARE)).near_end
    assert time_left(spent=BUDGET * (1 - 0.9 * LAST_SHARE)).near_end


@pytest.mark.parametrize(("fold_seconds", "too_short"), [(180.0, False), (220.0, True)])
def test_a_new_trial_needs_time_for_all_its_folds(fold_seconds, too_short):
    new = trial(1)
    assert time_left(trial(0, fold_seconds), new).is_too_short_for(new) is too_short


def test_a_new_trial_of_which_nothing_is_known_is_begun():
    new = trial(0)
    assert not time_left(new, spent=BUDGET - 1).is_too_short_for(new)


def workers(*trials: int | None) -> list[WorkerStatus]:
    return [WorkerStatus(str(k), trial, trial and 0, 0.0) for k, trial in enumerate(trials)]


@pytest.mark.parametrize(("beyond_grace", "too_short"), [(-20.0, False), (20.0, True)])
def test_the_next_fold_may_end_within_the_grace(beyond_grace, too_short):
    begun = trial(0, 100.0)
    spent = BUDGET - 100.0 + GRACE_SHARE * BUDGET + beyond_grace
    left = time_left(begun, trial(1), spent=spent)
    assert left.is_too_short_for_rest_of(begun, workers(None)) is too_short


@pytest.mark.parametrize(
    ("busy", "needed"),
    [
        pytest.param([None], 200.0, id="two folds one after another"),
        pytest.param([None, None], 100.0, id="side by side"),
        pytest.param([0, None], 100.0, id="one is being worked on"),
    ],
)
def test_a_begun_trial_needs_time_for_its_missing_folds(busy, needed):
    """The first fold, which built the network, took longer."""
    begun = trial(0, 300.0, 100.0, 110.0)
    for beyond, too_short in ((-20.0, False), (20.0, True)):
        left = time_left(begun, spent=BUDGET * (1 + GRACE_SHARE) - needed + beyond)
        assert left.is_too_short_for_rest_of(begun, workers(*busy)) is too_short


def test_a_trial_that_waits_is_judged_by_others_of_its_strategy():
    waits = trial(1)
    known = (trial(0, 100.0), waits)
    assert not time_left(*known, spent=690.0).is_too_short_for_rest_of(waits, workers(0, None))
    assert time_left(*known, spent=760.0).is_too_short_for_rest_of(waits, workers(0, None))
    assert not time_left(waits, spent=999.0).is_too_short_for_rest_of(waits, workers(None))


def test_a_trial_whose_last_folds_are_being_worked_on_is_not_given_up():
    begun = trial(0, 300.0, 100.0, 110.0)
    assert not time_left(begun, spent=BUDGET).is_too_short_for_rest_of(begun, workers(0, 0))


def test_missing_folds_take_as_long_as_those_done():
    begun, new = trial(0, 10.0, 20.0), trial(1)
    left = time_left(begun, new)
    assert left.missing_seconds(begun) == 3 * 15.0
    assert left.missing_seconds(new) == FOLDS * 15.0
    assert time_left(new).missing_seconds(new) == 0.0


def test_a_worker_may_end_in_time_unless_other_folds_say_no():
    left = time_left(trial(0, 100.0), trial(1))
    assert not left.ends_within(50.0, WorkerStatus("idle", None, None, 0.0))
    assert not left.ends_within(50.0, WorkerStatus("fresh", 1, 0, 10.0))
    assert left.ends_within(50.0, WorkerStatus("old", 1, 0, 70.0))


def test_decisions_know_what_is_far_enough_behind_where_they_must_be_reproducible():
    assert Limits(40, None).horizon(20) == 20 - LAG
    assert Limits(40, 60.0).horizon(20) == 20 - LAG
    assert Limits(None, 60.0).horizon(20) == math.inf
