"""What a function returns, worked out by a process of its own while the caller goes on."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from autosmall.child import ChildFailedError

Result = TypeVar("Result")

BESIDE_FROM = 1000
"""Trials of a run from which a process of its own is worth its start."""

_WORK = """
import importlib, pickle, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
function, arguments = pickle.load(sys.stdin.buffer)
pickle.dump(function(*arguments), sys.stdout.buffer)
"""


class Beside(Generic[Result]):
    """Will call ``function`` in a fresh process, which starts and imports at once.

    Args:
        function: One of a module's own; what it is given and returns can be pickled.
        imports: Names of the modules that it imports when called, to be there by then.
    """

    def __init__(self, function: Callable[..., Result], imports: Sequence[str] = ()) -> None:
        command = [sys.executable, "-c", _WORK, function.__module__, *imports]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._function = function
        self._said = b""
        self._thread: threading.Thread | None = None

    def begin(self, *arguments: object) -> None:
        """Let the call begin."""
        given = pickle.dumps((self._function, arguments))
        self._thread = threading.Thread(target=self._hear, args=(given,), daemon=True)
        self._thread.start()

    def result(self) -> Result:
        """Return the result once it is there; :meth:`begin` came before.

        Raises :class:`~autosmall.child.ChildFailedError` where the process ended without one, which
        has then said why on its standard error.
        """
        assert self._thread is not None
        self._thread.join()
        if self._process.returncode:
            raise ChildFailedError(self._process.returncode, "")
        found: Result = pickle.loads(self._said)
        return found

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        if self._thread is None:
            self._process.communicate()
        else:
            self._thread.join()

    def _hear(self, given: bytes) -> None:
        self._said = self._process.communicate(given)[0]
