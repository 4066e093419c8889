"""A Python process of its own that calls functions while whoever asked goes on.

Not :mod:`multiprocessing`: its fresh processes run the user's script once more where that has no
guard against it.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from autosmall.child import ChildFailedError

Result = TypeVar("Result")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Linear algebra of a helper leaves the other cores to those that it works beside."""

_WORK = """
import importlib, pickle, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
try:
    while True:
        module, name, arguments = pickle.load(sys.stdin.buffer)
        function = getattr(importlib.import_module(module), name)
        pickle.dump(function(*arguments), sys.stdout.buffer)
        sys.stdout.buffer.flush()
except EOFError:
    pass
"""


class Helper:
    """Calls functions one after the other in one fresh process, started with the first call.

    As a context manager it ends the process, whatever that does, and calls not begun are dropped.

    Args:
        imports: Names of the modules that the calls will want, imported as the process starts.
    """

    def __init__(self, imports: Sequence[str] = ()) -> None:
        self._command = [sys.executable, "-c", _WORK, *imports]
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process, if there is one."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._is_over = True
        if self._process is not None:
            self._process.kill()
            self._thread.shutdown()
            self._process.communicate()

    def begin(self) -> None:
        """Start the process now."""
        self._thread.submit(self._started)

    def call(self, function: str, *arguments: object) -> Future[Any]:
        """Return what ``function``, given as ``module:name``, will have returned.

        Arguments and result are pickled. The future raises
        :class:`~autosmall.child.ChildFailedError` where the process ended instead, which has then
        said why on its standard error; so do those of all later calls.
        """
        module, _, name = function.partition(":")
        return self._thread.submit(self._ask, pickle.dumps((module, name, arguments)))

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_over:
                raise ChildFailedError(0, "the process was ended before this call")
            if self._process is None:
                pipe = subprocess.PIPE
                self._process = subprocess.Popen(
                    self._command, stdin=pipe, stdout=pipe, env={**os.environ, **ONE_THREAD}
                )
            return self._process

    def _ask(self, pickled: bytes) -> object:
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(pickled)
            process.stdin.flush()
            return pickle.load(process.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise ChildFailedError(process.wait(), "") from error


def begin(
    helper: Helper | None, function: Callable[..., Result], *arguments: object
) -> Callable[[], Result]:
    """Return what returns ``function(*arguments)``, a function of a module by its own name.

    With ``helper`` that works it out from now on, without one it is done here when asked for.
    """
    if helper is None:
        return partial(function, *arguments)
    return helper.call(f"{function.__module__}:{function.__name__}", *arguments).result
