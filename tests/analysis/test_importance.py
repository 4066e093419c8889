"""Importance of settings: a planted one is found, noise is called noise."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from autosmall.analysis import importance
from autosmall.analysis.importance import EVERYTHING, LEAST_TRIALS, find_importance
from autosmall.schema.config import Config


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Forests of a quarter of the size: the planted truth is plain enough for them."""
    monkeypatch.setattr(importance, "TREES", 8)
    monkeypatch.setattr(importance, "SHUFFLED_TREES", 2)


def make_run(drawn, accuracies, values, strategies=None):
    trials = [
        drawn.DrawnTrial(
            strategies[i] if strategies else "scratch", float(accuracy), values=values[i]
        )
        for i, accuracy in enumerate(accuracies)
    ]
    return drawn.make_run(trials, samples=300, folds=2)


def draw_values(rng):
    return {
        "learning_rate": float(10 ** rng.uniform(-5, -1)),
        "dropout_rate": float(rng.uniform(0, 0.5)),
        "augmentation": str(rng.choice(["none", "basic", "trivial"])),
        "image_size_px": int(rng.choice([32, 64])),
    }


def test_a_planted_setting_answers_both_questions(drawn):
    rng = np.random.default_rng(0)
    values = [draw_values(rng) for _ in range(50)]
    # Best at 1e-3, worse by up to 40 points two powers of ten away.
    accuracies = [0.9 - 0.1 * (np.log10(v["learning_rate"]) + 3) ** 2 for v in values]
    (group,) = find_importance(make_run(drawn, accuracies, values))
    assert (group.strategy, group.trials, group.used) == ("scratch", 50, 50)
    first = group.settings[0]
    assert first.name == "learning_rate"
    assert first.variance_share > 0.6
    assert first.variance_share > group.variance_by_chance
    assert first.best_share == max(setting.best_share for setting in group.settings)
    assert sum(setting.best_share for setting in group.settings) == pytest.approx(1)


def test_the_two_questions_have_different_answers(drawn):
    rng = np.random.default_rng(1)
    values = [draw_values(rng) for _ in range(70)]
    # A quarter is ruined by a high rate; among the rest dropout alone decides.
    accuracies = [
        0.4 if v["learning_rate"] > 1e-2 else 0.75 + 0.4 * v["dropout_rate"] for v in values
    ]
    (group,) = find_importance(make_run(drawn, accuracies, values))
    by_best = max(group.settings, key=lambda setting: setting.best_share)
    assert group.settings[0].name == "learning_rate"
    assert by_best.name == "dropout_rate"


def test_settings_that_do_nothing_seldom_stand_out(drawn):
    stand_out = 0
    for seed in range(4):
        rng = np.random.default_rng([2, seed])
        values = [draw_values(rng) for _ in range(LEAST_TRIALS)]
        scores = 0.7 + 0.05 * rng.normal(size=LEAST_TRIALS)
        (group,) = find_importance(make_run(drawn, scores, values))
        stand_out += group.settings[0].variance_share > group.variance_by_chance
        assert 0 < group.variance_by_chance <= 1
        assert 0 < group.best_by_chance <= 1
    # One in ten by construction; three of four have a probability of 0.4 %.
    assert stand_out <= 2


def test_strategies_are_compared_by_what_they_share(drawn):
    rng = np.random.default_rng(3)
    count = 2 * LEAST_TRIALS
    strategies = ["scratch", "frozen"] * LEAST_TRIALS
    values = [draw_values(rng) for _ in range(count)]
    for value, strategy in zip(values, strategies, strict=True):
        value["width" if strategy == "scratch" else "backbone"] = 8
    accuracies = [0.6 if strategy == "scratch" else 0.9 for strategy in strategies]
    groups = {
        g.strategy: g for g in find_importance(make_run(drawn, accuracies, values, strategies))
    }
    assert set(groups) == {EVERYTHING, "scratch", "frozen"}
    assert groups[EVERYTHING].settings[0].name == "strategy"
    assert groups[EVERYTHING].settings[0].variance_share > 0.8
    assert "width" not in {setting.name for setting in groups[EVERYTHING].settings}
    assert "strategy" not in {setting.name for setting in groups["frozen"].settings}


def test_too_few_trials_and_settings_that_do_not_vary_say_nothing(drawn):
    rng = np.random.default_rng(4)
    few = [draw_values(rng) for _ in range(LEAST_TRIALS - 1)]
    (group,) = find_importance(make_run(drawn, np.linspace(0.5, 0.9, len(few)), few))
    assert (group.used, group.settings, group.trials) == (0, (), LEAST_TRIALS - 1)
    alike = [{"width": 8}] * LEAST_TRIALS
    (group,) = find_importance(make_run(drawn, np.linspace(0.5, 0.9, LEAST_TRIALS), alike))
    assert group.settings == ()


def test_many_trials_are_thinned_and_trials_of_the_race_count(drawn, monkeypatch):
    monkeypatch.setattr(importance, "MOST_TRIALS", 35)
    rng = np.random.default_rng(5)
    values = [draw_values(rng) for _ in range(40)]
    run = make_run(drawn, rng.uniform(0.4, 0.9, len(values)), values)
    raced = dataclasses.replace(run.trials[0], status="raced_out", folds=run.trials[0].folds[:1])
    (group,) = find_importance(dataclasses.replace(run, trials=(raced, *run.trials[1:])))
    assert (group.trials, group.used) == (40, 35)


def test_a_setting_that_varies_only_among_trials_left_out_takes_nothing_from_the_others(
    drawn, monkeypatch
):
    monkeypatch.setattr(importance, "MOST_TRIALS", 35)
    rng = np.random.default_rng(6)
    values = [{"dropout_rate": float(rng.uniform(0, 0.5)), "width": 8} for _ in range(60)]
    accuracies = [0.9 - v["dropout_rate"] for v in values]
    (usual,) = find_importance(make_run(drawn, accuracies, values))
    for row in range(60):
        odd = [dict(v, width=16) if row == place else v for place, v in enumerate(values)]
        (group,) = find_importance(make_run(drawn, accuracies, odd))
        if [setting.name for setting in group.settings] == ["dropout_rate"]:
            assert group == usual
            return
    raise AssertionError("no trial was left out")


def test_the_baseline_has_nothing_to_set(drawn):
    run = drawn.make_run([drawn.DrawnTrial("baseline", 0.4)])
    assert find_importance(run) == ()
    assert run.trials[0].suggestion.config == Config.from_mapping({"strategy": "baseline"})


def test_nothing_of_it_imports_a_network_library_or_optuna():
    code = (
        "import importlib, sys\nfrom autosmall.report import HELPER_IMPORTS\n"
        "print(len([importlib.import_module(name) for name in HELPER_IMPORTS]))\n"
        "print(sorted({'torch', 'tensorflow', 'keras', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[1] == "[]"
