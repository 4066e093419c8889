"""Sections about probabilities, the rare class, ensembles and settings: what their words say."""

from __future__ import annotations

import dataclasses
import re

import pytest

from autosmall.analysis.calibration import Reliability
from autosmall.analysis.ensemble import Ensemble
from autosmall.analysis.importance import ImportanceGroup, SettingImportance
from autosmall.analysis.ranking import rank
from autosmall.analysis.thresholds import RareClass, Threshold
from autosmall.report.charts.importance import importance_figure
from autosmall.report.charts.marks import STRATEGY_ORDER
from autosmall.report.glossary import GLOSSARY
from autosmall.report.sections import ensemble, importance, rare_class
from autosmall.report.sections.calibration import calibration_sentence, gather, metric_note
from autosmall.report.sections.ensemble import gain_words
from autosmall.report.sections.importance import importance_sentence
from autosmall.report.sections.rare_class import rare_class_sentence
from autosmall.report.sections.repetition import repetition_sentence

SURE = Reliability(0.15, 0.03, 0.05, 0.9, 0.95, 0.8, ())
MENDED = Reliability(0.02, 0.03, 0.05, 0.6, 0.81, 0.8, ())


def test_too_sure_is_said_with_both_shares():
    said = calibration_sentence(120, SURE, MENDED)
    assert "too sure: it says 95 % on average and is right in 80 %" in said
    assert "calibration error is 15.0 points" in said
    assert "temperature, 2.0 points" in said
    assert "Perfect calibration would show 3.0 points" in said


def test_an_error_that_chance_explains_is_called_so():
    said = calibration_sentence(120, MENDED, MENDED)
    assert said.startswith("How sure the model says it is agrees")
    assert "as far as 120 pictures can tell" in said


@pytest.mark.parametrize(
    ("metric", "part"),
    [
        ("accuracy", ""),
        ("roc_auc", "with more it may change"),
        ("log_loss", "the scores elsewhere in this report are of unscaled probabilities"),
    ],
)
def test_what_scaling_has_to_do_with_the_metric(metric, part):
    said = metric_note(metric, SURE, MENDED)
    assert part in said
    assert bool(said) == bool(part)
    assert not said or "from 0.900 to 0.600" in said


def test_the_section_has_the_numbers_of_the_analysis(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 0.9)])
    found = gather(run, rank(run))
    assert found.trial == 0
    assert found.after.accuracy == found.before.accuracy
    assert gather(drawn.make_run([]), rank(drawn.make_run([]))) is None


def test_the_rare_class_in_words():
    thresholds = (
        Threshold("recall", 0.8, 0.26, 0.78, 0.17, 0.18),
        Threshold("recall", 0.99, 0.01, 0.98, 0.05, 0.9),
    )
    found = RareClass("sunflower", 100, 0.038, 0.51, 0.71, 0.27, thresholds)
    said = rare_class_sentence(found)
    assert "sunflower: 100 pictures, 3.8 % of all" in said
    assert "average precision is 51 %, where guessing reaches 3.8 %" in said
    assert "To find 80 % of them" in said  # 99 % would call nearly everything so
    silent = dataclasses.replace(found, precision=float("nan"), thresholds=())
    assert rare_class_sentence(silent).endswith("71 % of its pictures are found.")


def test_thresholds_that_are_missing_are_explained_and_one_is_offered(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 0.9)], samples=40, classes=("a", "b"))
    found = rare_class.gather(run, rank(run), "my run")
    assert "a training part would have to hold 19 pictures" in found.missing
    assert found.command.startswith("autosmall predict 'my run/model' PICTURES --recall ")
    three = drawn.make_run([drawn.DrawnTrial("frozen", 0.9)])
    assert rare_class.gather(three, rank(three), "run") is None


VOTE = Ensemble((4, 2), (0.6, 0.4), 0.91, 0.88, 0.8, 0.93, 0.014, -0.01, 0.05, 0.006)


def test_the_gain_stands_with_its_interval():
    said = gain_words("accuracy", VOTE)
    assert "a vote of 2 configurations is expected to change the score" in said
    assert "by +1.4 points" in said
    assert "−1.0 to +5.0" in said
    assert VOTE.pays
    assert not dataclasses.replace(VOTE, gain=0.005).pays
    alone = dataclasses.replace(VOTE, trials=(4,), weights=(1.0,))
    assert not alone.pays
    assert "trial 4 alone" in gain_words("accuracy", alone)
    assert "two complete" in gain_words("accuracy", None)


def test_what_costs_time_waits_for_the_end_of_the_search(drawn):
    run = drawn.make_run(state="running")
    assert ensemble.begin(run, rank(run), "run")() is None
    assert importance.begin(run)().sentence == importance.RUNNING


def group(*settings, chance=0.3):
    return ImportanceGroup("scratch", 40, 40, settings, chance, chance)


def test_the_chart_shows_what_chance_could():
    found = group(
        SettingImportance("penalty_c", 0.28, 0.9), SettingImportance("width", 0.01, 0.299)
    )
    for drawing in importance_figure(found).drawings:
        bars = drawing.rows["bars"]
        assert [bar["setting"] for bar in bars] == ["penalty C"] * 2 + ["width"] * 2
        assert {bar["chance"] for bar in bars} == {30.0}
        assert [bar["text"] for bar in bars] == ["28", "90", "1", "30"]


def test_one_setting_may_answer_both_questions_or_one_each_or_none():
    rate = SettingImportance("learning_rate", 0.7, 0.6)
    assert "learning rate explains most of the variation of scores (70 %), and" in (
        importance_sentence([group(rate, SettingImportance("width", 0.1, 0.4))])
    )
    other = importance_sentence(
        [group(SettingImportance("learning_rate", 0.7, 0.2), SettingImportance("width", 0.1, 0.8))]
    )
    assert other.endswith("for getting among the best, width matters most.")
    nothing = importance_sentence([group(rate, chance=0.9)])
    assert "no setting explains more" in nothing
    assert "what sets the best apart cannot be told from chance" in nothing
    assert "Too few trials" in importance_sentence([])


def test_comparisons_without_a_finding_are_named_together_at_last():
    found = SettingImportance("learning_rate", 0.7, 0.6)
    strategies = ["all", "frozen", "scratch"]
    silent = [dataclasses.replace(group(found, chance=0.9), strategy=name) for name in strategies]
    nothing = (
        "no setting explains more of the variation of scores than chance would; what sets the best "
        "apart cannot be told from chance."
    )
    assert importance_sentence(silent) == (
        f"Among all strategies and within frozen and scratch, {nothing}"
    )
    assert importance_sentence(silent[1:]) == f"Within frozen and scratch, {nothing}"
    assert importance_sentence([silent[0], group(found), silent[1]]) == (
        "Within scratch, learning rate explains most of the variation of scores (70 %), and "
        "matters most for getting among the best. "
        f"Among all strategies and within frozen, {nothing}"
    )


@pytest.mark.parametrize(
    ("limits", "exact"),
    [
        ({"max_trials": 20}, True),
        ({"max_trials": 20, "time_budget_seconds": 60.0}, False),
        ({"time_budget_seconds": 60.0}, False),
        ({}, False),
    ],
)
def test_only_a_search_without_a_clock_is_said_to_repeat_exactly(drawn, limits, exact):
    run = drawn.make_run()
    said = repetition_sentence(dataclasses.replace(run, settings={"seed": 7, **limits}))
    assert "seed 7" in said
    assert ("With seed 7, the same pictures and versions it gives the same" in said) == exact
    assert ("is a matter of time and machine" in said) == (not exact)


def test_words_stand_in_alphabetical_order_and_name_every_strategy():
    words = [term.word for term in GLOSSARY]
    assert words == sorted(words, key=lambda word: re.sub(r"[_-]", " ", word.lower()))
    assert set(STRATEGY_ORDER) <= set(words)
