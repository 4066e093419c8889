"""How sure the differences between the configurations of one run are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.exact import SHARES
from autosmall.analysis.paired import (
    PairedDifference,
    PictureNoise,
    Posterior,
    combined_posterior,
    corrected_t_test,
    describe,
    fold_ratio,
    typical_fold_ratio,
)

SMALLEST_ERROR = 1e-9
"""Standard error of a difference between configurations that predict the same."""


@dataclass(frozen=True)
class Differences:
    """Compares any two trials that are complete on all folds.

    Attributes:
        metric: The search's metric.
        fold_scores: Trial number to its oriented score on each fold, in order of the folds.
        standard_errors: Over pictures, columns in the order of ``fold_scores``.
        fold_count: Folds of each repeat (k).
        pictures: Independent pictures that a score rests on (groups count once).
        fold_ratio: See :class:`~autosmall.analysis.paired.PictureNoise`.
    """

    metric: str
    fold_scores: Mapping[int, tuple[float, ...]]
    standard_errors: DifferenceErrors
    fold_count: int
    pictures: float
    fold_ratio: float = 1.0

    def compare(self, first: int, second: int) -> PairedDifference:
        """Return how much trial ``first`` exceeds trial ``second``, both named in advance."""
        by_folds = corrected_t_test(self._by_fold(first, second), self.fold_count)
        return describe(self.posterior(first, second), by_folds)

    def posterior(self, first: int, second: int) -> Posterior:
        """Return what is believed of the difference of two trials."""
        noise = PictureNoise(self.standard_error(first, second), self.pictures, self.fold_ratio)
        return combined_posterior(self._by_fold(first, second), self.fold_count, noise)

    def standard_error(self, first: int, second: int) -> float:
        """Return the standard error over pictures of the difference of two trials, above 0.

        For shares of pictures it is at least that of a single picture that one of the two gets
        right: that none was seen does not show that there is none.
        """
        error = float(self.standard_errors.row(self._columns[second])[self._columns[first]])
        return max(error, 1 / self.pictures if self.metric in SHARES else SMALLEST_ERROR)

    def ratio(self, first: int, second: int) -> float:
        """Return by how many times their difference varies over folds as pictures explain."""
        by_fold = self._by_fold(first, second)
        return fold_ratio(by_fold, self.fold_count, self.standard_error(first, second))

    @cached_property
    def _columns(self) -> dict[int, int]:
        return {trial: column for column, trial in enumerate(self.fold_scores)}

    def _by_fold(self, first: int, second: int) -> list[float]:
        pairs = zip(self.fold_scores[first], self.fold_scores[second], strict=True)
        return [one - other for one, other in pairs]


def typical_ratio(differences: Differences, leader: int) -> float:
    """Return the run's fold ratio: that of the typical trial compared with ``leader``."""
    folds = len(differences.fold_scores[leader])
    ratios = [
        differences.ratio(trial, leader) for trial in differences.fold_scores if trial != leader
    ]
    return typical_fold_ratio(ratios, folds)
