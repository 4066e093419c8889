"""Which fold to do ahead of its turn."""

from __future__ import annotations

from collections.abc import Iterable

from autosmall.searching.trial import RUNNING, Trial


def next_ahead(trials: Iterable[Trial], total: int) -> Trial | None:
    """Return the running trial whose next fold is nearest to its turn, or ``None``.

    Only trials that have begun are looked at; ``total`` is the number of folds.
    """
    begun = [t for t in trials if t.status == RUNNING and t.sent and t.unsent(total)]
    return min(
        begun, key=lambda trial: (trial.unsent(total)[0] - trial.judged, trial.number), default=None
    )
