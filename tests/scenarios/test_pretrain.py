"""Pretraining as a user runs it: killed and gone on with, used by a search, done on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest

import autosmall
from autosmall.data.demo import draw_demo

SPACE = """
name = "own"
purpose = "a head on a pretrained backbone, for tests"
usual_minutes = 1
command = "autosmall search DATASET --space own.toml"
strategies = ["frozen", "fine_tune"]

[common]
image_size_px = { choices = [64, 96] }

[frozen]
backbone = { choices = "available" }
layers = { choices = ["last", "multi"] }

[fine_tune]
backbone = { choices = "pretrained" }
epochs = { choices = [2] }

[[start]]
label = "Frozen"
strategy = "frozen"
backbone = "best"
image_size_px = 96
layers = "multi"
protected = true

[[start]]
label = "Fine-tuned"
strategy = "fine_tune"
backbone = "best"
image_size_px = 96
protected = true
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(SPACE)
    return path


def start(cwd: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "autosmall", *map(str, arguments)],
        cwd=cwd,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a command and all that it started, and wait for their end."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    psutil.wait_procs(family, timeout=10)


def wait_for_step(partial: Path, process: subprocess.Popen[str], beyond: int = 0) -> int:
    """Wait until a checkpoint later than step ``beyond`` is stored and return its step."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            step = int(json.loads((partial / "state.json").read_text())["step"])
        except (OSError, ValueError):
            step = 0
        if step > beyond:
            return step
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise AssertionError(f"no checkpoint after step {beyond} within 300 s")


def weights(path: Path) -> list[np.ndarray]:
    return keras.saving.load_model(path, safe_mode=True).get_weights()


@pytest.mark.slow
def test_a_killed_and_a_stopped_pretraining_go_on_to_the_same_bits(
    stripes: Path, tmp_path: Path
) -> None:
    words = ("pretrain", stripes, "--steps", 400, "--architecture", "compact_8", "--quiet")
    partial = tmp_path / "cut.keras.partial"
    first = start(tmp_path, *words, "--output", "cut.keras")
    reached = wait_for_step(partial, first)
    kill(first)
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        again = start(tmp_path, *words, "--output", "cut.keras")
        reached = wait_for_step(partial, again, beyond=reached)
        again.send_signal(number)
        assert again.wait(60) == status
        assert "kept" in again.stderr.read()
        reached = wait_for_step(partial, again)  # it stored its last step before it ended
        assert not (partial / "run.lock").exists()
    for name in ("cut.keras", "whole.keras"):
        done = start(tmp_path, *words, "--output", name)
        assert done.wait(300) == 0, done.stderr.read()
    pairs = zip(weights(tmp_path / "cut.keras"), weights(tmp_path / "whole.keras"), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    histories = [
        re.findall(r"^\| \d+ \|.*$", (tmp_path / name).read_text(), re.MULTILINE)
        for name in ("cut.md", "whole.md")
    ]
    assert histories[0] == histories[1]


@pytest.mark.slow
def test_a_search_uses_a_pretrained_backbone_at_its_own_size(tmp_path: Path, space: Path) -> None:
    draw_demo(tmp_path / "pieces")
    result = autosmall.pretrain(
        tmp_path / "pieces" / "test",
        output=tmp_path / "pieces.keras",
        architecture="compact_8",
        image_size=48,
        steps=300,
        quiet=True,
    )
    run = autosmall.search(
        tmp_path / "pieces",
        output_dir=tmp_path / "run",
        space=space,
        backbone=[result.path],
        max_trials=2,
        folds=3,
        repeats=1,
        workers=0,
        sample_size=False,
        quiet=True,
    )
    assert set(run.trials["strategy"]) == {"frozen", "fine_tune"}
    assert set(run.trials["status"]) == {"complete"}
    assert set(run.trials["image_size_px"]) == {48}
    model = autosmall.load_model(run.retrain().model_dir)
    assert len(model.predict([tmp_path / "pieces" / "test"])) == 100


@pytest.mark.slow
def test_a_killed_search_with_a_source_goes_on_and_says_where_its_backbone_comes_from(
    stripes: Path, tmp_path: Path, space: Path, more: Path
) -> None:
    words = ("search", stripes, "--source", more, "--space", space, "--max-trials", 2)
    words += ("--workers", 0, "--folds", 3, "--repeats", 1, "--output-dir", "run")
    words += ("--no-sample-size", "--source-budget", "40s")
    run_dir = tmp_path / "run"
    process = start(tmp_path, *words)
    wait_for_step(run_dir / "backbone.keras.partial", process)
    kill(process)
    again = start(tmp_path, *words)
    said = again.communicate(timeout=500)[1]
    assert again.returncode == 0, said
    assert "going on from step" in said
    assert (run_dir / "backbone.md").is_file()
    run = autosmall.load_run(run_dir)
    assert set(run.trials["backbone"]) == {"source:more"}
    assert run.data.settings["source"] == str(more)
    page = re.sub("<[^>]+>", "", (run_dir / "report.html").read_text())
    assert f"was trained for this search on the pictures in {more}" in page
    assert f"--source {more}" in page and "source:more" in page
    other = start(tmp_path, *words[:2], "--source", stripes, *words[4:])
    # The space names the source's backbone, so it differs as well.
    assert "another search: source" in other.communicate(timeout=100)[1]
    assert other.returncode == 1
    model = run.retrain()
    assert "source:more" in (model.model_dir / "model_card.md").read_text()
