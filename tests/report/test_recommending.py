"""Why a configuration is recommended, in words."""

from __future__ import annotations

import dataclasses

import pytest

from autosmall.analysis.ranking import rank
from autosmall.report.sections import recommending

DEFAULT = 2  # drawn runs have their plain default in third place
WEAK = ("classical", 0.5), ("classical", 0.55)


def told(drawn, *trials, samples=600, prefer=None, seed=0):
    """Return the trial, the rule and the reason for trials of (strategy, accuracy, ...)."""
    drawn_trials = [drawn.DrawnTrial(*trial) for trial in trials]
    run = drawn.make_run(drawn_trials, samples=samples, seed=seed)
    if prefer:
        run = dataclasses.replace(run, settings={**run.settings, "prefer": prefer})
    ranking = rank(run)
    probability = recommending.probability_better(ranking)
    trial = ranking.recommended.summary.trial
    return trial, recommending.rule(ranking), recommending.why(ranking, probability)


def test_a_clear_winner_takes_the_default_s_place(drawn):
    trial, rule, why = told(drawn, *WEAK, ("frozen", 0.7), ("fine_tune", 0.9))
    assert trial == 3
    assert why == (
        "It has the best score of all that finished every fold. That it is better than the plain "
        "default has a probability of more than 99 %."
    )
    assert "if it is better than the plain default (trial 2)" in rule
    assert "above 90 %" in rule


def test_the_default_stays_where_a_lead_may_be_luck(drawn):
    many = [("fine_tune", 0.80)] * 8
    trial, _, why = told(drawn, *many[:2], ("frozen", 0.795), *many, samples=150)
    assert trial == DEFAULT
    assert why.startswith("It is the plain default. Trial ")
    assert "as one picked out of 11 configurations it is better in truth with a" in why


def test_the_default_with_the_best_score(drawn):
    trial, _, why = told(drawn, *WEAK, ("frozen", 0.9))
    assert trial == DEFAULT
    assert why == (
        "It is the plain default, and has the best score of all that finished every fold."
    )


def test_without_a_default_nothing_has_to_be_beaten(drawn):
    trial, rule, why = told(drawn, ("frozen", 0.6), ("fine_tune", 0.8))
    assert trial == 1
    assert rule.endswith("No plain default finished all its folds, so nothing had to beat it.")
    assert why == "It has the best score of all that finished every fold."


@pytest.mark.parametrize(
    ("prefer", "words"),
    [
        ("simple", "the one with the fewest trainable parameters"),
        ("speed", "the quickest to train"),
    ],
)
def test_a_preference_is_stated_with_what_it_costs(drawn, prefer, words):
    large = ("fine_tune", 0.9, 0.05, 1_000_000, 40.0)
    small = ("frozen", 0.897, 0.05, 1_000, 1.0)
    # Of this drawing the large one scores 0.4 points better, less than a standard error.
    for seed in range(20):
        trial, rule, why = told(drawn, large, small, samples=900, prefer=prefer, seed=seed)
        if trial == 1 and why.startswith("It scores "):
            break
    assert words in rule and f"--prefer {prefer}" in rule
    assert "1,000 trainable parameters and 1 s per fit instead of 1 million" in why
    assert told(drawn, large, small, samples=900, seed=seed)[0] == 0
