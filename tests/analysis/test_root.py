"""Roots against SciPy's, and at the ends."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq
from scipy.special import betainc

from autosmall.analysis.root import root_of_rising


@pytest.mark.parametrize(("hits", "count"), [(1, 10), (9.5, 10), (297, 300), (2500, 5000)])
def test_roots_are_those_of_scipy(hits, count):
    def excess(p):
        return float(betainc(hits, count - hits + 1, p)) - 0.025

    # SciPy's own default tolerance is 2e-12.
    assert root_of_rising(excess, 0.0, 1.0) == pytest.approx(brentq(excess, 0.0, 1.0), abs=4e-12)


@pytest.mark.parametrize(("shift", "expected"), [(2.0, -1.0), (-2.0, 3.0)])
def test_without_a_change_of_sign_it_is_the_nearer_end(shift, expected):
    assert root_of_rising(lambda x: shift + math.tanh(x), -1.0, 3.0) == pytest.approx(expected)
