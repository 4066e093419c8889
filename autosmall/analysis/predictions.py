"""Out-of-fold predictions of all complete trials, side by side on the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.last_result import keep_last
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import COMPLETE
from autosmall.schema.run_data import RunData, TrialRecord


@dataclass(frozen=True)
class PredictionTable:
    """What complete trials predicted for pictures that they had not been trained on.

    Attributes:
        trials: Trial numbers, one per column (C of them).
        probabilities: ``float32 (C, rows, n_classes)``; a row is one picture in one repeat of the
            folds, so there are ``repeats * n_samples`` rows.
        samples: ``int64 (rows,)``, which picture the row is of.
        folds: ``int64 (rows,)``, fold id that held the picture out.
        labels: ``int64 (rows,)``, its class.
        groups: ``int64 (n_samples,)``; pictures of one group depend on each other.
    """

    trials: tuple[int, ...]
    probabilities: NDArray[np.float32]
    samples: NDArray[np.int64]
    folds: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def select(self, columns: NDArray[np.int64]) -> PredictionTable:
        """Return the table with these columns only."""
        return replace(
            self,
            trials=tuple(self.trials[column] for column in columns),
            probabilities=self.probabilities[columns],
        )

    @property
    def sample_count(self) -> int:
        """Number of pictures."""
        return int(self.groups.shape[0])

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return int(self.probabilities.shape[2])


def is_complete(run: RunData, trial: TrialRecord) -> bool:
    """Tell whether ``trial`` has a finite prediction for every held-out picture of every fold."""
    return trial.number in _complete_trials(run)


@keep_last
def _complete_trials(run: RunData) -> frozenset[int]:
    shapes = [(run.folds.validation_count(f), len(run.classes)) for f in range(run.folds.total)]
    return frozenset(
        trial.number
        for trial in run.trials
        if trial.status == COMPLETE and _predicts_all(trial, shapes)
    )


def _predicts_all(trial: TrialRecord, shapes: Sequence[tuple[int, int]]) -> bool:
    done = {fold.fold: fold.probabilities for fold in trial.folds}
    return all(
        fold in done and done[fold].shape == shape and bool(np.isfinite(done[fold]).all())
        for fold, shape in enumerate(shapes)
    )


def prediction_table(run: RunData, trials: Iterable[TrialRecord]) -> PredictionTable:
    """Return the predictions of ``trials``, each of which must be complete."""
    chosen = tuple(trials)
    rows = _rows(run.folds)
    size = (len(chosen), len(rows.samples), len(run.classes))
    probabilities = np.empty(size, np.float32)
    for column, trial in enumerate(chosen):
        for fold in trial.folds:
            probabilities[column, rows.folds == fold.fold] = fold.probabilities
    return PredictionTable(
        trials=tuple(trial.number for trial in chosen),
        probabilities=probabilities,
        samples=rows.samples,
        folds=rows.folds,
        labels=run.labels[rows.samples],
        groups=run.folds.groups,
    )


def mean_over_repeats(table: PredictionTable, column: int) -> NDArray[np.float64]:
    """Return ``float64 (n_samples, n_classes)``: each picture's mean out-of-fold probabilities."""
    total = np.zeros((table.sample_count, table.class_count))
    np.add.at(total, table.samples, table.probabilities[column].astype(np.float64))
    count = np.bincount(table.samples, minlength=table.sample_count)
    return total / np.maximum(count, 1)[:, None]


@dataclass(frozen=True)
class _Rows:
    samples: NDArray[np.int64]
    folds: NDArray[np.int64]


def _rows(plan: FoldPlan) -> _Rows:
    held_out = [plan.validation_index(fold) for fold in range(plan.total)]
    folds = [np.full(len(index), fold, np.int64) for fold, index in enumerate(held_out)]
    return _Rows(np.concatenate(held_out), np.concatenate(folds))
