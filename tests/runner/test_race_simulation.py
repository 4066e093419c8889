"""What the race saves and costs over whole searches with known truth.

The larger version, with other rules and sizes, is ``tests/benchmarks/racing.py``.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from autosmall.runner.race import decide
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import FoldResult


def load_simulation():
    name = "autosmall_tests_race_simulation"
    path = Path(__file__).with_name("race_simulation.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


simulation = load_simulation()

SEARCHES = 100


@pytest.fixture(scope="module")
def outcomes():
    """60 configurations, 5 folds, 300 pictures, a true spread of 5 points."""
    rng = np.random.default_rng(11)
    setting = simulation.Setting(pictures=300)
    drawn = [simulation.draw_search(rng, setting) for _ in range(SEARCHES)]
    return {
        rule.__name__: [simulation.race(search, setting, rule) for search in drawn]
        for rule in (simulation.never, simulation.spending)
    }


def test_half_of_the_folds_are_enough(outcomes):
    """47 % in 500 searches, with a deviation of 8 points each: 0.8 for the mean of 100."""
    assert np.mean([found.folds_run for found in outcomes["spending"]]) <= 0.5


def test_the_pick_is_as_good_as_without_a_race(outcomes):
    raced, whole = (
        np.array([found.regret_points for found in outcomes[name]])
        for name in ("spending", "never")
    )
    assert np.mean(raced - whole) <= 0.2


def test_the_truly_best_is_seldom_dropped(outcomes):
    """At most 5 % is asked for and 1 % was found in 500; 6 or more of 100 would be chance once in
    2,000 times at 1 %, and more often than not above 5 %.
    """
    assert sum(found.best_dropped for found in outcomes["spending"]) <= 5


def test_the_simulated_rule_is_the_one_of_the_search():
    """Fold by fold, on drawn searches, ``decide`` says what the simulation says."""
    rng = np.random.default_rng(12)
    setting = simulation.Setting(pictures=100, configurations=12, spread=0.1)
    parts = np.array_split(np.arange(100), 5)
    fold_of = np.repeat(np.arange(5), [len(part) for part in parts])
    plan = FoldPlan(fold_of[None], 5, np.arange(100), "")
    labels = np.zeros(100, np.int64)
    verdicts = set()
    for _ in range(3):
        right = simulation.draw_search(rng, setting).right
        folds = [as_folds(number, right[number], parts) for number in range(12)]
        for number in range(1, 12):
            for seen in range(1, 5):
                rows = np.concatenate(parts[:seen])
                ahead = int(np.sum(right[0, rows] & ~right[number, rows]))
                behind = int(np.sum(right[number, rows] & ~right[0, rows]))
                wanted = simulation.spending(ahead, behind, seen, 5)
                found = decide(folds[number][:seen], folds[0], labels, plan, "accuracy")
                assert found.go_on != wanted
                verdicts.add(wanted)
    assert verdicts == {True, False}


def as_folds(trial, right, parts):
    probabilities = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9]).astype(np.float32)
    return [
        FoldResult(
            trial,
            fold,
            "complete",
            scores={"accuracy": float(right[rows].mean())},
            probabilities=probabilities[rows],
        )
        for fold, rows in enumerate(parts)
    ]
