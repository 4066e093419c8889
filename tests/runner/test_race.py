from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from autosmall.runner.race import ALPHA, decide, look_alpha
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import FAILED, FoldResult
from autosmall.training.metrics import score

FOLDS = 5


def make_plan(rng, count: int, repeats: int = 1) -> FoldPlan:
    rows = [rng.permutation(count) % FOLDS for _ in range(repeats)]
    return FoldPlan(np.array(rows, np.int64), FOLDS, np.arange(count), "drawn")


def make_folds(trial, plan, labels, probabilities, metric) -> list[FoldResult]:
    results = []
    for fold in range(plan.total):
        rows = plan.validation_index(fold)
        held_out = probabilities[rows].astype(np.float32)
        scores = {metric: score(metric, labels[rows], held_out)}
        results.append(FoldResult(trial, fold, "complete", scores=scores, probabilities=held_out))
    return results


def draw_folds(rng, trial, plan, labels, difficulty, accuracy, metric) -> list[FoldResult]:
    """Draw a configuration right on about ``accuracy`` of the pictures, the same hard for all."""
    luck = np.sqrt(0.5) * difficulty + np.sqrt(0.5) * rng.standard_normal(len(labels))
    right = luck < norm.ppf(accuracy)
    confidence = rng.uniform(0.55, 0.99, len(labels))
    share = np.where(right == (labels == 1), confidence, 1 - confidence)
    return make_folds(trial, plan, labels, np.stack([1 - share, share], axis=1), metric)


def folds_until_dropped(candidate, incumbent, labels, plan, metric) -> int:
    """Return after how many folds the candidate is dropped, or ``plan.total`` if it is not."""
    for done in range(1, plan.total):
        if not decide(candidate[:done], incumbent, labels, plan, metric).go_on:
            return done
    return plan.total


def race_once(rng, metric, count, accuracies) -> int:
    labels = np.arange(count) % 2
    plan = make_plan(rng, count)
    difficulty = rng.standard_normal(count)
    both = [
        draw_folds(rng, trial, plan, labels, difficulty, accuracy, metric)
        for trial, accuracy in enumerate(accuracies)
    ]
    return folds_until_dropped(*both, labels, plan, metric)


@pytest.mark.parametrize(
    ("metric", "races"),
    [("accuracy", 200), ("balanced_accuracy", 200), ("log_loss", 200), ("roc_auc", 50)],
)
def test_one_as_good_is_dropped_no_more_often_than_promised(metric, races):
    """At the bound itself, ALPHA is exceeded by 3 standard errors (0.064) once in 700 times."""
    rng = np.random.default_rng(7)
    dropped = sum(race_once(rng, metric, 60, (0.75, 0.75)) < FOLDS for _ in range(races))
    assert dropped / races <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / races)


@pytest.mark.parametrize("fold_total", [2, 3, 5, 10, 15])
def test_the_looks_spend_alpha_and_no_more(fold_total):
    spent = [look_alpha(seen, fold_total) for seen in range(1, fold_total + 1)]
    assert sum(spent) == pytest.approx(ALPHA)
    assert spent == sorted(spent, reverse=True)
    assert spent[-1] == 0


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "log_loss", "roc_auc"])
def test_one_that_is_clearly_worse_is_dropped_early(metric):
    """Right on 50 % against 90 % of 200 pictures, 40 a fold.

    On two folds about 80 * (0.4 + 2 * 0.05) = 40 pictures are discordant and some 36 of them
    for the incumbent: 5 standard deviations. One race in ten may take longer.
    """
    rng = np.random.default_rng(8)
    folds = [race_once(rng, metric, 200, (0.5, 0.9)) for _ in range(10)]
    assert np.quantile(folds, 0.9) <= 2


def hopeless(metric="accuracy", repeats=1):
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    plan = make_plan(rng, 100, repeats)
    right = np.where(labels[:, None] == [0, 1], 0.9, 0.1)
    good = make_folds(4, plan, labels, right, metric)
    bad = make_folds(9, plan, labels, right[:, ::-1], metric)
    return bad, good, labels, plan, metric


def test_the_reason_tells_folds_distance_trial_pictures_and_p():
    bad, good, labels, plan, metric = hopeless()
    decision = decide(bad[:2], good, labels, plan, metric)
    assert not decision.go_on
    assert decision.reason == (
        "after 2 of 5 folds, 100 points below trial 4 on the same 40 pictures, p < 0.0001"
    )
    assert decision.p_value == pytest.approx(0.5**40)


def test_the_reason_of_a_loss_is_no_points():
    bad, good, labels, plan, metric = hopeless("log_loss")
    assert "a loss of 2.197 more than trial 4" in decide(bad[:1], good, labels, plan, metric).reason


def test_one_that_is_ahead_goes_on_however_sure_the_test_is():
    bad, good, labels, plan, metric = hopeless()
    decision = decide(good[:3], bad, labels, plan, metric)
    assert decision.go_on
    assert "100 points above trial 9" in decision.reason


def test_nothing_is_decided_without_a_fold_or_after_the_last():
    bad, good, labels, plan, metric = hopeless()
    assert decide([], good, labels, plan, metric).go_on
    assert decide(bad, good, labels, plan, metric).go_on
    assert decide(bad[:1], good[1:], labels, plan, metric).go_on


def test_failed_folds_are_left_out():
    bad, good, labels, plan, metric = hopeless()
    failed = [FoldResult(9, 0, FAILED, error="x")]
    assert decide(failed, good, labels, plan, metric).go_on
    decision = decide([*failed, bad[1]], good, labels, plan, metric)
    assert "after 1 of 5 folds" in decision.reason


def test_more_looks_ask_for_more_evidence():
    """6 discordant pictures, all against the candidate: p = 0.0156 is between 0.0133 and 0.04.

    These are what the first of 14 looks and the first of 4 may spend of 0.1. The same first
    fold is enough in a plan of 5 folds and not in one of 5 folds thrice.
    """
    labels = np.zeros(30, np.int64)
    right, wrong = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    verdicts = []
    for repeats in (1, 3):
        plan = FoldPlan(np.tile(np.arange(30) % 5, (repeats, 1)), 5, np.arange(30), "")
        good = make_folds(0, plan, labels, np.tile(right, (30, 1)), "accuracy")
        bad = make_folds(1, plan, labels, np.tile(wrong, (30, 1)), "accuracy")
        decision = decide(bad[:1], good, labels, plan, "accuracy")
        assert decision.p_value == pytest.approx(0.5**6)
        verdicts.append(decision.go_on)
    assert verdicts == [False, True]
