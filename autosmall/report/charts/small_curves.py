"""Accuracy over epochs in the size of a line or two, for the rows of the table."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from autosmall.report.sections.configurations import SmallCurve

WIDTH_PX, HEIGHT_PX = 190, 52
_LOOKS = {
    "train_accuracy": 'stroke="var(--train)" stroke-dasharray="4 3" stroke-width="1.4"',
    "validation_accuracy": 'stroke="var(--accent)" stroke-width="1.8"',
}


def small_curves(curves: Sequence[SmallCurve]) -> Markup:
    """Return the curves as an inline SVG, empty where there are none.

    What they show stands beside them :func:`in_words`.
    """
    values = [value for curve in curves for value in curve.values if value == value]
    if not values:
        return Markup()
    low, high = min(values), max(max(values), min(values) + 0.05)
    lines = "".join(
        f'<polyline points="{_points(curve.values, low, high)}" {_LOOKS[curve.name]}/>'
        for curve in curves
    )
    return Markup(
        f'<svg class="small-curves" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" width="{WIDTH_PX}" '
        f'height="{HEIGHT_PX}" fill="none" aria-hidden="true">'
        f"{lines}</svg>"
    )


def in_words(curves: Sequence[SmallCurve]) -> str:
    """Return where the curves begin and end."""
    sides = {"train_accuracy": "training", "validation_accuracy": "held-out"}
    told = [
        f"{sides[curve.name]} {100 * curve.values[0]:.0f} to {100 * curve.values[-1]:.0f} %"
        for curve in curves
    ]
    epochs = max(curve.epochs for curve in curves)
    return f"accuracy over {epochs} epochs: {', '.join(told)}"


def _points(values: Sequence[float], low: float, high: float) -> str:
    step = (WIDTH_PX - 4) / max(1, len(values) - 1)
    places = [
        (2 + step * at, 2 + (HEIGHT_PX - 4) * (high - value) / (high - low))
        for at, value in enumerate(values)
        if value == value
    ]
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
