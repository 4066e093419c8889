"""How much of a search's time its workers spend in fits, and how long they wait for explorers.

Runs ``autosmall search`` with a time budget and reads what it stored: the seconds of each fit, and
the time that idle workers waited for proposals. The time that counts runs from the start of the
first fit to the end of the search itself, which the program says in a line; what it does for the
report afterwards is no part of it. Fits that the end of the budget cut off count as idle time, as
does the scoring of predictions. A fold in hand at the end that is stored later counts up to the
end. The budget is for the whole command, from its start to its report.

    python tests/benchmarks/busy_workers.py [--pictures DIR] [--minutes 10] [--workers 2] ...

``DIR`` is any data set; left out, 500 pictures are drawn. Options that it does not know are
those of the search, such as ``--weights-dir DIR``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from drawn_pictures import draw_pictures
from measured import EQUAL_PRIORITY, demand, machine

PICTURES = 500
LEAST_BUSY_PERCENT, MOST_WAITED_PERCENT, MOST_OFF_PERCENT = 92.0, 1.0, 5.0
OVER = "search over"


@dataclass(frozen=True)
class Fitted:
    """A stored fold: strategy, seconds, and when it was written, in seconds since 1970."""

    strategy: str
    seconds: float
    written: float

    def seconds_until(self, ended: float) -> float:
        """Return how long the fit had been going on, ``ended`` at the latest."""
        return max(0.0, min(self.written, ended) - (self.written - self.seconds))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = arguments.pictures
        if pictures is None:
            pictures = Path(folder) / "pictures"
            draw_pictures(pictures, PICTURES)
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "autosmall", "search", str(pictures)]
        command += ["--output-dir", str(run), "--workers", str(arguments.workers)]
        command += ["--time-budget", f"{60 * arguments.minutes:.0f}s", "--no-early-stop", *options]
        started = time.time()
        ended = end_of_search(command)
        off = 100 * ((time.time() - started) / (60 * arguments.minutes) - 1)
        state = json.loads((run / "state.json").read_text())
        waited = state["asking"]["waited_worker_seconds"]
        report(arguments.workers, stored_fits(run), ended, waited)
        held = abs(off) < MOST_OFF_PERCENT
        print("\n" + demand("the time budget", "within 5 %", f"{off:+.1f} %", held))


def end_of_search(command: list[str]) -> float:
    """Run a search and return when it said that it was over, in seconds since 1970."""
    ended = 0.0
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **EQUAL_PRIORITY},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", file=sys.stderr)
            ended = time.time() if OVER in line else ended
    if process.returncode or not ended:
        raise SystemExit(f"the search ended with status {process.returncode}")
    return ended


def stored_fits(run: Path) -> list[Fitted]:
    """Return the folds of a run."""
    found = []
    for suggestion in sorted(run.glob("trials/*/suggestion.json")):
        strategy = json.loads(suggestion.read_text())["config"]["strategy"]
        for fold in suggestion.parent.glob("fold_*.json"):
            stored = json.loads(fold.read_text())
            written = fold.stat().st_mtime
            found.append(Fitted(strategy, stored["fit_seconds"], written))
    return found


def report(workers: int, fits: list[Fitted], ended: float, waited: float) -> None:
    """Print fits and seconds by strategy, and the share of the workers' time that they are."""
    began = min(fit.written - fit.seconds for fit in fits)
    there = workers * (ended - began)
    print("| strategy | folds | seconds in fits | of the workers' time |")
    print("|---|---:|---:|---:|")
    for name in [*sorted({fit.strategy for fit in fits}), "together"]:
        seconds = [fit.seconds_until(ended) for fit in fits if name in (fit.strategy, "together")]
        share = 100 * sum(seconds) / there
        print(f"| {name} | {len(seconds)} | {sum(seconds):.0f} | {share:.1f} % |")
    busy = 100 * sum(fit.seconds_until(ended) for fit in fits) / there
    waiting = 100 * waited / there
    print(f"\n{workers} workers, {ended - began:.0f} s after the first fit began. {machine()}\n")
    least, most = f"at least {LEAST_BUSY_PERCENT:.0f} %", f"under {MOST_WAITED_PERCENT:.0f} %"
    print(demand("workers in fits", least, f"{busy:.1f} %", busy >= LEAST_BUSY_PERCENT) + "\n")
    waits = waiting < MOST_WAITED_PERCENT
    print(demand("workers waiting for explorers", most, f"{waiting:.2f} %", waits))


if __name__ == "__main__":
    main()
