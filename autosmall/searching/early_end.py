"""Ending a search before its limits, once going on is not expected to pay.

The decision (:mod:`autosmall.analysis.stopping`) looks at what a proposal looks at, so that it is
as reproducible as that.
"""

from __future__ import annotations

import math

import numpy as np

from autosmall.analysis.stopping import Outlook, outlook
from autosmall.explorers.portfolio import PROPOSER as PORTFOLIO
from autosmall.schema.search_context import SearchContext
from autosmall.searching.limits import Limits
from autosmall.searching.time_left import TimeLeft
from autosmall.searching.trial import Trial
from autosmall.searching.trials import Trials


class EarlyEnd:
    """Decides before each proposal whether it is made.

    ``reason`` is empty until the search has ended early, which it then has for good.

    Args:
        context: The pictures, folds and metric.
        limits: When the search ends at the latest.
        trials: All trials of the search.
        time_left: Of its time budget.
    """

    def __init__(
        self, context: SearchContext, limits: Limits, trials: Trials, time_left: TimeLeft
    ) -> None:
        self._context = context
        self._limits = limits
        self._trials = trials
        self._time_left = time_left
        self.reason = ""

    def comes_before(self, number: int, workers: int) -> bool:
        """Tell whether the search, with so many workers, ends before trial ``number``."""
        earliest = self._limits.early_stop_from
        if self.reason or earliest is None or number < earliest:
            return bool(self.reason)
        known = self._trials.known(self._limits.horizon(number))
        starts = sum(t.suggestion.proposer == PORTFOLIO for t in self._trials.values())
        if sum(trial.suggestion.proposer == PORTFOLIO for trial in known) < starts:
            return False
        found = self._outlook(known, number, workers)
        if not found.worthwhile:
            self.reason = f"{found.in_words(self._context.metric)}; --no-early-stop goes on"
        return bool(self.reason)

    def _outlook(self, known: list[Trial], number: int, workers: int) -> Outlook:
        metric = self._context.metric
        proposed = [trial for trial in known if trial.suggestion.proposer != PORTFOLIO]
        limit = self._limits.max_trials
        in_time = self._proposals_in_time(proposed, workers)
        return outlook(
            [trial.outcome(metric) for trial in known],
            [trial.outcome(metric) for trial in proposed],
            in_time if limit is None else limit - number,
            self._context.folds.fold_count,
        )

    def _proposals_in_time(self, proposed: list[Trial], workers: int) -> float:
        """Return how many more trials like these the time left has room for."""
        seconds = float(np.mean([t.fit_seconds for t in proposed])) if proposed else math.inf
        return self._time_left.seconds * workers / max(seconds, 1e-3)
