"""The report of a run folder on disk."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from autosmall.errors import RunFolderError
from autosmall.report import write_report
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "drawn"
    drawn.store_run(drawn.make_run(), folder)
    return folder


def test_report_of_a_stored_run_has_the_numbers_of_the_run_in_memory(drawn, folder):
    page = write_report(folder)
    assert page == folder / "report.html"
    stored = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    expected = json.loads(json.dumps(to_json(gather_facts(drawn.make_run(), str(folder)))))
    for name in ("recommendation", "strategies", "tradeoff", "configurations", "search", "errors"):
        assert stored[name] == expected[name]
    text = page.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert stored["headline"] in text


def test_writing_twice_gives_the_same_bytes(folder):
    files = [folder / "report.json", folder / "report.html"]
    write_report(folder)
    before = [file.read_bytes() for file in files]
    write_report(folder)
    assert [file.read_bytes() for file in files] == before
    assert not list(folder.glob(".writing-*"))


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="holds no readable run"):
        write_report(tmp_path)
    assert not list(tmp_path.iterdir())


def test_report_without_results_loads_no_chart_library(drawn, tmp_path):
    drawn.store_run(drawn.make_run([], state="running"), tmp_path)
    program = (
        "import sys; from pathlib import Path; from autosmall.report import write_report;"
        "write_report(Path(sys.argv[1]));"
        "print([m for m in ('altair', 'vl_convert', 'tensorflow', 'keras', 'ray')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert json.loads((tmp_path / "report.json").read_text())["recommendation"] is None


@pytest.mark.parametrize("state", ["finished", "interrupted"])
def test_a_trial_cut_off_by_the_end_of_a_search_is_unfinished(drawn, tmp_path, state):
    trials = [
        drawn.DrawnTrial("frozen", 0.8),
        drawn.DrawnTrial("frozen", 0.7, status="running", folds=1),
    ]
    drawn.store_run(drawn.make_run(trials, state=state), tmp_path)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    facts = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert facts["search"]["by_status"] == {"complete": 1, "unfinished": 1}
    assert "Not ranked: 1 unfinished." in page
    assert ("; 1 configuration had not finished" in page) == (state == "interrupted")
