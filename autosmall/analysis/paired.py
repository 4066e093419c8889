"""Paired comparison of two configurations on the same pictures and folds.

Two things make a difference of scores uncertain. *Pictures*: with others drawn, the two would
differ by another amount. *Training sets*: trained on others, each would be another model. The
corrected resampled t-test (:func:`corrected_t_test`) reads both off the scatter of a few fold
scores; with three folds it has two degrees of freedom and cannot tell a majority class at 9 % from
a model at 45 %. :func:`combined_posterior` therefore takes the part of the pictures from the
pictures, of which there are many, and uses folds only for what they scatter beyond that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from scipy.special import chdtri, stdtr, stdtrit

LEVEL = 0.95

ROPE = 0.01
"""Half the region of practical equivalence on the metric's scale: differences within 1 point."""

PRIOR_FOLDS = 8.0
"""Folds that the belief about their scatter is worth, against those of the pair itself."""


@dataclass(frozen=True)
class Estimate:
    """A mean over folds with its standard error and 95 % interval (NaN where unknown)."""

    mean: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True)
class Posterior:
    """What is believed of a difference: a Student t distribution.

    Attributes:
        location: Its centre.
        scale: Its scale, 0 for certainty.
        degrees_of_freedom: Above 0.
    """

    location: float
    scale: float
    degrees_of_freedom: float

    def below(self, value: float) -> float:
        """Return the probability of a difference below ``value``; a certain ``value`` is half."""
        if math.isnan(self.scale) or math.isnan(self.location):
            return math.nan
        if self.scale == 0:
            return float(np.heaviside(value - self.location, 0.5))
        return float(stdtr(self.degrees_of_freedom, (value - self.location) / self.scale))

    def interval(self) -> tuple[float, float]:
        """Return both ends of the central 95 %."""
        reach = float(stdtrit(self.degrees_of_freedom, 0.5 + LEVEL / 2)) * self.scale
        return self.location - reach, self.location + reach


@dataclass(frozen=True)
class PictureNoise:
    """How far a difference would vary with other pictures.

    Attributes:
        standard_error: Of the difference of the two scores, above 0.
        pictures: Independent pictures that it rests on.
        fold_ratio: By how many times the variance over folds exceeds what pictures alone would
            give, in the whole run (see :func:`typical_fold_ratio`); 1 or more.
    """

    standard_error: float
    pictures: float
    fold_ratio: float = 1.0


@dataclass(frozen=True)
class PairedDifference:
    """How much one configuration exceeds another on the same pictures and folds.

    Attributes:
        difference: Difference of the scores, oriented so that more is better for the first.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Two-sided probability of a difference at least this large if there were none.
            Interval and probabilities are those of :func:`combined_posterior`.
        p_worse: Probability that the first is worse by more than :data:`ROPE`.
        p_equivalent: Probability that the two differ by at most :data:`ROPE`.
        p_better: Probability that the first is better by more than :data:`ROPE`.
        fold_p_value: ``p_value`` of :func:`corrected_t_test`, by folds alone.
    """

    difference: float
    low: float
    high: float
    p_value: float
    p_worse: float = math.nan
    p_equivalent: float = math.nan
    p_better: float = math.nan
    fold_p_value: float = math.nan

    def reversed(self) -> PairedDifference:
        """Return how much the second exceeds the first."""
        return replace(
            self,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            p_worse=self.p_better,
            p_better=self.p_worse,
        )

    @property
    def can_be_told(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def corrected_standard_error(values: Sequence[float], fold_count: int) -> float:
    """Return the standard error of the mean of one value per fold, for overlapping folds.

    Training parts of different folds share most of their pictures, so fold scores are not
    independent; the variance is therefore multiplied by ``1/J + n_test/n_train`` instead of
    ``1/J``, where J is the number of values and ``n_test/n_train = 1/(k - 1)`` for k folds
    (Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003,
    section 3, "corrected resampled t-test"). NaN for fewer than two values.
    """
    if len(values) < 2:
        return math.nan
    return math.sqrt(_overlap(len(values), fold_count) * _variance(values))


def estimate(values: Sequence[float], fold_count: int) -> Estimate:
    """Return the mean of fold scores with its corrected standard error and 95 % t-interval.

    The interval has ``J - 1`` degrees of freedom. It describes one configuration named in
    advance; it knows nothing of having been picked as the best of many.
    """
    mean = fmean(values) if len(values) else math.nan
    error = corrected_standard_error(values, fold_count)
    if math.isnan(error):
        return Estimate(mean, error, math.nan, math.nan)
    return Estimate(mean, error, *Posterior(mean, error, len(values) - 1).interval())


def correlated_posterior(differences: Sequence[float], fold_count: int) -> Posterior:
    """Return the posterior of the mean difference by the Bayesian correlated t-test.

    A Student t with ``J - 1`` degrees of freedom, centred at the mean of the J differences, of
    scale ``sqrt((1/J + rho / (1 - rho)) s^2)`` with the correlation ``rho = n_test / n``, which is
    ``1/k`` for k folds (Benavoli, Corani, Demsar and Zaffalon, "Time for a change: a tutorial for
    comparing multiple classifiers through Bayesian analysis", JMLR 18, 2017, section 3.1). As
    ``rho / (1 - rho) = n_test / n_train``, the scale is the standard error of Nadeau and Bengio.
    """
    error = corrected_standard_error(differences, fold_count)
    return Posterior(fmean(differences), error, max(1, len(differences) - 1))


def corrected_t_test(differences: Sequence[float], fold_count: int) -> float:
    """Return the two-sided p-value of the corrected resampled t-test (Nadeau and Bengio, 2003)."""
    return _p_value(correlated_posterior(differences, fold_count))


def combined_posterior(
    differences: Sequence[float], fold_count: int, noise: PictureNoise
) -> Posterior:
    """Return what is believed of the difference, from pictures and folds together.

    Held-out pictures of different folds are different pictures, so their part of the variance,
    ``e^2``, needs no correction for overlap; it makes fold differences vary by ``k e^2``. What
    they vary beyond that, by the ratio ``q``, comes from training sets and is multiplied by
    ``1/J + 1/(k - 1)`` (Nadeau and Bengio). ``q`` is the pair's own, known badly from J folds,
    moderated by the run's as if that were :data:`PRIOR_FOLDS` more (Smyth, "Linear models and
    empirical Bayes methods", SAGMB 3, 2004, section 3), and at least 1. The degrees of freedom
    are those of Satterthwaite (Biometrics Bulletin 2, 1946) for the sum of the two parts.
    """
    mean, count = fmean(differences), len(differences)
    of_pictures = noise.standard_error**2
    known = PRIOR_FOLDS + count - 1
    own = (count - 1) * fold_ratio(differences, fold_count, noise.standard_error)
    ratio = max(1.0, (PRIOR_FOLDS * noise.fold_ratio + own) / known)
    of_training = _overlap(count, fold_count) * (ratio - 1) * fold_count * of_pictures
    variance = of_pictures + of_training
    freedom = variance**2 / (of_pictures**2 / max(1.0, noise.pictures - 1) + of_training**2 / known)
    return Posterior(mean, math.sqrt(variance), freedom)


def describe(posterior: Posterior, fold_p_value: float = math.nan) -> PairedDifference:
    """Return the difference that ``posterior`` is about, with its interval and probabilities."""
    worse, not_better = posterior.below(-ROPE), posterior.below(ROPE)
    return PairedDifference(
        posterior.location,
        *posterior.interval(),
        p_value=_p_value(posterior),
        p_worse=worse,
        p_equivalent=not_better - worse,
        p_better=1 - not_better,
        fold_p_value=fold_p_value,
    )


def fold_ratio(differences: Sequence[float], fold_count: int, standard_error: float) -> float:
    """Return by how many times the variance over folds is what pictures alone would give."""
    if len(differences) < 2:
        return 1.0
    return _variance(differences) / (fold_count * standard_error**2)


def typical_fold_ratio(ratios: Sequence[float], count: int) -> float:
    """Return the median of ``ratios``, each from ``count`` folds, without its bias, at least 1.

    Were there no training noise, each would be a chi-squared over its ``count - 1`` degrees of
    freedom, whose median is below 1.
    """
    if len(ratios) == 0 or count < 2:
        return 1.0
    unbiased = float(chdtri(count - 1, 0.5)) / (count - 1)
    return max(1.0, float(np.median(ratios)) / unbiased)


def _overlap(count: int, fold_count: int) -> float:
    return 1.0 / count + 1.0 / (fold_count - 1)


def _p_value(posterior: Posterior) -> float:
    below = posterior.below(0.0)
    return 2 * min(below, 1 - below)


def _variance(values: Sequence[float]) -> float:
    """Return the variance with ``len(values) - 1`` degrees of freedom.

    NumPy takes longer to begin than this takes for a few folds.
    """
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
