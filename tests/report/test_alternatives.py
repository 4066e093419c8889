"""What one gains and gives up, in words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from autosmall.analysis.paired import PairedDifference
from autosmall.report.gathering import gather_facts
from autosmall.report.sections import alternatives


def trial(parameters=1_843_000, seconds=31.0, gap=0.12):
    return SimpleNamespace(trainable_parameters=parameters, fit_seconds=seconds, gap=gap)


SAME = PairedDifference(0.0, -0.02, 0.02, 1.0)
BETTER = PairedDifference(0.021, 0.004, 0.038, 0.02)
PERHAPS_WORSE = PairedDifference(-0.012, -0.06, 0.036, 0.6)


@pytest.mark.parametrize(
    ("metric", "other", "difference", "gains", "gives_up"),
    [
        pytest.param(
            "accuracy", trial(1539, 1.2, 0.02), PERHAPS_WORSE,
            "1,539 parameters to train instead of 1.84 million, 1.2 s per fit instead of 31 s and"
            " a gap of 2.0 points instead of 12.0 points",
            "1.2 points of accuracy (−3.6 to +6.0)",
            id="smaller, quicker, perhaps worse",
        ),
        pytest.param(
            "accuracy", trial(3_206_000, 44.0), BETTER,
            "2.1 points of accuracy (+0.4 to +3.8)",
            "3.21 million parameters to train instead of 1.84 million and 44 s per fit instead of"
            " 31 s",
            id="better and dearer",
        ),
        pytest.param(
            "accuracy", trial(1_000_000), SAME,
            "1 million parameters to train instead of 1.84 million",
            "nothing that was measured",
            id="smaller for the same score",
        ),
        pytest.param(
            "log_loss", trial(gap=0.5), PairedDifference(0.1, -0.05, 0.25, 0.2),
            "0.10 of log loss (−0.050 to +0.250)",
            "a gap of 0.50 instead of 0.12",
            id="a lower loss, a wider gap",
        ),
        pytest.param(
            "accuracy", trial(gap=0.121), SAME,
            "nothing that was measured", "nothing that was measured",
            id="alike in all",
        ),
        pytest.param(
            "accuracy", trial(gap=float("nan")), BETTER,
            "2.1 points of accuracy (+0.4 to +3.8)", "nothing that was measured",
            id="an unknown gap is no loss",
        ),
    ],
)  # fmt: skip
def test_gains_and_losses(metric, other, difference, gains, gives_up):
    found = alternatives.gains_and_losses(metric, other, trial(), difference)
    assert found == (gains, gives_up)


@pytest.mark.parametrize(
    ("metric", "chances", "expected"),
    [
        (
            "accuracy", (0.45, 0.5, 0.05),
            "Better by more than 1 point with a probability of 5 %, within 1 point with 50 %,"
            " worse by more with 45 %.",
        ),
        (
            "log_loss", (0.0, 0.001, 0.999),
            "Better by more than 0.01 with a probability of over 99 %, within 0.01 with under 1 %,"
            " worse by more with under 1 %.",
        ),
        ("accuracy", (float("nan"),) * 3, "How sure that is cannot be told from these folds."),
    ],
)  # fmt: skip
def test_chances(metric, chances, expected):
    worse, equal, better = chances
    difference = PairedDifference(0.0, -0.1, 0.1, 1.0, worse, equal, better)
    assert alternatives.chance_words(metric, difference) == expected


@pytest.mark.parametrize(
    ("front", "complete", "outdone_by", "expected"),
    [
        (
            1, 1, (),
            "Of 1 complete configuration, 1 is outdone by none in score, parameters and seconds at"
            " once. The recommended one (trial 2) is among them.",
        ),
        (
            4, 30, (5,),
            "Of 30 complete configurations, 4 are outdone by none in score, parameters and seconds"
            " at once. The recommended one (trial 2) is not among them: trial 5 did as well or"
            " better in all three. Its place rests on the rule above, as differences of scores may"
            " be luck.",
        ),
        (9, 30, (5, 6, 7, 8), "not among them: trials 5, 6 and 7 and 1 more did as well"),
    ],
)  # fmt: skip
def test_the_front(front, complete, outdone_by, expected):
    assert expected in alternatives.front_words(2, front, complete, outdone_by)


def test_the_best_score_is_said_to_look_better_than_it_is(drawn):
    many = [drawn.DrawnTrial("fine_tune", 0.80, parameters=9_000)] * 8
    trials = [*many[:2], drawn.DrawnTrial("frozen", 0.795), *many]
    choices = gather_facts(drawn.make_run(trials, samples=150), "runs/a b").tradeoff.choices
    best = next(row for row in choices.rows if "best_score" in row.roles)
    assert "It is the best of 11, so it looks better than it is" in best.chance
    assert best.command == f"autosmall retrain 'runs/a b' --trial {best.trial}"
    assert "has the best score" not in choices.sentence


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ((), ""),
        (("best_score",), "The recommended configuration itself has the best score."),
        (
            ("fastest",),
            "The recommended configuration itself has, of those within two standard errors of the "
            "best score, the fastest training.",
        ),
    ],
)
def test_what_the_recommended_one_is_the_best_in(roles, expected):
    assert alternatives.own_words(roles) == expected


def test_the_only_configuration_is_the_best_in_everything(drawn):
    choices = gather_facts(
        drawn.make_run([drawn.DrawnTrial("frozen", 0.8)]), "run"
    ).tradeoff.choices
    assert choices.rows == ()
    assert choices.sentence == (
        "The recommended configuration itself has the best score and, of those within two standard "
        "errors of the best score, the fewest parameters, the fastest training and the smallest "
        "gap."
    )
