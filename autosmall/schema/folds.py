"""The folds of a search, fixed from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FoldPlan:
    """Which sample is held out in which fold.

    Attributes:
        assignments: ``int64 (repeats, n_samples)``; entry ``[r, i]`` is the fold, 0 to
            ``fold_count - 1``, that holds sample ``i`` out in repeat ``r``.
        fold_count: Folds in each repeat (k).
        groups: ``int64 (n_samples,)``; samples of one group are always held out together.
        reason: Why k and the repeats are what they are, in one sentence.
    """

    assignments: NDArray[np.int64]
    fold_count: int
    groups: NDArray[np.int64]
    reason: str

    @property
    def repeats(self) -> int:
        """How many times all samples are split anew."""
        return int(self.assignments.shape[0])

    @property
    def total(self) -> int:
        """Number of (repeat, fold) pairs: fold ids run from 0 to ``total - 1``, by repeat."""
        return self.repeats * self.fold_count

    def train_index(self, fold: int) -> NDArray[np.int64]:
        """Return the sorted sample rows that fold id ``fold`` trains on."""
        repeat, part = divmod(fold, self.fold_count)
        return np.flatnonzero(self.assignments[repeat] != part).astype(np.int64)

    def validation_index(self, fold: int) -> NDArray[np.int64]:
        """Return the sorted sample rows that fold id ``fold`` holds out."""
        return self._held_out[fold].copy()

    def validation_count(self, fold: int) -> int:
        """Return how many samples fold id ``fold`` holds out."""
        return len(self._held_out[fold])

    @cached_property
    def _held_out(self) -> tuple[NDArray[np.int64], ...]:
        places = [divmod(fold, self.fold_count) for fold in range(self.total)]
        return tuple(
            np.flatnonzero(self.assignments[repeat] == part).astype(np.int64)
            for repeat, part in places
        )
