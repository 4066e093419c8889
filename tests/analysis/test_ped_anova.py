"""Divergences of the best trials against Optuna's evaluator, and by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from autosmall.analysis.ped_anova import ComparedSetting, best_of


def draw(seed):
    """Settings by name and scores, many of them equal."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(10, 120))
    settings = {
        "dropout_rate": rng.uniform(-3, 2, count),
        "image_size_px": rng.permutation(np.resize([32.0, 64.0, 96.0], count)),
        "optimizer": rng.permutation(np.resize(["adam", "rmsprop", "sgd"], count)),
    }
    return settings, rng.normal(size=count).round(1)


def compared(values):
    if values.dtype.kind != "U":
        return ComparedSetting.of_numbers(values)
    choices, places = np.unique(values, return_inverse=True)
    return ComparedSetting.of_choices(places, len(choices))


def optuna_divergences(settings, scores, share):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {
        name: optuna.distributions.CategoricalDistribution(sorted(set(values.tolist())))
        if values.dtype.kind == "U"
        else optuna.distributions.FloatDistribution(values.min(), values.max())
        for name, values in settings.items()
    }
    study = optuna.create_study()
    for row in range(len(scores)):
        params = {name: values[row].item() for name, values in settings.items()}
        trial = optuna.trial.create_trial(params=params, distributions=distributions, value=0.0)
        study.add_trial(trial)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return evaluator.evaluate(
            study, list(settings), target=lambda trial: -float(scores[trial.number])
        )


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_divergences_are_those_of_optuna(seed, share):
    settings, scores = draw(seed)
    best = best_of(scores, share)
    found = {name: compared(values).divergence(best) for name, values in settings.items()}
    # Both are sums over at most 50 places; Optuna takes them by way of logarithms.
    assert found == pytest.approx(optuna_divergences(settings, scores, share), rel=1e-9, abs=1e-12)


def test_the_best_are_the_share_of_largest_scores_and_all_that_equal_the_last():
    scores = np.array([0.1, 0.9, 0.5, 0.5, 0.7])
    assert best_of(scores, 0.2).tolist() == [False, True, False, False, False]
    assert best_of(scores, 0.5).tolist() == [False, True, True, True, True]


def test_what_sets_the_best_apart_diverges_and_what_all_share_does_not():
    best = np.arange(40) < 8
    apart = ComparedSetting.of_choices(np.where(best, 1, 0), 2)
    alike = ComparedSetting.of_choices(np.arange(40) % 2, 2)
    assert apart.divergence(best) > 100 * alike.divergence(best) >= 0
    assert ComparedSetting.of_choices(np.zeros(40, int), 1).divergence(best) == 0
