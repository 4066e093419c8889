"""What pictures that were kept back say."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from autosmall.analysis.exact import exact_interval
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.report.sections import sealed_test
from autosmall.report.sections.sealed_test import SealedTest
from autosmall.run_folder.openings import record_opening
from autosmall.run_folder.run_data import load_run_data

NAN = math.nan
EXPECTED = CorrectedScore(0.86, 0.78, 0.93, 0.88, 0.02, 500, 7, 3, 0.5)


@pytest.mark.parametrize(
    ("metric", "found", "expected", "words"),
    [
        pytest.param(
            "accuracy", SealedTest("", 0, 0, None, NAN, NAN, NAN), EXPECTED,
            "No test pictures were kept back. The score is an estimate from pictures that the"
            " search chose by; pictures in a folder “test” beside “train”, or given to “autosmall"
            " retrain --test”, would check it.",
            id="no test",
        ),
        pytest.param(
            "accuracy", SealedTest("", 100, 0, None, NAN, NAN, NAN), EXPECTED,
            "100 test pictures were kept back, and were not opened before this page was written."
            " “autosmall retrain runs/a” scores the model on them and writes the score here.",
            id="sealed",
        ),
        pytest.param(
            "accuracy", SealedTest("", 100, 1, 2, 0.83, 0.74, 0.89), EXPECTED,
            "On 100 test pictures that the search did not see, the model of trial 2 reached 83.0 %"
            " accuracy (95 % interval 74 to 89 %). The interval of the estimate (78 to 93 %) holds"
            " it.",
            id="opened once, as expected",
        ),
        pytest.param(
            "accuracy", SealedTest("", 100, 3, 2, 0.7, 0.6, 0.78), EXPECTED,
            "On 100 test pictures that the search did not see, the model of trial 2 reached 70.0 %"
            " accuracy (95 % interval 60 to 78 %). The interval of the estimate (78 to 93 %) does"
            " not hold it. Test pictures were opened 3 times: whoever chooses by what they show"
            " makes them training pictures.",
            id="worse than expected, looked at again",
        ),
        pytest.param(
            "balanced_accuracy", SealedTest("", 100, 1, 5, 0.83, NAN, NAN), None,
            "On 100 test pictures that the search did not see, the model of trial 5 reached 83.0 %"
            " balanced accuracy. That is another model than the one recommended above.",
            id="another model",
        ),
        pytest.param(
            "accuracy", SealedTest("", 100, 2, None, NAN, NAN, NAN), EXPECTED,
            "Test pictures were opened 2 times for a model of this run, but no score of a model in"
            " its folder is stored.",
            id="opened, nothing kept",
        ),
    ],
)  # fmt: skip
def test_words(metric, found, expected, words):
    assert sealed_test.in_words(metric, found, expected, "runs/a") == words


def test_a_run_folder_tells_openings_and_scores(drawn, tmp_path):
    run = drawn.make_run(
        audit={"statistics": {"class_counts": {"train": {"a": 9}, "test": {"a": 60, "b": 40}}}}
    )
    drawn.store_run(run, tmp_path)
    sealed = sealed_test.gather(load_run_data(tmp_path), 2, EXPECTED, "runs/a")
    assert (sealed.pictures, sealed.openings) == (100, 0)
    record_opening(tmp_path, "pictures/test", "abc", "retrain")
    (tmp_path / "model").mkdir()
    metrics = {"trial": 2, "test": {"accuracy": 0.9, "n": 50, "opened": 1}}
    (tmp_path / "model" / "metrics.json").write_text(json.dumps(metrics))
    opened = sealed_test.gather(load_run_data(tmp_path), 2, EXPECTED, "runs/a")
    assert (opened.pictures, opened.openings, opened.trial, opened.score) == (50, 1, 2, 0.9)
    assert (opened.low, opened.high) == exact_interval(0.9, 50)
    assert "holds it" in opened.sentence
    other = sealed_test.gather(load_run_data(tmp_path), 4, EXPECTED, "runs/a")
    assert "another model" in other.sentence
    assert replace(other, sentence="") == replace(opened, sentence="")
