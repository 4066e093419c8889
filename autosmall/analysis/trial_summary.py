"""One trial in numbers: scores, gap, size, seconds, health."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autosmall.analysis.exact import effective_count, widen
from autosmall.analysis.fold_scores import fold_scores
from autosmall.analysis.last_result import keep_last
from autosmall.analysis.paired import Estimate, PictureNoise, combined_posterior, estimate
from autosmall.analysis.predictions import is_complete
from autosmall.analysis.trial_diagnoses import diagnoses_of
from autosmall.schema.config import BASELINE, Config
from autosmall.schema.results import COMPLETE, FAILED
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.training.metrics import oriented

KNOWN_OF_A_CONSTANT = ("balanced_accuracy", "roc_auc")
"""Metrics that do not depend on the pictures where all have the same answer."""


@dataclass(frozen=True)
class TrialSummary:
    """One trial in numbers. Scores are on the metric's own scale, NaN where there are none.

    Attributes:
        trial: Its number.
        config: Its configuration.
        label: What the portfolio calls it, or an empty text.
        proposer: Who thought of it.
        is_default: Whether it is the plain default.
        status: As in :class:`~autosmall.schema.run_data.TrialRecord`.
        reason: Why it did not complete, in words; empty otherwise.
        score: Mean, standard error and 95 % interval over its finished folds.
        fold_scores: Fold id and score of each scored fold, in order.
        train_score: Mean over the folds of the score on the training pictures.
        gap: How much better the training score is than ``score``; positive means overfitting.
        log_loss: Mean over the folds.
        trainable_parameters: Weights that training could change (the most of any fold).
        total_parameters: All weights that a prediction needs.
        parameters_per_picture: Trainable weights per training picture of a fold.
        fit_seconds: Mean wall time per fold.
        diagnoses: What at least half of its finished folds were diagnosed with.
    """

    trial: int
    config: Config
    label: str
    proposer: str
    is_default: bool
    status: str
    reason: str
    score: Estimate
    fold_scores: tuple[tuple[int, float], ...]
    train_score: float
    gap: float
    log_loss: float
    trainable_parameters: int
    total_parameters: int
    parameters_per_picture: float
    fit_seconds: float
    diagnoses: tuple[str, ...]

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        return self.config.strategy

    @property
    def folds_done(self) -> int:
        """Number of scored folds."""
        return len(self.fold_scores)


def summarize(run: RunData, trial: TrialRecord) -> TrialSummary:
    """Return ``trial`` in numbers, scores recomputed from its stored predictions."""
    found = fold_scores(run)
    done = [fold for fold in trial.folds if fold.status != FAILED and fold.probabilities.size]
    by_fold = found.own[trial.number]
    values = [value for _, value in by_fold]
    train_score = _mean([fold.train_scores.get(run.metric, math.nan) for fold in done])
    parameters = max((fold.trainable_parameters for fold in done), default=0)
    suggestion = trial.suggestion
    strategy = suggestion.config.strategy
    mean = _widened(run, strategy, estimate(values, run.folds.fold_count))
    return TrialSummary(
        trial=trial.number,
        config=suggestion.config,
        label=suggestion.label,
        proposer=suggestion.proposer,
        is_default=suggestion.is_default,
        status=trial.status,
        reason=_reason(run, trial),
        score=mean,
        fold_scores=by_fold,
        train_score=train_score,
        gap=oriented(run.metric, train_score) - oriented(run.metric, mean.mean),
        log_loss=_mean([value for _, value in found.log_loss[trial.number]]),
        trainable_parameters=parameters,
        total_parameters=max((fold.total_parameters for fold in done), default=0),
        parameters_per_picture=parameters / training_pictures(run),
        fit_seconds=_mean([fold.fit_seconds for fold in done]),
        diagnoses=diagnoses_of(trial),
    )


def with_interval(run: RunData, summary: TrialSummary, error: float) -> TrialSummary:
    """Return ``summary`` with the interval that pictures, of standard ``error``, and folds give."""
    if not error > 0:
        return summary
    count = _independent_pictures(run)
    values = [value for _, value in summary.fold_scores]
    found = combined_posterior(values, run.folds.fold_count, PictureNoise(float(error), count))
    score = Estimate(found.location, found.scale, *found.interval())
    return replace(summary, score=_widened(run, summary.strategy, score))


def training_pictures(run: RunData) -> float:
    """Return the mean number of pictures that a fold trains on."""
    return max(1.0, len(run.labels) * (1 - 1 / run.folds.fold_count))


def _widened(run: RunData, strategy: str, found: Estimate) -> Estimate:
    if strategy == BASELINE and run.metric in KNOWN_OF_A_CONSTANT:
        return replace(found, low=found.mean, high=found.mean)
    ends = (found.low, found.high)
    low, high = widen(run.metric, found.mean, ends, _independent_pictures(run))
    return replace(found, low=low, high=high)


@keep_last
def _independent_pictures(run: RunData) -> float:
    return effective_count(run.metric, run.labels, run.folds.groups)


def _reason(run: RunData, trial: TrialRecord) -> str:
    if trial.reason or trial.status != COMPLETE or is_complete(run, trial):
        return trial.reason
    return "its stored predictions are incomplete"


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.add.reduce(finite)) / len(finite) if finite else math.nan
