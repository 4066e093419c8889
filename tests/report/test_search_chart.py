"""The chart of the best score over trials."""

from __future__ import annotations

import pytest

from autosmall.report.charts.search import search_figure
from autosmall.report.sections.search import Step


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([0, 2], ["0", "1", "2"]),
        ([3], ["3"]),
        (list(range(0, 121, 10)), ["0", "20", "40", "60", "80", "100", "120"]),
        (list(range(0, 157, 12)), ["0", "50", "100", "150"]),
        ([7, 29], ["10", "15", "20", "25"]),
    ],
)
def test_trials_are_whole_numbers_on_their_axis(trials, expected, texts_of):
    steps = [Step(trial, "frozen", 0.5 + 0.001 * trial, 0.5 + 0.001 * trial) for trial in trials]
    svg = search_figure("accuracy", steps, set(trials)).wide
    labels = [
        text
        for text, looks in texts_of(svg)
        if looks.get("text-anchor") == "middle" and looks["fill"] == "var(--muted)"
    ]
    assert [label for label in labels if label.isdigit()] == expected
