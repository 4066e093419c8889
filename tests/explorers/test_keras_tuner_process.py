"""Keras Tuner's real process: it answers, is started again when it dies, and dies with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from autosmall.errors import SearchStoppedError
from autosmall.explorers.keras_tuner_explorer import KerasTunerExplorer, log_path


def test_a_killed_process_is_started_again_and_goes_on_the_same(space, driver, tmp_path):
    explorer = KerasTunerExplorer("keras-tuner", space, 11, tmp_path / "real")
    inline = KerasTunerExplorer("keras-tuner", space, 11, tmp_path / "inline")
    inline._child = driver.InlineOracle(_opening(space, tmp_path / "inline"))
    try:
        explorer.prepare()
        explorer.prepare()  # harmless
        first = driver.drive(explorer, 10)[0]
        os.kill(explorer._child._process.pid, signal.SIGKILL)
        following = explorer.ask(2)
    finally:
        explorer.close()
        explorer.close()  # harmless
    assert driver.drive(inline, 10)[0] == first
    assert inline.ask(2) == following
    files = {path.name for path in (tmp_path / "real").rglob("*")}
    assert {"keras_tuner.log", "oracle.json", "trial.json"} <= files


def test_a_process_that_always_ends_stops_the_explorer(space, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    explorer = KerasTunerExplorer("keras-tuner", space, 0, tmp_path)
    with pytest.raises(SearchStoppedError, match=str(log_path(tmp_path))):
        explorer.ask(1)
    explorer.close()


def test_the_process_does_not_outlive_the_driver(space, tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from autosmall.explorers.keras_tuner_explorer import KerasTunerExplorer
from autosmall.schema.space import ChoiceDimension, Space
space = Space("", "", 1.0, "", (ChoiceDimension("strategy", "strategy", ("a", "b")),))
explorer = KerasTunerExplorer("keras-tuner-random", space, 0, Path({str(tmp_path)!r}))
explorer.prepare()
print(explorer._child._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    child = int(done.stdout)
    deadline = time.monotonic() + 120
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _opening(space, work_dir: Path):
    from autosmall.explorers.keras_tuner_messages import Opening

    return Opening("keras-tuner", space, 11, work_dir)
