"""The rule: what it picks, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.analysis.recommendation import MARGIN, Costs, leaders, recommend


def costs(parameters, seconds=None, error=0.1):
    size = len(parameters)
    return Costs(
        tuple(range(size)),
        np.array(parameters, float),
        np.array(seconds or [1.0] * size),
        np.full((size, size), error),
    )


@pytest.mark.parametrize(
    ("scores", "losses", "parameters", "seconds", "error", "expected"),
    [
        pytest.param([0.90, 0.80], [0.3, 0.3], [10, 1], None, 0.1, 0, id="far behind loses"),
        pytest.param([0.900, 0.896], [0.3, 0.3], [1000, 10], None, 0.1, 1, id="small and near"),
        pytest.param([0.900, 0.894], [0.3, 0.3], [1000, 10], None, 0.1, 0, id="past the margin"),
        pytest.param([0.900, 0.896], [0.3, 0.3], [1000, 10], None, 0.001, 0, id="surely worse"),
        pytest.param([0.900, 0.896], [0.3, 0.3], [1000, 600], None, 0.1, 0, id="about as small"),
        pytest.param([0.9, 0.9], [0.3, 0.2], [10, 10], None, 0.1, 1, id="tie: log loss"),
        pytest.param([0.9, 0.9], [0.3, 0.3], [10, 10], [9.0, 2.0], 0.1, 1, id="tie: seconds"),
        pytest.param([np.nan, 0.5], [0.3, 0.9], [1, 10], None, 0.1, 1, id="NaN never wins"),
        pytest.param([0.9, 0.9], [np.nan, 0.4], [10, 10], None, 0.1, 1, id="NaN log loss loses"),
        pytest.param([0.9, 0.9], [0.3, 0.3], [0, 0], None, 0.1, 0, id="no parameters at all"),
    ],
)
def test_rule(scores, losses, parameters, seconds, error, expected):
    picked = recommend(np.array([scores]), -np.array([losses]), costs(parameters, seconds, error))
    assert picked.tolist() == [expected]


def test_rows_are_judged_each_on_their_own():
    scores = np.array([[0.9, 0.5], [0.5, 0.9]])
    assert recommend(scores, np.zeros((2, 2)), costs([1, 1])).tolist() == [0, 1]
    assert leaders(scores, np.zeros((2, 2))).tolist() == [0, 1]


def test_rule_never_costs_more_than_its_margin():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.5, 0.9, (500, 30))
    picked = recommend(scores, rng.normal(size=scores.shape), costs(rng.uniform(1, 1e6, 30)))
    lost = scores.max(axis=1) - scores[np.arange(500), picked]
    assert lost.max() <= MARGIN + 1e-8
    assert lost.max() > 0  # it does trade score for size
