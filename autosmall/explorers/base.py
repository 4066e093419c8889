"""What an explorer is: two verbs, ``ask`` and ``tell``, and a rule for replay.

A proposal is a function of the seed, its number, and what the explorer has been told and has
asked before. An explorer made anew, given the same suggestions (:meth:`Explorer.restore`) and
told the same outcomes in the same order, therefore proposes the same: that is how a search
resumes.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from autosmall.schema.config import Config
from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.seeds import derive_seed
from autosmall.schema.space import Space, walk

DRAWS = 5
"""How often an explorer draws before it gives up finding a configuration that is not known."""

RANDOM_DRAWS = 20
"""How often it then draws at random before it proposes a configuration a second time."""


class Explorer(ABC):
    """Proposes configurations of one space. Numbers run from 0 without gaps.

    Example of the state after each call, for an explorer ``e``::

        e.ask(2)     # asked: 0, 1        told: -
        e.tell(o1)   # asked: 0, 1        told: 1
        e.ask(1)     # asked: 0, 1, 2     told: 1   (0 is pending and known to be)
    """

    name: str
    """What suggestions give as their proposer."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self.seed = seed
        self.pending: dict[int, Suggestion] = {}
        self.known: set[Config] = set()
        self.next_number = 0

    def ask(self, count: int = 1) -> list[Suggestion]:
        """Return ``count`` new suggestions, numbered on from the last one."""
        suggestions = []
        for _ in range(count):
            suggestion = self.propose(self.next_number)
            self.note(suggestion)
            suggestions.append(suggestion)
        return suggestions

    def tell(self, outcome: TrialOutcome) -> None:
        """Take in a finished trial, whoever proposed it; each trial at most once.

        A trial without a finite score (failed) is taken in as failed.
        """
        self.note(outcome.suggestion)
        del self.pending[outcome.suggestion.number]
        self.learn(outcome)

    def restore(self, suggestions: Iterable[Suggestion]) -> None:
        """Take in suggestions made in an earlier life, as pending; tell their outcomes next."""
        for suggestion in suggestions:
            self.note(suggestion)

    def note(self, suggestion: Suggestion) -> None:
        """Take in a suggestion as pending, whoever made it."""
        self.pending[suggestion.number] = suggestion
        self.known.add(suggestion.config)
        self.next_number = max(self.next_number, suggestion.number + 1)

    def prepare(self) -> None:  # noqa: B027 (most explorers are always ready)
        """Begin to get ready for the first proposal, without waiting. Harmless to call twice."""

    def close(self) -> None:  # noqa: B027 (most explorers hold nothing)
        """Free what the explorer holds (processes, files). Harmless to call twice."""

    @abstractmethod
    def propose(self, number: int) -> Suggestion:
        """Return suggestion ``number``. ``self.pending`` holds what is being worked on."""

    @abstractmethod
    def learn(self, outcome: TrialOutcome) -> None:
        """Take in a finished trial."""

    def suggest(self, number: int, draw: Callable[[int], Config | None]) -> Suggestion:
        """Return a suggestion by this explorer with the first unknown of ``draw(0), draw(1), ...``.

        ``draw`` may return ``None`` for nothing. After :data:`DRAWS` come random configurations;
        where all of those are known too (a space with few configurations), one of them.
        """
        for attempt in range(DRAWS):
            drawn = draw(attempt)
            if drawn is not None and drawn not in self.known:
                return Suggestion(number, drawn, self.name)
        seeds = (derive_seed(self.seed, self.name, "anew", number, i) for i in range(RANDOM_DRAWS))
        configs = [random_config(self.space, seed) for seed in seeds]
        unknown = [config for config in configs if config not in self.known]
        return Suggestion(number, (unknown or configs)[0], self.name)


def random_config(space: Space, seed: int) -> Config:
    """Return a configuration drawn evenly from each active dimension."""
    source = random.Random(seed)
    return walk(space, lambda dimension: dimension.at(source.random()))
