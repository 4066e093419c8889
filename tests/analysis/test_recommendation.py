"""The rule: what it picks, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.recommendation import (
    LEAST_PROBABILITY,
    MARGIN,
    Contest,
    leaders,
    probability_better,
    recommend,
    required_leads,
    true_spread,
)


def equal_errors(count, error):
    """Scores that err independently, each pair of them by ``error``."""
    return DifferenceErrors(error / np.sqrt(2) * np.eye(count))


def contest(parameters, seconds=None, error=0.02, **options):
    size = len(parameters)
    return Contest(
        tuple(range(size)),
        np.array(parameters, float),
        np.array(seconds or [1.0] * size),
        equal_errors(size, error),
        **options,
    )


@pytest.mark.parametrize(
    ("scores", "losses", "parameters", "seconds", "prefer", "expected"),
    [
        pytest.param([0.90, 0.80], [3, 3], [10, 1], None, "accuracy", 0, id="best score"),
        pytest.param([0.9, 0.899], [3, 3], [10, 1], None, "accuracy", 0, id="however large"),
        pytest.param([0.9, 0.9], [3, 2], [1, 10], None, "accuracy", 1, id="tie: log loss"),
        pytest.param([0.9, 0.9], [3, 3], [10, 1], None, "accuracy", 1, id="tie: parameters"),
        pytest.param([0.9, 0.9], [3, 3], [1, 1], [9.0, 2.0], "accuracy", 0, id="tie: number"),
        pytest.param([np.nan, 0.5], [3, 3], [1, 10], None, "accuracy", 1, id="NaN never wins"),
        pytest.param([0.9, 0.9], [np.nan, 4], [1, 1], None, "accuracy", 1, id="NaN loss loses"),
        pytest.param([0.90, 0.895], [3, 3], [10, 1], None, "simple", 1, id="simple and near"),
        pytest.param([0.90, 0.885], [3, 3], [10, 1], None, "simple", 0, id="past the margin"),
        pytest.param([0.90, 0.895], [3, 3], [1, 1], [9.0, 2.0], "simple", 1, id="as small: time"),
        pytest.param([0.90, 0.895], [3, 3], [1, 9], [9.0, 2.0], "speed", 1, id="quick and near"),
        pytest.param([0.90, 0.895], [3, 3], [1, 9], [9.0, 2.0], "simple", 0, id="quick but large"),
    ],
)
def test_rule_without_a_default(scores, losses, parameters, seconds, prefer, expected):
    found = contest(parameters, seconds, prefer=prefer)
    assert recommend(np.array([scores]), -np.array([losses], float), found).tolist() == [expected]


def test_simple_is_at_most_one_standard_error_below():
    scores, losses = np.array([[0.90, 0.895]]), np.zeros((1, 2))
    for error, expected in ((0.006, 1), (0.004, 0)):
        found = contest([10, 1], error=error, prefer="simple")
        assert recommend(scores, losses, found).tolist() == [expected]


@pytest.mark.parametrize(
    ("lead", "spread", "expected"),
    [
        pytest.param(0.05, 0.05, 1, id="a large lead among unlike ones"),
        pytest.param(0.05, 0.005, 0, id="the same lead among equals"),
        pytest.param(0.05, 0.0, 0, id="no spread shows at all"),
        pytest.param(0.01, 0.05, 0, id="a small lead"),
        pytest.param(0.0, 0.05, 0, id="no lead"),
    ],
)
def test_the_default_stays_unless_it_is_surely_beaten(lead, spread, expected):
    # The leader has the better log loss, so only the guard can keep the default.
    found = contest([1, 1], spread=spread, default=0)
    picked = recommend(np.array([[0.8, 0.8 + lead]]), np.array([[-3.0, -2.0]]), found)
    assert picked.tolist() == [expected]


def test_the_default_is_kept_where_another_predicts_the_same():
    found = contest([9, 1], error=0.0, spread=0.05, default=0)
    assert recommend(np.array([[0.8, 0.8]]), np.zeros((1, 2)), found).tolist() == [0]


def test_required_lead_is_where_the_probability_is_reached():
    errors = np.array([0.0, 0.01, 0.04])
    for error, lead in zip(errors[1:], required_leads(errors, 0.02)[1:], strict=True):
        assert probability_better(lead, error, 0.02) == pytest.approx(LEAST_PROBABILITY)
    assert required_leads(errors, 0.02)[0] == 0


def test_probability_better_is_that_of_the_posterior():
    """Draws truths and scores from the model itself; nothing is picked."""
    rng = np.random.default_rng(0)
    spread, error = 0.03, 0.04
    truths = spread * rng.normal(size=(400_000, 2))
    scores = truths + error / np.sqrt(2) * rng.normal(size=truths.shape)
    lead = scores[:, 0] - scores[:, 1]
    near = np.abs(lead - 0.05) < 0.002
    share = np.mean((truths[:, 0] > truths[:, 1])[near])
    # Standard error of the share: sqrt(0.2 / 10,000) = 0.45 %; three of them.
    assert share == pytest.approx(probability_better(0.05, error, spread), abs=0.014)


def test_probability_of_what_cannot_differ():
    assert probability_better(0.0, 0.0, 0.02) == 0.5
    assert probability_better(0.03, 0.02, 0.0) == 0.5
    assert probability_better(0.03, 0.0, 0.02) == 1.0


@pytest.mark.parametrize("raced", [False, True], ids=["all complete", "worse half dropped"])
def test_true_spread_is_found_whatever_the_hopeless_do(raced):
    rng = np.random.default_rng(1)
    truths = 0.8 + 0.04 * rng.normal(size=400)
    scores = truths + 0.03 * rng.normal(size=400)
    hopeless = np.full(100, 0.1)
    if raced:
        order = np.argsort(-scores)
        scores, rest = scores[order[:150]], np.concatenate([scores[order[150:]], hopeless])
    else:
        scores, rest = np.concatenate([scores, hopeless]), np.zeros(0)
    errors = equal_errors(len(scores), 0.03 * np.sqrt(2))
    # A fifth of hopeless ones shifts the median by 0.32 standard deviations of the rest (5 points)
    # and so the root mean square of the better half from 5 to about 6.
    assert 0.03 < true_spread(scores, errors, rest) < 0.06


def test_no_spread_among_equals():
    rng = np.random.default_rng(2)
    scores = 0.8 + 0.03 * rng.normal(size=500)
    errors = equal_errors(500, 0.03 * np.sqrt(2))
    # The variance of 250 scores is known to 9 %: 0.03 sqrt(2 * 0.09) at two standard errors.
    assert true_spread(scores, errors, np.zeros(0)) < 0.013
    assert true_spread(scores[:1], errors.select(np.array([0])), np.zeros(0)) == 0


def test_rows_are_judged_each_on_their_own():
    scores = np.array([[0.9, 0.5], [0.5, 0.9]])
    found = contest([1, 1])
    assert recommend(scores, np.zeros((2, 2)), found).tolist() == [0, 1]
    assert leaders(scores, np.zeros((2, 2)), found).tolist() == [0, 1]


def test_a_default_without_a_score_is_no_default():
    found = contest([1, 1], default=0, spread=0.01)
    assert recommend(np.array([[np.nan, 0.5]]), np.zeros((1, 2)), found).tolist() == [1]


def test_columns_can_be_left_out():
    found = contest([1, 2, 3], default=2, spread=0.03).select(np.array([0, 2]))
    assert (found.trials, found.default) == ((0, 2), 1)
    assert found.trainable_parameters.tolist() == [1, 3]
    assert found.select(np.array([0])).default is None


def test_simple_never_costs_more_than_its_margin():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.5, 0.9, (500, 30))
    sizes = contest(rng.uniform(1, 1e6, 30), prefer="simple")
    picked = recommend(scores, rng.normal(size=scores.shape), sizes)
    lost = scores.max(axis=1) - scores[np.arange(500), picked]
    assert lost.max() <= MARGIN + 1e-8
    assert lost.max() > 0  # it does trade score for size


def test_guard_quantile():
    errors = np.array([0.02])
    assert required_leads(errors, 1e6)[0] == pytest.approx(norm.ppf(0.9) * 0.02)
