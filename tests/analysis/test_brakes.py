"""What each brake did, against planted effects."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from autosmall.analysis.brakes import BRAKES, BrakeTrial, brake_effects, find_brakes, hold_up
from autosmall.analysis.partial_effect import Effect
from autosmall.analysis.ranking import rank
from autosmall.schema.config import Config


def draw(count, *, of_dropout=0.0, of_decay_on_score=0.0, seed=0):
    """Return trials of a network from scratch; higher rates widen the gap, dropout goes with them.

    ``of_dropout`` is what dropout 1 adds to the gap.
    """
    rng = np.random.default_rng(seed)
    trials = []
    for _ in range(count):
        rate, decay = rng.uniform(-4, -2), rng.uniform(-6, -2)
        dropout = float(np.clip(0.3 + 0.15 * (rate + 3) + rng.normal(0, 0.15), 0, 0.6))
        kind = str(rng.choice(["none", "affine"]))
        values = {
            "strategy": "scratch", "learning_rate": 10**rate, "epochs": int(rng.integers(8, 120)),
            "dropout_rate": dropout, "weight_decay": 10**decay, "augmentation": kind,
            "width": int(rng.choice([8, 16, 24])),
        }  # fmt: skip
        if kind != "none":
            values["augmentation_strength"] = float(rng.uniform(0.1, 1.0))
        gap = 0.2 + 0.1 * (rate + 3) + of_dropout * dropout + rng.normal(0, 0.02)
        score = 0.7 + of_decay_on_score * decay + rng.normal(0, 0.02)
        trials.append(BrakeTrial(Config.from_mapping(values), gap, score))
    return trials


def of(effects, brake):
    return next(effect for effect in effects if effect.brake == brake)


def test_a_planted_brake_is_found_with_its_size_and_nothing_else_is():
    effects = hold_up(brake_effects(draw(40, of_dropout=-0.3)))
    dropout = of(effects, "dropout_rate")
    expected = -0.3 * (float(dropout.strong) - float(dropout.weak))
    assert dropout.gap_shown and not dropout.score_shown
    assert dropout.gap.low < expected < dropout.gap.high
    others = [effect for effect in effects if effect.brake != "dropout_rate"]
    assert others and not any(effect.gap_shown or effect.score_shown for effect in others)


def test_an_effect_on_the_score_is_not_one_on_the_gap():
    decay = of(hold_up(brake_effects(draw(40, of_decay_on_score=0.03))), "weight_decay")
    assert decay.score_shown and not decay.gap_shown
    assert decay.score.low > 0


def test_a_rate_that_goes_with_the_brake_does_not_pass_for_it():
    effects = [
        of(hold_up(brake_effects(draw(40, seed=seed))), "dropout_rate") for seed in range(40)
    ]
    # Together with the rate the gap rises by some 7 points from the weak to the strong end. One
    # interval in twenty misses 0 by chance: of 20, more than 5 with a probability of 0.03 %.
    assert sum(not effect.gap.low < 0 < effect.gap.high for effect in effects) <= 5


def test_too_few_trials_say_nothing():
    effects = brake_effects(draw(13, of_dropout=-0.9))
    assert {effect.brake for effect in effects} == {"augmentation", "dropout_rate", "weight_decay"}
    assert all(effect.gap is None and effect.score is None for effect in effects)


def test_the_ends_are_values_that_were_tried():
    trials = draw(40)
    augmentation = of(brake_effects(trials), "augmentation")
    assert augmentation.weak == "none"
    strengths = [
        t.config["augmentation_strength"] for t in trials if "augmentation_strength" in t.config
    ]
    assert augmentation.strong.removeprefix("strength ") in {f"{s:.2g}" for s in strengths}


def test_one_chance_in_twenty_is_not_enough_among_many_brakes():
    rows = brake_effects(draw(40))
    lucky, sure = Effect(0.1, 0.0, 0.2, 0.04), Effect(0.1, 0.05, 0.15, 1e-6)
    rows = [dataclasses.replace(rows[0], gap=lucky, score=sure), *rows[1:]]
    first = hold_up(rows)[0]
    assert first.score_shown and not first.gap_shown


def test_dropped_trials_are_judged_on_their_own_folds(drawn):
    """A trial that did only the hardest folds is no worse for that."""
    rates = np.linspace(0.0, 0.5, 16)
    trials = [
        drawn.DrawnTrial("scratch", 0.7, values={"dropout_rate": float(rate)}) for rate in rates
    ]
    run = drawn.make_run(trials, samples=150)
    (effect,) = find_brakes(run, rank(run))
    assert (effect.strategy, effect.brake, effect.trials) == ("scratch", "dropout_rate", 16)
    assert effect.gap.low < 0 < effect.gap.high
    cut = [dataclasses.replace(t, status="raced_out", folds=t.folds[:2]) if t.number % 2 else t
           for t in run.trials]  # fmt: skip
    shorter = dataclasses.replace(run, trials=tuple(cut))
    (again,) = find_brakes(shorter, rank(shorter))
    assert again.trials == 16 and again.score.low < 0 < again.score.high


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "roc_auc"])
def test_stopped_and_failed_trials_do_not_count(drawn, metric):
    ill = drawn.DrawnTrial("scratch", 0.5, status="unhealthy", values={"dropout_rate": 0.9})
    well = [drawn.DrawnTrial("scratch", 0.7, values={"dropout_rate": d}) for d in (0.1, 0.2)]
    failed = drawn.DrawnTrial(
        "scratch", 0.5, status="failed", error="E", values={"dropout_rate": 0.8}
    )
    run = drawn.make_run([ill, *well, failed], metric=metric)
    (effect,) = find_brakes(run, rank(run))
    assert (effect.trials, effect.weak, effect.strong) == (2, "0.1", "0.2")


def test_sizes_are_shown_whole():
    brakes = {brake.name: brake for brake in BRAKES}
    config = Config.from_mapping({"strategy": "frozen", "image_size_px": 192, "penalty_c": 0.0123})
    assert brakes["image_size_px"].shown(config) == "192"
    assert brakes["penalty_c"].shown(config) == "0.012"
