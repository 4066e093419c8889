"""AutoSmall against a hand-written script for Keras Tuner, strategy by strategy.

Both choose from the same values (``plain_keras.CHOICES``), have the same weights of MobileNet 0.75
and the same minutes from the start of their command, one after the other on all cores. The script
(``keras_tuner_script.py``) fits each configuration once, on four fifths of the training pictures,
with early stopping; AutoSmall fits each on up to five folds. *Fits* are those that ended; of the
script *at equal epochs* counts an epoch as one by the number planned, so that stopping early gains
it nothing. Test scores: of the script its best model; of AutoSmall its recommendation, trained
on all training pictures. *Reached after*: the end of the first leader whose test score is at
least the script's, the time to train it on all pictures included.

    python tests/benchmarks/against_keras_tuner.py SHARED [--minutes 5] [--pictures 500]
        [--data-sets cats_vs_dogs steel_defects] [--strategies frozen ...] [--features-once]

``SHARED`` holds ``data`` and ``weights``. Of a data set with more training pictures a part is
drawn, classes alike; all test pictures are used.
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

from autosmall_arm import TestScores, ended_trials, folds_done, leaders, search, take_part
from measured import demand, machine
from plain_keras import STRATEGIES

WEIGHTS = "mobilenet_7_5_224_tf_no_top.h5"
LEAST_FITS = {"frozen": 10.0, "fine_tune": 2.0, "scratch": 2.0}
MOST_TIME = 0.2

SINGLE_PRECISION = 1e-6
"""By how much less the same share of pictures may be: the script's scores are 32-bit numbers."""


@dataclass(frozen=True)
class Row:
    """What came of one strategy on one data set."""

    data_set: str
    strategy: str
    script: dict[str, float]
    fits: int
    test: float
    reached_seconds: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--data-sets", nargs="+", default=["cats_vs_dogs", "steel_defects"])
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=STRATEGIES)
    parser.add_argument("--features-once", action="store_true")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.data_sets:
            dataset = Path(folder) / name
            take_part(arguments.shared / "data" / name, dataset, arguments.pictures)
            for strategy in arguments.strategies:
                rows.append(compared(arguments, dataset, strategy, Path(folder)))
                print(rows[-1], file=sys.stderr, flush=True)
    report(rows, arguments.minutes)


def compared(arguments: argparse.Namespace, dataset: Path, strategy: str, folder: Path) -> Row:
    """Run both tools, the script first, and return what came of them."""
    seconds, weights_dir = 60 * arguments.minutes, arguments.shared / "weights"
    options = ["--features-once"] if arguments.features_once and strategy == "frozen" else []
    script = Path(__file__).with_name("keras_tuner_script.py")
    work_dir = folder / f"{dataset.name}-{strategy}"
    command = [sys.executable, str(script), strategy, str(dataset), str(seconds)]
    command += [str(weights_dir / WEIGHTS), str(work_dir), *options]
    environment = {**os.environ, "STARTED": str(time.time())}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    workers = os.cpu_count() or 1
    run, started = search(strategy, dataset, seconds, weights_dir, folder, workers)
    scores = TestScores(dataset, weights_dir)
    reached = reached_after(run, started, scores, found["test"])
    return Row(
        dataset.name, strategy, found, folds_done(run), recommended_score(run, scores), reached
    )


def recommended_score(run: Path, scores: TestScores) -> float:
    """Return the test score of what the run recommends; 0 where nothing is complete."""
    from autosmall import load_run

    if not leaders(ended_trials(run)):
        return 0.0
    return scores.of(load_run(run).best.suggestion.config.to_dict())[0]


def reached_after(run: Path, started: float, scores: TestScores, wanted: float) -> float:
    """Return the seconds from ``started`` to a leader of that test score; infinity without one."""
    for leader in leaders(ended_trials(run)):
        score, seconds = scores.of(leader.config)
        if score >= wanted - SINGLE_PRECISION:
            return leader.ended - started + seconds
    return float("inf")


def report(rows: list[Row], minutes: float) -> None:
    """Print one row per data set and strategy, and whether the promises held."""
    print(
        "| data set | strategy | script: fits | at equal epochs | AutoSmall: fits | times "
        "| script: test | AutoSmall: test | script: best after | reached after |"
    )
    print("|---|---|" + "---:|" * 8)
    for row in rows:
        script = row.script
        cells = [
            row.data_set,
            row.strategy,
            f"{script['fits']:.0f}",
            f"{script['equal_fits']:.1f}",
            str(row.fits),
            f"{times(row):.1f}",
            f"{script['test']:.3f}",
            f"{row.test:.3f}",
            f"{script['best_after']:.0f} s",
            f"{row.reached_seconds:.0f} s",
        ]
        print("| " + " | ".join(cells) + " |")
    print(f"\n{minutes:g} minutes for each. {machine()}\n")
    for strategy in dict.fromkeys(row.strategy for row in rows):
        mine = [row for row in rows if row.strategy == strategy]
        say_whether_held(strategy, mine, 60 * minutes)


def times(row: Row) -> float:
    """Return how many times as many fits AutoSmall did, at equal epochs."""
    return row.fits / max(row.script["equal_fits"], 1e-9)


def say_whether_held(strategy: str, rows: list[Row], seconds: float) -> None:
    """Print the lines of one strategy: its worst data set counts."""
    fewest = min(times(row) for row in rows)
    least = LEAST_FITS[strategy]
    name = f"against Keras Tuner, `{strategy}`"
    found = f"{fewest:.1f} times"
    print(demand(f"{name}, fits", f"at least {least:g} times", found, fewest >= least) + "\n")
    slowest = max(row.reached_seconds for row in rows)
    wanted = f"within {MOST_TIME * seconds:.0f} s"
    held = slowest <= MOST_TIME * seconds
    found = "not reached" if slowest == float("inf") else f"{slowest:.0f} s"
    print(demand(f"{name}, the script's final test score", wanted, found, held) + "\n")
    gap = min(row.test - row.script["test"] for row in rows)
    line = demand(
        f"{name}, test score at the end",
        "as good at least",
        f"{100 * gap:+.1f} points",
        gap >= -SINGLE_PRECISION,
    )
    print(line + "\n")


if __name__ == "__main__":
    main()
