from __future__ import annotations

import itertools

import numpy as np
import pytest

from autosmall.training.health.predictions import (
    CHANCE_DEVIATIONS,
    Association,
    association,
    carries_over,
    has_gap,
    is_one_class,
    loses_half,
)


def drawn(seed: int, count: int, class_count: int, skill: float):
    """Return labels, and predictions that lean to the right class by ``skill``."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, class_count, count)
    logits = rng.normal(0, 1.5, (count, class_count))
    logits[np.arange(count), labels] += skill
    exponents = np.exp(logits)
    return labels, (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("labels", [[0, 1, 2, 0, 1], [0, 0, 0, 1, 2], [0, 0, 0, 0, 1]])
def test_mean_and_deviation_are_those_over_all_permutations(labels):
    _, probabilities = drawn(1, 5, 3, 0.7)
    rows = np.arange(5)
    means = [
        probabilities[rows, np.array(exchanged)].mean(dtype=np.float64)
        for exchanged in itertools.permutations(labels)
    ]
    found = association(np.array(labels), probabilities)
    own = probabilities[rows, labels].mean(dtype=np.float64)
    assert found.excess == pytest.approx(own - np.mean(means), abs=1e-7)
    assert found.deviation == pytest.approx(np.std(means), abs=1e-7)


def test_unrelated_labels_exceed_chance_in_one_of_twenty():
    """2,000 draws: 0.05 within three standard errors, 0.0146, and 0.01 for the normal tail."""
    above = [
        association(*drawn(seed, 40, 3, 0.0)).exceeds(CHANCE_DEVIATIONS) for seed in range(2000)
    ]
    assert np.mean(above) == pytest.approx(0.05, abs=0.025)


def test_equal_predictions_go_with_nothing():
    found = association(np.array([0, 1, 1, 0]), np.full((4, 2), 0.5, np.float32))
    assert found == Association(0.0, 0.0)
    assert not found.exceeds(3.0)


def test_half_carries_over_within_the_error():
    learned = Association(0.8, 0.05)
    assert carries_over(learned, Association(0.42, 0.01))
    assert carries_over(learned, Association(0.3, 0.1))
    assert not carries_over(learned, Association(0.3, 0.03))


def test_one_class_over_all_parts():
    first, second = np.float32([[0.9, 0.1]] * 3), np.float32([[0.2, 0.8]])
    assert is_one_class([first, first])
    assert not is_one_class([first, second])


def test_a_gap_knows_how_many_pictures_there_are():
    assert not has_gap(1.0, 0.92, 1000)
    assert has_gap(1.0, 0.88, 1000)
    assert not has_gap(1.0, 0.85, 20)
    assert has_gap(1.0, 0.5, 20)


def test_half_of_the_skill_is_lost_beyond_the_error():
    assert loses_half(1.0, 0.3, 40, 10) and not loses_half(1.0, 0.45, 40, 10)
    assert loses_half(1.0, 0.6, 200, 2) and not loses_half(1.0, 0.6, 20, 2)
    assert not loses_half(0.6, 0.55, 1000, 2)
