"""What every explorer must do. A new explorer is one more name in ``EXPLORER_NAMES``."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autosmall.explorers.registry import EXPLORER_NAMES
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED, Suggestion, TrialOutcome
from autosmall.schema.space import (
    ChoiceDimension,
    FloatDimension,
    Space,
    chosen_values,
)

STARTS = 2
"""Starts of the drawn space; two of its three coincide."""


@pytest.fixture(params=EXPLORER_NAMES)
def name(request):
    return request.param


def test_values_conditions_and_types(name, make, space, driver):
    suggestions, _ = driver.drive(make(name, space), 30)
    strategies = set()
    for suggestion in suggestions:
        config = suggestion.config
        chosen = chosen_values(space, config)  # raises for a value outside or a name missing
        active = [d for d in space.dimensions if d.key in chosen]
        assert {d.name for d in active} == set(config), "an inactive name has a value"
        for dimension in active:
            value = config[dimension.name]
            if isinstance(dimension, ChoiceDimension):
                assert type(value) in {type(choice) for choice in dimension.choices}
            else:
                assert type(value) is (float if isinstance(dimension, FloatDimension) else int)
        strategies.add(config.strategy)
    assert strategies == set(space.strategies)


def test_numbers_without_gaps_and_no_repeats(name, make, space, driver):
    explorer = make(name, space)
    suggestions = driver.drive(explorer, 15)[0] + explorer.ask(5)
    assert [s.number for s in suggestions] == list(range(20))
    assert len({s.config for s in suggestions}) == 20


def test_starts_come_first_and_keep_their_marks(name, make, space):
    first = make(name, space).ask(STARTS + 1)
    assert [s.label for s in first[:STARTS]] == ["Majority", "Frozen"]
    assert [s.proposer for s in first[:STARTS]] == ["portfolio"] * STARTS
    assert first[2].proposer != "portfolio"
    # The second and third start are one configuration: it is protected and the default.
    assert [(s.protected, s.is_default) for s in first] == [
        (True, False),
        (True, True),
        (False, False),
    ]


def test_another_seed_proposes_otherwise(name, make, space, driver):
    one, other = (driver.drive(make(name, space, seed), 8)[0] for seed in (1, 2))
    assert [s.config for s in one[STARTS:]] != [s.config for s in other[STARTS:]]


@pytest.fixture(scope="module")
def proposed_elsewhere():
    """What all explorers propose in another process, with other hashes of text."""
    environment = {**os.environ, "PYTHONHASHSEED": "4242", "TF_CPP_MIN_LOG_LEVEL": "3"}
    script = Path(__file__).with_name("driver.py")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_same_seed_same_proposals_in_another_process(name, make, space, driver, proposed_elsewhere):
    suggestions, _ = driver.drive(make(name, space), 24)
    assert [[s.proposer, s.config.to_dict()] for s in suggestions] == proposed_elsewhere[name]


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_trials_without_a_finite_score_are_survived(name, make, space, score):
    explorer = make(name, space)
    for _ in range(14):  # beyond the first random proposals of every explorer
        (suggestion,) = explorer.ask(1)
        explorer.tell(TrialOutcome(suggestion, FAILED, score, (math.nan,) if score else ()))
    assert explorer.ask(1)[0].number == 14


def test_failed_trials_among_good_ones_change_no_rule(name, make, space, driver):
    """After finite scores, a NaN neither stops an explorer nor becomes its best trial."""
    explorer = make(name, space)
    suggestions, told = driver.drive(explorer, 16)
    for suggestion in suggestions:
        if suggestion.number not in told:
            explorer.tell(TrialOutcome(suggestion, FAILED, math.nan))
    assert [s.number for s in explorer.ask(3)] == [16, 17, 18]


def test_equal_after_replay(name, make, space, driver):
    """Restored and told the same, a new explorer goes on as the old one would have."""
    explorer = make(name, space)
    suggestions, told = driver.drive(explorer, 22)
    assert len(told) < len(suggestions), "some must be pending"

    again = make(name, space)
    again.restore(suggestions)
    for number in told:
        again.tell(driver.outcome(suggestions[number]))

    assert again.ask(3) == explorer.ask(3)


def test_what_was_told_but_never_asked_counts(name, make, space, driver):
    explorer = make(name, space)
    foreign = [Suggestion(n, _frozen(penalty_c=10.0 ** (n / 4 - 1)), "somebody") for n in range(10)]
    for suggestion in foreign:
        explorer.tell(driver.outcome(suggestion))
    suggestions = explorer.ask(4)
    assert [s.number for s in suggestions] == [10, 11, 12, 13]
    assert not {s.config for s in suggestions} & {s.config for s in foreign}


def test_an_exhausted_space_is_no_endless_loop(name, make):
    tiny = Space(
        "tiny",
        "",
        1.0,
        "",
        (
            ChoiceDimension("strategy", "strategy", ("a", "b")),
            ChoiceDimension("size", "size", (1, 2)),
        ),
    )
    explorer = make(name, tiny)
    configs = []
    for _ in range(14):
        (suggestion,) = explorer.ask(1)
        configs.append(suggestion.config)
        explorer.tell(TrialOutcome(suggestion, COMPLETE, suggestion.config.number("size")))
    assert len(set(configs[:4])) == 4, "a configuration came twice while others were left"


def test_one_strategy_without_choices(name, make):
    """The whole space is one configuration."""
    only = Space("only", "", 1.0, "", (ChoiceDimension("strategy", "strategy", ("a",)),))
    explorer = make(name, only)
    for _ in range(10):
        (suggestion,) = explorer.ask(1)
        assert suggestion.config == Config.from_mapping({"strategy": "a"})
        explorer.tell(TrialOutcome(suggestion, COMPLETE, 0.5, (0.5, 0.5)))


def _frozen(penalty_c: float) -> Config:
    return Config.from_mapping(
        {"strategy": "frozen", "backbone": "only", "penalty_c": penalty_c, "mirror": False}
    )
