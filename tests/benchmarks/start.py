"""How long a search keeps its user waiting at the start.

Runs ``autosmall search`` on 500 pictures of a data set, several times, and prints the medians of
the seconds after which the folds are written and the first configurations of each strategy have
ended. Options that it does not know are those of the search.

    python tests/benchmarks/start.py DATA_SET [--pictures 500] [--rounds 5] [--weights-dir DIR] ...

``DATA_SET`` has ``train/`` and ``test/``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from autosmall_arm import take_part
from measured import demand, machine

POLL_SECONDS, LIMIT_SECONDS = 0.05, 240.0
FOLDS_WRITTEN = "folds written"
MOST_SECONDS = {FOLDS_WRITTEN: 3.0, "baseline": 15.0, "classical": 15.0, "frozen": 60.0}


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    arguments, options = parser.parse_known_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder) / arguments.dataset.name
        take_part(arguments.dataset, dataset, arguments.pictures)
        for number in range(arguments.rounds):
            rounds.append(started(dataset / "train", Path(folder) / f"run-{number}", options))
            print(rounds[-1], file=sys.stderr, flush=True)
    report(rounds)


def started(pictures: Path, run: Path, options: list[str]) -> dict[str, float]:
    """Begin a search, end it once all has been seen, and return the seconds to each event."""
    command = [sys.executable, "-m", "autosmall", "search", str(pictures)]
    command += ["--output-dir", str(run), "--quiet", "--max-trials", "8", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        found = watch(run, process)
        process.terminate()
        assert process.stderr is not None
        said = process.stderr.read().decode()
    if len(found) < len(MOST_SECONDS):
        raise SystemExit(f"the search ended too early, or took too long:\n{said}")
    return found


def watch(run: Path, process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Return when each event was first seen, in seconds from now."""
    begun, found = time.monotonic(), dict[str, float]()
    while process.poll() is None and len(found) < len(MOST_SECONDS):
        seconds = time.monotonic() - begun
        if seconds > LIMIT_SECONDS:
            break
        if (run / "folds.csv").exists():
            found.setdefault(FOLDS_WRITTEN, seconds)
        for strategy in ended_strategies(run):
            if strategy in MOST_SECONDS:
                found.setdefault(strategy, seconds)
        time.sleep(POLL_SECONDS)
    return found


def ended_strategies(run: Path) -> set[str]:
    """Return the strategies of the trials that have ended."""
    ends = run.glob("trials/*/end.json")
    stored = [json.loads((end.parent / "suggestion.json").read_text()) for end in ends]
    return {suggestion["config"]["strategy"] for suggestion in stored}


def report(rounds: list[dict[str, float]]) -> None:
    """Print the medians and whether the promises held."""
    seconds = {name: median(found[name] for found in rounds) for name in MOST_SECONDS}
    print("| " + " | ".join(seconds) + " |")
    print("|" + "---:|" * len(seconds))
    print("| " + " | ".join(f"{value:.1f} s" for value in seconds.values()) + " |")
    print(f"\nMedians of {len(rounds)} rounds. {machine()}")
    for name, most in MOST_SECONDS.items():
        held = seconds[name] <= most
        what = name if name == FOLDS_WRITTEN else f"first row of `{name}`"
        print(f"\n{demand(what, f'within {most:.0f} s', f'{seconds[name]:.1f} s', held)}")


if __name__ == "__main__":
    main()
