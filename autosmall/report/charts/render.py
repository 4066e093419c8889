"""From a chart to SVG that takes its colours and font from the page.

Colours in the charts are CSS variables (``var(--ink)``), so one picture serves light and dark.
Every figure is rendered twice, for wide and for narrow screens, as text in a picture that
shrinks with the screen cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup, escape

from autosmall.report.charts.arrange import Specification
from autosmall.report.charts.converter import draw

WIDE_PX = 680
NARROW_PX = 330


@dataclass(frozen=True)
class Drawing:
    """A chart as Vega-Lite, not to be changed, and the rows of the named data sets in it."""

    specification: Specification
    rows: Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True)
class Figure:
    """A chart in both widths, with what is to be seen on it and its text alternative.

    ``drawings`` are what ``wide`` and ``narrow`` are rendered from, ``files`` what comes of them.
    """

    caption: str
    alternative: str
    drawings: tuple[Drawing, Drawing]
    files: tuple[Future[str], Future[str]] = field(repr=False)

    @cached_property
    def wide(self) -> Markup:
        """The SVG element for wide screens, one image to a screen reader."""
        return _embed(self.files[0].result(), self.alternative)

    @cached_property
    def narrow(self) -> Markup:
        """The same for narrow ones."""
        return _embed(self.files[1].result(), self.alternative)


def figure(draw_at: Callable[[int], Drawing], caption: str, alternative: str) -> Figure:
    """Return what ``draw_at(width_px)`` draws, for wide and narrow screens."""
    with unchecked():
        drawings = draw_at(WIDE_PX), draw_at(NARROW_PX)
    return Figure(caption, alternative, drawings, (_file(drawings[0]), _file(drawings[1])))


@contextmanager
def unchecked() -> Iterator[None]:
    """Let Altair trust what it is given: its checks take longer than drawing."""
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield


def _file(drawing: Drawing) -> Future[str]:
    datasets = {name: list(rows) for name, rows in drawing.rows.items()}
    return draw({**drawing.specification, "config": THEME, "datasets": datasets})


def _embed(svg: str, alternative: str) -> Markup:
    """Return ``svg`` without what the page decides (ground, font, inner roles) or nobody reads."""
    body = re.sub(r"^<svg[^>]*>", "", svg)
    body = re.sub(r' (?:role|aria-[a-z]+|class|font-family|pointer-events)="[^"]*"', "", body)
    body = re.sub(_UNSEEN, "", body.replace(' opacity="1"', ""))
    body = re.sub(_WIDTH_OF_NOTHING, r"\1", body)
    size = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    assert size is not None
    width, height = size.groups()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(alternative)}">'
    )
    short = without_idle_groups(re.sub(r"<[^>]*>", _shorten, body))
    return Markup(head + re.sub(_ALIKE, with_shared_look, short))


def without_idle_groups(svg: str) -> str:
    """Return ``svg`` without groups that change nothing of what is in them.

    >>> without_idle_groups('<g><g fill="red"><g transform="translate(0,0)"><path/></g></g></g>')
    '<g fill="red"><path/></g>'
    """
    kept: list[bool] = []

    def shown(tag: re.Match[str]) -> str:
        if tag.group() == "</g>":
            return "</g>" if kept.pop() else ""
        if tag.group().endswith("/>"):
            return ""
        kept.append(tag.group() not in ("<g>", '<g transform="translate(0,0)">'))
        return tag.group() if kept[-1] else ""

    return re.sub(r"</g>|<g\b[^>]*>", shown, svg)


def with_shared_look(run: re.Match[str]) -> str:
    """Return elements that follow each other in a group that has what looks alike in all of them.

    >>> marks = '<path d="M1" fill="red"/>' * 3
    >>> re.sub(_ALIKE, with_shared_look, marks)
    '<g fill="red"><path d="M1"/><path d="M1"/><path d="M1"/></g>'
    """
    looks = [re.findall(_LOOK, tag) for tag in re.findall(_MARK, run.group())]
    shared = [look for look in looks[0] if all(look in other for other in looks)]
    if not shared:
        return run.group()

    def without(tag: re.Match[str]) -> str:
        return re.sub(
            _LOOK, lambda look: "" if look.group() in shared else look.group(), tag.group()
        )

    return f"<g{''.join(shared)}>{re.sub(_MARK, without, run.group())}</g>"


_ALIKE = r"(?:<path [^>]*/>){3,}|(?:<text [^>]*>[^<]*</text>){3,}"

_MARK = r"<(?:path|text) [^>]*>"

_LOOK = r' (?:fill|fill-opacity|stroke|stroke-width|stroke-dasharray|font-size|text-anchor)="[^"]*"'
"""What elements have from the group that they are in; its opacity would be that of the whole."""

_UNSEEN = (
    r'<path d="(?:M0,0h[\d.]+v[\d.]+h-[\d.]+Z"|" display="none")/>'
    r'|<text [^>]*opacity="0"[^>]*>[^<]*</text>'
)
"""Grounds without a colour and empty outlines, which Vega draws around every group of marks, and
labels that it hides as they would lie on others."""


_WIDTH_OF_NOTHING = r'(<path (?:(?!stroke=)[^>])*?) stroke-width="[^"]*"(?=(?:(?!stroke=)[^>])*>)'
"""The width of an outline on marks without one."""


def _shorten(tag: re.Match[str]) -> str:
    """Return a tag without the up to 17 digits that Vega writes: 0.1 pixels are enough."""
    return re.sub(r"(\d\.\d)\d+", r"\1", tag.group())


_TEXT = {"labelColor": "var(--muted)", "titleColor": "var(--muted)"}

THEME: dict[str, Any] = {
    "background": "transparent",
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        **_TEXT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "var(--rule)",
        "domainColor": "var(--axis)",
        "tickColor": "var(--axis)",
    },
    # Without ticks, the first label would lie on that of the other axis.
    "axisX": {"labelPadding": 8},
    "header": {**_TEXT, "labelFontSize": 12, "titleFontSize": 12},
    "title": {"color": "var(--ink)", "fontSize": 13, "fontWeight": 600, "anchor": "start"},
    "text": {"fontSize": 12, "fill": "var(--ink)"},
}
