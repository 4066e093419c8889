"""A power law through the errors at several training sizes, and how sure its continuation is.

The mean error at n training pictures is taken to be ``a + b (n / N)^-c``, N being the largest size
(inverse power law: Figueroa et al., BMC Medical Informatics and Decision Making 12:8, 2012;
Hestness et al., arXiv 1712.00409). Not all learners follow one: near as many pictures as features
an unregularised linear model's error may rise with more of them (Viering and Loog, "The Shape of
Learning Curves", IEEE TPAMI 45, 2023), and then what is said here is wrong.

Four sizes cannot settle three numbers, so none is settled: all exponents c of :data:`EXPONENTS` are
kept, each with the weight that the errors give it and with the whole t-distribution of its slope b.
What is said of a larger size is read off this mixture.

The errors form a table of folds by sizes. Pictures that are hard for a fold are so at every size,
so folds have levels of their own, which cancel out of the slope; the rest is noise, whose variance
is the mean square of the interaction in this two-way layout and of what the curve misses. Folds
share training pictures, so their means vary more than independent ones: variances are multiplied
by ``1 + J / (k - 1)`` for J of k folds (Nadeau and Bengio, Machine Learning 52, 2003). Slopes may
be of either sign, so that "no gain" is among the answers; members count the less, the surer it is
that their error would be below zero at infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

EXPONENTS = np.geomspace(0.1, 1.5, 30)
"""Exponents that are thought of, equally likely at first (evenly on a logarithmic scale)."""

_SLOPES = 60
"""Points of each t-distribution, in the middle of parts of equal probability."""

LEVEL = 0.95

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PowerLaw:
    """A mixture of power laws.

    Attributes:
        size: The largest training size, N.
        exponents: ``float64 (d,)``, c of each member.
        slopes: ``float64 (d,)``, b of each member.
        levels: ``float64 (d,)``, error of each member at N.
        weights: ``float64 (d,)``, adding up to 1.
        folds: Folds that the errors come from.
        level_error: Standard error of the level that all sizes share.
        exponent_weights: ``float64 (30,)``, weights of :data:`EXPONENTS`.
    """

    size: float
    exponents: Reals
    slopes: Reals
    levels: Reals
    weights: Reals
    folds: int
    level_error: float
    exponent_weights: Reals

    def error(self, size: float) -> Expected:
        """Return the mean error at ``size`` training pictures, never below zero."""
        drops = self._drops(size)
        found = self._expected(self.levels - drops)
        reach = float(stdtrit(max(1, self.folds - 1), 0.5 + LEVEL / 2)) * self.level_error
        low = found.value - math.hypot(found.value - found.low, reach)
        high = found.value + math.hypot(found.high - found.value, reach)
        return Expected(max(0.0, found.value), max(0.0, low), high)

    def gain(self, factor: float) -> Expected:
        """Return by how much the error falls with ``factor`` times as many pictures as N."""
        return self._expected(self._drops(factor * self.size))

    @property
    def exponent(self) -> Expected:
        """The exponent c."""
        return self._expected(self.exponents)

    def _drops(self, size: float) -> Reals:
        return np.asarray(self.slopes * (1 - (size / self.size) ** -self.exponents))

    def _expected(self, values: Reals) -> Expected:
        order = np.argsort(values)
        below = np.cumsum(self.weights[order]) - self.weights[order] / 2
        wanted = (0.5, 0.5 - LEVEL / 2, 0.5 + LEVEL / 2)
        return Expected(*(float(q) for q in np.interp(wanted, below, values[order])))


def fit_power_law(
    sizes: Reals,
    errors: Reals,
    fold_count: int,
    least_deviation: float,
    exponent_weights: Reals | None = None,
) -> PowerLaw:
    """Return the power laws that go with the errors.

    Args:
        sizes: ``float64 (S,)``, training pictures, rising; at least three.
        errors: ``float64 (J, S)``, error of each fold at each size, 0 or more.
        fold_count: Folds k of a repeat.
        least_deviation: Noise that a fold's error has at the least, such as half a picture.
        exponent_weights: Weights of :data:`EXPONENTS` beforehand; equal ones by default.
    """
    folds, count = errors.shape
    inflation = 1 + folds / (fold_count - 1)
    mean, grand = errors.mean(axis=0), float(errors.mean())
    noise = errors - mean - errors.mean(axis=1, keepdims=True) + grand
    freedom = (folds - 1) * (count - 1) + count - 2
    powers = (sizes / sizes[-1]) ** -EXPONENTS[:, None]
    centred = powers - powers.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    best = centred @ mean / squares
    missed = ((mean - grand - best[:, None] * centred) ** 2).sum(axis=1)
    variance = np.maximum((folds * missed + (noise**2).sum()) / freedom, least_deviation**2)
    log_evidence = -0.5 * freedom / inflation * np.log(variance)
    prior = np.ones(len(EXPONENTS)) if exponent_weights is None else exponent_weights
    evidence = prior * np.exp(log_evidence - log_evidence.max())
    quantiles = stdtrit(freedom, (np.arange(_SLOPES) + 0.5) / _SLOPES)
    deviations = np.sqrt(inflation * variance / (folds * squares))
    slopes = best[:, None] + deviations[:, None] * quantiles
    levels = grand + slopes * centred[:, -1:]
    weights = np.broadcast_to(evidence[:, None], slopes.shape)
    level_error = _level_error(errors, inflation)
    possible = weights * ndtr((levels - slopes) / max(level_error, least_deviation))
    kept = possible if possible.sum() > 0 else weights
    return PowerLaw(
        size=float(sizes[-1]),
        exponents=np.repeat(EXPONENTS, _SLOPES),
        slopes=slopes.ravel(),
        levels=levels.ravel(),
        weights=(kept / kept.sum()).ravel(),
        folds=folds,
        level_error=level_error,
        exponent_weights=kept.sum(axis=1) / kept.sum(),
    )


def _level_error(errors: Reals, inflation: float) -> float:
    """Return the standard error of the mean of the folds' levels; 0 for a single fold."""
    folds = len(errors)
    if folds < 2:
        return 0.0
    return math.sqrt(inflation / folds * float(np.var(errors.mean(axis=1), ddof=1)))
