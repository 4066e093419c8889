"""What is left of the time budget, and what would still end within it."""

from __future__ import annotations

import math
import time
from collections.abc import Collection

from autosmall.runner.pool import WorkerStatus
from autosmall.searching.limits import Limits
from autosmall.searching.trial import Trial
from autosmall.searching.trials import Trials

LAST_SHARE = 0.2
"""Last part of the time budget, in which what takes longest begins first."""

GRACE_SHARE = 0.05
"""Share of the time budget by which folds in flight may exceed it."""


class TimeLeft:
    """The time budget of one sitting, which begins when this is made.

    How long a fold takes is judged by those of its own trial, else of its strategy.

    Args:
        limits: The budget, if any, and what earlier sittings spent of it.
        trials: All trials, whose folds tell how long one takes.
        fold_count: Folds of a trial.
    """

    def __init__(self, limits: Limits, trials: Trials, fold_count: int) -> None:
        self._limits = limits
        self._trials = trials
        self._fold_count = fold_count
        self._started = time.monotonic()
        self._reserved_seconds = 0.0

    @property
    def spent_seconds(self) -> float:
        """Wall time spent, earlier sittings included."""
        return self._limits.seconds_before + time.monotonic() - self._started

    @property
    def seconds(self) -> float:
        """What is left for trials, infinite without a budget, negative when it is exceeded."""
        budget = self._limits.time_budget_seconds
        return math.inf if budget is None else budget - self.spent_seconds - self._reserved_seconds

    @property
    def grace_seconds(self) -> float:
        """How long begun folds may be waited for beyond the budget."""
        return GRACE_SHARE * (self._limits.time_budget_seconds or 0.0)

    @property
    def near_end(self) -> bool:
        """Whether the last part of the budget has begun."""
        budget = self._limits.time_budget_seconds
        return budget is not None and self.seconds < LAST_SHARE * budget

    def reserve(self) -> None:
        """Set time aside for what follows the search, as its trials tell."""
        self._reserved_seconds = self._limits.reserve(self._trials.values())

    def is_too_short_for(self, trial: Trial) -> bool:
        """Tell whether a trial that has not begun would not end with all its folds."""
        seconds = self._trials.fold_seconds(trial)
        return seconds is not None and seconds * self._fold_count > self.seconds

    def is_too_short_for_rest_of(self, trial: Trial, workers: Collection[WorkerStatus]) -> bool:
        """Tell whether a trial would not end even if all workers did nothing else from now on.

        What is being worked on is taken for done, and the quickest of the trial's own folds for
        what the others take. The first fold of a worker builds the network too: until one has done
        a second, only the next fold is asked about. Before its first fold has ended, a trial is
        judged by others of its strategy.
        """
        own = [fold.fit_seconds for fold in trial.results]
        seconds = min(own) if own else self._trials.fold_seconds(trial)
        begun = sum(worker.trial == trial.number for worker in workers)
        missing = self._fold_count - len(trial.folds) - begun
        rounds = 1 if 0 < len(own) <= len(workers) else math.ceil(missing / len(workers))
        return seconds is not None and rounds * seconds > self.seconds + self.grace_seconds

    def missing_seconds(self, trial: Trial) -> float:
        """Return what the missing folds of a trial take one after another, 0 if nothing tells."""
        return (self._fold_count - len(trial.folds)) * (self._trials.fold_seconds(trial) or 0.0)

    def ends_within(self, seconds: float, worker: WorkerStatus) -> bool:
        """Tell whether a worker's fold may end within so many seconds; no for an idle one."""
        if worker.trial is None:
            return False
        whole = self._trials.fold_seconds(self._trials[worker.trial])
        return whole is None or whole - worker.since_seconds <= seconds
