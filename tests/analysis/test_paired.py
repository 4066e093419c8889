"""Paired comparison over pictures and folds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.differences import Differences, typical_ratio
from autosmall.analysis.exact import effective_count, exact_interval, widen
from autosmall.analysis.paired import (
    PRIOR_FOLDS,
    ROPE,
    PictureNoise,
    Posterior,
    combined_posterior,
    corrected_standard_error,
    corrected_t_test,
    correlated_posterior,
    describe,
    estimate,
    typical_fold_ratio,
)


def test_standard_error_is_that_of_nadeau_and_bengio():
    values = [0.80, 0.84, 0.78, 0.86, 0.82]
    # J = 5 values of variance 0.001, n_test / n_train = 1/4: sqrt((1/5 + 1/4) * 0.001).
    assert corrected_standard_error(values, 5) == pytest.approx(math.sqrt(0.45 * 0.001))


def test_interval_is_the_t_interval():
    values = [0.80, 0.84, 0.78, 0.86, 0.82]
    found = estimate(values, 5)
    reach = stats.t.ppf(0.975, 4) * math.sqrt(0.45 * 0.001)
    assert (found.mean, found.low, found.high) == pytest.approx((0.82, 0.82 - reach, 0.82 + reach))


def test_one_fold_has_no_interval():
    assert math.isnan(estimate([0.8], 5).low)
    assert math.isnan(estimate([], 5).mean)


NOISE = PictureNoise(0.02, 200)


def differ(differences, fold_count=5, noise=NOISE):
    return describe(combined_posterior(differences, fold_count, noise))


def test_difference_is_antisymmetric():
    forth, back = differ([0.05, 0.04, 0.06]), differ([-0.05, -0.04, -0.06])
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.p_value == pytest.approx(back.p_value)
    assert forth.p_better == pytest.approx(back.p_worse)
    assert forth.low == pytest.approx(-back.high)


def test_p_value_interval_and_probabilities_agree():
    rng = np.random.default_rng(0)
    for _ in range(50):
        found = differ(rng.normal(0.03, 0.05, 5))
        assert found.can_be_told == (found.p_value < 0.05)
        assert found.p_worse + found.p_equivalent + found.p_better == pytest.approx(1)


def test_folds_that_agree_by_chance_add_no_certainty():
    # All five differ by 3 points; pictures alone give 2 points of standard error.
    found = combined_posterior([0.03] * 5, 5, NOISE)
    assert (found.location, found.scale) == (pytest.approx(0.03), pytest.approx(0.02))
    assert found.degrees_of_freedom == pytest.approx(199)


def test_folds_that_vary_more_than_pictures_add_uncertainty():
    # Variance over folds 0.01, of which pictures explain 5 * 0.0004 = 0.002: a ratio of 5.
    steps = np.array([-1, -1, 0, 1, 1]) * 0.1
    found = combined_posterior(steps, 5, NOISE)
    ratio = (PRIOR_FOLDS + 4 * 5) / (PRIOR_FOLDS + 4)
    training = (1 / 5 + 1 / 4) * (ratio - 1) * 0.002
    assert found.scale == pytest.approx(math.sqrt(0.0004 + training))
    assert found.degrees_of_freedom == pytest.approx(
        (0.0004 + training) ** 2 / (0.0004**2 / 199 + training**2 / (PRIOR_FOLDS + 4))
    )


def test_a_run_whose_folds_vary_makes_each_pair_less_certain():
    noisy = PictureNoise(0.02, 200, fold_ratio=4.0)
    assert combined_posterior([0.03] * 5, 5, noisy).scale > 1.3 * 0.02


def test_three_folds_tell_a_majority_class_from_a_model():
    differences = [0.45 - 0.09, 0.50 - 0.08, 0.40 - 0.10]
    # Sign digits: 100 pictures; a paired difference of 40 points has an error of about 6.
    found = differ(differences, 3, PictureNoise(0.06, 100))
    assert found.p_value < 1e-6
    assert found.p_better > 0.999
    assert corrected_t_test([0.5, 0.1, 0.3], 3) > 0.05


def test_correlated_t_test_reproduces_numerical_integration():
    """The published closed form against the model it is the posterior of, on a grid.

    Benavoli et al. (2017): x = 1 mu + v, v ~ N(0, Sigma) with variance s2 and correlation rho,
    prior p(mu, s2) ~ 1 / s2, the correlation fixed to the share of a test part.
    """
    x, folds = np.array([0.021, -0.004, 0.034, 0.012, 0.018]), 5
    count, rho = len(x), 1 / folds
    inverse = np.linalg.inv(np.full((count, count), rho) + (1 - rho) * np.eye(count))
    mus = np.linspace(-0.25, 0.28, 2001)
    variances = np.exp(np.linspace(np.log(1e-7), np.log(1.0), 1501))
    residuals = x[None, :] - mus[:, None]
    squares = np.einsum("ij,jk,ik->i", residuals, inverse, residuals)
    # Integrated over log s2, so the prior 1 / s2 is flat.
    log_density = -0.5 * count * np.log(variances) - squares[:, None] / (2 * variances)
    density = np.exp(log_density - log_density.max()).sum(axis=1)
    cumulated = np.cumsum(density) / density.sum()
    posterior = correlated_posterior(x, folds)
    for edge in (-ROPE, 0.0, ROPE, 0.03):
        # The grid of mu has steps of 0.000265, worth up to 0.6 % of the mass.
        assert posterior.below(edge) == pytest.approx(np.interp(edge, mus, cumulated), abs=0.006)


def test_correlated_t_test_has_the_scale_of_the_corrected_resampled_one():
    values = [0.02, 0.05, -0.01]
    posterior = correlated_posterior(values, 3)
    assert posterior.scale == pytest.approx(corrected_standard_error(values, 3))
    assert posterior.degrees_of_freedom == 2
    expected = 2 * stats.t.sf(posterior.location / posterior.scale, 2)
    assert corrected_t_test(values, 3) == pytest.approx(expected)


@pytest.mark.parametrize("apart", [0, 1, 3, 5])
def test_nearly_the_same_predictions_are_equivalent(apart):
    """At most 0.5 % of 1,000 pictures, wherever they lie and whoever is right."""
    rng = np.random.default_rng(apart)
    probabilities = []
    for _ in range(200):
        ahead = np.zeros(1000)
        ahead[rng.choice(1000, apart, replace=False)] = rng.choice([-1.0, 1.0], apart)
        noise = PictureNoise(max(ahead.std() / math.sqrt(1000), 1 / 1000), 1000)
        probabilities.append(differ(ahead.reshape(5, 200).mean(axis=1), 5, noise).p_equivalent)
    # Five pictures on which the same one is right, most of them in one fold, come in 1 of 800
    # draws and give 0.92.
    assert np.mean(np.array(probabilities) > 0.95) >= (1.0 if apart < 5 else 0.99)


@pytest.mark.parametrize("folds", [3, 5])
@pytest.mark.parametrize("training_noise", [0.0, 0.03])
def test_false_alarms_of_the_combined_test(folds, training_noise):
    """Equally good configurations, each fold's fit off by its own luck: at most 6 % at 5 %."""
    rng = np.random.default_rng(folds)
    samples, columns, runs = 300, 12, 400
    part = np.arange(samples) % folds
    alarms, by_folds = [], []
    for _ in range(runs):
        truths = np.clip(0.8 + training_noise * rng.normal(size=(folds, columns)), 0.05, 0.99)
        latent = np.sqrt(0.7) * rng.normal(size=(samples, 1)) + np.sqrt(0.3) * rng.normal(
            size=(samples, columns)
        )
        right = (latent < stats.norm.ppf(truths)[part]).astype(float)
        found = drawn_differences(right, part, folds)
        told = [found.compare(column, 0) for column in range(1, columns)]
        alarms += [difference.p_value < 0.05 for difference in told]
        by_folds += [difference.fold_p_value < 0.05 for difference in told]
    # 4,400 comparisons, eleven of a run sharing a rival: a standard error of 0.5 %. Larger
    # simulations (tests/benchmarks) give 3 to 5 %.
    assert np.mean(alarms) <= 0.06
    assert np.mean(by_folds) <= 0.06


def drawn_differences(right, part, folds):
    scores = {
        column: tuple(right[part == fold, column].mean() for fold in range(folds))
        for column in range(right.shape[1])
    }
    errors = DifferenceErrors.of_samples(right / np.sqrt(len(right)))
    found = Differences("accuracy", scores, errors, folds, float(len(right)))
    return replace(found, fold_ratio=typical_ratio(found, 0))


def test_typical_fold_ratio_of_pure_picture_noise_is_one():
    rng = np.random.default_rng(0)
    ratios = rng.chisquare(4, 20_000) / 4
    # The median of 20,000 draws is known to 1 %.
    assert typical_fold_ratio(ratios, 5) == pytest.approx(1, abs=0.03)
    assert typical_fold_ratio(3 * ratios, 5) == pytest.approx(3, rel=0.03)
    assert typical_fold_ratio([], 5) == typical_fold_ratio([0.1], 1) == 1


def test_certainty_is_told_from_ignorance():
    certain = Posterior(0.0, 0.0, 4)
    assert (certain.below(-0.01), certain.below(0.0), certain.below(0.01)) == (0, 0.5, 1)
    assert math.isnan(Posterior(0.1, math.nan, 4).below(0.0))


def test_exact_interval_matches_its_defining_tails():
    low, high = exact_interval(0.9, 50)
    for p, tail in ((low, 0.025), (high, 0.975)):
        above = stats.binom.sf(45, 50, p) + stats.binom.pmf(45, 50, p) / 2
        assert above == pytest.approx(tail)


@pytest.mark.parametrize("truth", [0.5, 0.8, 0.95])
def test_exact_interval_covers_its_level_on_average(truth):
    hits = np.arange(101)
    ends = np.array([exact_interval(hit / 100, 100) for hit in hits])
    covered = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    # Exact sums, no simulation; the number of hits is whole, so the level cannot be met everywhere.
    assert 0.93 < stats.binom.pmf(hits, 100, truth) @ covered < 0.975


def test_groups_and_rare_classes_make_fewer_independent_pictures():
    labels = np.repeat([0, 1], [90, 10])
    alone = np.arange(100)
    assert effective_count("accuracy", labels, alone) == 100
    assert effective_count("accuracy", labels, alone // 2) == 50
    # 4 / (1/90 + 1/10) = 36.
    assert effective_count("balanced_accuracy", labels, alone) == pytest.approx(36)


def test_only_shares_are_widened():
    assert widen("log_loss", 0.1, (0.1, 0.1), 50) == (0.1, 0.1)
    low, high = widen("accuracy", 1.0, (1.0, 1.0), 50)
    assert low == pytest.approx(0.05 ** (1 / 50))
    assert high == 1.0
    assert widen("accuracy", 0.5, (0.0, 1.0), 50) == (0.0, 1.0)
