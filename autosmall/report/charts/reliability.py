"""Confidence against the share that is right, before and after temperature scaling."""

from __future__ import annotations

from typing import Any

from autosmall.analysis.calibration import Reliability
from autosmall.report.charts.arrange import layered
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure

BEFORE, AFTER = "as predicted", "scaled"
_COLORS = {BEFORE: "var(--train)", AFTER: "var(--accent)"}
_SHAPES = {BEFORE: "diamond", AFTER: "circle"}

KEY_PX, KEY_WIDTH_PX = 20, 100
"""Height of a line of the key, and the room for its names."""


def reliability_figure(before: Reliability, after: Reliability) -> Figure:
    """Return both curves, with the line of perfect calibration."""
    return figure(
        lambda width: _draw(before, after, width),
        "Pictures in bins of equal number, by how sure the model is (across) and how often it is "
        "then right (up). On the dashed line both agree; below it the model is too sure, above "
        "it too unsure. Scaled with temperatures fitted on the other folds.",
        f"Calibration error {100 * before.error:.1f} points as predicted, "
        f"{100 * after.error:.1f} points scaled; the numbers stand in the table.",
    )


def _draw(before: Reliability, after: Reliability, width: int) -> Drawing:
    import altair as alt

    low = min(min(b.confidence, b.accuracy) for r in (before, after) for b in r.bins)
    scale = alt.Scale(domain=[100 * max(0.0, low - 0.05), 101], nice=False, zero=False)
    axis = alt.Axis(tickCount=5, domain=False, ticks=False, titlePadding=8)
    x = alt.X("confidence:Q", scale=scale, axis=axis, title="mean confidence (%)")
    y = alt.Y("accuracy:Q", scale=scale, axis=axis, title="share that is right (%)")
    color = alt.Color("color:N", scale=None, legend=None)
    diagonal = (
        alt.Chart(alt.NamedData("diagonal"))
        .mark_line(strokeDash=[4, 4], color="var(--axis)", strokeWidth=1.5)
        .encode(x=x, y=y)
    )
    curves = alt.Chart(alt.NamedData("bins"))
    lines = curves.mark_line(strokeWidth=1.8).encode(
        x=x, y=y, color=color, detail=alt.Detail("which:N")
    )
    marks = curves.mark_point(filled=True, size=70, opacity=1).encode(
        x=x, y=y, color=color, shape=alt.Shape("shape:N", scale=None, legend=None)
    )
    side = min(width - (70 if width > NARROW_PX else 62), 430)
    height = min(side, 360)
    chart = layered(diagonal, lines, marks, *_key(side, height), width=side, height=height)
    rows = [*_rows(before, BEFORE), *_rows(after, AFTER)]
    ends: list[dict[str, object]] = [
        {"confidence": end, "accuracy": end} for end in (scale.domain[0], 100.0)
    ]
    keys = {f"name {which}": [_named_row(which)] for which in (BEFORE, AFTER)}
    return Drawing(chart, {"diagonal": ends, "bins": rows, **keys})


def _rows(found: Reliability, which: str) -> list[dict[str, object]]:
    return [
        {
            "confidence": 100 * b.confidence,
            "accuracy": 100 * b.accuracy,
            **_named_row(which),
        }
        for b in found.bins
    ]


def _key(width: int, height: int) -> list[Any]:
    """Return mark and name of each curve, in the lower right corner, where hardly a bin lies."""
    import altair as alt

    color = alt.Color("color:N", scale=None, legend=None)
    shape = alt.Shape("shape:N", scale=None, legend=None)
    layers = []
    for line, which in enumerate((BEFORE, AFTER)):
        y = alt.YValue(height - KEY_PX * (2 - line) + KEY_PX / 2)
        base = alt.Chart(alt.NamedData(f"name {which}")).encode(y=y, color=color)
        left = width - KEY_WIDTH_PX
        layers.append(
            base.mark_point(filled=True, size=70, opacity=1).encode(x=alt.XValue(left), shape=shape)
        )
        text = base.mark_text(align="left", baseline="middle", fontSize=12, fontWeight=600)
        layers.append(text.encode(x=alt.XValue(left + 10), text=alt.Text("which:N")))
    return layers


def _named_row(which: str) -> dict[str, object]:
    return {"which": which, "color": _COLORS[which], "shape": _SHAPES[which]}
