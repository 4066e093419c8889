"""One search at a time in a folder; a dead owner's lock is taken over."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from autosmall.errors import RunFolderError
from autosmall.run_folder.lock import RunLock


def write_owner(folder: Path, **changes: object) -> None:
    owner = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": psutil.Process().create_time(),
    }
    (folder / "run.lock").write_text(json.dumps({**owner, **changes}))


def test_a_live_owner_is_named(tmp_path: Path) -> None:
    write_owner(tmp_path)
    with pytest.raises(RunFolderError, match=f"process {os.getpid()}"), RunLock(tmp_path):
        pytest.fail("the lock was taken twice")
    assert (tmp_path / "run.lock").is_file()


@pytest.mark.parametrize("changes", [{"pid": 2**22 + 1}, {"started": 1.0}])
def test_a_dead_owner_is_followed(tmp_path: Path, changes: dict[str, object]) -> None:
    write_owner(tmp_path, **changes)
    with RunLock(tmp_path):
        assert json.loads((tmp_path / "run.lock").read_text())["pid"] == os.getpid()
    assert not tmp_path.exists()  # nothing was written, so the folder is gone too


@pytest.mark.skipif(sys.platform == "win32", reason="only POSIX keeps ended processes")
def test_an_owner_that_ended_and_was_not_asked_for_is_followed(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    owner = psutil.Process(child.pid)
    started = owner.create_time()
    while owner.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    write_owner(tmp_path, pid=child.pid, started=started)
    with RunLock(tmp_path):
        (tmp_path / "kept").touch()
    child.wait()


def test_a_torn_lock_is_followed(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text('{"pid": 1')
    with RunLock(tmp_path):
        (tmp_path / "kept").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_an_owner_elsewhere_counts_as_alive(tmp_path: Path) -> None:
    write_owner(tmp_path, host="another-machine", pid=2**22 + 1)
    with pytest.raises(RunFolderError, match="another-machine"), RunLock(tmp_path):
        pytest.fail("a lock of another machine was taken")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="cannot write"), RunLock(tmp_path / "file" / "run"):
        pytest.fail("a file was taken for a folder")
