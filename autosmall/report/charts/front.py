"""Score against trainable parameters, with the configurations that none outdoes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autosmall.report.charts.marks import color, shape
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.numbers import METRIC_WORDS, is_percent
from autosmall.report.sections.alternatives import FrontRow
from autosmall.report.sections.tradeoff import Point


def front_figure(metric: str, points: Sequence[Point], front: Sequence[FrontRow]) -> Figure:
    """Return score (y) against trainable parameters (x, log), the front named and strong."""
    return figure(
        lambda width: _chart(metric, points, front, width),
        "Score against trainable parameters; a larger mark takes longer to train. Strong marks, "
        "with the trial's number, are outdone by none in score, parameters and seconds at once; "
        "faint ones are. The ring is the recommended one.",
        f"Scatter of {METRIC_WORDS[metric]} against trainable parameters for {len(points)} "
        f"configurations, {len(front)} of them on the front; these stand in the table below.",
    )


def _chart(metric: str, points: Sequence[Point], front: Sequence[FrontRow], width: int) -> Drawing:
    import altair as alt

    powers = _powers(points)
    x = alt.X(
        "parameters:Q",
        scale=alt.Scale(type="log", domain=[powers[0], powers[-1]], padding=14),
        title="trainable parameters",
        axis=alt.Axis(values=powers, format="~s", domain=False, ticks=False),
    )
    unit = " (%)" if is_percent(metric) else ""
    y = alt.Y(
        "score:Q",
        title=f"{METRIC_WORDS[metric]}{unit}",
        scale=alt.Scale(zero=False, padding=16),
        axis=alt.Axis(tickCount=6, domain=False, ticks=False, titlePadding=8),
    )
    chart = (
        _marks("faint", 0.3, x, y) + _marks("front", 0.95, x, y) + _ring(x, y) + _names(x, y)
    ).properties(width=width - (70 if width > NARROW_PX else 62), height=280)
    return Drawing(chart, _rows(metric, points, front))


def _marks(rows: str, opacity: float, x: Any, y: Any) -> Any:
    import altair as alt

    return (
        alt.Chart(alt.NamedData(rows))
        .mark_point(filled=True, opacity=opacity, stroke="var(--page)", strokeWidth=0.8)
        .encode(
            x=x,
            y=y,
            color=alt.Color("color:N", scale=None, legend=None),
            shape=alt.Shape("shape:N", scale=None, legend=None),
            size=alt.Size("area:Q", scale=None, legend=None),
        )
    )


def _ring(x: Any, y: Any) -> Any:
    import altair as alt

    return (
        alt.Chart(alt.NamedData("chosen"))
        .mark_point(filled=False, stroke="var(--ink)", strokeWidth=2, shape="circle", opacity=1)
        .encode(x=x, y=y, size=alt.Size("ring:Q", scale=None, legend=None))
    )


def _names(x: Any, y: Any) -> Any:
    import altair as alt

    return (
        alt.Chart(alt.NamedData("front"))
        .mark_text(dx=13, dy=-11, align="left", color="var(--ink)")
        .encode(x=x, y=y, text="trial:N")
    )


def _rows(
    metric: str, points: Sequence[Point], front: Sequence[FrontRow]
) -> dict[str, list[dict[str, object]]]:
    on_front = {row.trial for row in front}
    longest = max(point.fit_seconds for point in points)
    drawn = [(point, _datum(metric, point, longest)) for point in points]
    return {
        "faint": [datum for point, datum in drawn if point.trial not in on_front],
        "front": [datum for point, datum in drawn if point.trial in on_front],
        "chosen": [datum for point, datum in drawn if point.recommended],
    }


def _datum(metric: str, point: Point, longest_seconds: float) -> dict[str, object]:
    area = 50 + 200 * point.fit_seconds / longest_seconds if longest_seconds > 0 else 50.0
    return {
        "trial": str(point.trial),
        "parameters": max(1, point.trainable_parameters),
        "score": (100.0 if is_percent(metric) else 1.0) * point.score,
        "color": color(point.strategy),
        "shape": shape(point.strategy),
        "area": area,
        "ring": 150 + 2 * area,
    }


def _powers(points: Sequence[Point]) -> list[float]:
    sizes = [max(1, point.trainable_parameters) for point in points]
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]
