"""Charts drawn as SVG by a process of its own, beside what the caller does meanwhile.

vl-convert takes half a second for its first chart, and holds Python's lock while it draws. Where
nothing was begun, as for a chart alone, it draws in this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar

from autosmall.helper import Helper
from autosmall.report.charts.arrange import Specification

_TO_SVG = "vl_convert:vegalite_to_svg"

_AT_WORK: ContextVar[Helper | None] = ContextVar("_AT_WORK", default=None)


@contextmanager
def converting(*, soon: bool) -> Iterator[None]:
    """Let :func:`draw` leave its work to a process, which starts at once where that is ``soon``."""
    with Helper() as helper:
        token = _AT_WORK.set(helper)
        if soon:
            helper.call(_TO_SVG, {"mark": "point"})
        try:
            yield
        finally:
            _AT_WORK.reset(token)


def draw(specification: Specification) -> Future[str]:
    """Return what is, or will be, the SVG file of a Vega-Lite chart."""
    helper = _AT_WORK.get()
    return helper.call(_TO_SVG, specification) if helper else _drawn_here(specification)


def _drawn_here(specification: Specification) -> Future[str]:
    import vl_convert

    found: Future[str] = Future()
    found.set_result(vl_convert.vegalite_to_svg(specification))
    return found
