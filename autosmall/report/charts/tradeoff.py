"""Train against held-out score, and gap against size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autosmall.report.charts.arrange import layered
from autosmall.report.charts.marks import color, shape
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.numbers import METRIC_WORDS, is_percent
from autosmall.report.sections.tradeoff import Point


def scatter_figure(metric: str, points: Sequence[Point]) -> Figure:
    """Return training score (x) against held-out score (y) with the line of no overfitting."""
    shown = [p for p in points if math.isfinite(p.train_score)]
    words = METRIC_WORDS[metric]
    return figure(
        lambda width: _scatter(metric, shown, width),
        "Each mark is a configuration; a larger mark has more trainable parameters. On the line "
        "it does as well on held-out pictures as in training; its distance from the line is the "
        "gap. The ring is the recommended one.",
        f"Scatter of {words} in training against {words} on held-out pictures for "
        f"{len(shown)} configurations; the numbers stand in the table of all configurations.",
    )


def gap_figure(metric: str, points: Sequence[Point]) -> Figure:
    """Return the gap against trainable parameters per training picture, on a log scale."""
    shown = [p for p in points if p.trainable_parameters > 0 and math.isfinite(p.gap)]
    without = any(p.trainable_parameters == 0 for p in points)
    return figure(
        lambda width: _gap(metric, shown, width),
        "The gap between training and held-out score against trainable parameters per training "
        "picture, from few (left) to many (right)."
        + (" Configurations that train nothing are left out." if without else ""),
        f"Scatter of the gap against trainable parameters per training picture for {len(shown)} "
        "configurations; the numbers stand in the table of all configurations.",
    )


def has_train_scores(points: Sequence[Point]) -> bool:
    """Tell whether there is anything for :func:`scatter_figure` to show."""
    return any(math.isfinite(p.train_score) for p in points)


def has_sizes(points: Sequence[Point]) -> bool:
    """Tell whether there is anything for :func:`gap_figure` to show."""
    return any(p.trainable_parameters > 0 and math.isfinite(p.gap) for p in points)


def _scatter(metric: str, points: Sequence[Point], width: int) -> Drawing:
    import altair as alt

    factor = _factor(metric)
    values = [factor * v for p in points for v in (p.train_score, p.score)]
    pad = 0.05 * max(max(values) - min(values), 0.05 * factor)
    low, high = max(0.0, min(values) - pad), max(values) + pad
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    unit = " (%)" if is_percent(metric) else ""
    words = METRIC_WORDS[metric]
    x = alt.X("train:Q", scale=scale, title=f"{words} in training{unit}", axis=_axis(width))
    y = alt.Y(
        "score:Q", scale=scale, title=f"{words} on held-out pictures{unit}", axis=_axis(width)
    )
    diagonal = (
        alt.Chart(alt.NamedData("diagonal"))
        .mark_line(strokeDash=[4, 4], color="var(--axis)", strokeWidth=1.5)
        .encode(x=x, y=y)
    )
    side = _inner(width)
    chart = layered(diagonal, *_marks(x, y), width=side, height=min(side, 430))
    ends: list[dict[str, object]] = [{"train": end, "score": end} for end in (low, high)]
    return Drawing(chart, {"diagonal": ends, **_rows(points, factor)})


def _gap(metric: str, points: Sequence[Point], width: int) -> Drawing:
    import altair as alt

    unit = " (points)" if is_percent(metric) else ""
    x = alt.X(
        "size:Q",
        scale=alt.Scale(type="log", domain=[_powers(points)[0], _powers(points)[-1]], padding=12),
        title="trainable parameters per training picture",
        axis=alt.Axis(
            values=_powers(points),
            labelExpr="format(datum.value, datum.value < 1 ? '~g' : '~s')",
            domain=False,
            ticks=False,
        ),
    )
    y = alt.Y("gap:Q", title=f"gap{unit}", axis=_axis(width), scale=alt.Scale(zero=True))
    zero = (
        alt.Chart(alt.NamedData("zero"))
        .mark_rule(strokeDash=[4, 4], color="var(--axis)", strokeWidth=1.5)
        .encode(y=y)
    )
    chart = layered(zero, *_marks(x, y), width=_inner(width), height=250)
    return Drawing(chart, {"zero": [{"gap": 0}], **_rows(points, _factor(metric))})


def _powers(points: Sequence[Point]) -> list[float]:
    """Return the powers of ten from just below the smallest size to just above the largest."""
    sizes = [point.parameters_per_picture for point in points]
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))
    return [10.0**power for power in range(low, high + 1)]


def _marks(x: Any, y: Any) -> list[Any]:
    import altair as alt

    look = {
        "x": x,
        "y": y,
        "fill": alt.Fill("color:N", scale=None, legend=None),
        "shape": alt.Shape("shape:N", scale=None, legend=None),
        "size": alt.Size("area:Q", scale=None, legend=None),
    }
    # Outlines in their own colour and hardly filled: of marks that overlap none hides another.
    marks = (
        alt.Chart(alt.NamedData("points"))
        .mark_point(fillOpacity=0.2, strokeWidth=1.3)
        .encode(**look, stroke=alt.Stroke("color:N", scale=None, legend=None))
    )
    recommended = (
        alt.Chart(alt.NamedData("chosen")).mark_point(filled=True, opacity=1).encode(**look)
    )
    ring = (
        alt.Chart(alt.NamedData("chosen"))
        .mark_point(filled=False, stroke="var(--ink)", strokeWidth=2, shape="circle", opacity=1)
        .encode(x=x, y=y, size=alt.Size("ring:Q", scale=None, legend=None))
    )
    return [marks, recommended, ring]


def _rows(points: Sequence[Point], factor: float) -> dict[str, list[dict[str, object]]]:
    return {
        "points": [_datum(point, factor) for point in points],
        "chosen": [_datum(point, factor) for point in points if point.recommended],
    }


def _datum(point: Point, factor: float) -> dict[str, object]:
    area = 70 + 20 * math.log10(1 + point.trainable_parameters)
    return {
        "trial": point.trial,
        "train": factor * point.train_score,
        "score": factor * point.score,
        "gap": factor * point.gap,
        "size": point.parameters_per_picture,
        "color": color(point.strategy),
        "shape": shape(point.strategy),
        "area": area,
        "ring": 3 * area,
    }


def _axis(width: int) -> Any:
    import altair as alt

    return alt.Axis(tickCount=6 if width > 400 else 4, domain=False, ticks=False, titlePadding=8)


def _inner(width: int) -> int:
    return width - (70 if width > NARROW_PX else 62)


def _factor(metric: str) -> float:
    return 100.0 if is_percent(metric) else 1.0
