"""What a function returns, worked out by a process of its own while the caller goes on."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from autosmall.child import ChildFailedError

Result = TypeVar("Result")

BESIDE_FROM = 1000
"""Trials of a run from which a process of its own is worth its start."""

_WORK = """
import pickle, sys
function, arguments = pickle.load(sys.stdin.buffer)
pickle.dump(function(*arguments), sys.stdout.buffer)
"""


class Beside(Generic[Result]):
    """Calls ``function(*arguments)`` in a fresh process, which begins at once.

    The function is one of a module's own, and what it is given and returns can be pickled. Starting
    takes a second of a processor that has nothing else to do.
    """

    def __init__(self, function: Callable[..., Result], *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._said = b""
        given = pickle.dumps((function, arguments))
        self._thread = threading.Thread(target=self._hear, args=(given,), daemon=True)
        self._thread.start()

    def result(self) -> Result:
        """Return the result once it is there.

        Raises :class:`~autosmall.child.ChildFailedError` where the process ended without one, which
        has then said why on its standard error.
        """
        self._thread.join()
        if self._process.returncode:
            raise ChildFailedError(self._process.returncode, "")
        found: Result = pickle.loads(self._said)
        return found

    def _hear(self, given: bytes) -> None:
        self._said = self._process.communicate(given)[0]
