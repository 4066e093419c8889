"""What going on may bring: against drawn searches whose future is known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from autosmall.analysis.stopping import LEAST_PROPOSALS, expected_best, expected_gain, outlook
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED, RACED_OUT, Suggestion, TrialOutcome


def outcome(number, fold_scores, status=COMPLETE):
    suggestion = Suggestion(number, Config.from_mapping({"strategy": "s"}), "t")
    score = float(np.mean(fold_scores)) if len(fold_scores) and status != FAILED else None
    return TrialOutcome(suggestion, status, score, tuple(fold_scores), 1.0)


def drawn(rng, count, spread, noise=0.02):
    """Draw ended trials: true scores with a spread, folds with noise, half of it common to all."""
    folds = rng.normal(0, noise, 5)
    scores = rng.normal(0.8, spread, (count, 1)) + folds + rng.normal(0, noise, (count, 5))
    return [outcome(i, score) for i, score in enumerate(scores)]


def test_expected_best_is_the_mean_over_all_subsets():
    values = np.sort(np.random.default_rng(0).normal(size=9))
    for count in (1, 2, 5, 9):
        subsets = [max(subset) for subset in combinations(values, count)]
        assert expected_best(values, count) == pytest.approx(np.mean(subsets))


@pytest.mark.parametrize("shape", ["normal", "bounded", "two kinds"])
@pytest.mark.parametrize(("seen", "more"), [(20, 10), (60, 40), (60, 200)])
def test_the_expected_gain_is_about_what_comes(shape, seen, more):
    """Mean over 200 drawn searches, within the factors that light tails allow.

    A normal tail is nearly exponential over this range: within a third. Bounded and mixed scores
    have lighter tails, for which an exponential one promises too much: up to three times.
    """
    rng = np.random.default_rng(1)

    def draw(count):
        if shape == "normal":
            return rng.normal(0.8, 0.05, count)
        if shape == "bounded":
            return 0.5 + 0.45 * rng.beta(4, 2, count)
        poor, good = rng.normal(0.5, 0.1, count), rng.normal(0.85, 0.02, count)
        return np.where(rng.random(count) < 0.5, poor, good)

    expected, came = [], []
    for _ in range(200):
        scores = draw(seen)
        expected.append(expected_gain(scores.max() - scores, more))
        came += [max(0.0, draw(more).max() - scores.max()) for _ in range(10)]
    ratio = np.mean(expected) / np.mean(came)
    assert 0.67 <= ratio <= (1.5 if shape == "normal" else 3.0)


def test_the_gain_grows_with_what_is_left_and_is_nothing_for_nothing():
    behind = np.sort(np.random.default_rng(2).exponential(0.02, 40))
    behind -= behind.min()
    gains = [expected_gain(behind, draws) for draws in (0, 1, 10, 100, 1000)]
    assert gains[0] == 0
    assert gains == sorted(gains)
    assert expected_gain(np.zeros(40), 100) == 0


def test_one_that_leads_by_far_is_hardly_beaten():
    behind = np.random.default_rng(3).exponential(0.01, 40)
    assert expected_gain(behind + 0.5, 50) < 1e-6 < expected_gain(behind, 50)


def test_nothing_is_said_of_too_few_proposals_or_scores():
    rng = np.random.default_rng(4)
    few = drawn(rng, LEAST_PROPOSALS - 1, 0.01)
    assert outlook(few, few, 100, 5).expected_gain == math.inf
    failed = [outcome(i, (), FAILED) for i in range(30)]
    assert outlook([*few[:1], *failed], failed, 100, 5).worthwhile
    assert outlook(failed, failed, 100, 5).worthwhile


def test_equal_configurations_end_the_search_and_different_ones_seldom_do():
    """40 of 0.1 points' spread against 40 of 6 points', cross-validation erring by about 2.

    Of 200 more of the latter the best is expected 3.5 points higher (normal order statistics), so
    a search should go on unless its best so far was lucky: in most of 20 drawn.
    """
    rng = np.random.default_rng(5)
    alike = [outlook(d, d, 10, 5) for d in (drawn(rng, 40, 0.001) for _ in range(20))]
    apart = [outlook(d, d, 200, 5) for d in (drawn(rng, 40, 0.06) for _ in range(20))]
    assert sum(found.worthwhile for found in alike) <= 5
    assert sum(found.worthwhile for found in apart) >= 10


def test_the_noise_is_the_corrected_error_of_differences_to_the_leader():
    """Nadeau and Bengio for 5 folds: sqrt(1/5 + 1/4) times the deviation of the differences.

    The folds' own levels, the same for all, do not count.
    """
    levels, apart = np.array([0.5, 0.6, 0.8, 0.85, 0.9]), np.array([0.02, 0.01, 0.0, 0.01, 0.03])
    trials = [outcome(0, levels), *(outcome(i, levels - apart) for i in range(1, 30))]
    assert outlook(trials, trials, 10, 5).noise == pytest.approx(
        math.sqrt(1 / 5 + 1 / 4) * np.std(apart, ddof=1)
    )


def test_proposals_that_get_better_are_expected_to_do_so_again():
    """The later half is 3 points better than the earlier one, and the best so far is theirs."""
    spread = np.tile(np.random.default_rng(7).normal(0, 0.005, 20), 2)
    flat = [outcome(i, np.full(5, 0.8 + s)) for i, s in enumerate(spread)]
    rising = [outcome(i, np.full(5, 0.77 + s + 0.03 * (i >= 20))) for i, s in enumerate(spread)]
    gains = [outlook(trials, trials, 20, 5).expected_gain for trials in (flat, rising)]
    assert gains[0] < 0.01
    assert 0.025 < gains[1] < gains[0] + 0.035


def test_raced_out_trials_are_judged_on_the_leaders_same_folds():
    """Raced out after two easy folds: by their own mean they would lead, in truth none does."""
    easy_first = np.array([0.95, 0.9, 0.7, 0.7, 0.7])
    leader = outcome(0, easy_first)
    raced = [outcome(i, easy_first[:2] - 0.001 * i - 0.05, RACED_OUT) for i in range(1, 31)]
    gain = outlook([leader, *raced], raced, 20, 5).expected_gain
    assert gain < 0.01


def test_both_figures_are_told():
    rng = np.random.default_rng(6)
    alike = drawn(rng, 40, 0.001)
    words = outlook(alike, alike, 20, 5).in_words("accuracy")
    assert words.startswith("the next 20 configurations were expected to bring 0.")
    assert "points by which cross-validation errs between the leaders" in words
