"""Effects of single settings: a planted one is told, noise is not, too few trials say so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autosmall.analysis.effects import (
    LEAST_IN_BIN,
    LEAST_TRIALS,
    MOST_BINS,
    bin_of,
    find_effect,
    find_effects,
)
from autosmall.analysis.scored_trials import ScoredTrial, scored_trials


def draw(count, score_of, seed=0, strategy="scratch"):
    """Return trials whose score is ``score_of(values, rng)``."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        values = {
            "strategy": strategy,
            "learning_rate": float(10 ** rng.uniform(-5, -1)),
            "optimizer": str(rng.choice(["adam", "sgd"])),
            "image_size_px": int(rng.choice([32, 64, 96])),
        }
        trials.append(ScoredTrial(number, values, score_of(values, rng)))
    return trials


def hump(values, rng):
    return 0.9 - 0.1 * (math.log10(values["learning_rate"]) + 3) ** 2 + rng.normal(0, 0.05)


def noise(values, rng):
    return rng.normal(0.7, 0.05)


def test_a_planted_hump_is_told_and_its_place_found():
    effects = find_effects(draw(60, hump), ["learning_rate", "image_size_px"], seed=0)
    rate = effects[0]
    assert (rate.setting, rate.strategy, rate.optimizer) == ("learning_rate", "scratch", "")
    assert rate.is_told
    best = max(rate.bins, key=lambda found: found.mean)
    assert best.low < 1e-3 < best.high
    assert [effect.optimizer for effect in effects if effect.setting == "learning_rate"] == [
        "", "adam", "sgd",
    ]  # fmt: skip
    size = next(effect for effect in effects if effect.setting == "image_size_px")
    assert [found.low for found in size.bins] == [32, 64, 96]
    assert not size.is_told


def test_noise_is_told_as_rarely_as_claimed():
    """100 draws at 5 %: more than 12 false alarms have a probability of 0.15 %."""
    told = [
        find_effect(draw(30, noise, seed), "learning_rate", "scratch", "", seed).p_value <= 0.05
        for seed in range(100)
    ]
    assert sum(told) <= 12


def test_correction_for_many_comparisons_never_lowers_a_p_value():
    trials = draw(60, hump) + draw(60, noise, 1, "frozen")
    both = {(e.strategy, e.setting, e.optimizer): e for e in find_effects(
        trials, ["learning_rate", "image_size_px"], seed=0)}  # fmt: skip
    for (strategy, setting, optimizer), effect in both.items():
        own = [t for t in trials if t.values["strategy"] == strategy]
        if optimizer:
            own = [t for t in own if t.values["optimizer"] == optimizer]
        alone = find_effect(own, setting, strategy, optimizer, 0)
        assert effect.p_value >= alone.p_value
        assert effect.bins == alone.bins


def test_means_and_intervals_are_those_of_the_trials():
    trials = draw(60, hump)
    effect = find_effect(trials, "image_size_px", "scratch", "", 0)
    scores = [t.score for t in trials if t.values["image_size_px"] == 64]
    found = effect.bins[1]
    assert (found.trials, found.mean) == (len(scores), pytest.approx(np.mean(scores)))
    error = np.std(scores, ddof=1) / math.sqrt(len(scores))
    assert found.mean_high - found.mean == pytest.approx(error * 2.09, rel=0.05)


def test_too_few_trials_say_nothing():
    effect = find_effect(draw(LEAST_TRIALS - 1, hump), "learning_rate", "scratch", "", 0)
    assert (effect.bins, effect.is_told, effect.trials) == ((), False, LEAST_TRIALS - 1)
    assert math.isnan(effect.p_value)


@pytest.mark.parametrize("count", [15, 40, 200])
def test_bins_hold_enough_and_do_not_overlap(count):
    numbers = np.random.default_rng(0).uniform(0, 1, count)
    member = bin_of(numbers)
    sizes = np.bincount(member[member >= 0])
    assert 2 <= len(sizes) <= MOST_BINS
    assert sizes.min() >= LEAST_IN_BIN
    order = member[np.argsort(numbers)]
    assert (np.diff(order[order >= 0]) >= 0).all()


def test_scores_of_complete_trials_are_means_and_dropped_ones_are_placed(drawn):
    trials = [
        drawn.DrawnTrial("frozen", 0.8),
        drawn.DrawnTrial("scratch", 0.6),
        drawn.DrawnTrial("scratch", 0.6, status="raced_out", folds=2),
        drawn.DrawnTrial("baseline", 0.3),
        drawn.DrawnTrial("scratch", 0.5, status="failed", error="E: x", folds=1),
    ]
    run = drawn.make_run(trials)
    found = {trial.number: trial.score for trial in scored_trials(run)}
    assert sorted(found) == [0, 1, 2]
    for number in (0, 1):
        scores = [fold.scores["accuracy"] for fold in run.trials[number].folds]
        assert found[number] == pytest.approx(np.mean(scores))
    dropped = np.array([fold.scores["accuracy"] for fold in run.trials[2].folds])
    whole = [
        np.median([t.folds[f].scores["accuracy"] for t in run.trials[:4] if f < len(t.folds)])
        for f in range(5)
    ]
    expected = np.mean(dropped - np.array(whole)[:2]) + np.mean(whole)
    assert found[2] == pytest.approx(expected)
