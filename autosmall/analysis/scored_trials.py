"""The scores of all trials on one scale, those included that did not finish all their folds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.fold_scores import fold_scores
from autosmall.analysis.last_result import keep_last
from autosmall.schema.config import BASELINE, Value
from autosmall.schema.run_data import RunData
from autosmall.training.metrics import oriented


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
    scores = {
        trial: {fold: levelled(run, value) for fold, value in found}
        for trial, found in fold_scores(run).own.items()
    }
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
        if scores[trial.number] and trial.suggestion.config.strategy != BASELINE
    )


def levelled(run: RunData, value: float) -> float:
    """Return a score, more being better; a log loss counts as that of guessing at most."""
    if run.metric == "log_loss":
        return max(-value, -math.log(len(run.classes)))
    return oriented(run.metric, value)
