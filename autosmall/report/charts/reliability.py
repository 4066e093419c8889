"""Confidence against the share that is right, before and after temperature scaling."""

from __future__ import annotations

from autosmall.analysis.calibration import Reliability
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure

BEFORE, AFTER = "as predicted", "scaled"
_COLORS = {BEFORE: "var(--train)", AFTER: "var(--accent)"}
_SHAPES = {BEFORE: "diamond", AFTER: "circle"}


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
    lines = curves.mark_line(strokeWidth=1.8).encode(x=x, y=y, color=color, detail="which:N")
    marks = curves.mark_point(filled=True, size=70, opacity=1).encode(
        x=x, y=y, color=color, shape=alt.Shape("shape:N", scale=None, legend=None)
    )
    names = [
        alt.Chart(alt.NamedData(f"name {which}"))
        .mark_text(align=align, dx=shift, dy=drop, fontSize=12, fontWeight=600)
        .encode(x=x, y=y, text="which:N", color=color)
        for which, align, shift, drop in _name_places(before)
    ]
    side = min(width - (70 if width > NARROW_PX else 62), 430)
    chart = alt.layer(diagonal, lines, marks, *names).properties(width=side, height=min(side, 360))
    rows = [*_rows(before, BEFORE), *_rows(after, AFTER)]
    ends: list[dict[str, object]] = [
        {"confidence": end, "accuracy": end} for end in (scale.domain[0], 100.0)
    ]
    named = {f"name {which}": [_named_row(rows, which)] for which in (BEFORE, AFTER)}
    return Drawing(chart, {"diagonal": ends, "bins": rows, **named})


def _rows(found: Reliability, which: str) -> list[dict[str, object]]:
    return [
        {
            "confidence": 100 * b.confidence,
            "accuracy": 100 * b.accuracy,
            "which": which,
            "color": _COLORS[which],
            "shape": _SHAPES[which],
        }
        for b in found.bins
    ]


def _name_places(before: Reliability) -> list[tuple[str, str, int, int]]:
    """Return each curve's name, its alignment and shift: on different sides of the diagonal."""
    above = [(-10, "right", -6), (10, "left", 14)]
    sides = above if before.accuracy >= before.mean_confidence else above[::-1]
    return [
        (which, align, shift, drop)
        for which, (shift, align, drop) in zip((BEFORE, AFTER), sides, strict=True)
    ]


def _named_row(rows: list[dict[str, object]], which: str) -> dict[str, object]:
    """Return the bin beside which a curve's name stands: a third of the way from its low end."""
    mine = [row for row in rows if row["which"] == which]
    return mine[len(mine) // 3]
