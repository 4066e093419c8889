"""Weighted scores against the metrics' own definitions."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.analysis.bootstrap import bootstrap_scores, draw_counts, pooled_scores
from autosmall.analysis.predictions import is_complete, mean_over_repeats, prediction_table
from autosmall.analysis.trial_summary import summarize
from autosmall.training.metrics import oriented, score

MEANS_OVER_FOLDS = ["accuracy", "balanced_accuracy", "log_loss", "roc_auc"]


def table_of(run):
    trials = [trial for trial in run.trials if is_complete(run, trial)]
    return trials, prediction_table(run, trials)


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("metric", MEANS_OVER_FOLDS)
def test_every_picture_once_gives_the_mean_over_folds(drawn, metric, repeats):
    run = drawn.make_run(metric=metric, repeats=repeats)
    trials, table = table_of(run)
    expected = [oriented(metric, summarize(run, trial).score.mean) for trial in trials]
    assert pooled_scores(metric, table) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", ["f1_macro", "average_precision"])
def test_metrics_that_are_no_means_are_pooled_over_folds(drawn, metric):
    run = drawn.make_run(metric=metric)
    trials, table = table_of(run)
    expected = [
        score(metric, run.labels, mean_over_repeats(table, column)) for column in range(len(trials))
    ]
    assert pooled_scores(metric, table) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "f1_macro", "average_precision"])
def test_counts_mean_the_same_as_copies_of_the_pictures(drawn, metric):
    run = drawn.make_run(samples=90, metric=metric)
    _, table = table_of(run)
    rng = np.random.default_rng(1)
    # The same counts in every fold's and class's share would be needed for equal base weights;
    # 90 pictures in 3 classes and 5 folds are 6 to a cell, so all base weights are equal.
    counts = draw_counts(run.folds.groups, 1, seed=2)
    copies = np.repeat(np.arange(90), counts[0].astype(int))
    rng.shuffle(copies)
    got = bootstrap_scores(metric, table, counts)[0]
    for column in range(len(table.trials)):
        copied = mean_over_repeats(table, column)[copies]
        expected = oriented(metric, score(metric, run.labels[copies], copied))
        assert got[column] == pytest.approx(expected, abs=1e-6)


def test_auc_compares_pictures_within_their_fold_only(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 0.8)], classes=("a", "b"), metric="roc_auc")
    _, table = table_of(run)
    before = pooled_scores("roc_auc", table)
    # A fold whose model is shifted as a whole keeps its order, so nothing may change.
    table.probabilities[:, table.folds == 0, 1] *= 0.1
    assert pooled_scores("roc_auc", table) == pytest.approx(before)


def test_rare_class_keeps_its_share_however_rarely_it_is_drawn(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 0.8)], metric="balanced_accuracy")
    _, table = table_of(run)
    right = table.probabilities[0].argmax(axis=1) == table.labels
    counts = np.ones((1, 120))
    counts[0, run.labels == 2] = 0
    one = int(np.flatnonzero(run.labels == 2)[0])
    counts[0, one] = 1
    hit = float(right[table.samples == one][0])
    shares = [right[(table.labels == label)].mean() for label in (0, 1)]
    got = bootstrap_scores("balanced_accuracy", table, counts)[0, 0]
    assert got == pytest.approx((sum(shares) + hit) / 3)


def test_groups_are_drawn_together_and_as_many_as_there_are():
    groups = np.array([7, 7, 3, 3, 3, 9])
    counts = draw_counts(groups, 50, seed=0)
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 2] == counts[:, 4]).all()
    assert (counts[:, [0, 2, 5]].sum(axis=1) == 3).all()
    assert len(np.unique(counts, axis=0)) > 1


def test_nothing_drawn_has_no_score(drawn):
    _, table = table_of(drawn.make_run())
    for metric in (*MEANS_OVER_FOLDS, "f1_macro", "average_precision"):
        assert np.isnan(bootstrap_scores(metric, table, np.zeros((1, 120)))).all()
