"""Functions called by a process of its own."""

from __future__ import annotations

import math

import pytest

from autosmall.child import ChildFailedError
from autosmall.helper import Helper, begin


def test_calls_are_answered_in_their_order():
    with Helper(("fractions",)) as helper:
        helper.begin()
        asked = [helper.call("math:hypot", 3.0 * size, 4.0 * size) for size in (1, 2)]
        assert [call.result() for call in asked] == [5.0, 10.0]


def test_an_error_there_is_an_error_here_and_in_all_that_follows(capfd):
    with Helper() as helper:
        for value in (-1.0, 4.0):
            with pytest.raises(ChildFailedError):
                helper.call("math:sqrt", value).result()
    assert "math domain error" in capfd.readouterr().err


def test_nothing_is_started_where_nothing_is_asked():
    with Helper() as helper:
        pass
    assert helper._process is None


def test_the_process_ends_whatever_it_does(capfd):
    with Helper() as helper:
        asleep, waiting = helper.call("time:sleep", 600), helper.call("math:sqrt", 4.0)
        process = helper._started()
        assert process.poll() is None
    assert process.returncode and waiting.cancelled()
    with pytest.raises(ChildFailedError):
        asleep.result()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("helped", [False, True])
def test_what_is_begun_returns_the_same_with_and_without_a_helper(helped):
    with Helper() as helper:
        found = begin(helper if helped else None, math.hypot, 3.0, 4.0)
        assert found() == 5.0
