"""Fixtures for tests of numbers against a known truth."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SIMULATED = Path(__file__).resolve().parents[1] / "benchmarks" / "simulated_scores.py"


@pytest.fixture(scope="session")
def simulated() -> ModuleType:
    """The module that draws cross-validations with known truth: ``Scene``, ``draw``, ``race``."""
    name = "autosmall_tests_simulated_scores"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SIMULATED)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
