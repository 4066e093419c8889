"""What is particular to Keras Tuner's oracles here: noise, translation, epochs as budget."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from autosmall.explorers.base import random_config
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, Suggestion, TrialOutcome
from autosmall.schema.seeds import derive_seed
from autosmall.schema.space import Start


@pytest.fixture(scope="module")
def modules():
    """The modules that import keras_tuner, and so TensorFlow: loaded when first needed."""
    import autosmall.explorers.keras_tuner_bayesian as bayesian
    import autosmall.explorers.keras_tuner_space as translation

    return SimpleNamespace(bayesian=bayesian, translation=translation)


def trial(number: int, *folds: float) -> TrialOutcome:
    config = Config.from_mapping({"strategy": "plain"})
    mean = sum(folds) / len(folds)
    return TrialOutcome(Suggestion(number, config, "x"), COMPLETE, mean, folds)


def test_noise_is_the_pooled_fold_variance_of_the_mean(modules):
    told = [trial(0, 0.8, 0.9, 0.85), trial(1, 0.5, 0.6)]
    # Within sums of squares 0.005 and 0.005, freedom 2 + 1; means 0.85 and 0.55, variance 0.0225.
    pooled = 0.01 / 3
    expected = [pooled / 3 / 0.0225, pooled / 2 / 0.0225]
    np.testing.assert_allclose(modules.bayesian.noise_variances(told), expected)


def test_noise_is_never_below_keras_tuners_own(modules):
    assert list(modules.bayesian.noise_variances([trial(0, 0.5), trial(1, 0.9)])) == [1e-4, 1e-4]
    equal = [trial(0, 0.5, 0.5), trial(1, 0.5, 0.5)]
    assert list(modules.bayesian.noise_variances(equal)) == [1e-4, 1e-4]


def test_translation_there_and_back(modules, space):
    translated = modules.translation.TranslatedSpace(space)
    for seed in range(200):
        config = random_config(space, derive_seed(1, seed))
        values = translated.values(config)
        assert translated.config(values) == config
        vector = translated.vector(config)
        assert vector.min() >= 0 and vector.max() <= 1


def test_keras_tuner_sees_the_same_conditions(modules, space):
    translated = modules.translation.TranslatedSpace(space)
    container = translated.hyperparameters()
    for seed in range(100):
        values = translated.values(random_config(space, seed))
        container.values = values
        active = {parameter.name for parameter in container.space if container.is_active(parameter)}
        assert active == set(values)


def test_neighbours_are_admissible_and_mostly_close(modules, space):
    translated = modules.translation.TranslatedSpace(space)
    config = Config.from_mapping(
        {"strategy": "frozen", "backbone": "only", "penalty_c": 1.0, "mirror": False}
    )
    neighbours = translated.neighbours(config, 400, np.random.default_rng(0))
    penalties = [math.log10(n.number("penalty_c")) for n in neighbours if n.strategy == "frozen"]
    # Changed with probability 0.4 by a normal step of 0.1 of six decades: 95 % within 1.2.
    assert len(penalties) > 200
    assert np.mean(np.abs(penalties) < 1.2) > 0.95
    assert 0.3 < np.mean(np.array(penalties) != 0.0) < 0.5
    assert {n.strategy for n in neighbours} == set(space.strategies)


def tell_all(explorer, suggestions, score):
    for suggestion in suggestions:
        value = score(suggestion.config)
        explorer.tell(TrialOutcome(suggestion, COMPLETE, value, (value, value)))


def without_epochs(config: Config) -> Config:
    return Config.from_mapping({k: v for k, v in config.to_dict().items() if k != "epochs"})


@pytest.fixture
def hyperband(make, space, driver):
    """Forty of Hyperband's suggestions, each told before the next is asked."""
    explorer = make("keras-tuner-hyperband", space)
    suggestions = []
    for _ in range(42):
        asked = explorer.ask(1)
        tell_all(explorer, asked, driver.score)
        suggestions += asked
    return [s.config for s in suggestions if s.proposer != "portfolio"]


def test_hyperband_trains_the_best_again_with_more_epochs(hyperband, driver):
    rounds: dict[Config, list[int]] = {}
    for config in hyperband:
        if "epochs" in config:
            rounds.setdefault(without_epochs(config), []).append(config.integer("epochs"))
    # A share of 1/9, 3/9 or 9/9 of 40 epochs.
    assert {tuple(epochs) for epochs in rounds.values()} <= {
        (4,),
        (13,),
        (40,),
        (4, 13),
        (13, 40),
        (4, 13, 40),
    }
    promoted = [config for config, epochs in rounds.items() if len(epochs) > 1]
    dropped = [config for config, epochs in rounds.items() if epochs == [4]]
    assert promoted and dropped
    assert np.mean([driver.score(c) for c in promoted]) > np.mean(
        [driver.score(c) for c in dropped]
    )


def test_hyperband_does_not_repeat_what_has_no_epochs(hyperband):
    without = [config for config in hyperband if "epochs" not in config]
    assert len(without) == len(set(without)) > 5


def test_hyperband_ignores_what_others_proposed(make, space, driver):
    """Trials of others fill no bracket: the first round is as long as without them."""
    proposals = []
    for foreign in (0, 12):
        explorer = make("keras-tuner-hyperband", space)
        others = [Suggestion(n, random_config(space, n), "somebody") for n in range(foreign)]
        tell_all(explorer, others, driver.score)
        asked = [s.config for s in explorer.ask(11) if s.proposer != "portfolio"]
        proposals.append([c.integer("epochs") for c in asked if "epochs" in c])
    assert all(epochs == [4] * len(epochs) and epochs for epochs in proposals)


def test_bayesian_learns_from_starts_and_failures(make, space, driver):
    """With the best told at a penalty of 10, most proposals are near it after forty trials."""
    from dataclasses import replace

    explorer = make("keras-tuner", replace(space, starts=(Start("", {"strategy": "plain"}),)))
    suggestions, _ = driver.drive(explorer, 40)
    late = [s.config for s in suggestions[-12:] if s.config.strategy == "frozen"]
    assert len(late) >= 6
    assert np.median([abs(math.log10(c.number("penalty_c")) - 1) for c in late]) < 0.5


def test_bayesian_expects_less_where_a_trial_is_pending(make, space, driver):
    """So that workers do not crowd: the bound at a pending configuration falls."""
    explorer = make("keras-tuner", space)
    driver.drive(explorer, 20, lag=0)
    explorer.ask(1)  # sends what was told
    (pending,) = explorer.ask(1)
    explorer.ask(1)  # sends the pending one
    host = explorer._then._child._host
    host.suggestions = {n: s for n, s in host.suggestions.items() if n != pending.number + 1}
    before = {n: s for n, s in host.suggestions.items() if n != pending.number}
    bounds = []
    for suggestions in (before, host.suggestions):
        host.suggestions = suggestions
        process = host._fit(host._window())
        mean, deviation = process.predict(host._vectors([pending.config]), return_std=True)
        bounds.append(mean[0] + deviation[0])
    assert bounds[1] < bounds[0]
