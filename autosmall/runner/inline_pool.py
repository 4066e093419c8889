"""A pool of one worker in this process, for debugging and tests."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from threadpoolctl import threadpool_limits

from autosmall.runner.fold_queue import IN_TURN, FoldJob, FoldQueue, Place
from autosmall.runner.pictures import DecodedPictures
from autosmall.runner.pool import Pool, WorkerStatus
from autosmall.runner.process import ENVIRONMENT
from autosmall.runner.worker import Worker, trains_folds_as_one
from autosmall.schema.config import Config
from autosmall.schema.results import FoldResult
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.strategies.base import Strategy
from autosmall.strategies.registry import STRATEGIES

NAME = "inline"


class InlinePool(Pool):
    """Does one job in each call of :meth:`wait`, with one thread, as the other workers do.

    A deep-learning library that is not imported yet is told so through environment variables of
    this process; one that is already imported keeps its threads.

    Args:
        context: The search, where it is known already; else see :meth:`begin`.
        strategies: Name to strategy, in place of the registry's.
    """

    def __init__(
        self,
        context: SearchContext | None = None,
        *,
        strategies: Mapping[str, Strategy] = STRATEGIES,
    ) -> None:
        self._strategies = strategies
        self._queue = FoldQueue()
        self._worker: Worker | None = None
        self._job: FoldJob | None = None
        self._since = time.monotonic()
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._limits = threadpool_limits(1)
        if context is not None:
            self.begin(context)

    def begin(self, context: SearchContext) -> None:
        """Take in the facts of the search."""
        unlabelled = context.unlabelled_paths
        cache_dir = Path(context.cache_dir) if context.cache_dir else None
        self._worker = Worker(
            context,
            DecodedPictures(context.picture_paths, cache_dir),
            DecodedPictures(unlabelled, cache_dir) if unlabelled else None,
            NAME,
            self._strategies,
        )

    @property
    def size(self) -> int:
        """One."""
        return 1

    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        """Queue a request; it begins when somebody waits."""
        as_one = self.as_one(request.config)
        self._queue.add(request, place, together=True, as_one=as_one)

    def as_one(self, config: Config) -> bool:
        """Tell whether the folds of ``config`` are trained as one."""
        return trains_folds_as_one(config, self._strategies)

    def wait(self, timeout_seconds: float) -> list[FoldResult]:
        """Do the next job, however long it takes, and return its results."""
        self._job = self._queue.take(NAME)
        if self._job is None or self._worker is None:
            return []
        self._since = time.monotonic()
        try:
            return list(self._worker.run(self._job.request))
        finally:
            self._job = None
            self._since = time.monotonic()

    def cancel(self, trial: int) -> None:
        """Drop what is queued of ``trial``."""
        self._queue.drop(trial)

    @property
    def waiting(self) -> int:
        """Number of requests that have not begun."""
        return self._queue.waiting

    def statuses(self) -> list[WorkerStatus]:
        """Return what the one worker does; busy only as seen from another thread."""
        job = self._job
        since_seconds = time.monotonic() - self._since
        if job is None:
            return [WorkerStatus(NAME, None, None, since_seconds)]
        return [WorkerStatus(NAME, job.trial, job.folds[0], since_seconds)]

    def close(self) -> None:
        """Forget the pictures and give this process its threads back."""
        self._worker = None
        self._limits.restore_original_limits()
