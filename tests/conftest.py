"""Fixtures that every test folder shares."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from autosmall.runner.process import ENVIRONMENT

DRAWN_RUN = Path(__file__).resolve().parent / "analysis" / "drawn_run.py"

# What a test trains in this process must equal what workers train, in one thread each.
os.environ.update(ENVIRONMENT)

# A shell's background jobs, and all that they start, ignore SIGINT; a terminal's commands do not.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with real data sets and weights; skips the test where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("AUTOSMALL_SHARED", default))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data at {folder}; AUTOSMALL_SHARED names another folder")
    return folder


@pytest.fixture(scope="session")
def drawn(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """The module that draws runs with known truth: ``make_run`` and ``DrawnTrial``."""
    return load_module(DRAWN_RUN)


@pytest.fixture(scope="session")
def load_module() -> Callable[[Path], ModuleType]:
    """Makes a file that lies among the tests a module, once."""
    return _load_module


def _load_module(path: Path) -> ModuleType:
    name = f"autosmall_tests_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
