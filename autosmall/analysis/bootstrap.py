"""Scores of all configurations on bootstrap samples of the pictures, all at once.

A score on a weighted sample is self-normalising: each picture carries the weight that it has in
the mean over folds, times how often it was drawn, and the weights are scaled to sum to one. With
every picture drawn once the result is the mean over folds of the metric, so the numbers here are
those of the leaderboard. Two metrics are no means over pictures, and on the few pictures of a
fold they are biased: for ``f1_macro`` and ``average_precision`` all folds are pooled instead, so
these differ from the mean over folds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from autosmall.analysis.predictions import PredictionTable
from autosmall.training.metrics import LOG_LOSS_FLOOR

Matrix = NDArray[np.float64]


def draw_counts(groups: NDArray[np.int64], repetitions: int, seed: int) -> Matrix:
    """Return ``float64 (repetitions, n_samples)``: how often each picture is drawn.

    Whole groups are drawn with replacement, as many as there are, so that pictures that depend
    on each other are in or out together.
    """
    _, position = np.unique(groups, return_inverse=True)
    count = int(position.max()) + 1
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(count, np.full(count, 1.0 / count), size=repetitions)
    return np.asarray(draws[:, position], np.float64)


def bootstrap_scores(metric: str, table: PredictionTable, counts: Matrix) -> Matrix:
    """Return ``float64 (repetitions, C)``: oriented scores (higher is better) on each sample.

    NaN where a sample leaves the metric undefined (no picture, or a single class for
    ``roc_auc``).
    """
    if metric in ("accuracy", "balanced_accuracy", "log_loss"):
        return _mean_scores(metric, table, counts)
    column_score = _COLUMN_SCORES[metric]
    scores = [column_score(table, column, counts) for column in range(len(table.trials))]
    return np.stack(scores, axis=1)


def pooled_scores(metric: str, table: PredictionTable) -> NDArray[np.float64]:
    """Return ``float64 (C,)``: oriented scores with every picture counted once."""
    return np.asarray(bootstrap_scores(metric, table, np.ones((1, table.sample_count)))[0])


def _mean_scores(metric: str, table: PredictionTable, counts: Matrix) -> Matrix:
    """Score metrics that are means over pictures: two matrix products for all of them."""
    strata = table.labels if metric == "balanced_accuracy" else np.zeros_like(table.labels)
    base = _base_weights(table.folds, strata)
    values = _row_values(metric, table) * base[:, None]
    per_sample = _by_sample(table, values)
    members = np.zeros((table.sample_count, int(strata.max()) + 1))
    np.add.at(members, (table.samples, strata), base)
    return (counts * _sample_scale(counts, members)) @ per_sample


def _by_sample(table: PredictionTable, values: Matrix) -> Matrix:
    """Return ``(n_samples, C)``: the sums of a sample's rows; of one each without repeats."""
    found = np.zeros((table.sample_count, values.shape[1]))
    if len(values) == len(np.unique(table.samples)):
        found[table.samples] = values
    else:
        np.add.at(found, table.samples, values)
    return found


def _base_weights(folds: NDArray[np.int64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each row's share in the mean over folds of the mean over strata present in it."""
    cell = folds * (int(strata.max()) + 1) + strata
    cells, position, size = np.unique(cell, return_inverse=True, return_counts=True)
    fold_of_cell = cells // (int(strata.max()) + 1)
    fold_ids, strata_in_fold = np.unique(fold_of_cell, return_counts=True)
    strata_of_cell = strata_in_fold[np.searchsorted(fold_ids, fold_of_cell)]
    share = 1.0 / (len(fold_ids) * strata_of_cell * size)
    return np.asarray(share[position], np.float64)


def _sample_scale(counts: Matrix, members: Matrix) -> Matrix:
    """Return ``(repetitions, n_samples)`` factors that make the drawn weights sum to one.

    ``members[i, s]`` is the base weight of picture i in stratum s; each stratum keeps its share
    of the whole, however few of its pictures were drawn.
    """
    drawn = counts @ members
    share = members.sum(axis=0)
    present = drawn > 0
    whole = (present * share).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(present, share / drawn, 0.0) / whole
    stratum = np.argmax(members, axis=1)
    return np.asarray(factor[:, stratum], np.float64)


def _row_values(metric: str, table: PredictionTable) -> Matrix:
    """Return ``float64 (rows, C)``: right or wrong, or minus the log loss, of each prediction."""
    if metric == "log_loss":
        chosen = table.probabilities[:, np.arange(len(table.labels)), table.labels]
        clipped = np.clip(chosen.astype(np.float64), LOG_LOSS_FLOOR, 1.0)
        return np.asarray(np.log(clipped).T)
    return np.asarray((table.probabilities.argmax(axis=2) == table.labels).T, np.float64)


def _f1_macro(table: PredictionTable, column: int, counts: Matrix) -> NDArray[np.float64]:
    classes = table.class_count
    cell = table.labels * classes + table.probabilities[column].argmax(axis=1)
    spread = sparse.csr_matrix(
        (np.ones(len(cell)), (table.samples, cell)), (table.sample_count, classes**2)
    )
    confusion = np.asarray(spread.T @ counts.T).T.reshape(len(counts), classes, classes)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    whole = confusion.sum(axis=1) + confusion.sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_class = np.where(whole > 0, 2 * right / whole, np.nan)
    return _nan_mean(per_class)


def _roc_auc(table: PredictionTable, column: int, counts: Matrix) -> NDArray[np.float64]:
    """Return the mean over classes (one against the rest) of the area within folds."""
    classes = [1] if table.class_count == 2 else range(table.class_count)
    per_class = [_auc_of_class(table, column, counts, positive) for positive in classes]
    return _nan_mean(np.stack(per_class, axis=1))


def _auc_of_class(
    table: PredictionTable, column: int, counts: Matrix, positive: int
) -> NDArray[np.float64]:
    """Return the mean over folds; a fold weighs by the share of its pairs that was drawn."""
    total, weight = np.zeros(len(counts)), np.zeros(len(counts))
    for fold in np.unique(table.folds):
        rows = np.flatnonzero(table.folds == fold)
        truth = table.labels[rows] == positive
        if truth.all() or not truth.any():
            continue
        score = table.probabilities[column, rows, positive]
        won, pairs = _pairs_won(score, truth, counts[:, table.samples[rows]])
        share = 1.0 / (truth.sum() * (~truth).sum())
        total += won * share
        weight += pairs * share
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weight > 0, total / weight, np.nan)


def _pairs_won(
    score: NDArray[np.float32], truth: NDArray[np.bool_], counts: Matrix
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many drawn (positive, negative) pairs are in order, and how many there are.

    A tie counts as half a pair in order.
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    drawn = counts[:, order]
    positive = np.add.reduceat(drawn * truth[order], starts, axis=1)
    negative = np.add.reduceat(drawn * ~truth[order], starts, axis=1)
    below = np.cumsum(negative, axis=1)
    won = (positive * (below - negative / 2)).sum(axis=1)
    return won, positive.sum(axis=1) * below[:, -1]


def _average_precision(table: PredictionTable, column: int, counts: Matrix) -> NDArray[np.float64]:
    """Return the mean over classes (one against the rest), all folds pooled."""
    drawn = counts[:, table.samples]
    per_class = [
        _average_precision_of_class(
            table.probabilities[column, :, positive], table.labels == positive, drawn
        )
        for positive in np.unique(table.labels)
    ]
    return _nan_mean(np.stack(per_class, axis=1))


def _average_precision_of_class(
    score: NDArray[np.float32], truth: NDArray[np.bool_], drawn: Matrix
) -> NDArray[np.float64]:
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.diff(score[order]) != 0, True)
    hits = np.cumsum(drawn[:, order] * truth[order], axis=1)[:, last_of_tie]
    taken = np.cumsum(drawn[:, order], axis=1)[:, last_of_tie]
    gained = np.diff(hits, axis=1, prepend=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(taken > 0, hits / taken, 0.0)
        return np.asarray((gained * precision).sum(axis=1) / hits[:, -1], np.float64)


def _nan_mean(values: Matrix) -> NDArray[np.float64]:
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


_COLUMN_SCORES: dict[str, Callable[[PredictionTable, int, Matrix], NDArray[np.float64]]] = {
    "f1_macro": _f1_macro,
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
}
