"""Learning curves of one configuration: loss and accuracy over epochs, all folds faint."""

from __future__ import annotations

import math
from typing import Any

from autosmall.report.charts.render import NARROW_PX, Figure, figure
from autosmall.report.sections.training import Curve, LeaderCurves

_COLORS = {"train": "var(--train)", "validation": "var(--accent)"}
_DASHES = {"train": [5, 3], "validation": [1, 0]}


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


def _draw(leader: LeaderCurves, width: int) -> Any:
    import altair as alt

    narrow = width <= NARROW_PX
    inner = width - 56 if narrow else (width - 130) // 2
    panels = [
        _panel([c for c in leader.curves if c.name.endswith(kind)], kind, inner)
        for kind in ("loss", "accuracy")
        if any(c.name.endswith(kind) for c in leader.curves)
    ]
    return alt.vconcat(*panels) if narrow else alt.hconcat(*panels, spacing=24)


def _panel(curves: list[Curve], kind: str, width: int) -> Any:
    import altair as alt

    x = alt.X(
        "epoch:Q",
        title="epoch",
        scale=alt.Scale(nice=False, zero=False),
        axis=alt.Axis(tickCount=5, format="d", domain=False, ticks=False, grid=False),
    )
    unit = " (%)" if kind == "accuracy" else ""
    y = alt.Y(
        "value:Q",
        title=kind + unit,
        scale=alt.Scale(zero=False),
        axis=alt.Axis(tickCount=4, domain=False, ticks=False),
    )
    layers = [_line(curve, part, x, y) for curve in curves for part in ("folds", "mean")]
    return alt.layer(*layers).properties(width=width, height=170)


def _line(curve: Curve, part: str, x: Any, y: Any) -> Any:
    import altair as alt

    side = curve.name.split("_")[0]
    lines = curve.folds if part == "folds" else (curve.mean,)
    factor = 100.0 if curve.name.endswith("accuracy") else 1.0
    values = [
        {"epoch": epoch, "value": round(factor * value, 4), "fold": fold}
        for fold, line in enumerate(lines)
        for epoch, value in zip(curve.epochs, line, strict=False)
        if math.isfinite(value)
    ]
    chart = alt.Chart(alt.Data(values=values)).mark_line(
        stroke=_COLORS[side],
        strokeDash=_DASHES[side],
        strokeWidth=2.4 if part == "mean" else 1,
        opacity=1.0 if part == "mean" else 0.3,
    )
    return chart.encode(x=x, y=y, detail="fold:N")
