"""Paired comparison over folds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from autosmall.analysis.exact import effective_count, exact_interval, widen
from autosmall.analysis.paired import compare, corrected_standard_error, estimate


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


def test_difference_is_paired_and_antisymmetric():
    first, second = [0.9, 0.7, 0.8, 0.6, 0.75], [0.85, 0.66, 0.74, 0.56, 0.71]
    forth, back = compare(first, second, 5), compare(second, first, 5)
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.p_value == pytest.approx(back.p_value)
    # Scores spread over 30 points, differences over 2: only pairing can tell them.
    assert forth.p_value < 0.01
    assert forth.can_be_told


def test_p_value_and_interval_agree():
    rng = np.random.default_rng(0)
    for _ in range(50):
        found = compare(rng.normal(0.02, 0.05, 5).tolist(), [0.0] * 5, 5)
        assert found.can_be_told == (found.p_value < 0.05)


def test_equal_scores_are_no_evidence():
    assert compare([0.8, 0.9], [0.8, 0.9], 2).p_value == 1.0


def test_equal_differences_are_no_proof_where_pictures_are_few():
    first, second = [0.85] * 5, [0.80] * 5
    assert compare(first, second, 5).p_value == 0.0
    assert compare(first, second, 5, least_error=0.03).p_value > 0.1


def test_unequal_numbers_of_scores_cannot_be_paired():
    with pytest.raises(ValueError, match="cannot be paired"):
        compare([0.8], [0.8, 0.9], 5)


@pytest.mark.slow
def test_false_alarms_of_the_corrected_test():
    """Two equally good rules on folds that share training pictures: at most 6 % at 5 %."""
    alarms, runs = 0, 4000
    for run in range(runs):
        rng = np.random.default_rng(run)
        shared = rng.normal(size=100)
        right = [shared + rng.normal(size=100) < 1 for _ in range(2)]
        folds = rng.permutation(100).reshape(5, 20)
        scores = [[hits[fold].mean() for fold in folds] for hits in right]
        alarms += compare(*scores, 5).p_value < 0.05
    # Standard error of the share: sqrt(0.05 * 0.95 / 4000) = 0.34 %.
    assert alarms / runs <= 0.06


def test_exact_interval_matches_its_defining_tails():
    low, high = exact_interval(0.9, 50)
    assert stats.binom.sf(44, 50, low) == pytest.approx(0.025)
    assert stats.binom.cdf(45, 50, high) == pytest.approx(0.025)


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
    assert low == pytest.approx(0.025 ** (1 / 50))
    assert high == 1.0
    assert widen("accuracy", 0.5, (0.0, 1.0), 50) == (0.0, 1.0)
