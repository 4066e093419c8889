"""Versions of packages, Python and system, as runs and cards note them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version


def package_versions(names: Sequence[str]) -> dict[str, str]:
    """Return name to version of Python, the system and those of ``names`` that are installed."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["processor"] = f"{os.cpu_count()} cores, {platform.machine()}"
    return found
