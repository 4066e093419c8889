"""One search at a time in a run folder."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import TracebackType

import psutil

from autosmall.errors import RunFolderError


class RunLock:
    """Holds ``run.lock`` while used as a context manager.

    A lock whose process is gone (killed, or the machine rebooted) is taken over. Raises
    :class:`~autosmall.errors.RunFolderError` where another search is at work, naming its process.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._path = run_dir / "run.lock"
        self._made: list[Path] = []

    def __enter__(self) -> RunLock:
        """Take the lock; the folder is made where it is missing."""
        self._made = [f for f in (self._run_dir, *self._run_dir.parents) if not f.exists()]
        try:
            self._run_dir.mkdir(parents=True, exist_ok=True)
            self._take()
        except OSError as error:
            raise RunFolderError(
                f"cannot write to {self._run_dir} ({error.strerror or error})",
                "a folder that can be written",
                "choose another --output-dir or mend its permissions",
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lock back, and the folders made for it where nothing was written into them."""
        self._path.unlink(missing_ok=True)
        for folder in dict.fromkeys((self._run_dir, *self._made)):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _take(self) -> None:
        for _ in range(2):
            try:
                with self._path.open("x", encoding="utf-8") as stream:
                    json.dump(_this_process(), stream)
                return
            except FileExistsError:
                self._remove_if_stale()
        raise RunFolderError(
            f"another search is starting in {self._run_dir}",
            "one search at a time in a folder",
            "wait, or choose another --output-dir",
        )

    def _remove_if_stale(self) -> None:
        owner = _read(self._path)
        if owner is not None and _alive(owner):
            raise RunFolderError(
                f"a search is at work in {self._run_dir} "
                f"(process {owner['pid']} on {owner['host']})",
                "one search at a time in a folder",
                "wait for it or stop it; if that machine is gone, delete run.lock",
            )
        self._path.unlink(missing_ok=True)


def is_at_work(run_dir: Path) -> bool:
    """Tell whether a search holds the folder's lock; on another machine it counts as alive."""
    owner = _read(run_dir / "run.lock")
    return owner is not None and _alive(owner)


def _this_process() -> dict[str, object]:
    process = psutil.Process()
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": process.create_time(),
    }


def _read(path: Path) -> dict[str, object] | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return (
        stored if isinstance(stored, dict) and {"pid", "host", "started"} <= set(stored) else None
    )


def _alive(owner: dict[str, object]) -> bool:
    """Tell whether the owner runs; one on another machine cannot be asked and counts as alive.

    A process that was killed keeps its number until its parent asks how it ended; where nobody
    asks (a container's first process may not), that is for ever.
    """
    if owner["host"] != socket.gethostname():
        return True
    try:
        process = psutil.Process(int(str(owner["pid"])))
        same = process.create_time() == owner["started"]
        return same and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
