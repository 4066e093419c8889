"""Fixtures for tests of numbers against a known truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SIMULATED = Path(__file__).resolve().parents[1] / "benchmarks" / "simulated_scores.py"


@pytest.fixture(scope="session")
def simulated(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """The module that draws cross-validations with known truth: ``Scene``, ``draw``, ``race``."""
    return load_module(SIMULATED)
