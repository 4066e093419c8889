"""``study.db`` is an Optuna study that optuna-dashboard opens."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import autosmall

pytest.importorskip("optuna_dashboard")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fetch(url: str, seconds: float = 60) -> dict[str, object]:
    """Fetch JSON from a server that may still be starting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_the_dashboard_lists_the_trials(stripes: Path, tmp_path: Path) -> None:
    run = autosmall.search(
        stripes,
        output_dir=tmp_path / "run",
        strategies=["baseline", "classical"],
        max_trials=4,
        workers=0,
        explorer="random",
        quiet=True,
    )
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", "from optuna_dashboard._cli import main; main()"),
            *(f"sqlite:///{run.path / 'study.db'}", "--host", "127.0.0.1", "--port", str(port)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}/api/studies"
        (study,) = fetch(base)["study_summaries"]  # type: ignore[misc]
        assert study["study_name"] == "autosmall"
        trials = fetch(f"{base}/{study['study_id']}?after=0")["trials"]
    finally:
        server.terminate()
        server.wait(20)
    assert isinstance(trials, list)
    listed = {
        next(a["value"] for a in trial["user_attrs"] if a["key"] == "trial"): trial["values"][0]
        for trial in trials
        if trial["state"] == "Complete"
    }
    complete = run.trials[run.trials["status"] == "complete"]
    assert {int(k): float(v) for k, v in listed.items()} == pytest.approx(
        dict(zip(complete["trial"], complete["score"], strict=True))
    )
