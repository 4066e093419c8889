"""Charts drawn as SVG by a process of its own, beside what the caller does meanwhile.

vl-convert takes half a second for its first chart, and holds Python's lock while it draws. Where
nothing was begun, as for a chart alone, it draws in this process.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any

from autosmall.child import ChildFailedError

Specification = dict[str, Any]

_DRAW = """
import pickle, sys, vl_convert
vl_convert.vegalite_to_svg({"mark": "point"})
try:
    while True:
        svg = vl_convert.vegalite_to_svg(pickle.load(sys.stdin.buffer))
        pickle.dump(svg, sys.stdout.buffer)
        sys.stdout.buffer.flush()
except EOFError:
    pass
"""


class Converter:
    """Draws Vega-Lite charts in the order in which they are given to it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)

    def begin(self) -> None:
        """Start the process, which has then begun by the time that there is a chart to draw."""
        self._thread.submit(lambda: self._process)

    def draw(self, specification: Specification) -> Future[str]:
        """Return what will be the SVG file of a chart.

        It raises :class:`~autosmall.child.ChildFailedError` where the process ended instead, which
        has then said why on its standard error.
        """
        return self._thread.submit(self._ask, pickle.dumps(specification))

    def close(self) -> None:
        """End the process; what was not drawn yet is not drawn."""
        self._thread.shutdown(cancel_futures=True)
        if "_process" in vars(self):
            self._process.communicate()

    @cached_property
    def _process(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _DRAW], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def _ask(self, pickled: bytes) -> str:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(pickled)
            process.stdin.flush()
            return str(pickle.load(process.stdout))
        except (EOFError, BrokenPipeError) as error:
            raise ChildFailedError(process.wait(), "the process that draws charts ended") from error


_AT_WORK: ContextVar[Converter | None] = ContextVar("_AT_WORK", default=None)


@contextmanager
def converting() -> Iterator[Converter]:
    """Let :func:`draw` leave its work to the process of the converter given here."""
    converter = Converter()
    token = _AT_WORK.set(converter)
    try:
        yield converter
    finally:
        _AT_WORK.reset(token)
        converter.close()


def draw(specification: Specification) -> Future[str]:
    """Return what is, or will be, the SVG file of a Vega-Lite chart."""
    converter = _AT_WORK.get()
    return converter.draw(specification) if converter else _drawn_here(specification)


def _drawn_here(specification: Specification) -> Future[str]:
    import vl_convert

    found: Future[str] = Future()
    found.set_result(vl_convert.vegalite_to_svg(specification))
    return found
