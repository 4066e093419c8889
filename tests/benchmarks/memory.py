"""Peak memory of a search's driver and workers by number of pictures, and growth over many trials.

For each number of pictures a data set is drawn and searched (the starts of the space ``quick`` with
``baseline``, ``classical`` and ``frozen``, on the built-in backbone and patches), and the driver's
resident memory is looked at twenty times a second, report and all. A worker's peak is stored with
each fold; it counts the pictures, which all workers share. Then one worker fits 200 trials of one
fold each, networks of changing architecture among them, and its memory after trial 20 is compared
with that after trial 200.

    python tests/benchmarks/memory.py [--pictures 500 2000 5000] [--trials 200]

Option ``--trials 0`` leaves the last part out, ``--pictures`` with nothing behind it the first.
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

import numpy as np
import psutil
from drawn_pictures import draw_pictures
from measured import EQUAL_PRIORITY, demand, machine

from autosmall.runner.process import set_up_process

MOST_DRIVER_MB, MOST_GROWTH_PERCENT = 600.0, 10.0
WARM_TRIALS = 20
SEARCH_TRIALS = 6
POLL_SECONDS = 0.05
GROWTH_PICTURES = 60
MIB = 2**20


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="*", default=[500, 2000, 5000])
    parser.add_argument("--trials", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.pictures:
        report_peaks([(count, *peaks(count)) for count in arguments.pictures])
    if arguments.trials:
        report_growth(growth(arguments.trials))
    print(machine())


def peaks(count: int) -> tuple[float, float]:
    """Return the peak MiB of driver and worker in a search of ``count`` drawn pictures."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, run = Path(folder) / "pictures", Path(folder) / "run"
        draw_pictures(pictures, count)
        command = [sys.executable, "-m", "autosmall", "search", str(pictures)]
        command += ["--output-dir", str(run), "--space", "quick", "--folds", "3", "--repeats", "1"]
        command += ["--strategies", "baseline,classical,frozen", "--backbone", "builtin"]
        command += ["--max-trials", str(SEARCH_TRIALS), "--no-sample-size", "--quiet"]
        driver = watched_peak(subprocess.Popen(command, env={**os.environ, **EQUAL_PRIORITY}))
        folds = [json.loads(file.read_text()) for file in run.glob("trials/*/fold_*.json")]
        return driver, max(fold["peak_memory_mib"] for fold in folds)


def watched_peak(process: subprocess.Popen[bytes]) -> float:
    """Return the most MiB that a process held until it ended."""
    watched, most = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            most = max(most, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(POLL_SECONDS)
    if process.wait():
        raise SystemExit(f"the search ended with status {process.returncode}")
    return most / MIB


def report_peaks(found: list[tuple[int, float, float]]) -> None:
    """Print the peaks with their slopes."""
    print("| pictures | driver, peak | worker, peak |")
    print("|---:|---:|---:|")
    for count, driver, worker in found:
        print(f"| {count:,} | {driver:.0f} MiB | {worker:.0f} MiB |")
    counts, drivers, workers = map(np.array, zip(*found, strict=True))
    if len(counts) > 1:
        slopes = [1000 * np.polyfit(counts, peak, 1)[0] for peak in (drivers, workers)]
        print(f"| per 1,000 more | {slopes[0]:+.0f} MiB | {slopes[1]:+.0f} MiB |")
    most = float(drivers.max()) * MIB / 1e6
    wanted = f"under {MOST_DRIVER_MB:.0f} MB"
    held = most < MOST_DRIVER_MB
    what = f"memory of the driver, {int(counts.max()):,} pictures"
    print("\n" + demand(what, wanted, f"{most:.0f} MB", held) + "\n")


def growth(trials: int) -> dict[int, float]:
    """Return the MiB that a worker holds after some of its trials."""
    set_up_process()
    from search_on import search_context, worker_for

    from autosmall.runner.process import private_memory_bytes
    from autosmall.schema.search_context import FitRequest

    held = {}
    with tempfile.TemporaryDirectory() as folder:
        draw_pictures(Path(folder), GROWTH_PICTURES)
        worker = worker_for(search_context(Path(folder)))
        for number, config in enumerate(configurations(trials), start=1):
            assert not next(worker.run(FitRequest(number, config, (0,)))).error
            if number % WARM_TRIALS == 0:
                held[number] = private_memory_bytes() / MIB
    return held


def configurations(count: int) -> list:
    """Return small configurations of two strategies, no two alike."""
    from autosmall.schema.config import Config

    rng, found = np.random.default_rng(0), []
    for number in range(count):
        rate = float(10 ** rng.uniform(-4, -2))
        values = {
            "strategy": "scratch",
            "image_size_px": 32,
            "width": int(rng.choice([4, 6, 8])),
            "blocks": int(rng.choice([2, 3, 4])),
            "head": str(rng.choice(["global_average", "flatten", "pyramid"])),
            "normalization": str(rng.choice(["batch", "group", "none"])),
            "optimizer": str(rng.choice(["adam", "adamw", "sgd", "rmsprop"])),
            "learning_rate": rate,
            "epochs": 2,
        }
        if number % 2:
            values = {"strategy": "classical", "image_size_px": 64, "penalty_c": 100 * rate}
        found.append(Config.from_mapping(values))
    return found


def report_growth(held: dict[int, float]) -> None:
    """Print what the worker held, and whether it stayed."""
    first, last = min(held), max(held)
    shown = sorted({first, *[n for n in held if n % (5 * WARM_TRIALS) == 0], last})
    print("| after trial | a worker holds |")
    print("|---:|---:|")
    for number in shown:
        print(f"| {number} | {held[number]:.0f} MiB |")
    percent = 100 * (held[last] / held[first] - 1)
    what = f"growth of a worker from trial {first} to {last}"
    wanted = f"under {MOST_GROWTH_PERCENT:.0f} %"
    line = demand(what, wanted, f"{percent:+.1f} %", percent < MOST_GROWTH_PERCENT)
    print("\n" + line + "\n")


if __name__ == "__main__":
    main()
