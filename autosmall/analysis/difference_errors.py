"""Standard errors of the differences of scores, for any two configurations of many.

A long search has millions of pairs and asks for few of them, so no matrix of all is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class DifferenceErrors:
    """How far the difference of any two scores would vary with other pictures.

    Attributes:
        deviations: ``float64 (B, C)``: how far each of C scores lies from its mean in each of B
            bootstrap samples, over ``sqrt(B - 1)``. The standard error of a difference is thus
            the distance of two columns.
    """

    deviations: Reals
    _rows: dict[int, Reals] = field(init=False, default_factory=dict, repr=False, compare=False)

    @classmethod
    def of_samples(cls, scores: Reals) -> DifferenceErrors:
        """Return those that ``scores (B, C)`` show; all 0 for fewer than two samples."""
        if len(scores) < 2:
            return cls(np.zeros((1, scores.shape[1])))
        return cls((scores - scores.mean(axis=0)) / np.sqrt(len(scores) - 1))

    def alone(self) -> Reals:
        """Return ``float64 (C,)``: the standard error of each score itself."""
        return np.sqrt(np.square(self.deviations).sum(axis=0))

    def row(self, column: int) -> Reals:
        """Return ``float64 (C,)``: the standard error of each difference from ``column``.

        It is kept for the next time, and not to be changed.
        """
        if column not in self._rows:
            apart = self.deviations - self.deviations[:, column, None]
            self._rows[column] = np.sqrt(np.square(apart).sum(axis=0))
        return self._rows[column]

    def rows(self, columns: NDArray[np.int64]) -> Reals:
        """Return ``float64 (len(columns), C)``: a :meth:`row` for each of ``columns``."""
        distinct, place = np.unique(columns, return_inverse=True)
        return np.stack([self.row(column) for column in distinct.tolist()])[place]

    def mean_square(self) -> float:
        """Return the mean over all pairs of different columns, at least two, of the square."""
        count = self.deviations.shape[1]
        squares = float(np.square(self.deviations).sum())
        together = float(np.square(self.deviations.sum(axis=1)).sum())
        return max(0.0, 2 * (count * squares - together) / (count * (count - 1)))

    def select(self, columns: NDArray[np.int64]) -> DifferenceErrors:
        """Return those of these columns only."""
        return DifferenceErrors(self.deviations[:, columns])
