"""The scores of all trials on one scale, those included that did not finish all their folds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.last_result import keep_last
from autosmall.schema.config import Value
from autosmall.schema.results import FAILED
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.training.metrics import oriented, score

NO_SETTINGS = "baseline"
"""The strategy that has nothing to set."""


@dataclass(frozen=True)
class ScoredTrial:
    """The settings of a trial and its score, more being better."""

    number: int
    values: Mapping[str, Value]
    score: float


@keep_last
def scored_trials(run: RunData) -> tuple[ScoredTrial, ...]:
    """Return all trials with at least one scored fold, the majority class left out.

    Those dropped by the race count too: leaving them out would hide what made them bad. As they
    have different folds, a trial's score is its mean distance from the median over trials of each
    of its folds, plus the mean of these medians over all folds; with all folds done that is the
    mean over them. Log losses above that of guessing count as guessing.
    """
    scores = {trial.number: _fold_scores(run, trial) for trial in run.trials}
    folds = {fold for found in scores.values() for fold in found}
    medians = {
        fold: float(np.median([found[fold] for found in scores.values() if fold in found]))
        for fold in folds
    }
    level = float(np.mean(list(medians.values()))) if medians else math.nan
    return tuple(
        ScoredTrial(
            trial.number,
            trial.suggestion.config.to_dict(),
            level + float(np.mean([v - medians[fold] for fold, v in scores[trial.number].items()])),
        )
        for trial in run.trials
        if scores[trial.number] and trial.suggestion.config.strategy != NO_SETTINGS
    )


def _fold_scores(run: RunData, trial: TrialRecord) -> dict[int, float]:
    found = {}
    for fold in trial.folds:
        labels = run.labels[run.folds.validation_index(fold.fold)]
        if fold.status == FAILED or fold.probabilities.shape != (len(labels), len(run.classes)):
            continue
        value = oriented(run.metric, score(run.metric, labels, fold.probabilities))
        if run.metric == "log_loss":
            value = max(value, -math.log(len(run.classes)))
        if math.isfinite(value):
            found[fold.fold] = value
    return found
