"""Would more pictures help? Learning curves over training sizes, continued to twice as many.

Scores at shares of the training part come from fits made for this (``sample_size/``), those at the
whole from the search. A leader was picked for its score at the whole; its scores at the shares, on
the same held-out pictures and on parts of the same training pictures, share most of that luck, so
it shifts the curve rather than bends it. All classes shrink together: what a class would gain if
it alone grew is not measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.last_result import keep_last
from autosmall.analysis.power_law import Expected, PowerLaw, fit_power_law
from autosmall.analysis.ranking import Ranking
from autosmall.schema.results import FoldResult
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.schema.sample_size import SHARES_PERCENT, SubsetScore
from autosmall.training.metrics import higher_is_better

FACTOR = 2.0
"""How many times as many pictures the curves are continued to."""

LEAST_FOLDS = 2
"""Folds that must be there at all shares: the noise is judged from how they differ."""

COUNTS_BY_SHARE = ("accuracy",)
"""Metrics in which a class counts by its pictures; in all others each counts the same."""

_DRAWN_SIZES = 16

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class SizeScore:
    """Scores at one training size: the mean over ``folds`` folds, and the folds' own."""

    pictures: float
    score: float
    fold_scores: tuple[float, ...]


@dataclass(frozen=True)
class CurvePoint:
    """The fitted curve at a training size; ``pictures`` beyond the last size are extrapolated."""

    pictures: float
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassGain:
    """What twice as many pictures of all classes would do for one.

    Attributes:
        name: The class.
        pictures: Its pictures in the data set.
        recall: Part of them that is found now.
        gain: Rise of that part.
        weight: What the class counts for in the metric; the weights add up to 1.
    """

    name: str
    pictures: int
    recall: float
    gain: Expected
    weight: float


@dataclass(frozen=True)
class LearningCurve:
    """One configuration's scores over training sizes.

    Attributes:
        trial: Its number.
        strategy: Its strategy.
        folds: Folds that were trained at all sizes.
        sizes: Measured scores, smallest size first.
        gain: Rise of the score with :data:`FACTOR` times as many pictures; negative is a fall.
        predicted: Score expected then.
        final_gain: Rise of the score with all pictures in place of a fold's training part.
        exponent: Exponent c of the power law.
        points: The curve to draw, from the smallest size to the extrapolated one.
        classes: Gains per class, the one that brings the metric most first.
    """

    trial: int
    strategy: str
    folds: int
    sizes: tuple[SizeScore, ...]
    gain: Expected
    predicted: Expected
    final_gain: Expected
    exponent: Expected
    points: tuple[CurvePoint, ...]
    classes: tuple[ClassGain, ...]


@keep_last
def learning_curves(run: RunData, ranking: Ranking) -> tuple[LearningCurve, ...]:
    """Return a curve per ranked trial with enough fits on parts of its pictures, best first."""
    by_trial: dict[int, list[SubsetScore]] = {}
    for score in run.subset_scores:
        by_trial.setdefault(score.trial, []).append(score)
    records = {trial.number: trial for trial in run.trials}
    order = sorted(ranking.rows, key=lambda row: -ranking.oriented(row.summary.score.mean))
    curves = (
        _curve(run, records[row.summary.trial], by_trial[row.summary.trial])
        for row in order
        if row.summary.trial in by_trial
    )
    return tuple(curve for curve in curves if curve is not None)


def class_recalls(
    labels: NDArray[np.int64], probabilities: NDArray[np.float32], class_count: int
) -> tuple[float, ...]:
    """Return the part of each class's pictures that is found, NaN for a class without any."""
    if not probabilities.size:
        return (math.nan,) * class_count
    right = probabilities.argmax(axis=1) == labels
    found = np.bincount(labels, weights=right, minlength=class_count)
    counts = np.bincount(labels, minlength=class_count)
    return tuple((found / np.where(counts, counts, np.nan)).tolist())


def _curve(run: RunData, trial: TrialRecord, scores: list[SubsetScore]) -> LearningCurve | None:
    table = {(s.fold, s.share_percent): s for s in scores if run.metric in s.scores}
    table |= {(fold.fold, 100): _whole(run, fold) for fold in trial.folds if fold.scores}
    shares = (*SHARES_PERCENT, 100)
    folds = [f for f in range(run.folds.total) if all((f, share) in table for share in shares)]
    if len(folds) < LEAST_FOLDS:
        return None
    rows = [[table[fold, share] for share in shares] for fold in folds]
    sizes = np.array([[sum(s.train_counts) for s in row] for row in rows], np.float64).mean(axis=0)
    values = np.array([[s.scores[run.metric] for s in row] for row in rows])
    if len(np.unique(sizes)) < len(shares) or not np.isfinite(values).all():
        return None
    law = _law(run, sizes, _errors(run.metric, values), _held_out(run))
    return LearningCurve(
        trial=trial.number,
        strategy=trial.suggestion.config.strategy,
        folds=len(folds),
        sizes=tuple(
            SizeScore(float(size), float(column.mean()), tuple(column.tolist()))
            for size, column in zip(sizes, values.T, strict=True)
        ),
        gain=law.gain(FACTOR),
        predicted=_as_score(run.metric, law.error(FACTOR * law.size)),
        final_gain=law.gain(len(run.labels) / law.size),
        exponent=law.exponent,
        points=_points(run.metric, law, float(sizes[0])),
        classes=_class_gains(run, sizes, rows, law),
    )


def _whole(run: RunData, fold: FoldResult) -> SubsetScore:
    """Return a fold of the search as the fit on the whole training part that it was."""
    count = len(run.classes)
    train = np.bincount(run.labels[run.folds.train_index(fold.fold)], minlength=count)
    labels = run.labels[run.folds.validation_index(fold.fold)]
    recalls = class_recalls(labels, fold.probabilities, count)
    counts = tuple(train.tolist())
    return SubsetScore(fold.trial, fold.fold, 100, counts, fold.scores, recalls, fold.fit_seconds)


def _class_gains(
    run: RunData, sizes: Reals, rows: list[list[SubsetScore]], law: PowerLaw
) -> tuple[ClassGain, ...]:
    counts = np.bincount(run.labels, minlength=len(run.classes))
    weights = counts / counts.sum() if run.metric in COUNTS_BY_SHARE else np.ones(len(counts))
    gains = []
    for label, name in enumerate(run.classes):
        recalls = np.array([[s.recalls[label] for s in row] for row in rows])
        recalls = recalls[np.isfinite(recalls).all(axis=1)]
        if len(recalls) < LEAST_FOLDS:
            continue
        held_out = counts[label] / run.folds.fold_count
        own = _law(run, sizes, 1 - recalls, held_out, law.exponent_weights)
        weight = float(weights[label] / weights.sum())
        recall = float(recalls[:, -1].mean())
        gains.append(ClassGain(name, int(counts[label]), recall, own.gain(FACTOR), weight))
    return tuple(sorted(gains, key=lambda g: (-g.weight * g.gain.value, g.name)))


def _law(
    run: RunData,
    sizes: Reals,
    errors: Reals,
    held_out: float,
    exponent_weights: Reals | None = None,
) -> PowerLaw:
    """Fit the law; a fold's error is never known better than to half a held-out picture."""
    return fit_power_law(sizes, errors, run.folds.fold_count, 0.5 / held_out, exponent_weights)


def _held_out(run: RunData) -> float:
    return len(run.labels) / run.folds.fold_count


def _errors(metric: str, scores: Reals) -> Reals:
    return 1 - scores if higher_is_better(metric) else scores


def _as_score(metric: str, error: Expected) -> Expected:
    if not higher_is_better(metric):
        return error
    return Expected(1 - error.value, 1 - error.high, 1 - error.low)


def _points(metric: str, law: PowerLaw, smallest: float) -> tuple[CurvePoint, ...]:
    measured = np.geomspace(smallest, law.size, _DRAWN_SIZES)
    beyond = np.geomspace(law.size, FACTOR * law.size, _DRAWN_SIZES // 2)
    sizes = [*measured, *beyond[1:]]
    found = [(size, _as_score(metric, law.error(float(size)))) for size in sizes]
    return tuple(CurvePoint(float(n), e.value, max(0.0, e.low), e.high) for n, e in found)
