"""The committee: Optuna and Keras Tuner take turns, each told every result whoever proposed it.

Who proposes suggestion ``t`` depends on ``t`` and on what was told, never on time:

- While fewer than :data:`WARM_UP_TRIALS` finite scores were told, Optuna proposes: neither member
  can do more than draw at random, and nobody waits for Keras Tuner's process to start.
- A member's credit is the share of its own trials whose score lies in the best quarter of all
  that was told, counted with one good and one bad trial beforehand: ``(good + 1) / (told + 2)``.
- Keras Tuner's share is its part of both credits, kept between :data:`LEAST_SHARE` and one minus
  that, and it proposes ``t`` when the van der Corput number of ``t`` lies below its share. At
  equal credit that is every second suggestion; at any share the turns are spread evenly.
"""

from __future__ import annotations

import logging
import math

from autosmall.errors import SearchStoppedError
from autosmall.explorers.base import Explorer
from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.space import Space

WARM_UP_TRIALS = 8
LEAST_SHARE = 0.2
GOOD_SHARE = 0.25
"""The best quarter of all told scores counts as good."""

_logger = logging.getLogger(__name__)


class Committee(Explorer):
    """Lets ``steady`` and ``second`` propose by turns; ``second`` may need time to start.

    Where ``second`` breaks down for good, ``steady`` goes on alone.
    """

    name = "committee"

    def __init__(self, space: Space, seed: int, steady: Explorer, second: Explorer) -> None:
        super().__init__(space, seed)
        self._steady = steady
        self._second = second
        self._second_works = True
        self._scores: list[tuple[str, float]] = []

    def propose(self, number: int) -> Suggestion:
        """Return what the member whose turn it is proposes."""
        self.prepare()
        if self._second_works and self.is_turn_of_second(number):
            try:
                return self._second.propose(number)
            except SearchStoppedError as error:
                _logger.warning("%s goes on alone: %s", self._steady.name, error.received)
                self._second_works = False
        return self._steady.propose(number)

    def is_turn_of_second(self, number: int) -> bool:
        """Tell whether suggestion ``number`` is the second member's to make."""
        if len(self._scores) < WARM_UP_TRIALS:
            return False
        return van_der_corput(number) < self.share_of_second()

    def share_of_second(self) -> float:
        """Return the part of the suggestions that the second member makes, by what was told."""
        ordered = sorted((score for _, score in self._scores), reverse=True)
        threshold = ordered[math.ceil(GOOD_SHARE * len(ordered)) - 1] if ordered else 0.0
        steady, second = (
            _credit([score for name, score in self._scores if name == member.name], threshold)
            for member in (self._steady, self._second)
        )
        return min(max(second / (steady + second), LEAST_SHARE), 1.0 - LEAST_SHARE)

    def note(self, suggestion: Suggestion) -> None:
        """Take in a suggestion as pending, here and in both members."""
        super().note(suggestion)
        self._steady.note(suggestion)
        self._second.note(suggestion)

    def learn(self, outcome: TrialOutcome) -> None:
        """Tell both members and keep the score for the credit."""
        self._steady.tell(outcome)
        self._second.tell(outcome)
        if outcome.score is not None and math.isfinite(outcome.score):
            self._scores.append((outcome.suggestion.proposer, outcome.score))

    def prepare(self) -> None:
        """Begin to start the second member."""
        if self._second_works:
            self._second.prepare()

    def close(self) -> None:
        """Close both members."""
        self._steady.close()
        self._second.close()


def _credit(scores: list[float], threshold: float) -> float:
    good = sum(score >= threshold for score in scores)
    return (good + 1) / (len(scores) + 2)


def van_der_corput(number: int) -> float:
    """Return the ``number``-th term of the van der Corput sequence in base 2, in [0, 1).

    Example: 0, 1/2, 1/4, 3/4, 1/8, ... for 0, 1, 2, 3, 4.
    """
    value, weight = 0.0, 0.5
    while number:
        number, bit = divmod(number, 2)
        value += bit * weight
        weight /= 2
    return value
