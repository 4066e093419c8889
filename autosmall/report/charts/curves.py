"""Learning curves of one configuration: loss and accuracy over epochs, all folds thin."""

from __future__ import annotations

import math
from typing import Any

from autosmall.report.charts.arrange import Specification, in_columns, layered
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.sections.training import Curve, TrialCurves

_SIDES = ["train", "validation"]
_PARTS = ["folds", "mean"]

HEIGHT_PX = 170
NAME_LINE_PX = 15
"""Height of a mark's name above the plot."""


def curves_figure(found: TrialCurves) -> Figure:
    """Return loss and accuracy side by side, or one below the other on narrow screens."""
    return figure(lambda width: _draw(found, width), found.sentence, _in_words(found))


def _in_words(found: TrialCurves) -> str:
    ends = [
        f"{curve.name.replace('_', ' ')} from {curve.mean[0]:.3g} to {curve.mean[-1]:.3g}"
        for curve in found.curves
        if curve.mean
    ]
    text = f"Curves of trial {found.trial} ({found.strategy}), mean over folds: "
    marks = [f" Epoch {mark.epoch}: {mark.name.replace('_', ' ')}." for mark in found.marks]
    return text + "; ".join(ends) + "." + "".join(marks)


def _draw(found: TrialCurves, width: int) -> Drawing:
    narrow = width <= NARROW_PX
    inner = width - 56 if narrow else (width - 130) // 2
    rows = {
        kind: [row for c in found.curves if c.name.endswith(kind) for row in _rows(c)]
        for kind in ("loss", "accuracy")
    }
    shown = {kind: values for kind, values in rows.items() if values}
    epochs = _epochs(found)
    inside = sorted((m for m in found.marks if m.epoch in epochs), key=lambda m: m.epoch)
    marks: list[dict[str, object]] = [
        {
            "epoch": mark.epoch,
            "name": mark.name.replace("_", " "),
            "early": 2 * mark.epoch <= epochs.stop,
            "line": line,
        }
        for line, mark in enumerate(inside)
    ]
    panels = [_panel(kind, inner, marks=len(marks)) for kind in shown]
    chart = in_columns(*panels, columns=1 if narrow else 2, spacing_px=24)
    return Drawing(chart, {**shown, "marks": marks} if marks else shown)


def _epochs(found: TrialCurves) -> range:
    return range(1, max((curve.epochs[-1] for curve in found.curves), default=0) + 1)


def _panel(kind: str, width: int, *, marks: int) -> Specification:
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
            strokeWidth=_by("part", alt.StrokeWidth, _PARTS, [0.9, 2.6]),
            opacity=_by("part", alt.Opacity, _PARTS, [0.7, 1]),
            detail=alt.Detail("line:N"),
        )
    )
    named = [layer for line in range(marks) for layer in _mark(line)]
    return layered(*named, lines, width=width, height=HEIGHT_PX)


def _mark(line: int) -> list[Any]:
    """Return the rule of one mark and its name: above the plot, on a line of its own."""
    import altair as alt

    above = -NAME_LINE_PX * (line + 1)
    own = alt.Chart(alt.NamedData("marks")).transform_filter(f"datum.line == {line}")
    x = alt.X("epoch:Q")
    rule = own.mark_rule(stroke="var(--warn)", strokeDash=[2, 2], strokeWidth=1.5).encode(
        x=x, y=alt.YValue(above), y2=alt.Y2Value(HEIGHT_PX)
    )
    # Towards the middle, so that a name ends inside the chart.
    name = own.encode(x=x, y=alt.YValue(above), text=alt.Text("name:N"))
    early = name.mark_text(align="left", baseline="top", dx=5, fontSize=11)
    late = name.mark_text(align="right", baseline="top", dx=-5, fontSize=11)
    return [
        rule,
        early.transform_filter("datum.early"),
        late.transform_filter("!datum.early"),
    ]


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
