"""Thresholds for the rare class: what they promise, on pictures that took no part."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.thresholds import (
    PRECISION,
    RECALL,
    find_rare_class,
    least_pictures,
    precision_threshold,
    rare_class_index,
    recall_threshold,
    with_threshold,
)

FOLDS = 5


def draw_table(rng, rare, others, repeats=1):
    """Two classes; the score of the second is higher by two standard deviations."""
    labels = np.repeat([1, 0], [rare, others])
    latent = 2 * labels + rng.normal(size=len(labels)) - 2
    second = 1 / (1 + np.exp(-2 * latent))
    probabilities = np.stack([1 - second, second], axis=1).astype(np.float32)
    pictures = len(labels)
    return PredictionTable(
        trials=(0,),
        probabilities=np.tile(probabilities, (repeats, 1))[np.newaxis],
        samples=np.tile(np.arange(pictures), repeats),
        folds=np.concatenate([np.arange(pictures) % FOLDS + FOLDS * r for r in range(repeats)]),
        labels=np.tile(labels, repeats),
        groups=np.arange(pictures),
    )


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((50, 10), 1), ((10, 50), 0), ((30, 30), 1), ((30, 20, 9), 2), ((30, 20, 11), None)],
)
def test_the_class_that_thresholds_are_for(counts, expected):
    labels = np.repeat(np.arange(len(counts)), counts)
    assert rare_class_index(labels, len(counts)) == expected


@pytest.mark.parametrize("pictures", [20, 60])
def test_recall_of_a_new_picture_is_what_was_wanted(pictures):
    rng = np.random.default_rng(pictures)
    draws, wanted = 4000, 0.9
    found = [
        rng.normal()
        >= recall_threshold(rng.normal(size=pictures).astype(np.float32), pictures, wanted)
        for _ in range(draws)
    ]
    place = math.floor(0.1 * (pictures + 1))
    # Exactly 1 - place / (m + 1) (conformal prediction); three standard errors of 4,000 draws.
    assert np.mean(found) == pytest.approx(1 - place / (pictures + 1), abs=0.015)
    assert np.mean(found) >= wanted - 0.015


def test_too_few_pictures_have_no_threshold():
    scores = np.linspace(0, 1, 18).astype(np.float32)
    assert least_pictures(0.95) == 19
    assert math.isnan(recall_threshold(scores, 18, 0.95))
    assert recall_threshold(np.append(scores, np.float32(2)), 19, 0.95) == 0.0


def test_repeats_do_not_make_more_pictures():
    scores = np.linspace(0, 1, 40).astype(np.float32)
    assert recall_threshold(np.repeat(scores, 3), 40, 0.9) == recall_threshold(scores, 40, 0.9)
    assert math.isnan(recall_threshold(np.repeat(scores[:10], 3), 10, 0.95))


def test_precision_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], np.float32)
    truth = np.array([True, True, True, True, True, False])
    # With one wrong call reckoned in, five calls are 80 % right and four are 75 %.
    assert precision_threshold(scores, truth, 0.8) == pytest.approx(0.5)
    assert math.isnan(precision_threshold(scores, truth, 0.9))


def test_cross_fitted_recall_is_close_to_what_was_wanted_on_average():
    draws = 40
    recalls, precisions = [], []
    for seed in range(draws):
        found = find_rare_class(
            draw_table(np.random.default_rng(seed), 60, 240), 0, ("many", "few")
        )
        assert found is not None
        by_goal = {(t.goal, t.wanted): t for t in found.thresholds}
        recalls.append(by_goal[RECALL, 0.9].recall)
        precisions += [
            t.precision for t in found.thresholds if (t.goal, t.wanted) == (PRECISION, 0.8)
        ]
    # A recall over 60 pictures has a standard deviation of 0.04, its mean over 40 draws 0.006;
    # with 48 pictures to fit on, 1 - 4/49 = 0.918 is what conformal prediction gives.
    assert np.mean(recalls) == pytest.approx(0.918, abs=0.02)
    assert np.mean(precisions) > 0.8 - 0.03


def test_a_threshold_can_be_derived_in_every_fold_or_is_left_out():
    found = find_rare_class(draw_table(np.random.default_rng(0), 21, 200), 0, ("many", "few"))
    assert found is not None
    wanted = {t.wanted for t in found.thresholds if t.goal == RECALL}
    assert wanted == {0.8, 0.9}  # 21 would do for 95 %, the 17 of a training part would not
    assert (found.name, found.pictures) == ("few", 21)
    assert found.average_precision > found.share


def test_no_class_stands_out_among_three_of_a_size():
    table = draw_table(np.random.default_rng(0), 30, 30)
    third = PredictionTable(
        table.trials,
        np.concatenate([table.probabilities, np.zeros((1, 60, 1), np.float32)], axis=2),
        table.samples,
        table.folds,
        np.arange(60) % 3,
        table.groups,
    )
    assert find_rare_class(third, 0, ("a", "b", "c")) is None


def test_below_the_threshold_the_best_other_class_is_taken():
    probabilities = np.array([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], np.float32)
    assert with_threshold(probabilities, 2, 0.3).tolist() == [2, 2]
    assert with_threshold(probabilities, 1, 0.7).tolist() == [0, 2]
