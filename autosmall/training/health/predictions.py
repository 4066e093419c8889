"""Rules on the predictions at the end of a fit.

Fixed steps of accuracy misfire on few pictures: with 20 of them one picture is 5 points. What is
asked here is whether predictions go with the labels at all, by a permutation test, and how much of
what was learned carries over to held-out pictures, within the error that their number allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHANCE_DEVIATIONS = 1.64
"""Below this many deviations, exchanged labels do as well in 5 % of the cases or more."""
LEARNED_DEVIATIONS = 3.0
"""Training pictures go with their labels beyond doubt from here on."""
CARRIED_SHARE = 0.5
"""Part of what was learned that a healthy fit carries over to held-out pictures."""
GAP = 0.10
GAP_DEVIATIONS = 2.0
LOW_SKILL = 0.5

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Association:
    """How far predictions go with labels.

    Attributes:
        excess: Mean probability of the true class, less its mean over all ways of exchanging the
            labels among the pictures; in [-1, 1].
        deviation: Standard deviation over these ways.
    """

    excess: float
    deviation: float

    def exceeds(self, deviations: float) -> bool:
        """Tell whether the excess is above so many standard deviations."""
        return self.excess > deviations * self.deviation


def association(labels: Labels, probabilities: Probabilities) -> Association:
    """Return how far ``probabilities`` ``(n, k)`` go with ``labels`` ``(n,)``; n is 2 or more.

    Mean and deviation under permutation are exact: with ``a[i, j]`` the probability that picture i
    has the class of picture j, and ``d`` the same less the means of its row and column, plus the
    mean of all, the variance of the mean of ``a[i, s(i)]`` is ``sum(d**2) / (n**2 (n - 1))``
    (Hoeffding, "A combinatorial central limit theorem", Annals of Mathematical Statistics 22,
    1951, theorem 2).

    >>> association(np.array([0, 0, 1, 1]), np.float32([[1, 0], [1, 0], [0, 1], [0, 1]]))
    Association(excess=0.5, deviation=0.28867513459481287)
    """
    count = len(labels)
    given = probabilities.astype(np.float64)
    shares = np.bincount(labels, minlength=given.shape[1]) / count
    by_row = given @ shares
    centred = given - given.mean(axis=0) - by_row[:, None] + by_row.mean()
    variance = float((centred**2 @ shares).sum()) / (count * (count - 1))
    right = float(given[np.arange(count), labels].mean())
    return Association(right - float(by_row.mean()), math.sqrt(variance))


def carries_over(train: Association, held_out: Association) -> bool:
    """Tell whether half of what was learned may carry over, given the error of ``held_out``."""
    most = held_out.excess + CHANCE_DEVIATIONS * held_out.deviation
    return most >= CARRIED_SHARE * train.excess


def is_one_class(parts: Sequence[Probabilities]) -> bool:
    """Tell whether all rows of all ``parts`` ``(n, k)`` have their maximum at the same class."""
    return len(np.unique(np.concatenate([part.argmax(axis=1) for part in parts]))) == 1


def has_gap(train_score: float, validation_score: float, validation_count: int) -> bool:
    """Tell whether a share of right answers is far better in training than on held-out pictures.

    Both are accuracies (plain or balanced) in ``[0, 1]``. The gap must exceed 0.10 and two standard
    deviations of the validation score.

    >>> has_gap(1.0, 0.8, 200), has_gap(1.0, 0.8, 20), has_gap(1.0, 0.85, 20)
    (True, True, False)
    """
    deviation = _deviation(validation_score, validation_count)
    return train_score - validation_score > max(GAP, GAP_DEVIATIONS * deviation)


def has_fallen(before: float, after: float, count: int) -> bool:
    """Tell whether an accuracy on the same ``count`` pictures fell by more than its deviation.

    >>> has_fallen(0.8, 0.6, 40), has_fallen(0.8, 0.775, 40)
    (True, False)
    """
    return before - after > _deviation(before, count)


def loses_half(
    train_score: float, validation_score: float, validation_count: int, class_count: int
) -> bool:
    """Tell whether less than half of the skill on training pictures is left on held-out ones.

    Scores are as in :func:`has_gap`; the validation score is given 1.64 standard deviations.

    >>> loses_half(1.0, 0.65, 1000, 2), loses_half(1.0, 0.65, 40, 2)
    (True, False)
    """
    most = validation_score + CHANCE_DEVIATIONS * _deviation(validation_score, validation_count)
    return skill(most, class_count) < CARRIED_SHARE * skill(train_score, class_count)


def _deviation(score: float, count: int) -> float:
    """Return ``sqrt(p (1 - p) / n)`` for ``p`` right of ``n``.

    ``p`` is taken from ``(right + 1) / (n + 2)``, as the formula is 0 where all are wrong.
    """
    share = (score * count + 1) / (count + 2)
    return math.sqrt(share * (1 - share) / count)


def skill(balanced_accuracy: float, class_count: int) -> float:
    """Return a balanced accuracy on a scale of 0, guessing, to 1, all right.

    >>> skill(0.75, 2), skill(0.1, 10)
    (0.5, 0.0)
    """
    return (balanced_accuracy - 1 / class_count) / (1 - 1 / class_count)
