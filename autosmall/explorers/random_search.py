"""Random search: every active dimension drawn evenly, independently of what was told.

Source: Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012).
"""

from __future__ import annotations

from autosmall.explorers.base import Explorer, random_config
from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.seeds import derive_seed


class RandomSearch(Explorer):
    """Proposes at random; suggestion ``number`` depends on the seed and what is known alone."""

    name = "random"

    def propose(self, number: int) -> Suggestion:
        """Return a random configuration that was not proposed before, if one can be drawn."""
        return self.suggest(
            number,
            lambda attempt: random_config(
                self.space, derive_seed(self.seed, self.name, number, attempt)
            ),
        )

    def learn(self, outcome: TrialOutcome) -> None:
        """Take no notice."""
