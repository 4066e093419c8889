"""Learning curves over the number of training pictures, continued beyond what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autosmall.analysis.sample_size import LearningCurve
from autosmall.report.charts.arrange import layered
from autosmall.report.charts.intervals import axis_title
from autosmall.report.charts.marks import color, shape
from autosmall.report.charts.render import Drawing, Figure, figure
from autosmall.report.numbers import is_percent, score_text


def sample_size_figure(metric: str, curves: Sequence[LearningCurve]) -> Figure:
    """Return measured scores as marks and power laws as lines, dashed where they go beyond."""
    words = "; ".join(_in_words(metric, curve) for curve in curves)
    return figure(
        lambda width: _draw(metric, curves, width),
        "Marks are measured: the mean over folds of the best configuration of a strategy, trained "
        "on parts of its training pictures. Lines are power laws through them, dashed beyond the "
        "pictures at hand; shaded are their 95 % intervals, of which most is common to all sizes.",
        f"Score by number of training pictures. {words}.",
    )


def _in_words(metric: str, curve: LearningCurve) -> str:
    measured = [f"{score_text(metric, s.score)} with {s.pictures:.0f}" for s in curve.sizes]
    reached = score_text(metric, curve.predicted.value)
    size = f"{curve.points[-1].pictures:.0f}"
    return f"{curve.strategy}: {', '.join(measured)}; {reached} expected with {size}"


def _draw(metric: str, curves: Sequence[LearningCurve], width: int) -> Drawing:
    import altair as alt

    x = alt.X(
        "pictures:Q",
        title="training pictures",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(values=_ticks(curves), format="d", domain=False, ticks=False, grid=False),
    )
    scale = alt.Scale(zero=False)
    axis = alt.Axis(tickCount=5, domain=False, ticks=False)
    y = alt.Y("score:Q", scale=scale, title=axis_title(metric), axis=axis)
    own = alt.Color("color:N", scale=None, legend=None)
    band = (
        alt.Chart(alt.NamedData("points"))
        .mark_area(opacity=0.13)
        .encode(
            x=x,
            y=alt.Y("low:Q", scale=scale, title=axis_title(metric), axis=axis),
            y2=alt.Y2("high:Q"),
            fill=alt.Fill("color:N", scale=None, legend=None),
            detail=alt.Detail("strategy:N"),
        )
    )
    line = (
        alt.Chart(alt.NamedData("lines"))
        .mark_line(strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=own,
            strokeDash=_dash(),
            detail=[alt.Detail("strategy:N"), alt.Detail("beyond:N")],
        )
    )
    marks = (
        alt.Chart(alt.NamedData("sizes"))
        .mark_point(filled=True, size=80, opacity=1)
        .encode(x=x, y=y, color=own, shape=alt.Shape("shape:N", scale=None, legend=None))
    )
    chart = layered(band, line, marks, width=width - 70, height=260)
    rows = {
        "points": [_point(metric, curve, i) for curve in curves for i in range(len(curve.points))],
        "lines": [row for curve in curves for row in _line(metric, curve)],
        "sizes": [_size(metric, curve, i) for curve in curves for i in range(len(curve.sizes))],
    }
    return Drawing(chart, rows)


def _dash() -> Any:
    import altair as alt

    scale = alt.Scale(domain=[False, True], range=[[1, 0], [5, 4]])
    return alt.StrokeDash("beyond:N", scale=scale, legend=None)


def _ticks(curves: Sequence[LearningCurve]) -> list[float]:
    """Return the sizes that were measured, and the last one that is shown."""
    return [*(round(s.pictures) for s in curves[0].sizes), round(curves[0].points[-1].pictures)]


def _look(curve: LearningCurve) -> dict[str, object]:
    return {
        "strategy": curve.strategy,
        "color": color(curve.strategy),
        "shape": shape(curve.strategy),
    }


def _factor(metric: str) -> float:
    return 100.0 if is_percent(metric) else 1.0


def _point(metric: str, curve: LearningCurve, i: int) -> dict[str, object]:
    point, factor = curve.points[i], _factor(metric)
    high = min(1.0, point.high) if is_percent(metric) else point.high
    return {
        **_look(curve),
        "pictures": point.pictures,
        "score": factor * point.score,
        "low": factor * point.low,
        "high": factor * high,
    }


def _line(metric: str, curve: LearningCurve) -> list[dict[str, object]]:
    """Return the line's points; the first beyond the last size belongs to both of its parts."""
    rows = [_point(metric, curve, i) for i in range(len(curve.points))]
    last = sum(point.pictures <= curve.sizes[-1].pictures * (1 + 1e-9) for point in curve.points)
    measured = [{**row, "beyond": False} for row in rows[:last]]
    return measured + [{**row, "beyond": True} for row in rows[last - 1 :]]


def _size(metric: str, curve: LearningCurve, i: int) -> dict[str, object]:
    size = curve.sizes[i]
    return {**_look(curve), "pictures": size.pictures, "score": _factor(metric) * size.score}
