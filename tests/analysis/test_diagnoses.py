"""What a run's own configurations tell about a diagnosis."""

from __future__ import annotations

import dataclasses

import pytest

from autosmall.analysis.diagnoses import contrasts, explain
from autosmall.analysis.ranking import rank
from autosmall.analysis.trial_diagnoses import diagnoses_of
from autosmall.report.sections.remedies import own_remedy


def scratch(drawn, rate, diagnoses=(), optimizer="sgd", accuracy=0.7, parameters=1000, **values):
    return drawn.DrawnTrial(
        "scratch",
        accuracy,
        parameters=parameters,
        values={"learning_rate": rate, "optimizer": optimizer, **values},
        diagnoses=diagnoses,
    )


def remedy(run, name):
    trials = tuple(t.number for t in run.trials if name in diagnoses_of(t))
    return own_remedy(run, rank(run), name, trials)


def test_a_diagnosis_of_a_trial_needs_half_of_its_folds(drawn):
    (record,) = drawn.make_run([scratch(drawn, 0.1, ("overfitting", "oversized"))]).trials
    assert diagnoses_of(record) == ("oversized", "overfitting")
    for ill, expected in ((2, ()), (3, ("oversized", "overfitting"))):
        folds = tuple(
            fold if fold.fold < ill else dataclasses.replace(fold, diagnoses=())
            for fold in record.folds
        )
        assert diagnoses_of(dataclasses.replace(record, folds=folds)) == expected


def test_rates_are_contrasted_within_strategy_and_optimiser(drawn):
    run = drawn.make_run(
        [
            scratch(drawn, 0.3, ("oscillating",)),
            scratch(drawn, 0.1, ("oscillating",)),
            scratch(drawn, 0.003),
            scratch(drawn, 0.001),
            scratch(drawn, 0.2),
            scratch(drawn, 0.0001, optimizer="adam"),
        ]
    )
    (found,) = contrasts(run, "oscillating")
    assert (found.strategy, found.optimizer, found.ill_count) == ("scratch", "sgd", 2)
    assert (found.mildest, found.escaped_count, found.bound) == (0.1, 2, 0.003)
    assert remedy(run, "oscillating") == (
        "For scratch with sgd, a learning rate of 0.1 is too high here; at 0.003 and below, "
        "2 configurations did not show it."
    )


def test_what_nothing_escaped_is_said(drawn):
    run = drawn.make_run([scratch(drawn, 0.3, ("diverged",)), scratch(drawn, 0.5)])
    assert remedy(run, "diverged").endswith("no lower one was tried that is free of it.")


def test_numbers_that_are_too_low_are_contrasted_upwards(drawn):
    run = drawn.make_run(
        [
            scratch(drawn, 0.1, ("unfinished",), epochs=5),
            scratch(drawn, 0.1, ("unfinished",), epochs=8),
            scratch(drawn, 0.1, epochs=40),
            scratch(drawn, 0.1, ("underfitting",), parameters=300),
            scratch(drawn, 0.1, parameters=12_000),
        ]
    )
    assert "8 epochs is too small here; at 40 and above, 1 configuration" in remedy(
        run, "unfinished"
    )
    assert "300 weights is too small here; at 1,000 and above" in remedy(run, "underfitting")


def test_oversized_networks_are_told_by_their_numbers(drawn):
    run = drawn.make_run(
        [scratch(drawn, 0.1, ("oversized",), parameters=36_700_000), scratch(drawn, 0.1)],
        samples=35,
    )
    assert "trains 36.7 million weights, 1.31 million for each training picture" in remedy(
        run, "oversized"
    )


@pytest.mark.parametrize(
    ("other", "said"),
    [((), "Trial 1 (scratch) tells the same pictures apart"), (("collapse",), "the labels may")],
)
def test_chance_is_weighed_against_the_other_configurations(drawn, other, said):
    run = drawn.make_run(
        [scratch(drawn, 0.1, ("chance_level",), accuracy=0.4), scratch(drawn, 0.1, other)]
    )
    assert said in remedy(run, "chance_level")


def test_the_best_that_does_not_overfit_is_named_with_its_brakes(drawn):
    run = drawn.make_run(
        [
            scratch(drawn, 0.1, ("overfitting",), accuracy=0.6),
            scratch(drawn, 0.1, accuracy=0.65, dropout_rate=0.4, augmentation="affine"),
            scratch(drawn, 0.1, accuracy=0.3),
        ]
    )
    assert remedy(run, "overfitting") == (
        "The best scratch that is well is trial 1 (augmentation affine, dropout rate 0.4)."
    )


def test_unknown_names_have_no_words_and_no_contrast(drawn):
    assert explain("rusty") == ("", "")
    assert contrasts(drawn.make_run(), "rusty") == ()
