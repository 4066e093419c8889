"""Sentences in situations; none may claim more than its numbers show."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from autosmall.analysis.overfitting import Trend
from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.analysis.strategies import StrategyResult
from autosmall.report import sentences
from autosmall.report.gathering import gather_facts
from autosmall.report.sections import strategies


def corrected(score=0.86, low=0.78, high=0.93, optimism=0.024, candidates=7):
    return CorrectedScore(score, low, high, score + optimism, optimism, 500, candidates, 3, 0.51)


def trial(number=2, strategy="frozen", parameters=1539):
    return SimpleNamespace(trial=number, strategy=strategy, trainable_parameters=parameters)


@pytest.mark.parametrize(
    ("metric", "strategy", "found", "majority", "expected"),
    [
        pytest.param(
            "accuracy", "frozen", corrected(), 0.41,
            "Use frozen (trial 2): expect 86 % accuracy (78 to 93 %) on new pictures of the same"
            " kind. Always answering the commonest class gets 41 %.",
            id="a clear winner",
        ),
        pytest.param(
            "accuracy", "frozen", corrected(0.55, 0.45, 0.65), 0.5,
            "Use frozen (trial 2): expect 55 % accuracy (45 to 65 %) on new pictures of the same"
            " kind. The interval does not exclude 50 %, which is what always answering the"
            " commonest class gets: these pictures do not show that anything was learned.",
            id="no better than chance",
        ),
        pytest.param(
            "accuracy", "baseline", corrected(0.5, 0.45, 0.55), 0.5,
            "Use baseline (trial 2): expect 50 % accuracy (45 to 55 %) on new pictures of the same"
            " kind. That is always answering the commonest class: nothing tried does better.",
            id="baseline is best",
        ),
        pytest.param(
            "roc_auc", "scratch", corrected(0.912, 0.9, 0.924), float("nan"),
            "Use scratch (trial 2): expect an area under the ROC curve of 91.2 % (90.0 to 92.4 %)"
            " on new pictures of the same kind.",
            id="a metric without a majority score",
        ),
        pytest.param(
            "log_loss", "frozen", corrected(0.4, 0.3, 0.5), 1.1,
            "Use frozen (trial 2): expect a log loss of 0.40 (0.30 to 0.50) on new pictures of the"
            " same kind. Always answering the commonest class gets 1.10.",
            id="lower is better",
        ),
        pytest.param(
            "log_loss", "frozen", corrected(1.0, 0.8, 1.2), 1.1,
            "Use frozen (trial 2): expect a log loss of 1.00 (0.80 to 1.20) on new pictures of the"
            " same kind. The interval does not exclude 1.10, which is what always answering the"
            " commonest class gets: these pictures do not show that anything was learned.",
            id="lower is better, but not low enough",
        ),
    ],
)  # fmt: skip
def test_recommendation(metric, strategy, found, majority, expected):
    assert sentences.recommendation(metric, trial(2, strategy), found, majority) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (corrected(), "about 2.4 points too good"),
        (corrected(optimism=-0.003), "No cost of picking could be seen among 7 candidates."),
        (corrected(optimism=0.0004), "No cost of picking could be seen among 7 candidates."),
        (corrected(candidates=1), "Only one configuration finished, so nothing was picked."),
    ],
)
def test_correction(found, expected):
    assert expected in sentences.correction("accuracy", 0.884, found)


@pytest.mark.parametrize(
    ("blocking", "warnings", "expected"),
    [
        (0, 0, "The audit found nothing that speaks against it."),
        (0, 1, "the audit found 1 warning."),
        (1, 2, "Not before this is mended: the audit found 1 that makes it worthless"),
    ],
)
def test_trust(blocking, warnings, expected):
    assert expected in sentences.trust("accuracy", corrected(), blocking, warnings)


@pytest.mark.parametrize(
    ("trend", "expected"),
    [
        (None, "too few to say"),
        (Trend(0.3, 0.2, 9), "No connection"),
        (Trend(0.8, 0.001, 9), "Bigger models had larger gaps"),
        (Trend(-0.8, 0.001, 9), "Bigger models had smaller gaps"),
    ],
)
def test_trend(trend, expected):
    assert expected in sentences.trend("accuracy", trend)


@pytest.mark.parametrize(
    ("state", "statuses", "expected"),
    [
        ("running", {}, "No configuration has been tried yet; the search is still running."),
        ("finished", {"failed": 3}, "Every configuration failed (3 of 3)"),
        ("interrupted", {"failed": 1, "running": 1}, "None of 2 configurations has finished"),
    ],
)
def test_no_recommendation(state, statuses, expected):
    total = sum(statuses.values())
    assert sentences.no_recommendation(state, total, statuses).startswith(expected)


def situation(drawn, *trials, **options):
    return gather_facts(drawn.make_run(trials, **options), "run")


def test_too_few_pictures_to_tell_strategies_apart(drawn):
    facts = situation(
        drawn, drawn.DrawnTrial("frozen", 0.8), drawn.DrawnTrial("fine_tune", 0.8), samples=30
    )
    assert "too few pictures to tell it from" in facts.strategies.sentence
    assert "The difference from " in facts.strategies.sentence
    assert facts.strategies.rows[0].sentence.startswith("cannot be told from ")


def test_a_clear_best_strategy_is_said_with_its_interval(drawn):
    facts = situation(
        drawn, drawn.DrawnTrial("frozen", 0.9), drawn.DrawnTrial("scratch", 0.6), samples=900
    )
    row = facts.strategies.rows[0]
    low, high = (round(100 * end) for end in (row.difference.low, row.difference.high))
    size = f"{100 * row.difference.difference:.0f} ({low} to {high}) points"
    assert facts.strategies.sentence == f"frozen beats scratch here by {size}."
    assert row.sentence == f"beats scratch by {size}"
    assert facts.strategies.rows[1].sentence == f"loses to frozen by {size}"
    assert row.difference.low > 0


def compared(difference, low, high, verdict="undecided"):
    """Return two strategies whose corrected difference is given, the one with the best first."""
    apart = PairedDifference(difference, low, high, 0.5)
    first = StrategyResult("frozen", 9, 9, trial(2), trial(5, "scratch"), apart, verdict, 1.0)
    opposite = {"better": "worse", "worse": "better"}.get(verdict, verdict)
    second = StrategyResult(
        "scratch", 3, 3, trial(5, "scratch"), trial(2), apart.reversed(), opposite, 1.0
    )
    return [first, second]


@pytest.mark.parametrize(
    ("difference", "low", "high", "verdict", "expected"),
    [
        pytest.param(
            0.04, 0.01, 0.07, "better", "frozen beats scratch here by 4 (1 to 7) points.",
            id="a sure lead",
        ),
        pytest.param(
            0.01, -0.02, 0.04, "undecided",
            "frozen has the best score, but there are too few pictures to tell it from scratch. The"
            " difference from scratch is +1 (−2 to +4) points.",
            id="a lead that may be luck",
        ),
        pytest.param(
            -0.01, -0.05, 0.03, "undecided",
            "None leads. frozen has the best single score, but corrected for how often each was"
            " tried, its difference from scratch is −1 (−5 to +3) points.",
            id="a lead that the correction takes away",
        ),
        pytest.param(
            -0.03, -0.05, -0.01, "worse",
            "None leads. frozen has the best single score, but corrected for how often each was"
            " tried, its difference from scratch is −3 (−5 to −1) points.",
            id="a lead that the correction turns round",
        ),
        pytest.param(
            0.0, -0.02, 0.02, "undecided",
            "None leads. frozen has the best single score, but corrected for how often each was"
            " tried, its difference from scratch is 0 (−2 to +2) points.",
            id="exactly as good",
        ),
    ],
)  # fmt: skip
def test_a_lead_is_claimed_only_where_the_corrected_difference_has_one(
    difference, low, high, verdict, expected
):
    assert strategies.verdict("accuracy", compared(difference, low, high, verdict)) == expected


def test_one_strategy_only(drawn):
    facts = situation(drawn, drawn.DrawnTrial("frozen", 0.8))
    assert facts.strategies.sentence == (
        "Only frozen has a configuration that finished all its folds."
    )
    assert "nothing was picked" in facts.trust.correction_sentence
    assert facts.configurations.sentence == "1 configuration finished all folds."


def test_racing_dropped_all_but_one(drawn):
    dropped = drawn.DrawnTrial("scratch", 0.4, status="raced_out", reason="behind", folds=2)
    facts = situation(drawn, drawn.DrawnTrial("frozen", 0.8), dropped, dropped)
    assert facts.configurations.sentence.endswith("Not ranked: 2 raced out.")
    assert facts.search.folds_saved == 6


def test_flawless_predictions(drawn):
    facts = situation(drawn, drawn.DrawnTrial("frozen", 1 - 1e-12))
    assert facts.errors.sentence == "None of 120 held-out pictures was given a wrong class."
    assert facts.recommendation.corrected_interval[0] < 0.98


def test_absurd_size(drawn):
    facts = situation(drawn, drawn.DrawnTrial("scratch", 0.8, parameters=36_700_000), samples=45)
    assert "1.02 million per picture" in facts.tradeoff.warning
    assert situation(drawn, drawn.DrawnTrial("scratch", 0.8)).tradeoff.warning == ""


def test_pretrained_weights_are_remarked_on_more_mildly(drawn):
    large = drawn.DrawnTrial("fine_tune", 0.8, parameters=36_700_000)
    tradeoff = situation(drawn, large, samples=45).tradeoff
    assert tradeoff.warning == ""
    assert "They start from pretrained weights" in tradeoff.remark


def test_small_class_is_cautioned_about(drawn):
    facts = situation(drawn, drawn.DrawnTrial("frozen", 0.8), samples=30)
    assert "The smallest class has 10 pictures" in facts.trust.caution


def test_overfitting_is_seen_in_the_mean_loss(drawn):
    facts = situation(
        drawn, drawn.DrawnTrial("scratch", 0.7, gap=0.3), drawn.DrawnTrial("frozen", 0.7, gap=0.0)
    )
    said = {leader.strategy: leader.sentence for leader in facts.training.leaders}
    assert "rises after it" in said["scratch"]
    assert "ends near its lowest" in said["frozen"]


def test_the_search_s_own_backbone_is_told_with_its_source():
    told = sentences.source("/data/digits", ("source:digits", "patches"))
    assert "source:digits" in told and "/data/digits" in told and "backbone.md" in told
    assert sentences.source(None, ("patches",)) == sentences.source("", ()) == ""


def test_with_several_strategies_each_is_compared_with_the_best_of_the_others(drawn):
    trials = [drawn.DrawnTrial(name, 0.8) for name in ("frozen", "scratch", "fine_tune")]
    for row in situation(drawn, *trials).strategies.rows:
        assert f"the best of the others ({row.rival})" in row.sentence


def test_what_was_never_begun_is_not_counted_as_tried(drawn):
    late = drawn.DrawnTrial("scratch", 0.5, status="not_begun", folds=0, reason="too late")
    facts = situation(drawn, drawn.DrawnTrial("frozen", 0.8), late, late)
    assert facts.effort.startswith("1 configuration tried")
    assert facts.search.trials == 1
    assert facts.search.by_status == {"complete": 1, "not_begun": 2}
    assert facts.search.folds_saved == 0
    assert {row.strategy: row.tried for row in facts.strategies.rows} == {"frozen": 1, "scratch": 0}
    assert facts.configurations.sentence.endswith("Not ranked: 2 not begun.")


def test_a_run_without_an_audit_is_not_called_clean():
    said = sentences.trust("accuracy", corrected(), 0, 0, audited=False)
    assert said.endswith("The pictures were not audited.")


def test_a_constant_answer_has_no_interval_where_pictures_do_not_bear_on_it(drawn):
    facts = situation(
        drawn, drawn.DrawnTrial("baseline", 0.5), drawn.DrawnTrial("frozen", 0.8),
        metric="balanced_accuracy",
    )  # fmt: skip
    row = next(row for row in facts.configurations.rows if row.strategy == "baseline")
    assert row.low == row.score == row.high
