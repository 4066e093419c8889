"""Temperature scaling and the calibration error, against a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.analysis.calibration import (
    LARGEST_TEMPERATURE,
    calibrate,
    calibration_error,
    confidence_bins,
    fit_temperature,
    reliability,
)
from autosmall.analysis.predictions import PredictionTable
from autosmall.models.temperature import PROBABILITY_FLOOR, scale_probabilities

FOLDS = 5


def draw(rng, pictures, temperature=1.0, classes=4):
    """Labels, and probabilities that are perfect once scaled by ``temperature``."""
    truth = scale_probabilities(np.exp(2.5 * rng.normal(size=(pictures, classes))), 1.0)
    labels = (rng.random((pictures, 1)) > np.cumsum(truth, axis=1)).sum(axis=1)
    return np.minimum(labels, classes - 1), scale_probabilities(truth, 1 / temperature)


def table_of(labels, probabilities, repeats=1, groups=None):
    pictures = len(labels)
    return PredictionTable(
        trials=(3,),
        probabilities=np.tile(probabilities, (repeats, 1))[np.newaxis],
        samples=np.tile(np.arange(pictures), repeats),
        folds=np.concatenate([np.arange(pictures) % FOLDS + FOLDS * r for r in range(repeats)]),
        labels=np.tile(labels, repeats),
        groups=np.arange(pictures) if groups is None else groups,
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("pictures", [100, 400])
def test_a_known_temperature_is_recovered(pictures, temperature):
    draws = 60
    found = np.empty(draws)
    for seed in range(draws):
        labels, probabilities = draw(np.random.default_rng([pictures, seed]), pictures, temperature)
        found[seed] = fit_temperature(labels, probabilities, pictures)
    # Within one standard error of a single fit: what a user cannot see. The rule of succession
    # pulls towards less sure by about a third of it; the mean of 60 is known to an eighth.
    assert abs(np.log(found).mean() - np.log(temperature)) < np.log(found).std()
    assert np.log(found).std() < 2.6 / np.sqrt(pictures)


def test_all_right_makes_surer_by_the_rule_of_succession():
    probabilities = np.tile([[0.7, 0.3]], (100, 1)).astype(np.float32)
    temperature = fit_temperature(np.zeros(100, np.int64), probabilities, 100)
    scaled = scale_probabilities(probabilities[:1], temperature)
    assert scaled[0, 0] == pytest.approx(1 - 1 / 102, abs=1e-3)


def test_temperatures_stay_in_bounds_whatever_the_labels():
    sure = np.tile([[1.0, 0.0]], (50, 1)).astype(np.float32)
    wrong = fit_temperature(np.ones(50, np.int64), sure, 50)
    assert wrong == pytest.approx(LARGEST_TEMPERATURE, rel=1e-2)
    level = np.full((50, 2), 0.5, np.float32)
    assert fit_temperature(np.zeros(50, np.int64), level, 50) == 1.0


@pytest.mark.parametrize("temperature", [0.1, 0.7, 3.0])
def test_the_picked_class_stays_and_rows_sum_to_one(temperature):
    rng = np.random.default_rng(0)
    probabilities = scale_probabilities(np.exp(rng.normal(size=(200, 5))), 1.0)
    scaled = scale_probabilities(probabilities, temperature)
    np.testing.assert_array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))
    np.testing.assert_allclose(scaled.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(scale_probabilities(probabilities, 1.0), probabilities, atol=1e-6)


def test_a_probability_of_zero_is_scaled_as_the_floor():
    scaled = scale_probabilities([[1.0, 0.0]], 2.0)
    assert scaled[0, 1] == pytest.approx(np.sqrt(PROBABILITY_FLOOR), rel=1e-3)


def test_calibration_error_by_hand():
    confidence = np.array([0.6, 0.6, 0.9, 0.9])
    right = np.array([True, False, True, True])
    # bins of 0.6 and of 0.9: |0.6 - 0.5| and |0.9 - 1.0|, half of the rows each
    assert calibration_error(confidence, right, np.array([0, 0, 1, 1])) == pytest.approx(0.1)


def test_bins_hold_equally_many_rows_and_equal_confidence_stays_together():
    rng = np.random.default_rng(1)
    assert np.bincount(confidence_bins(rng.random(100), 5)).tolist() == [20] * 5
    assert len(np.unique(confidence_bins(np.full(30, 0.5), 5))) == 1


@pytest.mark.parametrize("pictures", [60, 300])
def test_perfect_probabilities_show_the_error_that_chance_gives(pictures):
    draws = 60
    errors, expected, above = np.empty(draws), np.empty(draws), 0
    for seed in range(draws):
        labels, probabilities = draw(np.random.default_rng([7, pictures, seed]), pictures)
        found = reliability(table_of(labels, probabilities), probabilities, seed=seed)
        errors[seed], expected[seed] = found.error, found.error_if_perfect
        above += found.is_told_from_perfect
    assert errors.mean() > 0.01  # biased upwards, which is the point
    assert abs(errors.mean() - expected.mean()) < 4 * errors.std() / np.sqrt(draws)
    # 5 % nominal of 60: more than 9 has a probability under 0.1 %
    assert above <= 9


def test_scaling_mends_what_is_too_sure_and_is_cross_fitted():
    labels, probabilities = draw(np.random.default_rng(3), 600, temperature=3.0)
    table = table_of(labels, probabilities)
    found = calibrate(table, 3)
    assert found.before.mean_confidence > found.before.accuracy + 0.1
    assert found.before.is_told_from_perfect
    assert not found.after.is_told_from_perfect
    assert found.after.log_loss < found.before.log_loss
    assert found.after.accuracy == found.before.accuracy
    # One fold's labels do not touch its own scaled probabilities.
    other = labels.copy()
    held_out = table.folds == 0
    other[held_out] = (other[held_out] + 1) % 4
    changed = calibrate(table_of(other, probabilities), 3)
    assert changed.temperature != found.temperature
    from autosmall.analysis.calibration import cross_fits

    first = next(t for rows, t in cross_fits(table, probabilities) if rows[0])
    again = next(
        t for rows, t in cross_fits(table_of(other, probabilities), probabilities) if rows[0]
    )
    assert first == again


def test_repeats_and_groups_do_not_make_it_look_surer():
    labels, probabilities = draw(np.random.default_rng(5), 120)
    once = reliability(table_of(labels, probabilities), probabilities, seed=0)
    twice = calibrate(table_of(labels, probabilities, repeats=2), 3).before
    assert twice.error == pytest.approx(once.error)
    assert twice.error_if_perfect == pytest.approx(once.error_if_perfect, rel=0.1)
    assert sum(b.pictures for b in twice.bins) == pytest.approx(120, abs=len(twice.bins))
    tied = reliability(
        table_of(labels, probabilities, groups=np.arange(120) // 6), probabilities, seed=0
    )
    assert tied.error_if_perfect_high > once.error_if_perfect_high
