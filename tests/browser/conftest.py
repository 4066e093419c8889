"""Drawn runs for the tests of this folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "analysis" / "drawn_run.py"


@pytest.fixture(scope="session")
def drawn() -> ModuleType:
    """The module with ``make_run`` and ``DrawnTrial``."""
    name = "autosmall_tests_drawn_run"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SOURCE)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
