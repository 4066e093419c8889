"""A run as tables: one row per trial, one row per fold; CSV and DataFrame have the same columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autosmall.files import write_text
from autosmall.schema.results import FAILED, FoldResult
from autosmall.schema.run_data import RunData, TrialRecord

if TYPE_CHECKING:
    import pandas as pd


def trials_table(run: RunData) -> pd.DataFrame:
    """Return one row per trial, in order of number.

    ``score`` and ``train_score`` are means of the run's metric over the finished folds, ``gap``
    is what the training score exceeds the score by, ``fit_seconds`` is the mean per fold,
    ``diagnoses`` names what any fold was diagnosed with (the report: at least half of them). The
    columns after it are the parameters of the configurations.
    """
    import pandas as pd

    return pd.DataFrame([_trial_row(run, trial) for trial in run.trials])


def fold_results_table(run: RunData) -> pd.DataFrame:
    """Return one row per finished fold: status, scores, training scores (``train_`` first)."""
    import pandas as pd

    return pd.DataFrame([_fold_row(fold) for trial in run.trials for fold in trial.folds])


def write_tables(run: RunData, folder: Path) -> None:
    """Write ``trials.csv`` and ``fold_results.csv`` into ``folder``."""
    write_text(folder / "trials.csv", trials_table(run).to_csv(index=False))
    write_text(folder / "fold_results.csv", fold_results_table(run).to_csv(index=False))


def _trial_row(run: RunData, trial: TrialRecord) -> dict[str, object]:
    done = [fold for fold in trial.folds if fold.status != FAILED]
    scores = [fold.scores.get(run.metric, np.nan) for fold in done]
    train = [fold.train_scores.get(run.metric, np.nan) for fold in done]
    score = float(np.mean(scores)) if scores else np.nan
    train_score = float(np.mean(train)) if train else np.nan
    return {
        "trial": trial.number,
        "label": trial.suggestion.label,
        "proposer": trial.suggestion.proposer,
        "status": trial.status,
        "reason": trial.reason,
        "folds_done": len(done),
        "score": score,
        "score_std": float(np.std(scores, ddof=1)) if len(scores) > 1 else np.nan,
        "train_score": train_score,
        "gap": train_score - score,
        "trainable_parameters": max((f.trainable_parameters for f in done), default=0),
        "total_parameters": max((f.total_parameters for f in done), default=0),
        "fit_seconds": float(np.mean([f.fit_seconds for f in done])) if done else np.nan,
        "diagnoses": " ".join(sorted({name for fold in trial.folds for name in fold.diagnoses})),
        **trial.suggestion.config.to_dict(),
    }


def _fold_row(fold: FoldResult) -> dict[str, object]:
    return {
        "trial": fold.trial,
        "fold": fold.fold,
        "status": fold.status,
        **fold.scores,
        **{f"train_{name}": value for name, value in fold.train_scores.items()},
        "trainable_parameters": fold.trainable_parameters,
        "total_parameters": fold.total_parameters,
        "fit_seconds": fold.fit_seconds,
        "peak_memory_mib": fold.peak_memory_mib,
        "diagnoses": " ".join(fold.diagnoses),
        "error": fold.error.strip().splitlines()[-1] if fold.error.strip() else "",
        "worker": fold.worker,
    }
