"""The corrected score against a known truth, and its parts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.ranking import rank
from autosmall.analysis.recommendation import Contest
from autosmall.analysis.selection_bias import (
    correct_selection,
    score_errors,
)

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


def contest_of(table, seed, **options):
    """Equal sizes and times, and no default: the rule then picks by score."""
    columns = len(table.trials)
    errors = score_errors("accuracy", table, seed=seed)
    return Contest(table.trials, np.full(columns, 1000.0), np.ones(columns), errors, **options)


@pytest.mark.parametrize(
    ("samples", "spread", "default", "epoch_counts"),
    [
        pytest.param(100, 0.0, None, 1, id="100 pictures, all equal"),
        pytest.param(100, 0.03, None, 1, id="100 pictures, 3 points"),
        pytest.param(100, 0.03, 0, 3, id="100 pictures, 3 points, 3 epoch counts, default"),
        pytest.param(300, 0.0, None, 3, id="300 pictures, all equal, 3 epoch counts"),
        pytest.param(300, 0.03, 0, 1, id="300 pictures, 3 points, default"),
    ],
)
def test_correction_removes_the_optimism_of_the_best_of_fifty(
    simulated, samples, spread, default, epoch_counts
):
    runs = 60
    scene = simulated.Scene(samples, 50, spread, epoch_counts=epoch_counts)
    found = simulated.judge_correction(scene, runs, default=default, repetitions=150)
    # Pictures shared by all configurations give every estimate a standard deviation of about
    # sqrt(0.8 * 0.2 / n): 4 points at n = 100, 2.3 at n = 300, so the mean over 60 runs has a
    # standard error of 0.5 and 0.3 points. The larger simulation (tests/benchmarks) has biases
    # between -1 and +0.5.
    error = np.sqrt(0.16 / samples / runs)
    assert abs(found.corrected_bias) < 0.01 + 2 * error
    if default is None:
        assert found.naive_bias > 0.03
    assert found.naive_bias - found.corrected_bias > 0.01
    # 95 % nominal: fewer than 51 of 60 has a probability under 0.1 %.
    assert found.coverage >= 51 / 60


def test_raced_out_configurations_need_not_be_columns(simulated):
    scene = simulated.Scene(100, 50, 0.03)
    raced = simulated.judge_correction(scene, 25, default=None, raced=True, repetitions=150)
    # Same drawings, so the two differ by what the race does alone; simulated at length
    # (tests/benchmarks) the difference is at most 0.15 points.
    assert abs(raced.corrected_bias - raced.unraced_bias) < 0.005
    assert raced.folds_share < 0.95


def test_one_candidate_has_nothing_to_correct():
    table = draw_table([0.8], 400, np.random.default_rng(0))
    found = correct_selection("accuracy", table, contest_of(table, 0))
    # The mean over draws of an out-of-bag share is the share itself, up to the noise of 500 draws:
    # each has a standard deviation of 0.4 * sqrt(1.72 / 400) = 2.6 points, so 0.12 for the mean.
    assert abs(found.optimism) < 5 * 0.0012
    assert found.candidates == 1
    assert found.same_pick_share == 1.0


def test_interval_of_a_flawless_score_is_not_a_point():
    table = draw_table([1.0 - 1e-12], 40, np.random.default_rng(0))
    found = correct_selection("accuracy", table, contest_of(table, 0))
    assert found.score == 1.0
    # Mid-P for 40 of 40: half of p ** 40 is 0.025.
    assert found.low == pytest.approx(0.05 ** (1 / 40))
    assert found.high == 1.0


def test_same_seed_gives_the_same_correction_and_another_does_not():
    table = draw_table([0.75, 0.8, 0.82], 150, np.random.default_rng(3))
    contest = contest_of(table, 0)
    first = correct_selection("accuracy", table, contest, seed=5)
    assert correct_selection("accuracy", table, contest, seed=5) == first
    assert correct_selection("accuracy", table, contest, seed=6).score != first.score


def test_configurations_out_of_reach_change_nothing_but_the_count():
    rng = np.random.default_rng(4)
    table = draw_table([0.9, 0.89, *[0.3] * 10], 200, rng)
    contest = contest_of(table, 0)
    near = table.select(np.arange(2))
    alone = correct_selection("accuracy", near, contest.select(np.arange(2)), seed=1)
    whole = correct_selection("accuracy", table, contest, seed=1)
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
    tied, free = (correct_selection("accuracy", t, contest_of(t, 0)) for t in (fourfold, loose))
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
    found = correct_selection("accuracy", table, contest_of(table, 0))
    assert found.candidates == 200
    assert found.repetitions == 500
