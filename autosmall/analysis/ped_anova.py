"""How far the values of a setting among the best trials differ from those among all (PED-ANOVA).

The numbers are those of ``optuna.importance.PedAnovaImportanceEvaluator`` with its defaults, which
takes trial objects and one scoring of them; here a setting's values are read once for all scorings
(Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces", IJCAI 2023).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

GRID_POINTS = 50
"""Numbers are looked at on a grid of this many points from their least to their largest."""

NARROWEST = 0.5 / 1.64
"""Smallest width of a kernel, in grid points: 90 % of it lie within its own point."""

SMALLEST_DENSITY = 1e-12

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class ComparedSetting:
    """A setting of T trials, ready to be compared for any choice of the best among them.

    Args:
        places: ``int64 (T,)``: which choice, or which point of the grid, each trial has.
        size: How many there are.
        is_number: Whether neighbouring places are alike.
    """

    def __init__(self, places: Places, size: int, *, is_number: bool) -> None:
        self._places, self._size, self._is_number = places, size, is_number
        self._among_all = self._density(places)

    @classmethod
    def of_numbers(cls, values: Floats) -> ComparedSetting:
        """Return a setting of numbers, ``(T,)``, that are not all equal."""
        step = np.ptp(values) / (GRID_POINTS - 1)
        places = np.ceil((values - values.min()) / step - 0.5).astype(np.int64)
        return cls(np.clip(places, 0, GRID_POINTS - 1), GRID_POINTS, is_number=True)

    @classmethod
    def of_choices(cls, values: Places, choices: int) -> ComparedSetting:
        """Return a setting without an order: ``values (T,)`` are from 0 to ``choices - 1``."""
        return cls(values, choices, is_number=False)

    def divergence(self, best: NDArray[np.bool_]) -> float:
        """Return the Pearson divergence of the ``best (T,)`` from all, times their squared share.

        It is 0 or more; 0 where both are alike.
        """
        among_best = self._density(self._places[best])
        difference = self._among_all @ (among_best / self._among_all - 1) ** 2
        return float(best.mean() ** 2 * difference)

    def _density(self, places: Places) -> Floats:
        """Return the share of each place, ``(size,)``, by a kernel for each trial and a prior."""
        counts = np.bincount(places, minlength=self._size)
        kinds = np.flatnonzero(counts)
        of_kind = self._kernels(kinds, counts[kinds])
        weights = np.append(counts[kinds], 1.0) / (counts.sum() + 1.0)
        return np.asarray(weights @ of_kind + SMALLEST_DENSITY, np.float64)

    def _kernels(self, kinds: Places, counts: Places) -> Floats:
        """Return ``(kinds + 1, size)``: what a trial of each kind adds, and at last the prior."""
        if not self._is_number:
            flat = 1.0 / (len(kinds) + 1)
            kernels = np.full((len(kinds) + 1, self._size), flat)
            kernels[np.arange(len(kinds)), kinds] += 1
            return np.asarray(kernels / kernels.sum(axis=1, keepdims=True), np.float64)
        middles = np.append(kinds, (self._size - 1) / 2)
        widths = np.append(np.full(len(kinds), _width(kinds, counts)), self._size)
        edges = ndtr((np.arange(self._size + 1) - 0.5 - middles[:, None]) / widths[:, None])
        return np.asarray(np.diff(edges) / (edges[:, -1:] - edges[:, :1]), np.float64)


def best_of(scores: Floats, share: float) -> NDArray[np.bool_]:
    """Return which of ``scores (T,)``, more being better, are among this share; ties all are."""
    last = math.ceil(share * len(scores)) - 1
    return np.asarray(scores >= np.sort(scores)[::-1][last])


def _width(kinds: Places, counts: Places) -> float:
    """Return the width of kernels by Scott's rule, from at most ``GRID_POINTS`` counted points."""
    total, reached = int(counts.sum()), np.cumsum(counts)
    mean = kinds @ counts / total
    deviation = math.sqrt(((kinds - mean) ** 2 @ counts) / max(1, total - 1))
    first = np.searchsorted(reached, total // 4, side="left")
    third = min(len(kinds) - 1, int(np.searchsorted(reached, total * 3 // 4, side="right")))
    quartiles = (kinds[third] - kinds[first]) / 1.34
    return float(max(1.059 * min(quartiles, deviation) * total**-0.2, NARROWEST))
