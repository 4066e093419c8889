"""The effect of one setting on an outcome, with the others held still, from a few dozen trials.

A search changes everything at once, so settings go together by chance or by the explorer's choice.
Ordinary regression on all of them would leave no degrees of freedom. Here the outcome of trial t is

``y_t = b x_t + c' u_t + d' z_t + e_t``

with the setting ``x``, confounders ``u`` that are adjusted for in full (they take a degree of
freedom each), and other settings ``z`` whose coefficients are taken to scatter normally around
zero with a common variance, ``lambda`` times that of ``e``. ``lambda`` is estimated by restricted
maximum likelihood (Patterson and Thompson, "Recovery of inter-block information when block sizes
are unequal", Biometrika 58, 1971); ``b`` is then the generalised least squares estimate. Its
degrees of freedom are the trials less all fixed coefficients, less the effective number of those
of ``z`` (Hastie and Tibshirani, "Generalized Additive Models", 1990, section 3.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Reals = NDArray[np.float64]

LEAST_FREEDOM = 8
"""Trials less fixed coefficients below which nothing is estimated."""

LEAST_LEFT = 1e-6
"""Share of a setting's variance that its confounders must leave."""

_RATIOS = np.concatenate([[0.0], np.logspace(-3, 2, 26)])
"""Values of ``lambda`` that are tried, for columns ``z`` of variance 1."""


@dataclass(frozen=True)
class Effect:
    """What the outcome changes by for a change of the setting.

    Attributes:
        change: Best estimate.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Two-sided probability of a change at least this large if there were none.
    """

    change: float
    low: float
    high: float
    p_value: float

    def scaled(self, factor: float) -> Effect:
        """Return the effect of a change that is ``factor`` times as large."""
        low, high = sorted((factor * self.low, factor * self.high))
        return Effect(factor * self.change, low, high, self.p_value)


def partial_effect(
    outcome: Reals, setting: Reals, confounders: Reals, others: Reals
) -> Effect | None:
    """Return the change of ``outcome`` per unit of ``setting``, all else held still.

    Args:
        outcome: ``(n,)``.
        setting: ``(n,)``.
        confounders: ``(n, p)``, adjusted for in full; an intercept is added.
        others: ``(n, q)``, adjusted for as far as they matter; columns of variance 1.

    ``None`` where fewer than :data:`LEAST_FREEDOM` degrees of freedom are left, or the confounders
    leave nothing of the setting.
    """
    fixed = _independent(np.column_stack([np.ones(len(outcome)), confounders]))
    freedom = len(outcome) - fixed.shape[1] - 1
    left = _residual(setting, fixed)
    if freedom < LEAST_FREEDOM or left @ left <= LEAST_LEFT * np.var(setting) * len(setting):
        return None
    basis, sizes, _ = np.linalg.svd(_residual(others, fixed), full_matrices=False)
    scene = _Scene(_residual(outcome, fixed), left, basis, sizes**2, freedom)
    ratio = min(_RATIOS.tolist(), key=scene.criterion)
    return scene.effect(ratio)


@dataclass(frozen=True)
class _Scene:
    """The model after the fixed coefficients are projected out; see :func:`partial_effect`."""

    outcome: Reals
    setting: Reals
    basis: Reals
    squares: Reals
    freedom: int

    def criterion(self, ratio: float) -> float:
        """Return minus twice the restricted log likelihood, but for a constant."""
        _, noise, weight = self._fit(ratio)
        spread = float(np.log1p(ratio * self.squares).sum())
        return spread + math.log(weight) + self.freedom * math.log(max(noise, 1e-300))

    def effect(self, ratio: float) -> Effect:
        slope, noise, weight = self._fit(ratio)
        effective = float((ratio * self.squares / (1 + ratio * self.squares)).sum())
        freedom = max(1.0, self.freedom - effective)
        error = math.sqrt(noise / self.freedom / weight)
        reach = float(stdtrit(freedom, 0.975)) * error
        p_value = 2 * float(stdtr(freedom, -abs(slope) / error)) if error > 0 else 1.0
        return Effect(slope, slope - reach, slope + reach, p_value)

    def _fit(self, ratio: float) -> tuple[float, float, float]:
        """Return the slope, the weighted sum of squared residuals, and the slope's weight."""
        weight = self._product(self.setting, self.setting, ratio)
        slope = self._product(self.setting, self.outcome, ratio) / weight
        rest = self.outcome - slope * self.setting
        return slope, self._product(rest, rest, ratio), weight

    def _product(self, first: Reals, second: Reals, ratio: float) -> float:
        """Return ``first' V^-1 second`` with ``V = 1 + ratio z z'``."""
        shrunk = ratio * self.squares / (1 + ratio * self.squares)
        return float(first @ second - (self.basis.T @ first * shrunk) @ (self.basis.T @ second))


def _independent(columns: Reals) -> Reals:
    """Return an orthonormal basis of what ``columns`` span."""
    basis, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(basis[:, sizes > 1e-9 * sizes[0]], np.float64)


def _residual(values: Reals, fixed: Reals) -> Reals:
    return np.asarray(values - fixed @ (fixed.T @ values), np.float64)
