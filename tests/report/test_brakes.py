"""What the brakes did, in words."""

from __future__ import annotations

import pytest

from autosmall.analysis.brakes import BrakeEffect
from autosmall.analysis.partial_effect import Effect
from autosmall.report.gathering import gather_facts
from autosmall.report.sections import brakes

NONE = Effect(0.001, -0.02, 0.022, 0.9)
NARROWS = Effect(-0.08, -0.1, -0.06, 1e-6)
WIDENS = Effect(0.04, 0.02, 0.06, 1e-5)
COSTS = Effect(-0.03, -0.05, -0.01, 1e-4)


def effect(brake="dropout_rate", gap=NONE, score=NONE, strategy="scratch"):
    shown = (gap is not None and gap is not NONE, score is not None and score is not NONE)
    return BrakeEffect(strategy, brake, "0.1", "0.5", 20, gap, score, *shown)


@pytest.mark.parametrize(
    ("effects", "varied", "expected"),
    [
        pytest.param(
            [], False,
            "No brake on overfitting was varied within a strategy, so none can be judged.",
            id="none varied",
        ),
        pytest.param(
            [], True,
            "What any brake did cannot be told: it takes 14 configurations of one strategy that"
            " differ in it.",
            id="too few",
        ),
        pytest.param(
            [effect()], True,
            "None had an effect that these configurations could show: dropout in scratch.",
            id="no effect",
        ),
        pytest.param(
            [effect(gap=NARROWS), effect("weight_decay")], True,
            "The gap got narrower with dropout in scratch (−10.0 to −6.0 points from 0.1 to 0.5)."
            " No effect that these configurations could show had weight decay in scratch.",
            id="one works, one does not",
        ),
        pytest.param(
            [effect(gap=NARROWS, score=COSTS)], True,
            "The gap got narrower with dropout in scratch (−10.0 to −6.0 points from 0.1 to 0.5)."
            " The score fell with dropout in scratch (−5.0 to −1.0 points from 0.1 to 0.5).",
            id="narrower at a price",
        ),
        pytest.param(
            [effect(gap=WIDENS)], True,
            "The gap got wider with dropout in scratch (+2.0 to +6.0 points from 0.1 to 0.5).",
            id="a brake that is none",
        ),
        pytest.param(
            [effect(name, gap=NARROWS) for name in
             ("dropout_rate", "weight_decay", "mixing", "label_smoothing")], True,
            "and mixing pictures in scratch (−10.0 to −6.0 points from 0.1 to 0.5), and 1 more in"
            " the table.",
            id="more than a sentence holds",
        ),
    ],
)  # fmt: skip
def test_answer(effects, varied, expected):
    assert brakes.answer("accuracy", effects, varied=varied).endswith(expected)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (effect(), "no effect that could be shown"),
        (
            effect(gap=NARROWS),
            "gap 8.0 points narrower, no effect on the score that could be shown",
        ),
        (effect(gap=WIDENS, score=COSTS), "gap 4.0 points wider, score 3.0 points worse"),
        (effect(score=COSTS), "score 3.0 points worse"),
    ],
)
def test_rows(found, expected):
    assert brakes.row_words("accuracy", found) == expected


def test_too_few_are_named():
    few = [effect(gap=None, score=None), effect("mixing", None, None)]
    assert brakes.unknown(few) == (
        "Too few configurations (20 at most, or nearly all alike): dropout and mixing "
        "pictures in scratch."
    )
    assert brakes.unknown([]) == ""


def test_every_brake_has_a_name():
    from autosmall.analysis.brakes import BRAKES

    assert {brake.name for brake in BRAKES} == set(brakes.BRAKE_WORDS)


def test_a_run_with_few_trials_claims_nothing(drawn):
    found = gather_facts(drawn.make_run(), "run").tradeoff.brakes
    assert found.rows == () and found.comparisons == 0
