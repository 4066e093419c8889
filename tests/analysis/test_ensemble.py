"""Ensembles: what the greedy selection finds, and that it does not pay where it cannot."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from autosmall.analysis.ensemble import VOTE, choose_ensemble, greedy_weights, vote
from autosmall.analysis.ranking import rank


def replaced(run, probabilities):
    """Return ``run`` with these out-of-fold probabilities ``(trials, samples, classes)``."""
    trials = tuple(
        dataclasses.replace(
            trial,
            folds=tuple(
                dataclasses.replace(fold, probabilities=mine[run.folds.validation_index(fold.fold)])
                for fold in trial.folds
            ),
        )
        for trial, mine in zip(run.trials, probabilities, strict=True)
    )
    return dataclasses.replace(run, trials=trials)


def ranking_of(drawn, draw_probabilities, count, samples=200, metric="accuracy", seed=0):
    """Rank ``count`` configurations of two classes, equal in cost."""
    trials = [drawn.DrawnTrial("frozen", 0.7, values={"epochs": i}) for i in range(count)]
    run = drawn.make_run(trials, samples=samples, classes=("a", "b"), metric=metric, seed=seed)
    return rank(replaced(run, draw_probabilities(run.labels)))


def two_classes(second):
    return np.stack([1 - second, second], axis=-1).astype(np.float32)


def independent(rng, count, sharpness):
    """Configurations whose evidence has noise of its own: a vote averages it away."""

    def make(labels):
        evidence = sharpness * (2 * labels - 1) + rng.normal(size=(count, len(labels)))
        return two_classes(1 / (1 + np.exp(-2 * evidence)))

    return make


def test_complementary_configurations_gain(drawn):
    ranking = ranking_of(drawn, independent(np.random.default_rng(0), 4, 1.0), 4, samples=300)
    found = choose_ensemble(ranking)
    # Each is right in Phi(1) = 84 % of the cases, the mean of three in Phi(1.73) = 96 %.
    assert found.pays
    assert len(found.trials) >= 3
    assert sum(found.weights) == pytest.approx(1)
    assert found.weights == tuple(sorted(found.weights, reverse=True))
    assert 0.05 < found.gain < 0.2
    assert found.gain_low < found.gain < found.gain_high
    assert found.corrected_score <= found.naive_score + 0.01


def test_clones_gain_nothing(drawn):
    rng = np.random.default_rng(1)

    def clones(labels):
        return np.repeat(independent(rng, 1, 1.0)(labels), 5, axis=0)

    found = choose_ensemble(ranking_of(drawn, clones, 5))
    assert found.gain == pytest.approx(0, abs=1e-9)
    assert not found.pays


def test_noise_does_not_pay_on_average(drawn):
    draws = 10
    gains, offered = [], 0
    for seed in range(draws):
        ranking = ranking_of(
            drawn, independent(np.random.default_rng([2, seed]), 6, 0.0), 6, 60, seed=seed
        )
        found = choose_ensemble(ranking, repetitions=20)
        gains.append(found.gain)
        offered += found.pays
    # Nobody knows anything: the true gain is 0. The naive one is not.
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(draws) + 0.005
    # "More than a standard error" is passed by chance in 16 %: over 5 of 10 in under 0.2 %.
    assert offered <= 5


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss", "roc_auc", "f1_macro"])
def test_every_kind_of_metric_is_on_its_own_scale(drawn, metric):
    ranking = ranking_of(
        drawn, independent(np.random.default_rng(3), 3, 1.0), 3, metric=metric, samples=120
    )
    found = choose_ensemble(ranking, repetitions=30)
    assert 0 < found.corrected_score < 1
    assert found.low <= found.corrected_score <= found.high
    assert found.gain > 0


def test_one_configuration_is_no_ensemble(drawn):
    assert (
        choose_ensemble(ranking_of(drawn, independent(np.random.default_rng(0), 1, 1.0), 1)) is None
    )


def test_greedy_selection_by_hand():
    labels = np.array([0, 0, 1, 1])
    right_on_first = two_classes(np.array([0.1, 0.1, 0.4, 0.4]))
    right_on_last = two_classes(np.array([0.6, 0.6, 0.9, 0.9]))
    useless = two_classes(np.array([0.9, 0.9, 0.1, 0.1]))
    weights = greedy_weights(
        "accuracy", np.stack([right_on_first, right_on_last, useless]), labels, np.full(4, 0.25)
    )
    assert weights.tolist() == [0.5, 0.5, 0.0]


def test_the_vote_is_the_weighted_mean(drawn):
    table = ranking_of(drawn, independent(np.random.default_rng(4), 3, 1.0), 3).table
    voted = vote(table, (2, 0), (0.75, 0.25))
    assert voted.trials == (VOTE,)
    expected = 0.75 * table.probabilities[2] + 0.25 * table.probabilities[0]
    np.testing.assert_allclose(voted.probabilities[0], expected, atol=1e-6)
