"""How likely two equal configurations would differ as much on the same pictures.

Each picture is a pair of predictions. What a picture adds to the difference between the two
configurations is its influence; were they equal, each influence could as well have had the other
sign. The p-value is the chance that flipping the signs at random gives a difference as large as
the one seen:

* influences of one size (right or wrong answers, each picture counting alike): the exact sign
  test on discordant pictures (McNemar, Psychometrika 12, 1947);
* others: at most 3.178 times the normal tail, for any weights and any number of pictures
  (Bentkus and Dzindzalieta, Bernoulli 21, 2015, theorem 1.1), so that small folds are safe too.

What is compared per metric:

=====================  ==========================================================================
accuracy               right answers
balanced_accuracy      right answers, each class weighing the same
f1_macro               the same as balanced accuracy, which it follows closely
log_loss               minus log probability of the true class
roc_auc                placement of each picture among those of other classes, fold by fold, macro
                       over classes (DeLong et al., Biometrics 44, 1988); an approximation
average_precision      the same as ``roc_auc``: both judge the order alone
=====================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, ndtr

from autosmall.training.metrics import LOG_LOSS_FLOOR

TAIL_FACTOR = float(1 / (4 * ndtr(-np.sqrt(2))))
"""Largest ratio of the tail of a weighted sum of random signs to the normal tail, 3.178."""

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class PairedPictures:
    """What two configurations predicted for the same held-out pictures.

    All arrays have one row per prediction; with repeated folds a picture has several.

    Attributes:
        pictures: ``int64 (n,)``, sample rows.
        folds: ``int64 (n,)``, fold ids.
        labels: ``int64 (n,)``, true classes.
        incumbent: ``float64 (n, class_count)``, probabilities of the one to beat.
        candidate: ``float64 (n, class_count)``, probabilities of the one being judged.
    """

    pictures: NDArray[np.int64]
    folds: NDArray[np.int64]
    labels: NDArray[np.int64]
    incumbent: Reals
    candidate: Reals


@dataclass(frozen=True)
class Difference:
    """By how much the incumbent is ahead (``total``), and what each prediction adds to it."""

    total: float
    influences: Reals


def p_value(metric: str, pairs: PairedPictures) -> float:
    """Return the one-sided p-value of "the candidate is no worse", in ``[0, 1]``."""
    difference = _DIFFERENCES[metric](pairs)
    pictures, rows = np.unique(pairs.pictures, return_inverse=True)
    influences = np.zeros(len(pictures))
    np.add.at(influences, rows, difference.influences)
    return flip_p_value(difference.total, influences)


def flip_p_value(total: float, influences: Reals) -> float:
    """Return (a bound on) the chance that random signs add up to ``total`` or more.

    Args:
        total: The difference seen.
        influences: ``float64 (n,)``, one per independent picture; their signs are not used
            unless all are of one size.

    >>> flip_p_value(4.0, np.array([1.0, 1.0, 1.0, 1.0, 0.0]))
    0.0625
    """
    sizes = np.abs(influences[influences != 0])
    if total <= 0 or sizes.size == 0:
        return 1.0
    if np.ptp(sizes) <= 1e-9 * sizes.max() and np.isclose(total, influences.sum()):
        ahead = int(np.sum(influences > 0))
        return float(bdtrc(ahead - 1, sizes.size, 0.5))
    return min(1.0, TAIL_FACTOR * float(ndtr(-total / np.linalg.norm(sizes))))


def _right(probabilities: Reals, labels: NDArray[np.int64]) -> Reals:
    return (probabilities.argmax(axis=1) == labels).astype(np.float64)


def _accuracy(pairs: PairedPictures) -> Difference:
    ahead = _right(pairs.incumbent, pairs.labels) - _right(pairs.candidate, pairs.labels)
    return Difference(float(ahead.sum()), ahead)


def _balanced(pairs: PairedPictures) -> Difference:
    counts = np.bincount(pairs.labels)
    weights = 1 / (np.count_nonzero(counts) * counts[pairs.labels])
    ahead = weights * _accuracy(pairs).influences
    return Difference(float(ahead.sum()), ahead)


def _log_loss(pairs: PairedPictures) -> Difference:
    rows = np.arange(len(pairs.labels))
    logs = [
        np.log(np.clip(probabilities[rows, pairs.labels], LOG_LOSS_FLOOR, 1.0))
        for probabilities in (pairs.incumbent, pairs.candidate)
    ]
    ahead = logs[0] - logs[1]
    return Difference(float(ahead.sum()), ahead)


def _ranks(pairs: PairedPictures) -> Difference:
    influences = np.zeros(len(pairs.labels))
    folds = np.unique(pairs.folds)
    for fold in folds:
        rows = pairs.folds == fold
        labels = pairs.labels[rows]
        placed = _placements(pairs.incumbent[rows], labels)
        influences[rows] = (placed - _placements(pairs.candidate[rows], labels)) / len(folds)
    # Positives and negatives each add up to the whole area, so together they count it twice.
    return Difference(float(influences.sum()) / 2, influences)


def _placements(probabilities: Reals, labels: NDArray[np.int64]) -> Reals:
    """Return each picture's share in the macro one-vs-rest area, ``(n,)``; they sum to twice it.

    For one class, a positive's share is the part of negatives it stands above, divided by the
    number of positives; a negative's is the part of positives above it, likewise.
    """
    shares = np.zeros(len(labels))
    classes = [c for c in np.unique(labels) if 0 < np.sum(labels == c) < len(labels)]
    for label in classes:
        scores, positive = probabilities[:, label], labels == label
        above = _part_below(scores[positive], scores[~positive])
        shares[positive] += above / (positive.sum() * len(classes))
        below = _part_below(-scores[~positive], -scores[positive])
        shares[~positive] += below / ((~positive).sum() * len(classes))
    return shares


def _part_below(scores: Reals, others: Reals) -> Reals:
    """Return for each score the part of ``others`` below it, ties counting half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return below / (2 * len(ordered))


_DIFFERENCES: dict[str, Callable[[PairedPictures], Difference]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced,
    "f1_macro": _balanced,
    "log_loss": _log_loss,
    "roc_auc": _ranks,
    "average_precision": _ranks,
}
