"""The page that compares runs: its numbers, its words, its refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autosmall.analysis.ranking import rank
from autosmall.analysis.run_pairs import compare_recommended, share_folds
from autosmall.errors import RunFolderError, SettingsError
from autosmall.report import write_comparison
from autosmall.report.comparison import gather_comparison
from autosmall.report.comparison_page import render_comparison
from autosmall.report.gathering import gather_facts


@pytest.fixture(scope="module")
def weak(drawn):
    return drawn.make_run([drawn.DrawnTrial("classical", 0.6), drawn.DrawnTrial("baseline", 0.34)])


def test_numbers_are_those_of_the_runs_own_reports(drawn, weak):
    run = drawn.make_run()
    found = gather_comparison([(Path("a"), run), (Path("b"), weak)])
    for row, one in zip(found.runs, (run, weak), strict=True):
        own = gather_facts(one, "x")
        assert own.recommendation is not None
        assert row.corrected_score == own.recommendation.corrected_score
        assert row.corrected_interval == own.recommendation.corrected_interval
        assert row.naive_score == own.recommendation.naive_score
        expected = [(s.strategy, s.score) for s in own.strategies.rows if s.score is not None]
        assert [(s.strategy, s.score) for s in row.strategies] == expected
    assert [row.name for row in found.runs] == ["a", "b"]


def test_runs_on_the_same_folds_are_compared_picture_by_picture(drawn, weak):
    run = drawn.make_run()
    pair = gather_comparison([(Path("weak"), weak), (Path("good"), run)]).pairs[0]
    assert (pair.first, pair.second) == ("weak", "good")
    naive = [rank(one).recommended.summary.score.mean for one in (weak, run)]
    assert pair.difference.difference == pytest.approx(naive[0] - naive[1])
    assert pair.difference.high < 0
    assert pair.sentence.startswith("good is better than weak by")


def test_a_run_is_as_good_as_itself(drawn):
    run = drawn.make_run()
    found = gather_comparison([(Path("a"), run), (Path("b"), run)])
    assert found.pairs[0].difference.difference == 0
    assert "b" in found.sentence and "better" not in found.sentence
    assert found.settings == ()


@pytest.mark.parametrize("change", ["folds", "metric", "fingerprint"])
def test_runs_without_common_folds_are_not_paired(drawn, change):
    run = drawn.make_run()
    if change == "folds":
        other = drawn.make_run(folds=4)
    elif change == "metric":
        other = drawn.make_run(metric="balanced_accuracy")
    else:
        other = replace(run, fingerprint="another")
    assert not share_folds(run, other)
    assert compare_recommended((run, rank(run)), (other, rank(other))) is None
    found = gather_comparison([(Path("a"), run), (Path("b"), other)])
    assert found.pairs == ()
    if change == "folds":
        assert "luck of the split" in found.sentence
    if change == "fingerprint":
        assert "2 runs on 2 data sets" in found.sentence
    assert "No two of these runs" in render_comparison(found)


def test_folders_of_one_name_are_told_apart_by_their_parents(drawn):
    run = drawn.make_run()
    found = gather_comparison([(Path("/x/one/run"), run), (Path("/x/two/run"), run)])
    assert [row.name for row in found.runs] == ["one/run", "two/run"]


def test_settings_that_differ_are_listed(drawn):
    run = drawn.make_run()
    other = replace(run, settings={**run.settings, "space": "thorough", "workers": 8})
    found = gather_comparison([(Path("a"), run), (Path("b"), other)])
    assert found.settings == (("space", ("quick", "thorough")),)


def test_a_run_without_results_takes_its_row(drawn):
    run, empty = drawn.make_run(), drawn.make_run([], state="running")
    page = render_comparison(gather_comparison([(Path("a"), run), (Path("b"), empty)]))
    assert "nothing complete" in page
    both = gather_comparison([(Path("a"), empty), (Path("b"), empty)])
    assert both.sentence == "No run has a configuration that finished all its folds."
    assert "<svg" not in render_comparison(both).split("</header>")[1].split("<table>")[0]


def test_names_are_shown_as_text(drawn):
    run = drawn.make_run()
    hostile = replace(run, settings={**run.settings, "dataset": "<script>alert(1)</script>"})
    page = render_comparison(
        gather_comparison([(Path("<img src=x onerror=y>"), hostile), (Path("b"), run)])
    )
    assert "<img" not in page and "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_page_and_facts_are_written_beside_each_other(drawn, weak, tmp_path):
    folders = [tmp_path / "good", tmp_path / "weak"]
    for folder, run in zip(folders, (drawn.make_run(), weak), strict=True):
        drawn.store_run(run, folder)
    page = write_comparison(folders, tmp_path / "out" / "compared.html")
    facts = json.loads((tmp_path / "out" / "compared.json").read_text(encoding="utf-8"))
    assert facts["schema_version"] == 1
    assert [row["name"] for row in facts["runs"]] == ["good", "weak"]
    assert facts["sentence"] in page.read_text(encoding="utf-8")
    before = page.read_bytes()
    assert write_comparison(folders, page).read_bytes() == before


def test_fewer_than_two_runs_are_refused(drawn, tmp_path):
    drawn.store_run(drawn.make_run(), tmp_path / "run")
    for named in ([tmp_path / "run"], [tmp_path / "run", tmp_path / "run" / ".." / "run"]):
        with pytest.raises(SettingsError, match="each named once"):
            write_comparison(named, tmp_path / "page.html")
    with pytest.raises(RunFolderError, match="holds no readable run"):
        write_comparison([tmp_path / "run", tmp_path], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
