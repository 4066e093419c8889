"""Scores of all folds together: those of each fold alone, to the last digit."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from autosmall.analysis import fold_scores as module
from autosmall.analysis.fold_scores import fold_scores, scores_of_many
from autosmall.schema.settings import METRICS
from autosmall.training.metrics import score


def alone(run, trial, metric):
    pairs = []
    for fold in trial.folds:
        labels = run.labels[run.folds.validation_index(fold.fold)]
        if fold.probabilities.shape == (len(labels), len(run.classes)):
            pairs.append((fold.fold, score(metric, labels, fold.probabilities)))
    return tuple(pairs)


@pytest.mark.parametrize("metric", METRICS)
def test_they_are_those_of_each_fold_alone(drawn, metric):
    run = drawn.make_run(metric=metric, samples=100, repeats=2)
    found = fold_scores(run)
    assert list(found.own) == [trial.number for trial in run.trials]
    for trial in run.trials:
        assert found.own[trial.number] == alone(run, trial, metric)
        assert found.log_loss[trial.number] == alone(run, trial, "log_loss")


def test_what_failed_or_is_not_finite_has_no_score(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 0.8)] * 2, samples=30)
    first, second = run.trials
    lost = np.full_like(first.folds[1].probabilities, math.nan)
    folds = (
        dataclasses.replace(first.folds[0], status="failed"),
        dataclasses.replace(first.folds[1], probabilities=lost),
        dataclasses.replace(first.folds[2], probabilities=first.folds[2].probabilities[1:]),
        *first.folds[3:],
    )
    torn = dataclasses.replace(run, trials=(dataclasses.replace(first, folds=folds), second))
    assert [fold for fold, _ in fold_scores(torn).own[0]] == [3, 4]
    assert fold_scores(torn).own[1] == fold_scores(run).own[1]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "log_loss"])
def test_many_are_looked_at_in_parts(metric, monkeypatch):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 17)
    predictions = list(rng.dirichlet((1, 1, 1), (23, 17)).astype(np.float32))
    whole = scores_of_many(metric, labels, predictions)
    monkeypatch.setattr(module, "AT_ONCE", 200)
    np.testing.assert_array_equal(scores_of_many(metric, labels, predictions), whole)
    assert whole.tolist() == [score(metric, labels, one) for one in predictions]


def test_no_pictures_have_no_score():
    none = np.zeros(0, np.int64)
    assert np.isnan(scores_of_many("accuracy", none, [np.zeros((0, 3), np.float32)])).all()
