"""Charts drawn by a process of its own: the same, in order, and nothing left behind."""

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
    with converting() as converter:
        converter.begin()
        found = [draw(chart(value)) for value in (1, 300)]
        assert [one.result() for one in found] == here and here[0] != here[1]


def test_the_process_ends_with_its_work(here):
    with converting() as converter:
        assert draw(chart(1)).result() == here[0]
        process = converter._process
        assert process.poll() is None
    assert process.returncode == 0


def test_nothing_is_started_where_nothing_is_drawn():
    with converting() as converter:
        pass
    assert "_process" not in vars(converter)


def test_what_cannot_be_drawn_is_an_error_for_all_that_follows(capfd):
    with converting():
        for one in (draw({"mark": "no such mark"}), draw(chart(1))):
            with pytest.raises(ChildFailedError):
                one.result()
    assert "ValueError" in capfd.readouterr().err
