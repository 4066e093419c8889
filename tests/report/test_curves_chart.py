"""The chart of learning curves: names of diagnoses lie above the plot, clear of the curves."""

from __future__ import annotations

import re

from autosmall.report.charts.curves import NAME_LINE_PX, curves_figure
from autosmall.report.sections.training import Curve, Mark, TrialCurves

EPOCHS = tuple(range(1, 11))
LOSS = tuple(1 / epoch for epoch in EPOCHS)


def curves(*marks: Mark) -> TrialCurves:
    lines = tuple(
        Curve(f"{side}_{kind}", EPOCHS, (LOSS, LOSS), LOSS)
        for side in ("train", "validation")
        for kind in ("loss", "accuracy")
    )
    return TrialCurves(3, "scratch", lines, (), marks, "It fell.")


def names_in(svg: str) -> list[tuple[float, float, str]]:
    return [
        (float(x), float(y), name)
        for x, y, name in re.findall(
            r"<text[^>]*translate\(([-\d.]+),([-\d.]+)\)[^>]*>(o[a-z ]+ing)<", svg
        )
    ]


def test_each_name_has_a_line_of_its_own_above_the_plot():
    figure = curves_figure(curves(Mark("overfitting", 9), Mark("oscillating", 2)))
    for svg in (figure.wide, figure.narrow):
        found = names_in(svg)
        assert sorted({name for *_, name in found}) == ["oscillating", "overfitting"]
        assert len(found) == 4  # over loss and over accuracy
        assert all(y < 0 for _, y, _ in found)
        heights = sorted({y for _, y, _ in found})
        assert len(heights) == 2
        assert heights[1] - heights[0] == NAME_LINE_PX


def test_a_mark_beyond_the_curves_is_left_out():
    assert not names_in(curves_figure(curves(Mark("oscillating", 40))).wide)
