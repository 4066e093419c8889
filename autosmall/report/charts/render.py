"""From an Altair chart to SVG that takes its colours and font from the page.

Colours in the charts are CSS variables (``var(--ink)``), so one picture serves light and dark.
Every figure is rendered twice, for wide and for narrow screens, as text in a picture that
shrinks with the screen cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup, escape

WIDE_PX = 680
NARROW_PX = 330


@dataclass(frozen=True)
class Drawing:
    """An Altair chart and the rows of the named data sets that it draws.

    The rows stay out of the chart until it is rendered: Altair copies and checks all that it
    holds many times over.
    """

    chart: Any
    rows: Mapping[str, Sequence[Mapping[str, object]]]

    @cached_property
    def specification(self) -> dict[str, Any]:
        """The chart as Vega-Lite, without its rows; not to be changed."""
        with unchecked():
            specification: dict[str, Any] = self.chart.to_dict(validate=False)
        return specification


@dataclass(frozen=True)
class Figure:
    """A chart in both widths, with what is to be seen on it and its text alternative.

    ``drawings`` are what ``wide`` and ``narrow`` were rendered from.
    """

    wide: Markup
    narrow: Markup
    caption: str
    drawings: tuple[Drawing, Drawing]


def figure(draw: Callable[[int], Drawing], caption: str, alternative: str) -> Figure:
    """Return what ``draw(width_px)`` draws, for wide and narrow screens."""
    with unchecked():
        wide, narrow = draw(WIDE_PX), draw(NARROW_PX)
    return Figure(to_svg(wide, alternative), to_svg(narrow, alternative), caption, (wide, narrow))


@contextmanager
def unchecked() -> Iterator[None]:
    """Let Altair trust what it is given: its checks take longer than drawing."""
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield


def to_svg(drawing: Drawing, alternative: str) -> Markup:
    """Return ``drawing`` as an SVG element that is one image to a screen reader."""
    import vl_convert

    datasets = {name: list(rows) for name, rows in drawing.rows.items()}
    specification = {**drawing.specification, "config": THEME, "datasets": datasets}
    return _embed(vl_convert.vegalite_to_svg(specification), alternative)


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
    return Markup(head + re.sub(r"<[^>]*>", _shorten, body))


_UNSEEN = r'<path d="(?:M0,0h[\d.]+v[\d.]+h-[\d.]+Z"|" display="none")/>'
"""Grounds without a colour and empty outlines, which Vega draws around every group of marks."""


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
    "header": {**_TEXT, "labelFontSize": 12, "titleFontSize": 12},
    "title": {"color": "var(--ink)", "fontSize": 13, "fontWeight": 600, "anchor": "start"},
    "text": {"fontSize": 12, "fill": "var(--ink)"},
}
