"""What a search shows of itself while it runs, from its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from autosmall.progress import LeaderRow, WorkerRow
from autosmall.runner.pool import WorkerStatus
from autosmall.searching.trial import Trial, describe


def leader_row(trial: Trial, metric: str) -> LeaderRow:
    """Return a trial as a row of the live leaderboard."""
    results = trial.results
    return LeaderRow(
        trial.number,
        describe(trial.suggestion),
        float(np.mean([fold.scores[metric] for fold in results])),
        float(np.mean([fold.train_scores[metric] for fold in results])),
        len(results),
        float(np.mean([fold.fit_seconds for fold in results])),
    )


def worker_rows(
    statuses: Sequence[WorkerStatus], trials: Mapping[int, Trial]
) -> tuple[WorkerRow, ...]:
    """Return what each worker does, in words."""
    return tuple(
        WorkerRow(status.worker, _doing(status, trials), status.since_seconds)
        for status in statuses
    )


def _doing(status: WorkerStatus, trials: Mapping[int, Trial]) -> str:
    if status.trial is None or status.trial not in trials:
        return "idle"
    return f"trial {status.trial} fold {status.fold}: {describe(trials[status.trial].suggestion)}"
