"""The portfolio: the space's starts first, each once and in order, then another explorer.

A static list of configurations that are good on many data sets is where a short search gets most
of its gain (Feurer et al., Auto-sklearn 2.0, JMLR 2022). Every explorer begins with it, so that a
leaderboard never lacks the plain ways of training.
"""

from __future__ import annotations

from dataclasses import replace

from autosmall.explorers.base import Explorer
from autosmall.schema.config import Config
from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.space import Space, nearest_config

PROPOSER = "portfolio"


def start_suggestions(space: Space) -> tuple[Suggestion, ...]:
    """Return the starts as suggestions, numbered by their place.

    Starts whose configurations coincide (where few backbones were found, say) become one, under
    the label of the first, protected or default if one of them is.
    """
    merged: dict[Config, Suggestion] = {}
    for start in space.starts:
        config = nearest_config(space, start.preferences)
        first = merged.get(config, Suggestion(len(merged), config, PROPOSER, start.label))
        merged[config] = replace(
            first,
            protected=first.protected or start.protected,
            is_default=first.is_default or start.default,
        )
    return tuple(merged.values())


class Portfolio(Explorer):
    """Proposes the starts that are not known yet, and then what ``then`` proposes.

    ``then`` is told of everything, the starts included.
    """

    def __init__(self, space: Space, seed: int, then: Explorer) -> None:
        super().__init__(space, seed)
        self.name = then.name
        self._then = then
        self._starts = start_suggestions(space)

    def propose(self, number: int) -> Suggestion:
        """Return the next start, or what the explorer behind proposes."""
        left = [start for start in self._starts if start.config not in self.known]
        if len(left) <= 1:
            self._then.prepare()
        return replace(left[0], number=number) if left else self._then.propose(number)

    def note(self, suggestion: Suggestion) -> None:
        """Take in a suggestion as pending, here and behind."""
        super().note(suggestion)
        self._then.note(suggestion)

    def learn(self, outcome: TrialOutcome) -> None:
        """Tell the explorer behind."""
        self._then.tell(outcome)

    def prepare(self) -> None:
        """Begin to get the explorer behind ready."""
        self._then.prepare()

    def close(self) -> None:
        """Close the explorer behind."""
        self._then.close()
