"""Searches that end early and go on, and the fits on fewer pictures after them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import autosmall
from autosmall.analysis.stopping import Outlook
from autosmall.run_folder.sample_size_store import read_subset_scores
from autosmall.run_folder.state import EarlyStop
from autosmall.run_folder.store import RunStore

SPACE = """
name = "cheap"
purpose = "classical features alone, for tests"
usual_minutes = 1
command = "autosmall search DATASET --space cheap.toml"
strategies = ["baseline", "classical"]

[common]
image_size_px = { choices = [16] }

[classical]
descriptors = { choices = ["lbp", "color"] }
classifier = { choices = ["linear"] }
penalty_c = { low = 0.01, high = 100.0, log = true }

[[start]]
label = "Majority class"
strategy = "baseline"
protected = true

[[start]]
label = "LBP"
strategy = "classical"
descriptors = "lbp"
default = true
protected = true
"""


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of small files: do not wait for the disk to have them."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, object]:
    space = tmp_path / "cheap.toml"
    space.write_text(SPACE)
    return {
        "space": space,
        "output_dir": tmp_path / "run",
        "explorer": "random",
        "workers": 0,
        "quiet": True,
    }


def count_of(run: autosmall.SearchRun) -> int:
    return len(run.data.trials)


@pytest.mark.slow
def test_an_early_end_holds_until_more_is_asked_for(
    stripes: Path, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule is made to say that nothing is to be gained as soon as it knows of a proposal.

    Lag and rest are made short, so that few trials do.
    """
    lag, rest = 4, 3
    monkeypatch.setattr("autosmall.searching.limits.LAG", lag)
    monkeypatch.setattr("autosmall.searching.work.LEAST_PROPOSALS", rest)

    def hopeless(outcomes: object, proposed: list[object], *facts: float) -> Outlook:
        return Outlook(0.0 if proposed else math.inf, 0.01, 9)

    monkeypatch.setattr("autosmall.searching.early_end.outlook", hopeless)
    options["sample_size"] = False
    run = autosmall.search(stripes, max_trials=9, **options)  # type: ignore[arg-type]
    early = 2 + lag
    assert count_of(run) == early
    assert "--no-early-stop goes on" in run.data.end_reason
    assert RunStore(run.path).state().early_stop == EarlyStop(early, 9, None)
    report = json.loads((run.path / "report.json").read_text())
    assert "were expected to bring 0.0 points" in report["search"]["sentence"]
    assert "--no-sample-size" in report["sample_size"]["sentence"]
    assert not (run.path / "sample_size").exists()

    same = autosmall.search(stripes, max_trials=9, **options)  # type: ignore[arg-type]
    assert count_of(same) == early

    larger = autosmall.search(stripes, max_trials=20, **options)  # type: ignore[arg-type]
    assert count_of(larger) == early + rest

    whole = autosmall.search(stripes, max_trials=10, early_stop=False, **options)  # type: ignore[arg-type]
    assert count_of(whole) == 10
    assert whole.data.end_reason == "all 10 trials are done"


def test_the_leader_is_trained_on_fewer_pictures_afterwards_and_once(
    stripes: Path, options: dict[str, object]
) -> None:
    run = autosmall.search(stripes, max_trials=3, **options)  # type: ignore[arg-type]
    scores = read_subset_scores(run.path)
    folds, best = run.data.folds.total, run.best.number
    assert {score.key for score in scores} == {
        (best, fold, share) for fold in range(folds) for share in (25, 50, 75)
    }
    before = {path: path.stat().st_mtime_ns for path in run.path.glob("sample_size/*/*")}
    report = json.loads((run.path / "report.json").read_text())["sample_size"]
    assert [curve["trial"] for curve in report["curves"]] == [best]
    autosmall.search(stripes, max_trials=3, **options)  # type: ignore[arg-type]
    after = {path: path.stat().st_mtime_ns for path in run.path.glob("sample_size/*/*")}
    assert after == before
