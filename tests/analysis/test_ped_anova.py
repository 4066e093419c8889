"""Differences of the best trials from all, against Optuna's PED-ANOVA."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from autosmall.analysis.ped_anova import best_trials, choices_on_grid, numbers_on_grid

OPTIMIZERS = ["adam", "rmsprop", "sgd"]


@pytest.fixture(scope="module", params=[0, 1, 2])
def scene(request):
    """Settings by name and scores of 60 trials; the second and third have equal values and ties."""
    rng = np.random.default_rng(request.param)
    settings = {
        "dropout_rate": rng.uniform(0, 1, 60),
        "image_size_px": rng.choice([32.0, 64.0, 96.0], 60),
        "rare": np.where(np.arange(60) == 7, 5.0, 1.0),
        "optimizer": rng.choice(OPTIMIZERS, 60),
    }
    scores = settings["dropout_rate"] ** 2 + rng.normal(0, 0.1, 60)
    return settings, scores.round(1) if request.param else scores


def optuna_differences(settings, scores, share):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {
        name: optuna.distributions.CategoricalDistribution(OPTIMIZERS)
        if name == "optimizer"
        else optuna.distributions.FloatDistribution(float(values.min()), float(values.max()))
        for name, values in settings.items()
    }
    study = optuna.create_study()
    for row, score in enumerate(scores):
        params = {name: values[row].item() for name, values in settings.items()}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=score)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share).evaluate(
            study, list(settings), target=lambda trial: -scores[trial.number]
        )


def on_grid(name, values):
    if name != "optimizer":
        return numbers_on_grid(values)
    return choices_on_grid(np.searchsorted(OPTIMIZERS, values), len(OPTIMIZERS))


@pytest.mark.parametrize("share", [0.1, 0.27, 0.5])
def test_they_are_those_of_optuna(scene, share):
    settings, scores = scene
    best = best_trials(scores, share)
    found = {name: on_grid(name, values).difference(best) for name, values in settings.items()}
    assert found == pytest.approx(optuna_differences(settings, scores, share), rel=1e-9)
    assert found["dropout_rate"] > found["image_size_px"]


def test_a_setting_that_all_have_alike_makes_no_difference():
    best = best_trials(np.arange(10.0), 0.2)
    assert best.nonzero()[0].tolist() == [8, 9]
    assert numbers_on_grid(np.full(10, 3.0)).difference(best) == 0
    assert choices_on_grid(np.zeros(10, int), 1).difference(best) == 0


def test_trials_that_tie_with_the_last_of_the_best_are_among_them():
    assert best_trials(np.array([1.0, 3.0, 2.0, 2.0]), 0.5).tolist() == [False, True, True, True]
