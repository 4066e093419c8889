"""What the explorer tests share, importable there (fixture ``driver``) and runnable as a script.

As a script it prints, for every explorer, what it proposes: for comparison with this process.
"""

from __future__ import annotations

import json
import math
import pickle
import sys
import tempfile
from pathlib import Path

import autosmall.explorers.keras_tuner_explorer as keras_tuner_explorer
from autosmall.explorers.base import Explorer
from autosmall.explorers.registry import EXPLORER_NAMES, make_explorer
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED, Suggestion, TrialOutcome
from autosmall.schema.space import (
    ChoiceDimension,
    Condition,
    FloatDimension,
    IntegerDimension,
    Space,
    Start,
)


class InlineOracle:
    """Stands in for ``OracleProcess``: same messages, copied as a pipe would, but no process."""

    def __init__(self, opening: object) -> None:
        from autosmall.explorers.keras_tuner_server import make_host

        self._host = make_host(pickle.loads(pickle.dumps(opening)))

    def ask(self, question: object) -> Config | None:
        return self._host.answer(pickle.loads(pickle.dumps(question)))

    def close(self) -> None:
        pass


def conditional_space() -> Space:
    """All kinds of dimensions, conditions on conditions, a strategy without any choice."""

    def when(*strategies: str) -> Condition:
        return Condition("strategy", strategies)

    return Space(
        name="drawn",
        purpose="",
        usual_minutes=1.0,
        command="",
        dimensions=(
            ChoiceDimension("strategy", "strategy", ("plain", "frozen", "scratch")),
            ChoiceDimension("image_size_px", "image_size_px", (64, 96), (when("scratch"),)),
            ChoiceDimension("backbone", "backbone", ("only",), (when("frozen"),)),
            FloatDimension("frozen.penalty_c", "penalty_c", 1e-3, 1e3, True, (when("frozen"),)),
            ChoiceDimension("optimizer", "optimizer", ("adam", "sgd"), (when("scratch"),)),
            FloatDimension(
                "momentum",
                "momentum",
                0.8,
                0.99,
                False,
                (when("scratch"), Condition("optimizer", ("sgd",))),
            ),
            FloatDimension("learning_rate", "learning_rate", 1e-4, 1e-1, True, (when("scratch"),)),
            IntegerDimension("epochs", "epochs", 2, 40, 1, True, (when("scratch"),)),
            IntegerDimension("width", "width", 8, 32, 8, False, (when("scratch"),)),
            ChoiceDimension("mirror", "mirror", (True, False), (when("scratch", "frozen"),)),
            ChoiceDimension(
                "strength",
                "strength",
                (0.0, 0.5),
                (when("scratch", "frozen"), Condition("mirror", (True,))),
            ),
        ),
        starts=(
            Start("Majority", {"strategy": "plain"}, protected=True),
            Start("Frozen", {"strategy": "frozen", "penalty_c": 1.0, "mirror": False}, False, True),
            Start("Frozen again", {"strategy": "frozen", "penalty_c": 1.0, "mirror": False}, True),
        ),
    )


def score(config: Config) -> float:
    """A smooth score, best for frozen with a penalty of 10."""
    if config.strategy == "frozen":
        return 0.9 - 0.1 * abs(math.log10(config.number("penalty_c")) - 1)
    if config.strategy == "scratch":
        return 0.7 - 0.1 * abs(math.log10(config.number("learning_rate")) + 2)
    return 0.5


def outcome(suggestion: Suggestion) -> TrialOutcome:
    """The outcome of a suggestion; every seventh fails."""
    if suggestion.number % 7 == 5:
        return TrialOutcome(suggestion, FAILED, None)
    value = score(suggestion.config)
    return TrialOutcome(suggestion, COMPLETE, value, (value - 0.01, value + 0.01))


def drive(explorer: Explorer, count: int, lag: int = 3) -> tuple[list[Suggestion], list[int]]:
    """Ask one by one, telling each outcome ``lag`` asks later and every other pair exchanged.

    Returns the suggestions and the numbers told, in the order of telling.
    """
    suggestions: list[Suggestion] = []
    told: list[int] = []
    while len(suggestions) < count:
        suggestions += explorer.ask(1)
        while len(suggestions) - len(told) > lag + 1:
            pair = (len(told) + 1, len(told))
            for number in pair:
                explorer.tell(outcome(suggestions[number]))
                told.append(number)
    return suggestions, told


def main(names: list[str]) -> None:
    """Print name to proposed configurations as JSON."""
    keras_tuner_explorer.OracleProcess = InlineOracle
    proposed = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            explorer = make_explorer(name, conditional_space(), 11, work_dir=Path(folder))
            suggestions, _ = drive(explorer, 24)
            proposed[name] = [[s.proposer, s.config.to_dict()] for s in suggestions]
    print(json.dumps(proposed))


if __name__ == "__main__":
    main(sys.argv[1:] or list(EXPLORER_NAMES))
