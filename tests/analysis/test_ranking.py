"""The ranking of drawn runs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from autosmall.analysis.mistakes import find_mistakes
from autosmall.analysis.overfitting import weigh_capacity
from autosmall.analysis.ranking import rank
from autosmall.analysis.recommendation import MARGIN
from autosmall.analysis.strategies import compare_strategies
from autosmall.training.metrics import score

LARGE = 3000  # pictures: then one percent is two standard errors, and the truth decides


@pytest.fixture(scope="module")
def large(drawn):
    return drawn.make_run(samples=LARGE)


def test_scores_are_recomputed_from_predictions(drawn):
    run = drawn.make_run()
    lied = tuple(
        dataclasses.replace(
            trial,
            folds=tuple(dataclasses.replace(f, scores={"accuracy": 0.123}) for f in trial.folds),
        )
        for trial in run.trials
    )
    for row in rank(dataclasses.replace(run, trials=lied)).rows:
        trial = run.trials[row.summary.trial]
        expected = [
            score("accuracy", run.labels[run.folds.validation_index(f.fold)], f.probabilities)
            for f in trial.folds
        ]
        assert [value for _, value in row.summary.fold_scores] == pytest.approx(expected)
        assert row.summary.score.mean == pytest.approx(np.mean(expected))


def test_recommended_first_then_by_score(large):
    ranking = rank(large)
    rows = ranking.rows
    # fine_tune leads by less than the margin and trains a thousand times the parameters.
    assert ranking.leader == 4
    assert rows[0].summary.trial == 2
    assert -MARGIN <= rows[0].to_leader.difference <= 0
    rest = [row.summary.score.mean for row in rows[1:]]
    assert rest == sorted(rest, reverse=True)
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))


def test_only_complete_trials_are_ranked_and_the_others_keep_their_reason(large):
    ranking = rank(large)
    assert {row.summary.trial for row in ranking.rows} == {0, 1, 2, 3, 4, 5, 6}
    assert [(s.trial, s.status, s.reason) for s in ranking.others] == [
        (7, "raced_out", "behind trial 4 by 30 points"),
        (8, "unhealthy", "training loss diverged"),
        (9, "failed", "out of memory"),
    ]
    assert ranking.others[0].folds_done == 2


def test_a_trial_that_lost_a_fold_is_not_ranked(drawn):
    run = drawn.make_run()
    torn = dataclasses.replace(run.trials[2], folds=run.trials[2].folds[:-1])
    ranking = rank(dataclasses.replace(run, trials=(*run.trials[:2], torn, *run.trials[3:])))
    assert 2 not in {row.summary.trial for row in ranking.rows}
    assert ranking.others[0].reason == "its stored predictions are incomplete"


def test_tied_set_holds_the_leader_and_not_the_hopeless(large):
    tied = {row.summary.trial for row in rank(large).rows if row.tied_with_leader}
    assert rank(large).leader in tied
    assert 0 not in tied  # the majority class


def test_capacity_and_gap(drawn):
    run = drawn.make_run()
    summary = rank(run).find(4).summary
    assert summary.parameters_per_picture == pytest.approx(1_843_000 / 96)  # 120 * 4/5
    assert summary.gap == pytest.approx(summary.train_score - summary.score.mean)


def test_log_loss_is_better_when_lower(drawn):
    ranking = rank(drawn.make_run(metric="log_loss", samples=600))
    losses = [row.summary.score.mean for row in ranking.rows[1:]]
    assert losses == sorted(losses)
    assert ranking.rows[0].summary.strategy != "baseline"
    worst = ranking.rows[-1]
    assert worst.to_leader.difference < 0
    assert worst.summary.gap == pytest.approx(worst.summary.score.mean - worst.summary.train_score)


def test_a_run_without_results(drawn):
    ranking = rank(drawn.make_run([]))
    assert (ranking.rows, ranking.recommended, ranking.leader) == ((), None, None)
    assert ranking.corrected() is None


def test_strategies_are_judged_on_the_same_folds(large):
    results = {r.strategy: r for r in compare_strategies(large, rank(large))}
    assert results["fine_tune"].best.trial == 4
    assert results["fine_tune"].rival.strategy == "frozen"
    assert results["baseline"].verdict == "worse"
    assert results["baseline"].difference.high < 0
    assert results["autoencoder"].best is None
    assert results["autoencoder"].verdict == "alone"
    assert results["scratch"].tried == 3
    forth, back = results["fine_tune"].difference, results["frozen"].difference
    assert forth.difference == pytest.approx(-back.difference)


def test_a_clear_winner_is_called_better(drawn):
    run = drawn.make_run(
        [drawn.DrawnTrial("frozen", 0.9), drawn.DrawnTrial("scratch", 0.6)], samples=1000
    )
    assert [r.verdict for r in compare_strategies(run, rank(run))] == ["better", "worse"]


def test_trend_of_gap_with_size(drawn):
    trials = [drawn.DrawnTrial("scratch", 0.6, 0.04 * i, 10**i) for i in range(1, 9)]
    run = drawn.make_run(trials, samples=300)
    trend = weigh_capacity(run, rank(run)).trend
    # Gaps grow by 4 points a step; drawn noise of a score is 2.8 points at n = 300.
    assert trend.correlation > 0.7
    assert trend.count == 8
    few = drawn.make_run(trials[:5], samples=300)
    assert weigh_capacity(few, rank(few)).trend is None


def test_absurd_sizes_are_found_even_where_they_failed(drawn):
    trials = [
        drawn.DrawnTrial("frozen", 0.8),
        drawn.DrawnTrial("scratch", 0.4, parameters=36_700_000, folds=1, status="raced_out"),
    ]
    run = drawn.make_run(trials, samples=45)
    (found,) = weigh_capacity(run, rank(run)).absurd
    assert (found.trial, round(found.parameters_per_picture)) == (1, round(36_700_000 / 36))


@pytest.mark.parametrize("repeats", [1, 3])
def test_confusion_counts_every_picture_once(drawn, repeats):
    run = drawn.make_run(repeats=repeats)
    ranking = rank(run)
    found = find_mistakes(run, ranking, ranking.recommended.summary.trial)
    confusion = np.array(found.confusion)
    assert confusion.sum() == 120
    assert confusion.sum(axis=1).tolist() == [40, 40, 40]
    assert found.wrong == 120 - np.trace(confusion)
    sure = [item.probability for item in found.confident]
    assert sure == sorted(sure, reverse=True)
    assert all(item.truth != item.predicted for item in found.confident)
    assert all(item.sample.startswith(item.truth) for item in found.confident)


def test_undefined_scores_leave_a_trial_unranked(drawn):
    run = drawn.make_run()
    folds = tuple(
        dataclasses.replace(f, probabilities=np.full_like(f.probabilities, math.nan))
        for f in run.trials[2].folds
    )
    broken = dataclasses.replace(run.trials[2], folds=folds)
    ranking = rank(dataclasses.replace(run, trials=(*run.trials[:2], broken, *run.trials[3:])))
    assert math.isnan(ranking.others[0].score.mean)
