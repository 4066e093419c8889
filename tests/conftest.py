"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with real data sets and weights; skips the test where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("AUTOSMALL_SHARED", default))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data at {folder}; AUTOSMALL_SHARED names another folder")
    return folder
