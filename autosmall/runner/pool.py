"""What a pool is: it takes requests, works on them, and hands back fold results as they end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from autosmall.runner.fold_queue import IN_TURN, Place
from autosmall.schema.config import Config
from autosmall.schema.results import FoldResult
from autosmall.schema.search_context import FitRequest, SearchContext


@dataclass(frozen=True)
class WorkerStatus:
    """What one worker does now. ``trial`` is ``None`` while it is idle or starting.

    ``fold`` is the first of the folds that it does as one.
    """

    worker: str
    trial: int | None
    fold: int | None
    since_seconds: float


class Pool(ABC):
    """Works on requests. One pool serves one search; use it as a context manager.

    A pool is made before the data set has been read, so that its workers start meanwhile;
    :meth:`begin` then tells them of the search. Nothing is submitted before that.

    Every request yields exactly one result per fold unless it is cancelled: a fold whose fit
    raises, whose worker dies, or which runs out of memory yields a ``failed`` result with the
    error in full, and the others go on.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of workers, at least 1."""

    @abstractmethod
    def begin(self, context: SearchContext) -> None:
        """Take in the facts of the search; once, before the first request.

        Raises :class:`~autosmall.errors.AutoSmallError` where the workers could not be started.
        """

    @abstractmethod
    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        """Queue a request; returns at once.

        Requests begin in the order of submission, unless their ``place`` says otherwise.
        """

    @abstractmethod
    def as_one(self, config: Config) -> bool:
        """Tell whether a request's folds of ``config`` are one job: they begin and end together.

        See :meth:`~autosmall.strategies.base.Strategy.trains_folds_as_one`.
        """

    @abstractmethod
    def wait(self, timeout_seconds: float) -> list[FoldResult]:
        """Return the results that ended since the last call, waiting for the first of them.

        Returns an empty list when the time is up or nothing is in flight.
        """

    @abstractmethod
    def cancel(self, trial: int) -> None:
        """Drop what is queued of ``trial``; folds that have begun end and are returned."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Number of requests that no worker has begun."""

    @abstractmethod
    def statuses(self) -> list[WorkerStatus]:
        """Return what each worker does now."""

    @abstractmethod
    def close(self) -> None:
        """Stop all workers at once. Harmless to call twice."""

    def __enter__(self) -> Pool:
        """Return the pool itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the pool."""
        self.close()
