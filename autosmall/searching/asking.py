"""Asking the explorer, and how long that took and kept workers waiting."""

from __future__ import annotations

import math
import time
from collections import deque

import numpy as np

from autosmall.explorers.base import Explorer
from autosmall.run_folder.state import AskingTime
from autosmall.runner.pool import Pool
from autosmall.schema.results import Suggestion

SPARE_TRIALS = 2
"""Trials kept ready beyond the number of workers, so that nobody waits for a proposal."""

MOST_SPARE_TRIALS = 16
"""As many at most, however long asking takes: a proposal should know what came before it."""

LATEST = 8
"""Proposals by whose time the next one is expected to take."""


class Asking:
    """Asks an explorer for one trial after another.

    Args:
        explorer: Who proposes.
        pool: Whose workers may wait.
        before: What earlier sittings took.
    """

    def __init__(self, explorer: Explorer, pool: Pool, before: AskingTime) -> None:
        self._explorer = explorer
        self._pool = pool
        self._latest: deque[float] = deque(maxlen=LATEST)
        self.time = before

    def ask(self) -> Suggestion:
        """Return the next suggestion.

        A worker waited for it as long as asking took if it was idle before and after it.
        """
        idle, started = self._idle_workers(), time.perf_counter()
        suggestion = self._explorer.ask(1)[0]
        seconds = time.perf_counter() - started
        self._latest.append(seconds)
        waited = min(idle, self._idle_workers()) * seconds
        self.time = AskingTime(
            self.time.asked_seconds + seconds, self.time.waited_worker_seconds + waited
        )
        return suggestion

    def spare_trials(self, trial_seconds: float | None) -> int:
        """Return how many trials to keep ready, where one occupies a worker for so long.

        As many as workers end while one proposal is made, where that is more than usual.
        """
        if not trial_seconds or not self._latest:
            return SPARE_TRIALS
        ended = self._pool.size * float(np.mean(self._latest)) / trial_seconds
        return min(max(SPARE_TRIALS, math.ceil(ended)), MOST_SPARE_TRIALS)

    def _idle_workers(self) -> int:
        """Return how many workers have nothing to do and nothing that waits for them."""
        idle = sum(status.trial is None for status in self._pool.statuses())
        return max(0, idle - self._pool.waiting)
