"""Dots with intervals, one row each: the recommendation beside its references, and strategies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autosmall.report.charts.arrange import layered
from autosmall.report.charts.render import Drawing, Figure, figure
from autosmall.report.charts.rows import name_px, overhang_px, row_names, row_padding
from autosmall.report.numbers import METRIC_WORDS, interval_text, is_percent, score_text

ROW_PX = 38
ROOM_PX = 44
"""What stands around the names, the plot aside."""


@dataclass(frozen=True)
class IntervalRow:
    """A dot with its interval; without one ``low`` and ``high`` are NaN."""

    label: str
    value: float
    low: float
    high: float
    color: str
    shape: str
    strong: bool = False


def interval_figure(metric: str, rows: Sequence[IntervalRow], caption: str) -> Figure:
    """Return one row per entry, in the order given."""
    alternative = "; ".join(_in_words(metric, row) for row in rows)
    words = METRIC_WORDS[metric].capitalize()
    return figure(lambda width: _draw(metric, rows, width), caption, f"{words}. {alternative}.")


def _in_words(metric: str, row: IntervalRow) -> str:
    text = f"{row.label}: {score_text(metric, row.value)}"
    if math.isnan(row.low):
        return text
    return f"{text} ({interval_text(metric, row.low, row.high)})"


def _draw(metric: str, rows: Sequence[IntervalRow], width: int) -> Drawing:
    import altair as alt

    scale = alt.Scale(domain=_domain(metric, rows), nice=False)
    labels = [row.label for row in rows]
    base = alt.Chart(alt.NamedData("rows")).encode(y=row_names("label", labels, width))
    x = alt.X(
        "value:Q",
        scale=scale,
        title=METRIC_WORDS[metric] + (" (%)" if is_percent(metric) else ""),
        axis=score_axis(width),
    )
    line = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q"), color=_own("color")
    )
    caps = [
        base.mark_tick(thickness=2.5, size=9).encode(
            x=alt.X(f"{end}:Q", scale=scale), color=_own("color")
        )
        for end in ("low", "high")
    ]
    dot = base.mark_point(filled=True, opacity=1).encode(
        x=x, color=_own("color"), shape=_own_shape(), size=alt.Size("size:Q", scale=None)
    )
    text = base.mark_text(dy=-12, fontSize=12, fill="var(--ink)").encode(
        x=x, text=alt.Text("text:N")
    )
    chart = layered(
        line,
        *caps,
        dot,
        text,
        width=width - name_px(labels) - ROOM_PX - overhang_px(labels),
        height={"step": ROW_PX},
        padding=row_padding(labels),
    )
    return Drawing(chart, {"rows": [_datum(metric, row) for row in rows]})


def _datum(metric: str, row: IntervalRow) -> dict[str, object]:
    factor = 100.0 if is_percent(metric) else 1.0
    ends = (row.value, row.value) if math.isnan(row.low) else (row.low, row.high)
    low, high = (max(0.0, ends[0]), min(1.0, ends[1])) if is_percent(metric) else ends
    return {
        "label": row.label,
        "value": row.value * factor,
        "low": low * factor,
        "high": high * factor,
        "text": score_text(metric, row.value),
        "color": row.color,
        "shape": row.shape,
        "size": 90 if row.strong else 60,
    }


def _domain(metric: str, rows: Sequence[IntervalRow]) -> list[float]:
    values = [v for row in rows for v in (row.value, row.low, row.high) if math.isfinite(v)]
    low, high = min(values), max(values)
    reach = max(high - low, 0.05)
    low, high = low - 0.06 * reach, high + 0.06 * reach
    if is_percent(metric):
        return [100 * max(0.0, low), 100 * min(1.0, high)]
    return [max(0.0, low), high]


def axis_title(metric: str) -> str:
    """Return the title of an axis of scores, with its unit."""
    words = METRIC_WORDS[metric]
    return f"{words} on held-out pictures" + (
        " (%)" if is_percent(metric) else " (lower is better)"
    )


def score_axis(width: int) -> Any:
    """Return an axis with few enough ticks for ``width``."""
    import altair as alt

    return alt.Axis(tickCount=6 if width > 400 else 4, domain=False, ticks=False, titlePadding=8)


def _own(name: str) -> Any:
    import altair as alt

    return alt.Color(f"{name}:N", scale=None, legend=None)


def _own_shape() -> Any:
    import altair as alt

    return alt.Shape("shape:N", scale=None, legend=None)
