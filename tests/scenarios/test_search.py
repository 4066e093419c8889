"""Whole searches on drawn pictures, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

import autosmall

SMALL_SPACE = """
name = "small"
purpose = "two cheap strategies and a tiny network, for tests"
usual_minutes = 1
command = "autosmall search DATASET --space small.toml"
strategies = ["baseline", "classical", "scratch"]

[common]
image_size_px = { choices = [16, 24] }

[classical]
descriptors = { choices = ["hog", "lbp", "color"] }
classifier = { choices = ["linear", "rbf"] }
penalty_c = { low = 0.01, high = 100.0, log = true }

[scratch]
width = { choices = [4, 8] }
blocks = { choices = [2] }
learning_rate = { low = 1e-3, high = 1e-2, log = true }
epochs = { choices = [3] }
batch_size = { choices = [16] }

[[start]]
label = "Majority class"
strategy = "baseline"
protected = true

[[start]]
label = "HOG"
strategy = "classical"
descriptors = "hog"
default = true
protected = true

[[start]]
label = "Tiny network"
strategy = "scratch"
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL_SPACE)
    return path


def stored_results(run_dir: Path) -> dict[tuple[int, int], tuple[object, ...]]:
    """Trial and fold to what was proposed and what came out, seconds and memory aside."""
    run = autosmall.load_run(run_dir).data
    return {
        (trial.number, fold.fold): (
            trial.suggestion,
            trial.status,
            fold.scores,
            fold.train_scores,
            fold.probabilities.tobytes(),
        )
        for trial in run.trials
        for fold in trial.folds
    }


def test_a_search_finds_the_texture_and_writes_its_folder(
    stripes: Path, space: Path, tmp_path: Path
) -> None:
    before = {p: p.stat().st_mtime_ns for p in sorted(stripes.rglob("*"))}
    run = autosmall.search(
        stripes,
        space=space,
        output_dir=tmp_path / "run",
        max_trials=6,
        folds=3,
        repeats=1,
        workers=0,
        sample_size=False,
        quiet=True,
    )
    assert {p: p.stat().st_mtime_ns for p in sorted(stripes.rglob("*"))} == before
    board = run.leaderboard
    assert board.iloc[0]["score"] > 0.9
    assert board.iloc[0]["strategy"] != "baseline"
    csv = pd.read_csv(run.path / "trials.csv")
    assert list(csv.columns) == list(run.trials.columns)
    assert len(csv) == 6
    report = json.loads((run.path / "report.json").read_text())
    low, high = report["recommendation"]["corrected_interval"]
    assert low <= report["recommendation"]["corrected_score"] <= high
    names = {path.name for path in run.path.iterdir()}
    expected = {"settings.toml", "folds.csv", "audit.json", "study.db", "report.html"}
    assert expected <= names
    assert "run.lock" not in names


@pytest.mark.slow
def test_one_and_two_workers_and_none_give_the_same(
    stripes: Path, space: Path, tmp_path: Path
) -> None:
    results = []
    for workers in (0, 1, 2):
        run = autosmall.search(
            stripes,
            space=space,
            output_dir=tmp_path / f"run{workers}",
            max_trials=20,
            folds=3,
            repeats=1,
            workers=workers,
            explorer="optuna",
            seed=3,
            sample_size=False,
            quiet=True,
        )
        results.append(stored_results(run.path))
    assert results[0] == results[1] == results[2]
    assert len({key for key, _ in results[0]}) == 20


def start_search(arguments: list[str], cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "autosmall", "search", *arguments],
        cwd=cwd,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_folds(run_dir: Path, count: int, process: subprocess.Popen[bytes]) -> set[Path]:
    """Wait until ``count`` folds are stored and return their files."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        folds = set(run_dir.glob("trials/*/fold_*.json"))
        if len(folds) >= count:
            return folds
        assert process.poll() is None, "the search ended before it could be stopped"
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} folds after 240 s")


@pytest.mark.slow
def test_a_killed_search_goes_on_and_repeats_no_fold(
    stripes: Path, space: Path, tmp_path: Path
) -> None:
    arguments = [str(stripes), "--space", str(space), "--output-dir", "run", "--max-trials", "8"]
    arguments.append("--no-sample-size")
    run_dir = tmp_path / "run"
    process = start_search([*arguments, "--workers", "2"], tmp_path)
    wait_for_folds(run_dir, 12, process)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in run_dir.glob("trials/*/fold_*.json")}
    assert len(before) >= 12
    done = subprocess.run(
        [sys.executable, "-m", "autosmall", "search", *arguments, "--workers", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    assert "going on" in done.stderr
    after = {path: path.stat().st_mtime_ns for path in run_dir.glob("trials/*/fold_*.json")}
    assert len(after) > len(before)
    assert {path: after[path] for path in before} == before  # no finished fold was done again
    undisturbed = autosmall.search(
        stripes,
        space=space,
        output_dir=tmp_path / "other",
        max_trials=8,
        workers=0,
        sample_size=False,
        quiet=True,
    )
    assert stored_results(run_dir) == stored_results(undisturbed.path)


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_keeps_results_and_leaves_no_process(
    stripes: Path, space: Path, tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    process = start_search(
        [str(stripes), "--space", str(space), "--output-dir", "run", "--max-trials", "500"],
        tmp_path,
    )
    run_dir = tmp_path / "run"
    wait_for_folds(run_dir, 12, process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(sent)
    assert process.wait(60) == status
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert (run_dir / "report.html").is_file()
    assert autosmall.load_run(run_dir).data.state == "interrupted"
    assert not (run_dir / "run.lock").exists()


def test_another_dataset_in_the_same_folder_is_refused(
    stripes: Path, space: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    options = {"space": space, "output_dir": run_dir, "workers": 0, "quiet": True}
    autosmall.search(stripes, max_trials=1, **options)  # type: ignore[arg-type]
    before = sorted(run_dir.rglob("*"))
    (stripes / "level" / "000.png").unlink()
    from autosmall.errors import RunFolderError

    with pytest.raises(RunFolderError, match="dataset differ"):
        autosmall.search(stripes, max_trials=1, **options)  # type: ignore[arg-type]
    assert sorted(run_dir.rglob("*")) == before
