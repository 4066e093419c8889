"""Score against trainable parameters, with the configurations that none outdoes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autosmall.report.charts.arrange import layered
from autosmall.report.charts.labels import Mark, line_to_name, place_names
from autosmall.report.charts.marks import color, shape
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.numbers import METRIC_WORDS, is_percent
from autosmall.report.sections.alternatives import FrontRow
from autosmall.report.sections.tradeoff import Point

HEIGHT_PX = 280

PADDING_PX = 16.0
"""Room between the outermost marks and the edges of the chart."""


def front_figure(metric: str, points: Sequence[Point], front: Sequence[FrontRow]) -> Figure:
    """Return score (y) against trainable parameters (x, log), the front named and filled."""
    return figure(
        lambda width: _chart(metric, points, front, width),
        "Score against trainable parameters; a larger mark takes longer to train. Filled marks, "
        "with the trial's number where there is room, are outdone by none in score, parameters "
        "and seconds at once; hollow ones are. The ring is the recommended one.",
        f"Scatter of {METRIC_WORDS[metric]} against trainable parameters for {len(points)} "
        f"configurations, {len(front)} of them on the front; these stand in the table below.",
    )


@dataclass(frozen=True)
class _Axes:
    """The ends of both axes, powers of ten of parameters and scores, and the chart's width."""

    powers: tuple[int, int]
    scores: tuple[float, float]
    width_px: int

    def pixels(self, parameters: float, score: float) -> tuple[float, float]:
        """Return where a configuration is drawn, y downwards."""
        (left, right), (low, high) = self.powers, self.scores
        across = (math.log10(parameters) - left) / (right - left)
        down = (high - score) / (high - low)
        return (
            PADDING_PX + across * (self.width_px - 2 * PADDING_PX),
            PADDING_PX + down * (HEIGHT_PX - 2 * PADDING_PX),
        )

    def values(self, x: float, y: float) -> tuple[float, float]:
        """Return the parameters and the score that are drawn at a place in pixels."""
        (left, right), (low, high) = self.powers, self.scores
        across = (x - PADDING_PX) / (self.width_px - 2 * PADDING_PX)
        down = (y - PADDING_PX) / (HEIGHT_PX - 2 * PADDING_PX)
        return 10.0 ** (left + across * (right - left)), high - down * (high - low)


def _chart(metric: str, points: Sequence[Point], front: Sequence[FrontRow], width: int) -> Drawing:
    import altair as alt

    axes = _axes(metric, points, width)
    powers = [10.0**power for power in range(axes.powers[0], axes.powers[1] + 1)]
    x = alt.X(
        "parameters:Q",
        scale=alt.Scale(type="log", domain=[powers[0], powers[-1]], padding=PADDING_PX),
        title="trainable parameters",
        axis=alt.Axis(values=powers, format="~s", domain=False, ticks=False),
    )
    unit = " (%)" if is_percent(metric) else ""
    y = alt.Y(
        "score:Q",
        title=f"{METRIC_WORDS[metric]}{unit}",
        scale=alt.Scale(domain=list(axes.scores), nice=False, zero=False, padding=PADDING_PX),
        axis=alt.Axis(tickCount=6, domain=False, ticks=False, titlePadding=8),
    )
    chart = layered(
        _marks("outdone", x, y, filled=False),
        _leaders(x, y),
        _marks("front", x, y, filled=True),
        _ring(x, y),
        _names(x, y),
        width=axes.width_px,
        height=HEIGHT_PX,
    )
    return Drawing(chart, _rows(metric, points, front, axes))


def _axes(metric: str, points: Sequence[Point], width: int) -> _Axes:
    sizes = [_parameters(point) for point in points]
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))
    scores = [_score(metric, point) for point in points]
    apart = max(scores) > min(scores)
    return _Axes(
        (low, max(high, low + 1)),
        (min(scores), max(scores)) if apart else (scores[0] - 1.0, scores[0] + 1.0),
        width - (70 if width > NARROW_PX else 62),
    )


def _marks(rows: str, x: Any, y: Any, *, filled: bool) -> Any:
    import altair as alt

    channel = alt.Fill if filled else alt.Stroke
    return (
        alt.Chart(alt.NamedData(rows))
        .mark_point(filled=filled, strokeWidth=0 if filled else 1.3, opacity=1)
        .encode(
            channel("color:N", scale=None, legend=None),
            x=x,
            y=y,
            shape=alt.Shape("shape:N", scale=None, legend=None),
            size=alt.Size("area:Q", scale=None, legend=None),
        )
    )


def _leaders(x: Any, y: Any) -> Any:
    """Return the lines from marks to names that stand away from them."""
    import altair as alt

    return (
        alt.Chart(alt.NamedData("leaders"))
        .mark_rule(stroke="var(--muted)", strokeWidth=1)
        .encode(x=x, y=y, x2=alt.X2("to_parameters:Q"), y2=alt.Y2("to_score:Q"))
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
        .mark_text(
            dx=alt.ExprRef("datum.dx"),
            dy=alt.ExprRef("datum.dy"),
            baseline="middle",
            color="var(--ink)",
        )
        .encode(x=x, y=y, text=alt.Text("name:N"))
    )


def _rows(
    metric: str, points: Sequence[Point], front: Sequence[FrontRow], axes: _Axes
) -> dict[str, list[dict[str, object]]]:
    trials = {row.trial for row in front}
    longest = max(point.fit_seconds for point in points)
    areas = {point.trial: _area(point, longest) for point in points}
    data = {p.trial: _datum(metric, p, areas[p.trial]) for p in points}
    marks = [_mark(metric, p, areas[p.trial], axes, named=p.trial in trials) for p in points]
    named = [point.trial for point in points if point.trial in trials]
    places = place_names(marks, axes.width_px, HEIGHT_PX)
    for trial, place in zip(named, places, strict=True):
        data[trial] |= {"dx": place[0], "dy": place[1]} if place else {"name": ""}
    named_marks = [mark for mark in marks if mark.name]
    lines = (_line(mark, place, axes) for mark, place in zip(named_marks, places, strict=True))
    return {
        "leaders": [line for line in lines if line is not None],
        "outdone": [datum for trial, datum in data.items() if trial not in trials],
        "front": [datum for trial, datum in data.items() if trial in trials],
        "chosen": [data[point.trial] for point in points if point.recommended],
    }


def _datum(metric: str, point: Point, area: float) -> dict[str, object]:
    return {
        "name": str(point.trial),
        "parameters": _parameters(point),
        "score": _score(metric, point),
        "color": color(point.strategy),
        "shape": shape(point.strategy),
        "area": area,
        "ring": _ring_area(area),
    }


def _line(mark: Mark, place: tuple[float, float] | None, axes: _Axes) -> dict[str, object] | None:
    end = line_to_name(mark, place) if place else None
    if end is None:
        return None
    parameters, score = axes.values(mark.x, mark.y)
    to_parameters, to_score = axes.values(mark.x + end[0], mark.y + end[1])
    return {
        "parameters": parameters,
        "score": score,
        "to_parameters": to_parameters,
        "to_score": to_score,
    }


def _mark(metric: str, point: Point, area: float, axes: _Axes, *, named: bool) -> Mark:
    x, y = axes.pixels(_parameters(point), _score(metric, point))
    seen = _ring_area(area) if point.recommended else area
    return Mark(x, y, math.sqrt(seen / math.pi), str(point.trial) if named else "")


def _area(point: Point, longest_seconds: float) -> float:
    """Return a mark's area in square pixels."""
    return 70 + (180 * point.fit_seconds / longest_seconds if longest_seconds > 0 else 0.0)


def _ring_area(area: float) -> float:
    return 150 + 2 * area


def _parameters(point: Point) -> int:
    return max(1, point.trainable_parameters)


def _score(metric: str, point: Point) -> float:
    return (100.0 if is_percent(metric) else 1.0) * point.score
