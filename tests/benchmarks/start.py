"""How long a search keeps its user waiting at the start.

Runs ``autosmall search`` on the pictures in a folder and prints after how many seconds the folds
are written and the first configurations of each strategy have ended, and what the machine did
meanwhile. Options that it does not know are those of the search.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POLL_SECONDS = 0.05
ENOUGH = ("baseline", "classical", "frozen")


def main() -> None:
    """Print one row: seconds to the folds and to the first end of each strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--limit", type=float, default=240.0, help="seconds to watch at most")
    arguments, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "autosmall", "search", str(arguments.pictures)]
        command += ["--output-dir", str(run), "--quiet", "--max-trials", "8", *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            found = watch(run, process, arguments.limit)
        finally:
            process.terminate()
            process.wait()
    report(found)


def watch(run: Path, process: subprocess.Popen[bytes], limit: float) -> dict[str, float]:
    """Return when each event was first seen, in seconds from now."""
    started, found = time.monotonic(), dict[str, float]()
    while time.monotonic() - started < limit and process.poll() is None:
        seconds = time.monotonic() - started
        if (run / "folds.csv").exists():
            found.setdefault("folds written", seconds)
        for end in run.glob("trials/*/end.json"):
            strategy = strategy_of(end.parent)
            found.setdefault(strategy, seconds)
        if all(name in found for name in ENOUGH):
            break
        time.sleep(POLL_SECONDS)
    return found


def strategy_of(trial: Path) -> str:
    """Return the strategy of a stored trial."""
    config = json.loads((trial / "suggestion.json").read_text())["config"]
    return str(config["strategy"])


def report(found: dict[str, float]) -> None:
    """Print the row."""
    names = ["folds written", *ENOUGH]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| " + " | ".join(names) + " |")
    print("|" + "---:|" * len(names))
    print("| " + " | ".join(f"{found[n]:.1f} s" if n in found else "-" for n in names) + " |")


if __name__ == "__main__":
    main()
