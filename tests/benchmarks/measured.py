"""What the benchmarks of speed and memory have in common: the machine's name and what is asked.

Each prints Markdown. A line made by :func:`demand` is also taken into the table at the top of
``README.md`` by ``all.py``.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

DEMAND = "Asked for: "

EQUAL_PRIORITY = {"RAY_worker_niceness": "0"}
"""What makes Ray's workers as important as other processes; by itself it gives way to them."""


def machine() -> str:
    """Return the processor's name, the cores, and how much work all processes ask for now."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return f"Machine: {_processor()}, {cores} cores, load {load:.1f} at the end."


def demand(what: str, wanted: str, found: str, held: bool) -> str:
    """Return the line that says whether a promise held."""
    return f"{DEMAND}{what}: {wanted}. Measured: {found}. {'Held' if held else '**Missed**'}."


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
