"""The scores of all stored folds of a run, recomputed from their predictions, all trials at once.

Each is what :func:`autosmall.training.metrics.score` gives for that fold alone, to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.last_result import keep_last
from autosmall.schema.results import FAILED
from autosmall.schema.run_data import RunData
from autosmall.training.metrics import LOG_LOSS_FLOOR, score

ByFold = tuple[tuple[int, float], ...]
"""Fold id and score, for each fold that has a finite score, in order."""

AT_ONCE = 1 << 20
"""Probabilities that are looked at together: 8 MiB of them."""

Predictions = NDArray[np.float32]
Labels = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class FoldScores:
    """Trial number to its scores by fold, for every trial of the run.

    ``own`` are those of the search's metric, ``log_loss`` those of that; not oriented.
    """

    own: Mapping[int, ByFold]
    log_loss: Mapping[int, ByFold]


@keep_last
def fold_scores(run: RunData) -> FoldScores:
    """Return the scores of all folds that did not fail and predict all their pictures."""
    log_loss = _scores(run, "log_loss")
    own = log_loss if run.metric == "log_loss" else _scores(run, run.metric)
    return FoldScores(own, log_loss)


def _scores(run: RunData, metric: str) -> dict[int, ByFold]:
    found: dict[int, list[tuple[int, float]]] = {trial.number: [] for trial in run.trials}
    for fold in range(run.folds.total):
        labels = run.labels[run.folds.validation_index(fold)]
        done = _scorable(run, fold, (len(labels), len(run.classes)))
        values = scores_of_many(metric, labels, list(done.values())).tolist() if done else []
        for trial, value in zip(done, values, strict=True):
            if math.isfinite(value):
                found[trial].append((fold, value))
    return {trial: tuple(scores) for trial, scores in found.items()}


def _scorable(run: RunData, fold: int, shape: tuple[int, int]) -> dict[int, Predictions]:
    """Return trial number to what it predicted for the pictures of a fold, where it did so."""
    return {
        trial.number: result.probabilities
        for trial in run.trials
        for result in trial.folds
        if result.fold == fold and result.status != FAILED and result.probabilities.shape == shape
    }


def scores_of_many(metric: str, labels: Labels, predictions: Sequence[Predictions]) -> Reals:
    """Return ``float64 (T,)``: the score of each of T predictions of one fold, NaN for none.

    ``predictions`` are ``float32 (n, n_classes)`` each, for ``labels (n,)``.
    """
    if metric not in _OF_MANY or not labels.size:
        return np.array([score(metric, labels, one) for one in predictions], np.float64)
    step = max(1, AT_ONCE // predictions[0].size)
    parts = [predictions[start : start + step] for start in range(0, len(predictions), step)]
    return np.concatenate([_scores_together(metric, labels, part) for part in parts])


def _scores_together(metric: str, labels: Labels, predictions: Sequence[Predictions]) -> Reals:
    together = np.stack(predictions).astype(np.float64)
    finite = np.isfinite(together).all(axis=(1, 2))
    return np.where(finite, _OF_MANY[metric](labels, together), np.nan)


def _accuracy(labels: Labels, predictions: Reals) -> Reals:
    return np.asarray((predictions.argmax(axis=2) == labels).mean(axis=1), np.float64)


def _balanced_accuracy(labels: Labels, predictions: Reals) -> Reals:
    hits = predictions.argmax(axis=2) == labels
    recalls = [hits[:, labels == label].mean(axis=1) for label in np.unique(labels)]
    return np.asarray(np.stack(recalls, axis=1).mean(axis=1), np.float64)


def _log_loss(labels: Labels, predictions: Reals) -> Reals:
    # Sums depend on how a row lies in memory.
    of_truth = np.ascontiguousarray(predictions[:, np.arange(labels.size), labels])
    return np.asarray(-np.log(np.clip(of_truth, LOG_LOSS_FLOOR, 1.0)).mean(axis=1), np.float64)


_OF_MANY: dict[str, Callable[[Labels, Reals], Reals]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "log_loss": _log_loss,
}
