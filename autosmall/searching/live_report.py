"""Writes the report again and again while a search runs, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

LOW_PRIORITY = 19 if os.name == "posix" else psutil.IDLE_PRIORITY_CLASS
"""The workers' fits come first."""


class LiveReport:
    """Starts ``autosmall report`` every ``every_seconds``, never two at once."""

    def __init__(self, run_dir: Path, every_seconds: float = 30.0) -> None:
        self._run_dir = run_dir
        self._every_seconds = every_seconds
        self._last = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None

    def refresh_if_due(self) -> None:
        """Start writing if it is time; returns at once."""
        if time.monotonic() - self._last < self._every_seconds or self._busy:
            return
        self._last = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autosmall", "report", str(self._run_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(psutil.Error):  # it may have ended already
            psutil.Process(self._process.pid).nice(LOW_PRIORITY)

    def close(self) -> None:
        """Stop the process that writes, if there is one."""
        if self._process is not None and self._busy:
            self._process.kill()
            self._process.wait()

    @property
    def _busy(self) -> bool:
        return self._process is not None and self._process.poll() is None
