"""What only workers in processes of their own can suffer, and leave behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from autosmall.errors import SettingsError
from autosmall.runner.ray_cluster import ClusterOptions, RayCluster
from autosmall.runner.ray_pool import RayPool
from autosmall.runner.ray_token import prepare_token
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED
from autosmall.schema.search_context import FitRequest

DEADLINE_SECONDS = 90

AGENTS = re.compile("ray::(Dashboard|RuntimeEnv)")

DRIVER = """
import sys, time, signal
from pathlib import Path
import numpy as np, psutil
from autosmall.runner.ray_pool import RayPool
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.search_context import FitRequest, SearchContext

folder = Path(sys.argv[1])
plan = FoldPlan(np.array([[0, 1] * 3]), 2, np.arange(6), "")
context = SearchContext((), np.array([0, 0, 0, 1, 1, 1]), ("a", "b"), (), plan, "accuracy", (), (),
                        0, "", str(folder / "logs"))
pool = RayPool(workers=1)
pool.begin(context)
pool.submit(FitRequest(0, Config.from_mapping({"strategy": "baseline"}), (0, 1)))
results = []
while len(results) < 2:
    results += pool.wait(60)
assert {r.status for r in results} == {"complete"}, results
mine = psutil.Process().children(recursive=True)
names = sorted(p.name() for p in mine)
assert "raylet" in names, names
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
(folder / "pids").write_text(" ".join(str(p.pid) for p in mine))
(folder / "begun").touch()
if sys.argv[2] == "wait":
    time.sleep(600)
worker = [p for p in mine if "RayWorker" in " ".join(p.cmdline())]
worker[0].kill()
pool.submit(FitRequest(1, Config.from_mapping({"strategy": "baseline"}), (0,)))
while not pool.wait(60):
    pass
before = time.monotonic()
pool.close()
(folder / "close_seconds").write_text(str(time.monotonic() - before))
"""


@pytest.fixture(scope="module")
def pool(context, strategies):
    with RayPool(context, workers=2, strategies=strategies) as made:
        yield made


def obedient(**values) -> Config:
    return Config.from_mapping({"strategy": "obedient", **values})


def finish(pool, count: int) -> dict:
    results = {}
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(results) < count:
        assert time.monotonic() < deadline, f"only {sorted(results)} came"
        results |= {(result.trial, result.fold): result for result in pool.wait(1.0)}
    return results


def start_driver(folder: Path, what: str) -> subprocess.Popen:
    """Start a driver with a home of its own; Python, not the shell, decides what it prints."""
    environment = {**os.environ, "HOME": str(folder)}
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        environment.pop(name, None)
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        umask=0o022,
    )


def alive(folder: Path) -> list[str]:
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) > 2
    names = []
    for pid in pids:
        if psutil.pid_exists(pid):
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                names.append(process.name())
    return names


def test_a_fold_whose_worker_dies_is_done_again_with_the_same_result(pool, tmp_path):
    marker = tmp_path / "died"
    pool.submit(FitRequest(1, obedient(behaviour="die_once", marker=str(marker)), (0,)))
    pool.submit(FitRequest(2, obedient(), (0,)))
    results = finish(pool, 2)
    assert marker.exists()
    assert results[1, 0].status == results[2, 0].status == COMPLETE
    pool.submit(FitRequest(1, obedient(), (0,)))
    undisturbed = finish(pool, 1)[1, 0]
    assert results[1, 0].probabilities.tolist() == undisturbed.probabilities.tolist()


def test_a_fold_that_always_kills_its_worker_fails_with_the_reason(pool):
    pool.submit(FitRequest(3, obedient(behaviour="die"), (0,)))
    pool.submit(FitRequest(4, obedient(), (0, 1)))
    results = finish(pool, 3)
    assert results[3, 0].status == FAILED
    assert "ActorDiedError" in results[3, 0].error
    last = results[3, 0].error.splitlines()[-1]
    assert last == "the worker died in this fold, in each of 2 attempts"
    assert results[4, 0].status == results[4, 1].status == COMPLETE


def test_folds_of_one_request_run_side_by_side_when_workers_are_idle(pool):
    pool.submit(FitRequest(5, obedient(seconds=1.0), (0, 1)))
    assert len({result.worker for result in finish(pool, 2).values()}) == 2


def test_statuses_tell_who_does_what(pool):
    pool.submit(FitRequest(6, obedient(seconds=1.0), (2,)))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (busy := [s for s in pool.statuses() if s.trial is not None]):
        assert time.monotonic() < deadline
    assert [(s.trial, s.fold) for s in busy] == [(6, 2)]
    assert busy[0].since_seconds >= 0
    finish(pool, 1)
    assert all(s.trial is None for s in pool.statuses())


def test_workers_write_to_their_logs(pool, context):
    assert {path.name for path in Path(context.log_dir).iterdir()} == {
        "worker-1.log",
        "worker-2.log",
    }


def test_a_driver_prints_nothing_keeps_its_token_and_leaves_nobody_behind(tmp_path):
    driver = start_driver(tmp_path, "close")
    output = driver.communicate(timeout=DEADLINE_SECONDS)[0]
    assert (output, driver.returncode) == ("", 0)
    token = tmp_path / ".ray" / "auth_token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert alive(tmp_path) == []
    assert (tmp_path / "close_seconds").exists()


def test_a_killed_driver_leaves_no_worker_behind(tmp_path):
    """Two small helpers of Ray's (agents) need up to a minute to notice; they hold nothing."""
    driver = start_driver(tmp_path, "wait")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (tmp_path / "begun").exists():
        assert driver.poll() is None, driver.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    driver.kill()
    driver.wait()
    while names := [name for name in alive(tmp_path) if not AGENTS.match(name)]:
        assert time.monotonic() < deadline, names
        time.sleep(0.2)


def test_a_share_of_a_gpu_that_is_not_there_is_refused(context):
    made = RayPool(workers=1, gpus_per_worker=64.0)
    with made, pytest.raises(SettingsError) as caught:
        made.begin(context)
    assert "64 GPUs" in caught.value.received
    assert "--gpus-per-worker" in caught.value.remedy


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere", "127.0.0.1:ray"])
def test_an_address_where_nobody_listens_is_refused_at_once(address):
    with pytest.raises(SettingsError, match="--address"):
        RayCluster(ClusterOptions(workers=1, address=address)).start()


@pytest.fixture
def no_token(monkeypatch):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_an_open_token_file_is_closed_and_kept(tmp_path, no_token):
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("ours")
    token.chmod(0o644)
    prepare_token(tmp_path, local=True)
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text() == "ours"
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_tokens_differ_and_leave_no_other_file(tmp_path, no_token):
    for name in ("a", "b"):
        prepare_token(tmp_path / name, local=True)
    texts = [(tmp_path / name / ".ray" / "auth_token").read_text() for name in ("a", "b")]
    assert texts[0] != texts[1]
    assert all(len(text) == 64 for text in texts)
    assert [path.name for path in (tmp_path / "a" / ".ray").iterdir()] == ["auth_token"]


def test_a_token_that_the_environment_names_is_left_alone(tmp_path, no_token, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "theirs")
    prepare_token(tmp_path, local=True)
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_cluster_brings_its_own_token(tmp_path, no_token, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    prepare_token(tmp_path, local=False)
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_gets_a_token_of_its_own(tmp_path, no_token):
    home = tmp_path / "file"
    home.write_text("not a folder")
    prepare_token(home, local=True)
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64


def test_the_driver_multiplies_in_one_thread_while_ray_may_fork(monkeypatch):
    # OpenBLAS ends its threads at a fork and would wait for ever for one at work (seen once).
    monkeypatch.setattr(RayCluster, "start", lambda cluster: None)
    monkeypatch.setattr(RayCluster, "stop", lambda cluster: None)

    def blas_threads():
        found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        return {pool["num_threads"] for pool in found}

    with threadpool_limits(2):
        before = blas_threads()
        pool = RayPool(workers=1)
        assert blas_threads() == {1}
        pool.close()
        assert blas_threads() == before
