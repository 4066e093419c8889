"""Numbers as people read them."""

from __future__ import annotations

import doctest
import math

import pytest

from autosmall.analysis import brief_number, exact, root
from autosmall.report import numbers, setting_words
from autosmall.report.charts import labels, render

MODULES = (numbers, exact, root, brief_number, setting_words, labels, render)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("half_width", "expected"),
    [(0.08, "83 %"), (0.019, "83.3 %"), (0.0019, "83.33 %"), (math.nan, "83.3 %")],
)
def test_digits_are_those_that_the_uncertainty_allows(half_width, expected):
    assert numbers.score_text("accuracy", 0.83333, half_width) == expected


def test_what_is_unknown_is_a_dash_everywhere():
    nan = math.nan
    assert numbers.score_text("accuracy", nan) == numbers.MISSING
    assert numbers.interval_text("log_loss", nan, 1.0) == numbers.MISSING
    assert numbers.signed_interval_text("accuracy", nan, nan) == numbers.MISSING
    assert numbers.seconds_text(nan) == numbers.count_text(nan) == numbers.MISSING


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (7.25, "7.2"),
        (16.04, "16"),
        (9_999, "9,999"),
        (33_400, "33.4 thousand"),
        (999_600, "1 million"),
        (36_700_000, "36.7 million"),
        (1.2e9, "1.2 billion"),
    ],
)
def test_counts(value, expected):
    assert numbers.count_text(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59.6, "1 min 0 s"), (59.4, "59 s"), (3599.7, "1 h 0 min"), (0, "0 s")],
)
def test_seconds_carry_over(seconds, expected):
    assert numbers.seconds_text(seconds) == expected


def test_zero_has_no_sign():
    assert numbers.signed_text("accuracy", -0.0001) == "0.0"
    assert numbers.signed_text("log_loss", 0.0001) == "0.000"
