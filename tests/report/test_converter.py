"""Charts drawn by a process of its own: the same, and in order."""

from __future__ import annotations

import pytest

from autosmall.child import ChildFailedError
from autosmall.report.charts.converter import converting, draw


def chart(value):
    return {
        "data": {"values": [{"x": value}, {"x": float("nan")}]},
        "mark": "point",
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
    }


@pytest.fixture(scope="module")
def here():
    return [draw(chart(value)).result() for value in (1, 300)]


def test_they_are_the_same_as_drawn_in_this_process(here):
    with converting(soon=True):
        found = [draw(chart(value)) for value in (1, 300)]
        assert [one.result() for one in found] == here and here[0] != here[1]


def test_what_cannot_be_drawn_is_an_error_for_all_that_follows(capfd):
    with converting(soon=False):
        for one in (draw({"mark": "no such mark"}), draw(chart(1))):
            with pytest.raises(ChildFailedError):
                one.result()
    assert "ValueError" in capfd.readouterr().err
