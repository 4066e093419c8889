"""The queue in front of the workers: requests go in, jobs of mostly one fold come out.

A worker goes on with the request that it has begun, then takes the first that nobody has begun,
and only then helps with another's folds, unless these are to be helped with first. Requests whose
folds share their work are never shared. A worker may be kept for the next fold of the trial of
which it has just done one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from autosmall.schema.search_context import FitRequest


@dataclass(frozen=True)
class FoldJob:
    """Folds to do in one go. ``attempt`` counts from 1; a worker that dies costs one."""

    request: FitRequest
    attempt: int = 1

    @property
    def trial(self) -> int:
        """The trial's number."""
        return self.request.trial

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds of its request."""
        return self.request.folds


@dataclass(frozen=True)
class Place:
    """Where a request stands in the queue.

    Attributes:
        first: Whether it goes before the others that wait (the next fold of a trial that has
            begun); of several, the latest is foremost.
        seconds: How long it is expected to take: of those that are not first, what takes longer
            goes before what takes less, and equals in the order in which they came.
        helped: Whether workers help with its folds before they begin anything else, so that it
            ends as soon as can be.
    """

    first: bool = False
    seconds: float = 0.0
    helped: bool = False


IN_TURN = Place()
"""In the order of submission."""


@dataclass
class _Ticket:
    trial: int
    together: bool
    jobs: deque[FoldJob] = field(default_factory=deque)
    owner: str | None = None
    place: Place = IN_TURN


class FoldQueue:
    """Folds that wait, by request. Not safe for threads; the pool holds a lock around it."""

    def __init__(self) -> None:
        self._tickets: list[_Ticket] = []

    @property
    def waiting(self) -> int:
        """Number of requests that no worker has begun."""
        return sum(ticket.owner is None for ticket in self._tickets)

    def add(
        self,
        request: FitRequest,
        place: Place = IN_TURN,
        *,
        together: bool,
        as_one: bool = False,
    ) -> None:
        """Queue a request.

        Args:
            request: The configuration and its folds.
            place: Where it stands among those that wait.
            together: Whether one worker must do all its folds.
            as_one: Whether all its folds are one job.
        """
        parts = [request.folds] if as_one and request.folds else [(f,) for f in request.folds]
        jobs = deque(FoldJob(replace(request, folds=folds)) for folds in parts)
        ticket = _Ticket(request.trial, together, jobs, place=place)
        if jobs:
            self._tickets.insert(self._position(place), ticket)

    def take(self, worker: str, kept_for: int | None = None) -> FoldJob | None:
        """Return what ``worker`` does next, or ``None`` where nothing is left for it.

        A worker that is ``kept_for`` a trial begins requests of no other.
        """
        ticket = self._ticket_for(worker, kept_for)
        if ticket is None:
            return None
        ticket.owner = ticket.owner or worker
        job = ticket.jobs.popleft()
        if not ticket.jobs:
            self._tickets.remove(ticket)
        return job

    def put_back(self, worker: str, job: FoldJob) -> None:
        """Make ``job`` the next that ``worker`` does, as one attempt more."""
        again = replace(job, attempt=job.attempt + 1)
        self._tickets.insert(0, _Ticket(job.trial, True, deque([again]), worker))

    def drop(self, trial: int) -> int:
        """Forget what waits of ``trial`` and return how many folds that was."""
        dropped = [ticket for ticket in self._tickets if ticket.trial == trial]
        self._tickets = [ticket for ticket in self._tickets if ticket.trial != trial]
        return sum(len(job.folds) for ticket in dropped for job in ticket.jobs)

    def _position(self, place: Place) -> int:
        if place.first:
            return 0
        ahead = [
            position + 1
            for position, ticket in enumerate(self._tickets)
            if ticket.place.first or ticket.place.seconds >= place.seconds
        ]
        return ahead[-1] if ahead else 0

    def _ticket_for(self, worker: str, kept_for: int | None) -> _Ticket | None:
        own = (ticket for ticket in self._tickets if ticket.owner == worker)
        others = [t for t in self._tickets if kept_for in (None, t.trial)]
        helped = (ticket for ticket in others if ticket.place.helped and not ticket.together)
        unbegun = (ticket for ticket in others if ticket.owner is None)
        shared = (ticket for ticket in others if not ticket.together)
        for candidates in (own, helped, unbegun, shared):
            ticket = next(candidates, None)
            if ticket is not None:
                return ticket
        return None
