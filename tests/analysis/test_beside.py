"""Functions worked out by a process of their own."""

from __future__ import annotations

import math

import pytest

from autosmall.analysis.beside import Beside
from autosmall.child import ChildFailedError


def test_it_returns_what_the_function_returns():
    assert Beside(math.hypot, 3.0, 4.0).result() == 5.0


def test_an_error_there_is_an_error_here(capfd):
    with pytest.raises(ChildFailedError):
        Beside(math.sqrt, -1.0).result()
    assert "math domain error" in capfd.readouterr().err
