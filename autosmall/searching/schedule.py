"""Which fold to do ahead of its turn, and how long a fold is expected to take."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from autosmall.searching.trial import RUNNING, Trial


def next_ahead(trials: Iterable[Trial], total: int) -> Trial | None:
    """Return the running trial whose next fold is nearest to its turn, or ``None``.

    Only trials that have begun are looked at; ``total`` is the number of folds.
    """
    begun = [t for t in trials if t.status == RUNNING and t.sent and t.unsent(total)]
    return min(
        begun, key=lambda trial: (trial.unsent(total)[0] - trial.judged, trial.number), default=None
    )


def fold_seconds(trial: Trial, trials: Collection[Trial]) -> float | None:
    """Return how long a fold of ``trial`` is expected to take; ``None`` where nothing tells.

    Its own folds tell, else the median of its strategy's.
    """
    own = [fold.fit_seconds for fold in trial.results]
    if own:
        return float(np.median(own))
    alike = (other for other in trials if other.strategy == trial.strategy)
    others = [fold.fit_seconds for other in alike for fold in other.results]
    return float(np.median(others)) if others else None
