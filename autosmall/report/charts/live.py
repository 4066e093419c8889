"""Charts that a reader may touch: the specification of a drawing, made ready for the page.

A live chart is drawn by Vega in the reader's browser from the same specification as its static
picture. Every mark of the data set ``points`` stands for a trial: a brush over some of them marks
the rows of the table, what is marked anywhere stands out in all charts, and a trial that is
unfolded in the table has a ring.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autosmall.report.charts.render import NARROW_PX, THEME, WIDE_PX, Drawing, Figure

POINTS = "points"
"""Name of the data set whose rows are trials; each has a ``trial``."""

FAINT = 0.12
"""Opacity of marks that are not among those marked."""


@dataclass(frozen=True)
class LiveChart:
    """What the page's script makes a chart of.

    Attributes:
        name: Names the chart on the page and in its address.
        wide: Vega-Lite specification without the rows of ``points``.
        narrow: The same for narrow screens.
        points: The rows of ``points`` by column.
    """

    name: str
    wide: Mapping[str, object]
    narrow: Mapping[str, object]
    points: Mapping[str, object]


def live_chart(name: str, drawn: Figure, meta: Mapping[str, object] | None = None) -> LiveChart:
    """Return the live chart of a figure whose ``points`` are the same in both widths.

    ``meta`` is for the page's script: ``parts`` holds what limits each brush besides its axes, and
    ``axes`` what places on the axes of a parallel view mean.
    """
    wide, narrow = drawn.drawings
    return LiveChart(
        name,
        _specification(wide, WIDE_PX, meta or {}),
        _specification(narrow, NARROW_PX, meta or {}),
        columns(wide.rows[POINTS]),
    )


def columns(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return rows by column: numbers with six digits, texts as a list and positions in it.

    >>> columns([{"a": 0.123456789, "b": "x"}, {"a": None, "b": "x"}])
    {'a': [0.123457, None], 'b': {'of': ['x'], 'at': [0, 0]}}
    """
    names = list(rows[0]) if rows else []
    return {name: _column([row[name] for row in rows]) for name in names}


def page_data(charts: Sequence[LiveChart], table: Mapping[str, object]) -> str:
    """Return as JSON what the page's script reads: charts, their looks, quantities by trial.

    No character of it can end the element that holds it or begin another one.
    """
    document = {
        "charts": {
            chart.name: {"wide": chart.wide, "narrow": chart.narrow, "points": chart.points}
            for chart in charts
        },
        "config": {**THEME, "aria": False},
        "table": table,
    }
    return escaped(json.dumps(document, separators=(",", ":"), allow_nan=False))


def escaped(text: str) -> str:
    r"""Return JSON without the characters that HTML gives a meaning.

    >>> escaped('{"a": "</script>&"}')
    '{"a": "\\u003c/script\\u003e\\u0026"}'
    """
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _column(values: Sequence[object]) -> object:
    if any(isinstance(value, str) for value in values):
        distinct = list(dict.fromkeys(value for value in values if value is not None))
        place = {value: at for at, value in enumerate(distinct)}
        return {"of": distinct, "at": [place.get(value) for value in values]}
    return [_short(value) for value in values]


def _short(value: object) -> object:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _specification(drawing: Drawing, width: int, meta: Mapping[str, object]) -> dict[str, object]:
    found = copy.deepcopy(drawing.specification)
    found["datasets"] = {
        name: list(rows) for name, rows in drawing.rows.items() if name != POINTS
    } | {POINTS: []}
    found["params"] = [
        {"name": "marked", "value": {}},
        {"name": "anyMarked", "value": False},
        {"name": "opened", "value": {}},
    ]
    for unit in _units(found):
        _make_touchable(unit)
    brushed = [unit for unit in _units(found) if unit["mark"]["type"] == "point"]
    for number, unit in enumerate(brushed):
        select = {"type": "interval", "mark": _BRUSH, "on": _DRAG, "translate": _DRAG}
        unit["params"] = [{"name": f"brush{number}", "select": select}]
    found["usermeta"] = {**meta, "width": width, "brushes": len(brushed)}
    return found


def _units(specification: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a specification that draw ``points``, from left to right."""
    for key in ("layer", "hconcat", "vconcat", "concat"):
        for part in specification.get(key, ()):
            yield from _units(part)
    if specification.get("data", {}).get("name") == POINTS and "mark" in specification:
        yield specification


def _make_touchable(unit: dict[str, Any]) -> None:
    """Let ``unit`` show what is marked and what is unfolded in the table."""
    encoding, mark = unit["encoding"], unit["mark"]
    usual = mark.pop("opacity", 1)
    encoding["opacity"] = {
        "condition": {"test": "!anyMarked || marked[datum.trial]", "value": usual},
        "value": FAINT,
    }
    if mark["type"] != "point":
        return
    encoding["stroke"] = _if_opened("var(--ink)", encoding.get("stroke", {"value": None}))
    encoding["strokeWidth"] = _if_opened(3, {"value": mark.pop("strokeWidth", 0)})
    encoding["tooltip"] = {"field": "trial"}


def _if_opened(value: object, otherwise: Mapping[str, object]) -> dict[str, object]:
    return {"condition": {"test": "opened[datum.trial]", "value": value}, **otherwise}


_DRAG = "[pointerdown[event.pointerType !== 'touch'], window:pointerup] > window:pointermove!"
"""What begins and moves a brush; a finger that drags scrolls the page, and marks by taps."""

_BRUSH = {"fill": "var(--accent)", "fillOpacity": 0.1, "stroke": "var(--accent)"}
