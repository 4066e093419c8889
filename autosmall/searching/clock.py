"""The time that a search has spent, on disk."""

from __future__ import annotations

from autosmall.run_folder.state import RUNNING, AskingTime, RunState
from autosmall.run_folder.store import RunStore


class Clock:
    """Stores the time spent now and then, so that a killed search knows of it."""

    def __init__(self, store: RunStore, every_seconds: float = 10.0) -> None:
        self._store = store
        self._earlier = store.state()
        self._every_seconds = every_seconds
        self._stored_seconds = 0.0

    def note(self, seconds: float, asking: AskingTime | None = None) -> None:
        """Store the search's wall time and what asking took, unless that was done just now."""
        earlier = self._earlier
        if seconds - self._stored_seconds >= self._every_seconds:
            self._stored_seconds = seconds
            self._store.write_state(
                RunState(RUNNING, "", seconds, earlier.early_stop, asking or earlier.asking)
            )
