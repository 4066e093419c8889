"""The section on more pictures: its answers for gains that are sure, small or unknown."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from autosmall.analysis.power_law import Expected
from autosmall.analysis.ranking import rank
from autosmall.analysis.sample_size import ClassGain, learning_curves
from autosmall.report.charts.build import build_figures
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts
from autosmall.report.html import render_page
from autosmall.report.sections.sample_size import answer, class_answer

_PATH = Path(__file__).resolve().parents[1] / "analysis" / "grown_run.py"
_SPEC = importlib.util.spec_from_file_location("autosmall_tests_grown_run", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
grown = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(grown)


@pytest.fixture(scope="module")
def run(drawn):
    return grown.with_subset_scores(drawn.make_run(samples=400), {2: 0.12, 4: 0.2})


@pytest.fixture(scope="module")
def curve(run):
    return learning_curves(run, rank(run))[0]


@pytest.mark.parametrize(
    ("gain", "beginning"),
    [
        (Expected(0.03, 0.01, 0.05), "Yes."),
        (Expected(0.003, -0.001, 0.006), "Hardly."),
        (Expected(0.002, 0.001, 0.003), "Hardly."),
        (Expected(0.02, -0.01, 0.05), "That cannot be told."),
    ],
)
def test_the_answer_follows_the_interval_of_the_gain(curve, gain, beginning):
    assert answer("accuracy", replace(curve, gain=gain)).startswith(beginning)


def gains(*intervals):
    return tuple(
        ClassGain(name, 50, 0.7, Expected((low + high) / 2, low, high), 1 / len(intervals))
        for name, (low, high) in zip("abc", intervals, strict=False)
    )


def test_a_class_is_named_only_if_it_stands_out():
    first = class_answer(gains((0.08, 0.12), (0.0, 0.02), (0.0, 0.02)))
    assert first.startswith("Collect a first: 70.0 % of its pictures are found now")
    assert "+8.0 to +12.0 points" in first
    alike = class_answer(gains((0.03, 0.06), (0.02, 0.06), (0.01, 0.06)))
    assert alike.startswith("All classes would gain about alike")
    unknown = class_answer(gains((-0.02, 0.1), (-0.03, 0.08)))
    assert unknown.startswith("Which class to collect first cannot be told")
    assert class_answer(()).startswith("No class has enough")


def test_the_page_shows_curves_classes_and_numbers(run):
    facts = gather_facts(run, "reports/drawn")
    page = render_page(facts, build_figures(facts))
    section = page.split('id="more"')[1].split("</section>")[0]
    assert section.count("<svg xmlns") == 2  # wide and narrow
    for text in ("fine_tune, trial 4 (5 folds)", "frozen, trial 2 (5 folds)", "640 (expected)"):
        assert text in section
    for name in run.classes:
        assert f"<bdi>{name}</bdi></th>" in section
    stored = json.loads(json.dumps(to_json(facts), allow_nan=False))["sample_size"]
    assert [row["trial"] for row in stored["curves"]] == [4, 2]
    low, high = stored["curves"][0]["gain"]["low"], stored["curves"][0]["gain"]["high"]
    assert low < stored["curves"][0]["gain"]["value"] < high


@pytest.mark.parametrize(
    ("settings", "state", "trials", "said"),
    [
        ({}, "running", None, "measured after the search"),
        ({"sample_size": False}, "finished", None, "run with --no-sample-size"),
        ({}, "finished", 1, "a strategy that learns"),
        ({}, "finished", None, "same command with a larger --time-budget"),
    ],
)
def test_one_line_says_what_is_missing(drawn, settings, state, trials, said):
    run = drawn.make_run(drawn.DEFAULT_TRIALS[:trials], state=state)
    run = replace(run, settings={**run.settings, **settings})
    found = gather_facts(run, "run").sample_size
    assert said in found.sentence
    assert found.curves == ()
    assert found.class_sentence == ""
