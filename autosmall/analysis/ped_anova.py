"""How far the values of a setting among the best trials differ from those among all (PED-ANOVA).

The numbers are those of ``optuna.importance.PedAnovaImportanceEvaluator`` for settings that all
trials have (Watanabe, Bansal and Hutter, IJCAI 2023, algorithm 1). It builds a study's trials and
both densities anew for each question; here a setting is put on its grid once, so that asking about
other scores, shuffled ones say, takes a tenth of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

GRID = 50
"""Steps from the lowest to the highest number."""

SMALLEST_DENSITY = 1e-12
"""Added to both densities, whose quotient is looked at."""

NARROWEST = 0.5 / 1.64
"""Least width of a kernel in steps: nine tenths of it lie within its own step."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OnGrid:
    """One setting of all trials on a grid.

    Attributes:
        cells: ``int64 (trials,)``: the cell of each, from 0.
        size: Number of cells.
        is_number: Whether neighbouring cells are near each other; else they are choices.
    """

    cells: NDArray[np.int64]
    size: int
    is_number: bool

    def difference(self, best: NDArray[np.bool_]) -> float:
        """Return how far the ``best (trials,)`` differ from all; their share squared is part."""
        if self.size < 2:
            return 0.0
        ratio = self._density(best) / self._of_all
        return float(best.mean() ** 2 * (self._of_all @ (ratio - 1) ** 2))

    @cached_property
    def _of_all(self) -> Floats:
        return self._density(np.ones(len(self.cells), bool))

    def _density(self, members: NDArray[np.bool_]) -> Floats:
        counts = np.bincount(self.cells[members], minlength=self.size)
        found = _of_numbers(counts) if self.is_number else _of_choices(counts)
        return found + SMALLEST_DENSITY


def numbers_on_grid(values: Floats) -> OnGrid:
    """Return numbers on :data:`GRID` cells from the lowest to the highest; one where all agree."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return OnGrid(np.zeros(len(values), np.int64), 1, is_number=True)
    step = (high - low) / (GRID - 1)
    cells = np.ceil((values - low) / step - 0.5).astype(np.int64)
    return OnGrid(np.clip(cells, 0, GRID - 1), GRID, is_number=True)


def choices_on_grid(places: NDArray[np.int64], count: int) -> OnGrid:
    """Return choices, given by their places among ``count``, a cell each."""
    return OnGrid(places, count, is_number=False)


def best_trials(scores: Floats, share: float) -> NDArray[np.bool_]:
    """Return which trials are among the best ``share``, those that tie with the last included."""
    losses = -scores
    last = math.ceil(share * len(losses)) - 1
    return np.asarray(losses <= np.partition(losses, last)[last])


def _of_numbers(counts: NDArray[np.int64]) -> Floats:
    """Return the density of cells: a normal kernel about each that is taken, and a wide one.

    All are cut at the ends of the grid. The width is Scott's (Multivariate Density Estimation,
    1992), from the standard deviation or the quartiles, whichever says less.
    """
    taken = np.flatnonzero(counts)
    weights = counts[taken]
    centres = np.append(taken, (len(counts) - 1) / 2)
    widths = np.append(np.full(len(taken), _width(taken, weights)), len(counts))
    edges = np.arange(len(counts) + 1) - 0.5
    below = ndtr((edges[:, None] - centres) / widths)
    kernels = np.diff(below, axis=0) / (below[-1] - below[0])
    return np.asarray(kernels @ (np.append(weights, 1.0) / (weights.sum() + 1.0)), np.float64)


def _width(taken: NDArray[np.int64], weights: NDArray[np.int64]) -> float:
    upto, total = np.cumsum(weights), int(weights.sum())
    mean = (taken @ weights) / total
    deviation = math.sqrt(((taken - mean) ** 2 @ weights) / max(1, total - 1))
    quarter = int(np.searchsorted(upto, total // 4, side="left"))
    three = min(len(taken) - 1, int(np.searchsorted(upto, total * 3 // 4, side="right")))
    lower, upper = float(taken[quarter]), float(taken[three])
    return max(1.059 * min((upper - lower) / 1.34, deviation) * total**-0.2, NARROWEST)


def _of_choices(counts: NDArray[np.int64]) -> Floats:
    """Return the density of choices: their shares, smoothed by one trial that made all alike."""
    kernels, total = np.count_nonzero(counts) + 1, counts.sum()
    own = (total / kernels + counts) / (len(counts) / kernels + 1)
    return np.asarray((own + 1 / len(counts)) / (total + 1), np.float64)
