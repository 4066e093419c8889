"""What two runs recommend, compared on the pictures and folds that they share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.ranking import Ranking, rank
from autosmall.schema.run_data import RunData, TrialRecord


def share_folds(first: RunData, second: RunData) -> bool:
    """Tell whether both held out the same pictures in the same folds, under one metric."""
    return (
        first.fingerprint == second.fingerprint
        and first.metric == second.metric
        and first.sample_names == second.sample_names
        and first.folds.fold_count == second.folds.fold_count
        and np.array_equal(first.folds.assignments, second.folds.assignments)
    )


def compare_recommended(
    first: tuple[RunData, Ranking], second: tuple[RunData, Ranking]
) -> PairedDifference | None:
    """Return how much the pick of the first run exceeds that of the second, paired.

    ``None`` where a run recommends nothing, or where the two do not share their folds: scores on
    other pictures or folds differ by the luck of the split as well. That either was picked as the
    best of many is not corrected for; it is alike for runs of like size.
    """
    (run, ranking), (other_run, other_ranking) = first, second
    if not (ranking.recommended and other_ranking.recommended and share_folds(run, other_run)):
        return None
    trials = (
        _record(run, ranking.recommended.summary.trial, 0),
        _record(other_run, other_ranking.recommended.summary.trial, 1),
    )
    return rank(replace(run, trials=trials)).differences.compare(0, 1)


def _record(run: RunData, trial: int, number: int) -> TrialRecord:
    record = next(record for record in run.trials if record.number == trial)
    folds = tuple(replace(fold, trial=number) for fold in record.folds)
    return replace(record, suggestion=replace(record.suggestion, number=number), folds=folds)
