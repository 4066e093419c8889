"""Shares of variance against Optuna's fANOVA, which visits one node after the other."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from autosmall.analysis.fanova import Column, variance_shares


@pytest.fixture(scope="module")
def scene():
    """Settings by name (in the order that Optuna gives them) and scores of 60 trials."""
    rng = np.random.default_rng(0)
    settings = {
        "dropout_rate": rng.uniform(0, 1, 60).tolist(),
        "image_size_px": rng.choice([32.0, 64.0, 96.0], 60).tolist(),
        "optimizer": rng.choice(["adam", "rmsprop", "sgd"], 60).tolist(),
    }
    signal = np.square(settings["dropout_rate"]) + (np.array(settings["optimizer"]) == "sgd")
    return settings, signal + rng.normal(0, 0.1, 60)


def columns_of(settings):
    choices = ["adam", "rmsprop", "sgd"]
    for name, values in settings.items():
        if name == "optimizer":
            encoded = (np.array(values)[:, None] == choices).astype(float)
            yield Column(encoded, np.tile([0.0, 1.0], (3, 1)))
        else:
            numbers = np.array(values)
            yield Column(numbers[:, None], np.array([[numbers.min(), numbers.max()]]))


def optuna_shares(settings, scores):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {
        name: optuna.distributions.CategoricalDistribution(["adam", "rmsprop", "sgd"])
        if name == "optimizer"
        else optuna.distributions.FloatDistribution(min(values), max(values))
        for name, values in settings.items()
    }
    study = optuna.create_study()
    for row, score in enumerate(scores):
        params = {name: values[row] for name, values in settings.items()}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=score)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.FanovaImportanceEvaluator(n_trees=6, seed=3).evaluate(study)


def test_shares_are_those_of_optuna(scene):
    settings, scores = scene
    shares = variance_shares(list(columns_of(settings)), scores, trees=6, seed=3)
    expected = optuna_shares(settings, scores)
    assert dict(zip(settings, shares, strict=True)) == pytest.approx(expected, abs=1e-12)
    assert shares[2] > shares[0] > 0.1 > shares[1]


def test_equal_scores_explain_nothing(scene):
    settings, scores = scene
    columns = list(columns_of(settings))
    assert variance_shares(columns, np.ones_like(scores), trees=2, seed=0) == [0.0, 0.0, 0.0]
