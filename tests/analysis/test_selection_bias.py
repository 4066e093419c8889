"""The corrected score against a known truth, and its parts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.ranking import rank
from autosmall.analysis.recommendation import Costs
from autosmall.analysis.selection_bias import correct_selection, difference_errors, pick

RHO = 0.7  # correlation of two configurations' latent errors
FOLDS = 5


def draw_table(truths, samples, rng):
    """Two classes, each configuration right with its true probability, errors correlated."""
    shared = rng.normal(size=samples)
    own = rng.normal(size=(len(truths), samples))
    right = np.sqrt(RHO) * shared + np.sqrt(1 - RHO) * own < norm.ppf(truths)[:, None]
    labels = rng.permutation(np.arange(samples) % 2)
    sure = np.where(right, 1.0, -1.0) * rng.uniform(0.1, 0.4, right.shape)
    second = 0.5 + np.where(labels == 1, 1.0, -1.0) * sure
    return PredictionTable(
        trials=tuple(range(len(truths))),
        probabilities=np.stack([1 - second, second], axis=2).astype(np.float32),
        samples=np.arange(samples),
        folds=np.arange(samples) % FOLDS,
        labels=labels,
        groups=np.arange(samples),
    )


def costs_of(table, seed):
    columns = len(table.trials)
    errors = difference_errors("accuracy", table, seed=seed)
    # Equal sizes and times: the rule then picks by score, the hardest case for the correction.
    return Costs(table.trials, np.full(columns, 1000.0), np.ones(columns), errors)


@pytest.mark.parametrize(("samples", "spread"), [(100, 0.0), (100, 0.03), (300, 0.0)])
def test_correction_removes_the_optimism_of_the_best_of_fifty(samples, spread):
    runs = 60
    naive, corrected, covered = np.empty(runs), np.empty(runs), 0
    for run in range(runs):
        rng = np.random.default_rng([samples, run])
        truths = np.clip(0.8 + spread * rng.normal(size=50), 0.5, 0.99)
        table = draw_table(truths, samples, rng)
        costs = costs_of(table, run)
        chosen = truths[pick("accuracy", table, costs)]
        found = correct_selection("accuracy", table, costs, seed=run, repetitions=200)
        naive[run] = found.pooled_score - chosen
        corrected[run] = found.score - chosen
        covered += found.low <= chosen <= found.high
    # Pictures shared by all configurations give every estimate a standard deviation of about
    # sqrt(0.8 * 0.2 / n): 4 points at n = 100, 2.3 at n = 300, so the mean over 60 runs has a
    # standard error of 0.5 and 0.3 points. BBC-CV itself is known to err by up to -1.4 points
    # (downwards, when configurations differ); 1.5 plus three standard errors bounds both.
    error = np.sqrt(0.16 / samples / runs)
    assert abs(corrected.mean()) < 0.015 + 3 * error
    assert naive.mean() > 0.02 + 3 * error if spread == 0 else naive.mean() > 0.015
    assert naive.mean() - corrected.mean() > 0.015
    # 95 % nominal: fewer than 51 of 60 has a probability under 0.1 %.
    assert covered >= 51


def test_one_candidate_has_nothing_to_correct():
    table = draw_table([0.8], 400, np.random.default_rng(0))
    found = correct_selection("accuracy", table, costs_of(table, 0))
    # The mean over draws of an out-of-bag share is the share itself, up to the noise of 500 draws:
    # each has a standard deviation of 0.4 * sqrt(1.72 / 400) = 2.6 points, so 0.12 for the mean.
    assert abs(found.optimism) < 5 * 0.0012
    assert found.candidates == 1
    assert found.same_pick_share == 1.0


def test_interval_of_a_flawless_score_is_not_a_point():
    table = draw_table([1.0 - 1e-12], 40, np.random.default_rng(0))
    found = correct_selection("accuracy", table, costs_of(table, 0))
    assert found.score == 1.0
    # Clopper and Pearson for 40 of 40: 0.025 ** (1 / 40).
    assert found.low == pytest.approx(0.025 ** (1 / 40))
    assert found.high == 1.0


def test_same_seed_gives_the_same_correction_and_another_does_not():
    table = draw_table([0.75, 0.8, 0.82], 150, np.random.default_rng(3))
    costs = costs_of(table, 0)
    first = correct_selection("accuracy", table, costs, seed=5)
    assert correct_selection("accuracy", table, costs, seed=5) == first
    assert correct_selection("accuracy", table, costs, seed=6).score != first.score


def test_configurations_out_of_reach_change_nothing_but_the_count():
    rng = np.random.default_rng(4)
    table = draw_table([0.9, 0.89, *[0.3] * 10], 200, rng)
    costs = costs_of(table, 0)
    near = table.select(np.arange(2))
    alone = correct_selection("accuracy", near, costs.select(np.arange(2)), seed=1)
    whole = correct_selection("accuracy", table, costs, seed=1)
    assert (whole.score, whole.low, whole.high) == (alone.score, alone.low, alone.high)
    assert (whole.candidates, alone.candidates) == (12, 2)


def test_groups_are_drawn_whole(drawn):
    # Every picture stands in the run four times: the effective number is a quarter, the standard
    # deviation twice as large, and so is the interval (within the noise of 500 draws, 15 %).
    samples = 100
    rng = np.random.default_rng(0)
    table = draw_table([0.8], samples, rng)
    copies = np.repeat(np.arange(samples), 4)
    fourfold = PredictionTable(
        table.trials,
        table.probabilities[:, copies],
        np.arange(4 * samples),
        table.folds[copies],
        table.labels[copies],
        copies,
    )
    loose = PredictionTable(
        fourfold.trials,
        fourfold.probabilities,
        fourfold.samples,
        fourfold.folds,
        fourfold.labels,
        np.arange(4 * samples),
    )
    tied, free = (correct_selection("accuracy", t, costs_of(t, 0)) for t in (fourfold, loose))
    assert 1.6 < (tied.high - tied.low) / (free.high - free.low) < 2.4


@pytest.mark.parametrize(
    "metric", ["balanced_accuracy", "f1_macro", "roc_auc", "average_precision", "log_loss"]
)
def test_every_metric_can_be_corrected(drawn, metric):
    ranking = rank(drawn.make_run(metric=metric))
    found = ranking.corrected()
    assert found.low <= found.score <= found.high
    assert found.repetitions == 500
    better = -1 if metric == "log_loss" else 1
    assert found.optimism == pytest.approx(better * (found.pooled_score - found.score))


def test_two_hundred_configurations_are_corrected_in_one_pass():
    # A loop over draws and configurations would call 100,000 scores; this must stay a few matrix
    # products, so the test would take minutes instead of seconds.
    rng = np.random.default_rng(0)
    table = draw_table(rng.uniform(0.6, 0.9, 200), 2000, rng)
    found = correct_selection("accuracy", table, costs_of(table, 0))
    assert found.candidates == 200
    assert found.repetitions == 500
