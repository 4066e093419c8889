"""The rare class: how well it is found, and from which probability on to call a picture its own.

Everything rests on out-of-fold predictions, scaled by the temperature of
:mod:`autosmall.analysis.calibration`. What a threshold reaches is cross-fitted: in each fold it
is the one derived, temperature included, from the pictures of the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autosmall.analysis.calibration import fit_temperature, fold_masks
from autosmall.analysis.predictions import PredictionTable
from autosmall.models.temperature import scale_probabilities
from autosmall.training.metrics import IMBALANCE_RATIO

RECALL, PRECISION = "recall", "precision"

WANTED = (0.8, 0.9, 0.95, 0.99)
"""Shares for which thresholds are derived."""

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Threshold:
    """A probability from which on a picture is called one of the class, and what that reaches.

    Attributes:
        goal: ``recall`` or ``precision``.
        wanted: The share that the threshold is meant to reach.
        probability: The least scaled probability that counts.
        recall: Share of the class's pictures that are found, cross-fitted.
        precision: Share of the pictures called so that are of the class, cross-fitted; NaN
            where none is. It holds for the class's share in these pictures only.
        called_share: Share of all pictures that are called so, cross-fitted.
    """

    goal: str
    wanted: float
    probability: float
    recall: float
    precision: float
    called_share: float


@dataclass(frozen=True)
class RareClass:
    """The class that thresholds are about, against all others.

    Attributes:
        name: Its name.
        pictures: Number of its pictures.
        share: Their share of all pictures.
        average_precision: Area under its precision-recall curve, all folds together; ``share``
            is what guessing reaches.
        recall: Share of its pictures that are found where the most probable class counts.
        precision: Share of the pictures called so that are of the class then; NaN where none is.
        thresholds: By goal, then by wanted share; goals that need more pictures are left out.
    """

    name: str
    pictures: int
    share: float
    average_precision: float
    recall: float
    precision: float
    thresholds: tuple[Threshold, ...]


def rare_class_index(labels: ArrayLike, class_count: int) -> int | None:
    """Return the class that thresholds are for, or ``None`` where no class stands out.

    Of two classes it is the rarer one (the last in order, if equal); of more it is the rarest,
    if the largest has at least :data:`IMBALANCE_RATIO` times its pictures.
    """
    counts = np.bincount(np.asarray(labels, np.int64), minlength=class_count)
    if class_count == 2:
        return int(counts[1] <= counts[0])
    return int(counts.argmin()) if counts.max() >= IMBALANCE_RATIO * counts.min() else None


def least_pictures(wanted: float) -> int:
    """Return how many pictures of the class a threshold for ``wanted`` recall takes.

    >>> least_pictures(0.8), least_pictures(0.95)
    (4, 19)
    """
    return math.ceil(round(wanted / (1 - wanted), 9))


def find_rare_class(table: PredictionTable, trial: int, classes: Sequence[str]) -> RareClass | None:
    """Return how a trial of ``table`` does on the rare class; ``None`` where none stands out."""
    first = np.unique(table.samples, return_index=True)[1]
    index = rare_class_index(table.labels[first], len(classes))
    if index is None:
        return None
    # A second to import, for the runs that have a rare class.
    from sklearn.metrics import average_precision_score

    probabilities = table.probabilities[table.trials.index(trial)]
    truth = table.labels == index
    recall, precision, _ = _rates(truth, probabilities.argmax(axis=1) == index)
    return RareClass(
        name=classes[index],
        pictures=int((table.labels[first] == index).sum()),
        share=float(truth.mean()),
        average_precision=float(average_precision_score(truth, probabilities[:, index])),
        recall=recall,
        precision=precision,
        thresholds=_thresholds(table, probabilities, index),
    )


def with_threshold(probabilities: Probabilities, index: int, threshold: float) -> NDArray[np.int64]:
    """Return the class of each row: ``index`` from ``threshold`` on, else the best of the others.

    >>> with_threshold(np.array([[0.7, 0.3], [0.9, 0.1]], np.float32), 1, 0.25).tolist()
    [1, 0]
    """
    others = probabilities.copy()
    others[:, index] = -1.0
    called = probabilities[:, index] >= np.float32(threshold)
    return np.where(called, index, others.argmax(axis=1)).astype(np.int64)


def recall_threshold(scores: NDArray[np.float32], pictures: int, wanted: float) -> float:
    """Return the threshold that finds ``wanted`` of the class, or NaN for too few pictures.

    ``scores`` are those of the class's own pictures, each as often as the folds were repeated.
    With m pictures it is the k-th smallest score, ``k = floor((1 - wanted) (m + 1))``: a further
    picture of the class then reaches it with a probability of at least ``wanted``, whatever the
    distribution (conformal prediction; Sadinle, Lei and Wasserman, "Least Ambiguous Set-Valued
    Classifiers with Bounded Error Levels", JASA 114, 2019, section 3).
    """
    place = math.floor(round((1 - wanted) * (pictures + 1), 9))
    if place < 1:
        return math.nan
    row = place * len(scores) // max(1, pictures) - 1
    return float(np.sort(scores)[row])


def precision_threshold(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], wanted: float, repeats: float = 1.0
) -> float:
    """Return the least threshold whose calls are right in ``wanted`` of the cases, or NaN.

    Each picture stands ``repeats`` times. One more wrong call than was seen is reckoned with,
    as in the control of false discoveries (Barber and Candès, Annals of Statistics 43, 2015,
    "knockoff+"), because the threshold is picked where precision looks good.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    called = np.arange(1, len(scores) + 1)
    wrong = np.cumsum(~truth[order])
    good = last_of_tie & (repeats + wrong <= (1 - wanted) * called + 1e-9)
    return float(scores[order][np.flatnonzero(good)[-1]]) if good.any() else math.nan


def _thresholds(
    table: PredictionTable, probabilities: Probabilities, index: int
) -> tuple[Threshold, ...]:
    everything = np.ones(len(table.labels), np.bool_)
    derived = _derive(table, probabilities, index, everything, everything)
    truth = table.labels == index
    calls = {goal: np.zeros(len(truth), np.bool_) for goal in derived}
    missing: set[tuple[str, float]] = set()
    for held_out, others in fold_masks(table):
        for goal, (threshold, scores) in _derive(
            table, probabilities, index, others, held_out
        ).items():
            calls[goal][held_out] = scores >= threshold
            missing |= {goal} if math.isnan(threshold) else set()
    return tuple(
        Threshold(*goal, threshold, *_rates(truth, calls[goal]))
        for goal, (threshold, _) in derived.items()
        if goal not in missing and not math.isnan(threshold)
    )


def _derive(
    table: PredictionTable,
    probabilities: Probabilities,
    index: int,
    fitted: NDArray[np.bool_],
    applied: NDArray[np.bool_],
) -> dict[tuple[str, float], tuple[float, NDArray[np.float32]]]:
    """Return, for each goal, the threshold from rows ``fitted`` and the scores of ``applied``."""
    samples = table.samples[fitted]
    labels = table.labels[fitted]
    temperature = fit_temperature(labels, probabilities[fitted], len(np.unique(samples)))
    scores = scale_probabilities(probabilities[fitted], temperature)[:, index]
    theirs = scale_probabilities(probabilities[applied], temperature)[:, index]
    truth = labels == index
    pictures = len(np.unique(samples[truth]))
    repeats = len(samples) / len(np.unique(samples))
    found = {(RECALL, w): recall_threshold(scores[truth], pictures, w) for w in WANTED}
    found |= {(PRECISION, w): precision_threshold(scores, truth, w, repeats) for w in WANTED}
    return {goal: (threshold, theirs) for goal, threshold in found.items()}


def _rates(truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return recall, precision (NaN where nothing is called) and the share that is called."""
    hits = int((truth & called).sum())
    precision = hits / int(called.sum()) if called.any() else math.nan
    return hits / max(1, int(truth.sum())), precision, float(called.mean())
