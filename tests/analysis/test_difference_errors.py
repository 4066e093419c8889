"""Errors of differences against the covariance that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.analysis.difference_errors import DifferenceErrors


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 1)) + rng.normal(size=(50, 7)) * np.arange(1, 8)


def matrix_of(samples):
    covariance = np.cov(samples, rowvar=False)
    variance = np.diag(covariance)
    return np.sqrt(variance[:, None] + variance - 2 * covariance)


def test_each_row_is_that_of_the_matrix(samples):
    found, expected = DifferenceErrors.of_samples(samples), matrix_of(samples)
    for column in range(7):
        assert found.row(column) == pytest.approx(expected[column], abs=1e-12)
        assert found.row(column)[column] == 0
    places = np.array([3, 0, 3])
    assert found.rows(places) == pytest.approx(expected[places], abs=1e-12)


def test_each_score_alone(samples):
    found = DifferenceErrors.of_samples(samples)
    assert found.alone() == pytest.approx(samples.std(axis=0, ddof=1))


def test_mean_square_over_the_pairs_of_a_part(samples):
    kept = np.array([1, 2, 5])
    squares = matrix_of(samples)[np.ix_(kept, kept)] ** 2
    part = DifferenceErrors.of_samples(samples).select(kept)
    assert part.mean_square() == pytest.approx(squares.sum() / 6)
    assert part.row(0) == pytest.approx(np.sqrt(squares[0]))


def test_one_sample_shows_nothing():
    found = DifferenceErrors.of_samples(np.ones((1, 3)))
    assert found.row(2).tolist() == found.alone().tolist() == [0, 0, 0]
