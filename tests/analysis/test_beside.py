"""Functions worked out by a process of their own."""

from __future__ import annotations

import math

import pytest

from autosmall.analysis.beside import Beside
from autosmall.child import ChildFailedError


def test_it_returns_what_the_function_returns():
    beside = Beside(math.hypot, ("fractions",))
    beside.begin(3.0, 4.0)
    assert beside.result() == 5.0


def test_an_error_there_is_an_error_here(capfd):
    beside = Beside(math.sqrt)
    beside.begin(-1.0)
    with pytest.raises(ChildFailedError):
        beside.result()
    assert "math domain error" in capfd.readouterr().err


def test_it_can_be_ended_before_it_began(capfd):
    beside = Beside(math.sqrt)
    beside.close()
    assert beside._process.returncode
    assert capfd.readouterr().err == ""
