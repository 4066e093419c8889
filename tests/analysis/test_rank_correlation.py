"""Rank correlation against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from autosmall.analysis.rank_correlation import rank_correlation


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("distinct", [3, 1000])
def test_it_is_that_of_scipy_with_and_without_ties(seed, distinct):
    rng = np.random.default_rng(seed)
    first = rng.integers(distinct, size=6 + 5 * seed)
    second = first * rng.choice([-1, 0, 1]) + rng.integers(distinct, size=len(first))
    expected = stats.spearmanr(first, second)
    found = rank_correlation(first.tolist(), second.tolist())
    # Both add the same numbers, perhaps in another order.
    assert found.correlation == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_rankings_that_agree_or_disagree_altogether(sign):
    found = rank_correlation([1.0, 2.0, 3.0, 4.0], [sign * value for value in (1.0, 5.0, 7.0, 9.0)])
    assert found == pytest.approx((sign, 0.0))
