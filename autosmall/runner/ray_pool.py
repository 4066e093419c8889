"""A pool of Ray actors: one thread hands out folds and takes results in, whatever the caller does.

The caller's thread only queues requests and picks results up, so workers do not wait while it
proposes, stores or reports. The other thread owns everything that belongs to Ray.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from threadpoolctl import threadpool_limits

from autosmall.errors import AutoSmallError
from autosmall.runner.fold_queue import IN_TURN, FoldJob, FoldQueue, Place
from autosmall.runner.pool import Pool, WorkerStatus
from autosmall.runner.ray_cluster import ClusterOptions, RayCluster, describe, may_pass
from autosmall.runner.ray_worker import JobDone
from autosmall.runner.worker import trains_folds_as_one
from autosmall.schema.config import Config
from autosmall.schema.results import FAILED, FoldResult
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.strategies.base import Strategy
from autosmall.strategies.registry import STRATEGIES

MAX_ATTEMPTS = 2
"""How often a fold is begun before the deaths of its workers are held against it."""

PREPARING_SECONDS = 0.5
"""After how long without a search the workers warm up: it is being prepared, maybe for long."""

KEPT_SHARE, KEPT_SECONDS = 0.02, 0.2
"""How long a worker is kept for the next fold of the trial of which it has just done one.

That share of the fold's time, so many seconds at most. Where the search goes on with the trial it
says so within some milliseconds; without that the worker would meanwhile have begun another, and
trials that end late would all end late.
"""

CLOSE_SECONDS = 4.5
"""How long :meth:`RayPool.close` waits for Ray to end; what remains ends with this process."""

_STARTING = threading.Lock()
"""A process has one Ray: a pool closed while it starts must be gone before the next one starts."""


@dataclass(frozen=True)
class _Ended:
    """News that a worker has ended a job."""

    worker: str
    job: FoldJob
    future: Future[JobDone]


@dataclass
class _Slot:
    """What one worker does, and since when; idle, for which trial it is kept, and until when."""

    job: FoldJob | None
    since: float
    kept_for: int | None = None
    kept_until: float = 0.0


class RayPool(Pool):
    """Workers in processes of their own; they start in the background at once.

    Args:
        context: The search, where it is known already; else see :meth:`begin`.
        workers: Number of worker processes, at least 1.
        gpus_per_worker: Share of a GPU that each worker gets.
        address: Address of a Ray cluster, or ``None`` for this machine.
        strategies: Name to strategy, in place of the registry's.
        memory_share_bytes: What a worker may hold before another takes its place, between two
            jobs; ``None`` for its share of the machine.
    """

    def __init__(
        self,
        context: SearchContext | None = None,
        *,
        workers: int,
        gpus_per_worker: float = 0.0,
        address: str | None = None,
        strategies: Mapping[str, Strategy] = STRATEGIES,
        memory_share_bytes: int | None = None,
    ) -> None:
        options = ClusterOptions(workers, gpus_per_worker, address, strategies, memory_share_bytes)
        self._cluster = RayCluster(options)
        self._lock = threading.Lock()
        self._queue = FoldQueue()
        self._outstanding = 0
        self._slots = {name: _Slot(None, time.monotonic()) for name in self._cluster.names}
        self._started: Future[None] = Future()
        self._closing = threading.Event()
        self._news: SimpleQueue[SearchContext | FitRequest | _Ended | None] = SimpleQueue()
        self._results: SimpleQueue[FoldResult | None] = SimpleQueue()
        # Ray forks as it starts, and OpenBLAS then ends its threads, for ever waiting for one that
        # multiplies for the caller meanwhile. Without threads of its own there is none.
        self._limits = threadpool_limits(1)
        self._thread = threading.Thread(target=self._serve, name="autosmall-ray", daemon=True)
        self._thread.start()
        if context is not None:
            self.begin(context)

    @property
    def size(self) -> int:
        """Number of workers."""
        return len(self._slots)

    def begin(self, context: SearchContext) -> None:
        """Take in the facts of the search, once the workers have been started."""
        self._started.result()
        self._news.put(context)

    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        """Queue a request."""
        strategy = self._cluster.strategies.get(request.config.strategy)
        together = strategy is not None and strategy.folds_together
        as_one = self.as_one(request.config)
        with self._lock:
            self._queue.add(request, place, together=together, as_one=as_one)
            self._outstanding += len(request.folds)
        self._news.put(request)

    def as_one(self, config: Config) -> bool:
        """Tell whether the folds of ``config`` are trained as one."""
        return trains_folds_as_one(config, self._cluster.strategies)

    def wait(self, timeout_seconds: float) -> list[FoldResult]:
        """Return the results that ended since the last call, waiting for the first of them.

        Raises :class:`~autosmall.errors.AutoSmallError` where Ray as a whole has ended.
        """
        with self._lock:
            seconds = timeout_seconds if self._outstanding else 0.0
        results = self._ended_within(seconds)
        if not results and not self._thread.is_alive() and not self._closing.is_set():
            raise _ray_has_ended()
        return results

    def _ended_within(self, seconds: float) -> list[FoldResult]:
        results = []
        with suppress(Empty):
            results.append(self._results.get(timeout=seconds))
            while True:
                results.append(self._results.get_nowait())
        return [result for result in results if result is not None]

    def cancel(self, trial: int) -> None:
        """Drop what is queued of ``trial``; folds that have begun end and are returned."""
        with self._lock:
            self._outstanding -= self._queue.drop(trial)

    @property
    def waiting(self) -> int:
        """Number of requests that no worker has begun."""
        with self._lock:
            return self._queue.waiting

    def statuses(self) -> list[WorkerStatus]:
        """Return what each worker does now."""
        with self._lock:
            now = time.monotonic()
            return [
                WorkerStatus(
                    name,
                    slot.job.trial if slot.job else None,
                    slot.job.folds[0] if slot.job else None,
                    now - slot.since,
                )
                for name, slot in self._slots.items()
            ]

    def close(self) -> None:
        """Stop all workers at once, in the middle of what they do."""
        self._closing.set()
        self._news.put(None)
        self._thread.join(CLOSE_SECONDS)
        self._limits.restore_original_limits()

    def _serve(self) -> None:
        """Run the other thread, from Ray's start to its end."""
        try:
            with _STARTING:
                self._cluster.start()
                if self._closing.is_set():
                    self._cluster.stop()
            self._started.set_result(None)
            news = self._first_news()
            while not self._closing.is_set():
                self._take_in(news)
                self._hand_out()
                news = self._next_news()
        except AutoSmallError as error:
            self._started.set_exception(error)
        finally:
            if not self._started.done():
                self._started.set_exception(_ray_has_ended())
            self._results.put(None)
            self._cluster.stop()

    def _first_news(self) -> SearchContext | FitRequest | _Ended | None:
        """Return the first news, for which the workers wait with imports rather than idle."""
        with suppress(Empty):
            return self._news.get(timeout=PREPARING_SECONDS)
        self._cluster.warm_up()
        return self._news.get()

    def _next_news(self) -> SearchContext | FitRequest | _Ended | None:
        """Return the next news, or ``None`` once a worker is no longer kept for a trial."""
        kept = [slot.kept_until for slot in self._slots.values() if slot.kept_for is not None]
        timeout = max(0.0, min(kept) - time.monotonic()) if kept else None
        with suppress(Empty):
            return self._news.get(timeout=timeout)
        return None

    def _take_in(self, news: SearchContext | FitRequest | _Ended | None) -> None:
        if isinstance(news, SearchContext):
            self._cluster.begin(news)
        elif isinstance(news, FitRequest):
            self._cluster.prefetch(news.config)
        elif news is not None:
            self._end(news)

    def _hand_out(self) -> None:
        """Give every idle worker its next fold."""
        for name, slot in self._slots.items():
            if slot.job is not None:
                continue
            now = time.monotonic()
            if now >= slot.kept_until:
                slot.kept_for = None
            with self._lock:
                job = self._queue.take(name, slot.kept_for)
                if job is None:
                    continue
                self._slots[name] = _Slot(job, now)
            future = self._cluster.run(name, job.request)
            future.add_done_callback(self._reporter(name, job))

    def _reporter(self, name: str, job: FoldJob) -> Callable[[Future[JobDone]], None]:
        return lambda future: self._news.put(_Ended(name, job, future))

    def _end(self, news: _Ended) -> None:
        """Deliver a job's results, or do it again where it was not its fault."""
        error = news.future.exception()
        if error is None and news.future.result().outgrown:
            self._cluster.replace(news.worker)
        elif error is not None:
            self._cluster.recover(news.worker, news.job.request.config, error)
        again = error is not None and may_pass(error) and news.job.attempt < MAX_ATTEMPTS
        now = time.monotonic()
        kept_seconds = min(KEPT_SECONDS, KEPT_SHARE * (now - self._slots[news.worker].since))
        with self._lock:
            self._slots[news.worker] = _Slot(None, now, news.job.trial, now + kept_seconds)
            if again:
                self._queue.put_back(news.worker, news.job)
        if not again:
            for result in news.future.result().results if error is None else _failed(news, error):
                self._deliver(result)

    def _deliver(self, result: FoldResult) -> None:
        self._results.put(result)
        with self._lock:
            self._outstanding -= 1


def _failed(news: _Ended, error: BaseException) -> list[FoldResult]:
    """Return the results of a job that ended without one; the last line says why in words."""
    text = describe(error)
    if may_pass(error):
        text += f"\nthe worker died in this fold, in each of {news.job.attempt} attempts"
    request = news.job.request
    return [
        FoldResult(
            request.trial,
            fold,
            FAILED,
            error=text,
            worker=news.worker,
            share_percent=request.share_percent,
        )
        for fold in request.folds
    ]


def _ray_has_ended() -> AutoSmallError:
    return AutoSmallError(
        "Ray has ended by itself",
        "that its processes run until the search is over",
        "see the error above and the logs in /tmp/ray/session_latest/logs, then run the same "
        "command again: it goes on",
    )
