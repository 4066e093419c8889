"""What a run folder says of its search as a whole: what is fixed, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autosmall.schema.config import Value

RUNNING = "running"


FINISHED = "finished"


INTERRUPTED = "interrupted"


Setting = Value | tuple[str, ...] | None


@dataclass(frozen=True)
class RunFacts:
    """What is fixed for the whole search and stored in ``settings.toml``.

    Attributes:
        settings: Resolved settings, option name to value.
        identity: Name to value of all that must be equal for a search to go on in this folder.
        versions: Package or hardware name to version or description.
        fingerprint: The data set's fingerprint.
        classes: Class names, sorted.
    """

    settings: Mapping[str, Setting]
    identity: Mapping[str, str]
    versions: Mapping[str, str]
    fingerprint: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class EarlyStop:
    """That a search ended before its limits: after how many trials, and what the limits were."""

    trials: int
    max_trials: int | None
    time_budget_seconds: float | None

    def is_lifted(self, max_trials: int | None, time_budget_seconds: float | None) -> bool:
        """Tell whether one of these limits asks for more than the one it ended under."""
        pairs = ((max_trials, self.max_trials), (time_budget_seconds, self.time_budget_seconds))
        return any(new is not None and (old is None or new > old) for new, old in pairs)


@dataclass(frozen=True)
class AskingTime:
    """How long explorers took to propose, and how long idle workers, added up, waited for it."""

    asked_seconds: float = 0.0
    waited_worker_seconds: float = 0.0


@dataclass(frozen=True)
class RunState:
    """How far the search is. ``early_stop`` stays when the search goes on."""

    state: str = RUNNING
    end_reason: str = ""
    search_seconds: float = 0.0
    early_stop: EarlyStop | None = None
    asking: AskingTime = AskingTime()
