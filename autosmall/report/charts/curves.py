"""Learning curves of one configuration: loss and accuracy over epochs, all folds faint."""

from __future__ import annotations

import math
from typing import Any

from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.sections.training import Curve, LeaderCurves

_SIDES = ["train", "validation"]
_PARTS = ["folds", "mean"]


def curves_figure(leader: LeaderCurves) -> Figure:
    """Return loss and accuracy side by side, or one below the other on narrow screens."""
    return figure(lambda width: _draw(leader, width), leader.sentence, _in_words(leader))


def _in_words(leader: LeaderCurves) -> str:
    ends = [
        f"{curve.name.replace('_', ' ')} from {curve.mean[0]:.3g} to {curve.mean[-1]:.3g}"
        for curve in leader.curves
        if curve.mean
    ]
    text = f"Curves of trial {leader.trial} ({leader.strategy}), mean over folds: "
    return text + "; ".join(ends) + "."


def _draw(leader: LeaderCurves, width: int) -> Drawing:
    import altair as alt

    narrow = width <= NARROW_PX
    inner = width - 56 if narrow else (width - 130) // 2
    rows = {
        kind: [row for c in leader.curves if c.name.endswith(kind) for row in _rows(c)]
        for kind in ("loss", "accuracy")
    }
    shown = {kind: values for kind, values in rows.items() if values}
    panels = [_panel(kind, inner) for kind in shown]
    chart = alt.vconcat(*panels) if narrow else alt.hconcat(*panels, spacing=24)
    return Drawing(chart, shown)


def _panel(kind: str, width: int) -> Any:
    import altair as alt

    unit = " (%)" if kind == "accuracy" else ""
    lines = (
        alt.Chart(alt.NamedData(kind))
        .mark_line()
        .encode(
            x=alt.X(
                "epoch:Q",
                scale=alt.Scale(nice=False, zero=False),
                axis=alt.Axis(tickCount=5, format="d", domain=False, ticks=False, grid=False),
            ),
            y=alt.Y(
                "value:Q",
                title=kind + unit,
                scale=alt.Scale(zero=False),
                axis=alt.Axis(tickCount=4, domain=False, ticks=False),
            ),
            stroke=_by("side", alt.Stroke, _SIDES, ["var(--train)", "var(--accent)"]),
            strokeDash=_by("side", alt.StrokeDash, _SIDES, [[5, 3], [1, 0]]),
            strokeWidth=_by("part", alt.StrokeWidth, _PARTS, [1, 2.4]),
            opacity=_by("part", alt.Opacity, _PARTS, [0.3, 1]),
            detail="line:N",
        )
    )
    return lines.properties(width=width, height=170)


def _by(field: str, channel: Any, domain: list[str], values: list[Any]) -> Any:
    import altair as alt

    return channel(f"{field}:N", scale=alt.Scale(domain=domain, range=values), legend=None)


def _rows(curve: Curve) -> list[dict[str, object]]:
    """Return one row per point: each fold's line, then the mean's, which is drawn on top."""
    side = curve.name.split("_")[0]
    factor = 100.0 if curve.name.endswith("accuracy") else 1.0
    lines = [("folds", line) for line in curve.folds] + [("mean", curve.mean)]
    return [
        {
            "epoch": epoch,
            "value": round(factor * value, 4),
            "side": side,
            "part": part,
            "line": number,
        }
        for number, (part, line) in enumerate(lines)
        for epoch, value in zip(curve.epochs, line, strict=False)
        if math.isfinite(value)
    ]
