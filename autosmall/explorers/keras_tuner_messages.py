"""What the driver and Keras Tuner's process say to each other. Answers are configurations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.space import Space

Event = Suggestion | TrialOutcome
"""A suggestion that became pending, or a trial that ended."""


@dataclass(frozen=True)
class Opening:
    """First message: which oracle, over which space.

    ``name`` is the explorer's name; the oracle's files go into ``work_dir``.
    """

    name: str
    space: Space
    seed: int
    work_dir: Path


@dataclass(frozen=True)
class Question:
    """Asks for suggestion ``number``, after ``events`` in this order."""

    number: int
    events: tuple[Event, ...]
