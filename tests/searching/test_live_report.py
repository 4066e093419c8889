"""The report while a search runs: written again and again, and plain about what it is."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from autosmall.report import write_report
from autosmall.run_folder.run_data import load_run_data
from autosmall.searching.live_report import LiveReport


@pytest.fixture
def running(drawn, tmp_path):
    """The folder of a search that has just begun, held by this process."""
    drawn.store_run(drawn.make_run([], state="running"), tmp_path / "run")
    return tmp_path / "run"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 500
    while not path.is_file():
        assert time.monotonic() < deadline, f"no {path.name} after 500 s"
        time.sleep(0.05)


def test_a_running_search_says_so_and_how_to_see_more(running):
    page = write_report(running).read_text(encoding="utf-8")
    assert "Still running: this is what is known so far." in page
    assert "reload the page to see more" in page
    assert json.loads((running / "report.json").read_text())["state"] == "running"


def test_a_search_that_was_killed_is_not_called_running(running):
    (running / "run.lock").write_text('{"pid": 1')
    page = write_report(running).read_text(encoding="utf-8")
    assert "Still running" not in page and "Interrupted: what was finished so far." in page
    run = load_run_data(running)
    assert (run.state, run.end_reason) == ("interrupted", "it was killed")


def test_the_report_is_written_in_a_process_of_its_own_never_two_at_once(running, monkeypatch):
    started = []
    import autosmall.searching.live_report as module

    start = module.subprocess.Popen
    monkeypatch.setattr(
        module.subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[-1]
    )
    live = LiveReport(running, every_seconds=0.0)
    live.refresh_if_due()
    live.refresh_if_due()
    assert len(started) == 1
    wait_for(running / "report.html")
    started[0].wait()
    live.refresh_if_due()
    assert len(started) == 2
    live.close()
    assert started[1].poll() is not None


def test_nothing_is_written_before_it_is_time(running, monkeypatch):
    monkeypatch.setattr("autosmall.searching.live_report.subprocess.Popen", pytest.fail)
    live = LiveReport(running)
    live.refresh_if_due()
    live.close()
