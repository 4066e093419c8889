"""What an explorer is: two verbs, ``ask`` and ``tell``, and a rule for replay.

A proposal is a function of the seed, its number, and what the explorer has been told and has
asked before. An explorer made anew, given the same suggestions (:meth:`Explorer.restore`) and
told the same outcomes in the same order, therefore proposes the same: that is how a search
resumes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.space import Space


class Explorer(ABC):
    """Proposes configurations of one space. Numbers run from 0 without gaps.

    Example of the state after each call, for an explorer ``e``::

        e.ask(2)     # asked: 0, 1        told: -
        e.tell(o1)   # asked: 0, 1        told: 1
        e.ask(1)     # asked: 0, 1, 2     told: 1   (0 is pending and known to be)
    """

    name: ClassVar[str]

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self.seed = seed
        self.pending: dict[int, Suggestion] = {}
        self.next_number = 0

    def ask(self, count: int = 1) -> list[Suggestion]:
        """Return ``count`` new suggestions, numbered on from the last one."""
        suggestions = []
        for _ in range(count):
            suggestion = self.propose(self.next_number)
            self._note(suggestion)
            suggestions.append(suggestion)
        return suggestions

    def tell(self, outcome: TrialOutcome) -> None:
        """Take in a finished trial, whoever proposed it; each trial at most once.

        A trial without a finite score (failed) is taken in as failed.
        """
        self.pending.pop(outcome.suggestion.number, None)
        self.next_number = max(self.next_number, outcome.suggestion.number + 1)
        self.learn(outcome)

    def restore(self, suggestions: Iterable[Suggestion]) -> None:
        """Take in suggestions made in an earlier life, as pending; tell their outcomes next."""
        for suggestion in suggestions:
            self._note(suggestion)

    def close(self) -> None:  # noqa: B027 (most explorers hold nothing)
        """Free what the explorer holds (processes, files). Harmless to call twice."""

    @abstractmethod
    def propose(self, number: int) -> Suggestion:
        """Return suggestion ``number``. ``self.pending`` holds what is being worked on."""

    @abstractmethod
    def learn(self, outcome: TrialOutcome) -> None:
        """Take in a finished trial."""

    def _note(self, suggestion: Suggestion) -> None:
        self.pending[suggestion.number] = suggestion
        self.next_number = max(self.next_number, suggestion.number + 1)
