"""ROC and precision-recall curves of the rare class, side by side."""

from __future__ import annotations

from autosmall.analysis.rare_curves import RareCurves
from autosmall.report.charts.arrange import Specification, in_columns, layered
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure

WIDE_SIDE_PX = 255
NARROW_SIDE_PX = 250


def rare_class_figure(curves: RareCurves) -> Figure:
    """Return both curves, with the dashed lines of guessing."""
    return figure(
        lambda width: _draw(curves, width),
        "What every threshold on the probability would reach on held-out pictures, all folds "
        "together. First: how many of the class are found (up) against how "
        "many others are called so by mistake (across). Second: how many calls are right (up) "
        "against how many of the class are found (across). Dashed: guessing.",
        f"Area under the ROC curve {curves.roc_auc:.3f}; precision and false alarms by recall "
        "stand in the table.",
    )


def _draw(curves: RareCurves, width: int) -> Drawing:
    narrow = width <= NARROW_PX
    roc = _panel("roc", "others called so (%)", "of the class found (%)", narrow)
    precision = _panel("precision", "of the class found (%)", "calls that are right (%)", narrow)
    share = 100 * curves.share
    return Drawing(
        in_columns(roc, precision, columns=1 if narrow else 2, spacing_px=28),
        {
            "roc": _rows(curves.roc),
            "precision": _rows(curves.precision_recall),
            "roc guess": [{"x": 0, "y": 0}, {"x": 100, "y": 100}],
            "precision guess": [{"x": 0, "y": share}, {"x": 100, "y": share}],
        },
    )


def _panel(name: str, across: str, up: str, narrow: bool) -> Specification:
    import altair as alt

    scale = alt.Scale(domain=[0, 100], nice=False)
    axis = alt.Axis(values=[0, 25, 50, 75, 100], domain=False, ticks=False, titlePadding=8)
    x = alt.X("x:Q", scale=scale, axis=axis, title=across)
    y = alt.Y("y:Q", scale=scale, axis=axis, title=up)
    guess = (
        alt.Chart(alt.NamedData(f"{name} guess"))
        .mark_line(strokeDash=[4, 4], color="var(--axis)", strokeWidth=1.5)
        .encode(x=x, y=y)
    )
    curve = (
        alt.Chart(alt.NamedData(name))
        .mark_line(color="var(--accent)", strokeWidth=2)
        .encode(x=x, y=y, order=alt.Order("place:Q"))
    )
    side = NARROW_SIDE_PX if narrow else WIDE_SIDE_PX
    return layered(guess, curve, width=side, height=side)


def _rows(points: tuple[tuple[float, float], ...]) -> list[dict[str, object]]:
    return [
        {"x": 100 * across, "y": 100 * up, "place": place}
        for place, (across, up) in enumerate(points)
    ]
