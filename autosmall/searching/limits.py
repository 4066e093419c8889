"""When a search ends, and which results a decision may know of."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from autosmall.searching.trial import Trial

LAG = 16
"""Trial t sees the results of trials up to t - LAG."""


@dataclass(frozen=True)
class Limits:
    """When the search ends.

    Attributes:
        max_trials: Trials in all, or ``None``.
        time_budget_seconds: Wall time, or ``None``.
        seconds_before: Spent in earlier sittings and on this one's preparations.
        early_stop_from: Trials that are proposed before the search may end early; ``None`` for
            never.
        reserve: Returns the seconds of the budget to be left for what follows, from the trials.
    """

    max_trials: int | None
    time_budget_seconds: float | None
    seconds_before: float = 0.0
    early_stop_from: int | None = None
    reserve: Callable[[Collection[Trial]], float] = lambda trials: 0.0

    @property
    def reproducible(self) -> bool:
        """Whether proposals must not depend on who is quicker."""
        return self.max_trials is not None

    def horizon(self, number: int) -> float:
        """Return up to which number results may bear on a decision on trial ``number``."""
        return number - LAG if self.reproducible else math.inf
