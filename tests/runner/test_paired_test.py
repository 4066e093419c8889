from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from autosmall.runner.paired_test import _DIFFERENCES as DIFFERENCES
from autosmall.runner.paired_test import (
    TAIL_FACTOR,
    PairedPictures,
    flip_p_value,
    p_value,
)
from autosmall.schema.settings import METRICS
from autosmall.training.metrics import oriented, score


def pairs(labels, incumbent, candidate, pictures=None, folds=None) -> PairedPictures:
    count = len(labels)
    return PairedPictures(
        np.arange(count) if pictures is None else np.asarray(pictures),
        np.zeros(count, np.int64) if folds is None else np.asarray(folds),
        np.asarray(labels),
        np.asarray(incumbent, np.float64),
        np.asarray(candidate, np.float64),
    )


def drawn(rng, count: int = 60, classes: int = 3) -> PairedPictures:
    labels = np.arange(count) % classes
    return pairs(labels, *(rng.dirichlet(np.ones(classes), count) for _ in range(2)))


def test_one_size_is_the_exact_sign_test():
    for ahead, behind in ((5, 0), (9, 2), (3, 3), (2, 7)):
        influences = np.array([0.25] * ahead + [-0.25] * behind + [0.0] * 4)
        expected = binomtest(ahead, ahead + behind, 0.5, alternative="greater").pvalue
        got = flip_p_value(float(influences.sum()), influences)
        assert got == pytest.approx(expected if ahead > behind else 1.0)


def test_other_sizes_bound_the_chance_that_random_signs_add_up_to_as_much():
    """Against all 2**12 sign vectors; the bound may exceed the truth but never undercut it."""
    rng = np.random.default_rng(0)
    signs = np.array(list(product((-1, 1), repeat=12)))
    for _ in range(20):
        influences = rng.exponential(size=12) * rng.choice((-1, 1), 12)
        sums = signs @ np.abs(influences)
        for total in np.quantile(sums, (0.6, 0.9, 0.99, 1.0)):
            truth = float(np.mean(sums >= total - 1e-12))
            bound = flip_p_value(float(total), influences)
            assert truth <= bound
            assert bound <= max(1.0, 50 * truth)
    assert pytest.approx(3.178, abs=1e-3) == TAIL_FACTOR


def test_nothing_in_favour_of_the_incumbent_is_no_evidence():
    assert flip_p_value(0.0, np.zeros(5)) == 1.0
    assert flip_p_value(-1.0, np.array([-0.5, -0.5])) == 1.0


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss", "roc_auc"])
def test_the_difference_is_that_of_the_metric(metric):
    seen = drawn(np.random.default_rng(1))
    expected = oriented(metric, score(metric, seen.labels, seen.incumbent)) - oriented(
        metric, score(metric, seen.labels, seen.candidate)
    )
    total = DIFFERENCES[metric](seen).total
    per_picture = {"log_loss": len(seen.labels)}.get(metric, 1)
    assert total / per_picture == pytest.approx(expected)


def test_accuracy_counts_the_discordant_pictures():
    right, wrong = [0.9, 0.1], [0.1, 0.9]
    seen = pairs([0] * 7, [right] * 6 + [wrong], [wrong] * 6 + [wrong])
    assert DIFFERENCES["accuracy"](seen).total == 6
    assert p_value("accuracy", seen) == pytest.approx(0.5**6)


def test_every_metric_of_a_search_can_be_raced():
    seen = drawn(np.random.default_rng(2))
    for metric in METRICS:
        assert 0 < p_value(metric, seen) <= 1


def test_a_picture_seen_in_several_repeats_counts_once():
    right, wrong = [0.9, 0.1], [0.1, 0.9]
    once = pairs([0] * 6, [right] * 6, [wrong] * 6)
    thrice = pairs(
        [0] * 18, [right] * 18, [wrong] * 18, np.tile(np.arange(6), 3), np.repeat([0, 5, 10], 6)
    )
    assert p_value("accuracy", thrice) == p_value("accuracy", once) == pytest.approx(0.5**6)


def test_ranks_are_compared_within_folds():
    """Two models whose scores differ by a shift are each perfect within their own fold."""
    labels = np.array([0, 1, 0, 1])
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    perfect = np.stack([1 - scores, scores], axis=1)
    reverse = perfect[:, ::-1]
    seen = pairs(labels, perfect, reverse, folds=[0, 0, 1, 1])
    assert DIFFERENCES["roc_auc"](seen).total == pytest.approx(1.0)
