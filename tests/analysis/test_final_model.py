"""The interval of the model that is trained on all pictures, against known truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autosmall.analysis.final_model import drawn_out_interval, expected_of_final_model
from autosmall.analysis.power_law import Expected
from autosmall.analysis.ranking import rank
from autosmall.analysis.selection_bias import CorrectedScore

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def corrected(score, low, high):
    return CorrectedScore(score, low, high, score, 0.0, 500, 3, 1, 1.0)


def test_a_sure_gain_moves_the_upper_end_alone():
    found = corrected(0.7, 0.6, 0.8)
    low, high = drawn_out_interval("accuracy", found, Expected(0.03, 0.03, 0.03))
    assert (low, high) == (0.6, pytest.approx(0.83))


def test_the_doubt_about_the_gain_is_added_in_quadrature():
    found = corrected(0.7, 0.6, 0.8)
    low, high = drawn_out_interval("accuracy", found, Expected(0.0, -0.05, 0.075))
    assert low == pytest.approx(0.7 - np.hypot(0.1, 0.05))
    assert high == pytest.approx(0.7 + np.hypot(0.1, 0.075))


@pytest.mark.parametrize(
    ("metric", "score", "low", "high", "expected"),
    [
        ("accuracy", 0.98, 0.95, 0.995, (0.95, 1.0)),
        ("log_loss", 0.4, 0.3, 0.5, (0.25, 0.5)),
        ("log_loss", 0.04, 0.02, 0.06, (0.0, 0.06)),
    ],
)
def test_ends_stay_possible_and_a_loss_falls(metric, score, low, high, expected):
    found = drawn_out_interval(metric, corrected(score, low, high), Expected(0.05, 0.05, 0.05))
    assert found == pytest.approx(expected)


@pytest.fixture(scope="module")
def grown(load_module):
    """The module that adds fits on parts of the training pictures."""
    return load_module(Path(__file__).with_name("grown_run.py"))


@pytest.fixture(scope="module")
def run(drawn):
    return drawn.make_run(samples=400)


def test_without_a_curve_the_interval_is_that_of_the_folds(run):
    ranking = rank(run)
    assert expected_of_final_model(run, ranking) == ranking.corrected()


def test_the_curve_of_the_same_strategy_draws_the_interval_out(run, grown):
    ranking = rank(run)
    chosen, plain = ranking.recommended.summary, ranking.corrected()
    others = [r.summary for r in ranking.rows if r.summary.strategy != chosen.strategy]
    own = expected_of_final_model(grown.with_subset_scores(run, {chosen.trial: 0.1}), ranking)
    assert own.final_gain.value > 0.005
    assert own.low <= plain.low and own.high > plain.high
    assert replace(own, low=plain.low, high=plain.high, final_gain=None) == plain
    grown_other = grown.with_subset_scores(run, {others[0].trial: 0.1})
    assert expected_of_final_model(grown_other, ranking) == plain


@pytest.fixture(scope="module")
def learners(load_module):
    """The benchmark of the final model, which imports one beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return load_module(BENCHMARKS / "final_model.py")


def test_it_holds_the_final_model_at_least_as_often(learners):
    """Nearest class means of 300 pictures in 40 dimensions: the model of all pictures.

    At a true coverage of 95 %, 100 data sets fall below 88 % (3 standard errors) by chance once
    in 700 times.
    """
    learner = learners.LEARNERS["nearest class mean"]
    better, gain, held, width, held_out, width_out = learners.judge(learner, 300, 100).mean(axis=0)
    assert held_out >= max(held, 0.95 - 3 * np.sqrt(0.95 * 0.05 / 100))
    assert width <= width_out <= 1.2 * width
    assert gain == pytest.approx(better, abs=0.006)  # twice the standard error of 100 such means
