"""What the plain command finds in a few minutes, and what its model then does on the test pictures.

``autosmall search DATA/train --time-budget 5m`` with and without a folder of pretrained weights:
space ``default``, all strategies, everything else left to the program. Then ``retrain`` and one
look at the test pictures with the metric of the search. Usage::

    python tests/benchmarks/long_searches.py SHARED OUTPUT [DATA_SET ...] \
        [--minutes 5] [--without-weights]

``SHARED`` holds ``data`` and ``weights``; runs go to ``OUTPUT``, with a row each in
``OUTPUT/searches.csv``. Under a time budget another run need not give the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from estimate_against_test import promised_and_reached

import autosmall
from autosmall.schema.results import COMPLETE


def row(shared: Path, output: Path, name: str, minutes: float, weights: bool) -> dict[str, object]:
    """Search one data set, retrain, and return what was expected and what came."""
    run = autosmall.search(
        shared / "data" / name / "train",
        output_dir=output / f"{name}{'' if weights else '-without-weights'}",
        weights_dir=shared / "weights" if weights else None,
        time_budget=60 * minutes,
        quiet=True,
    )
    complete = run.trials[run.trials["status"] == COMPLETE]
    return {
        "data_set": name,
        "pictures": len(run.data.labels),
        "weights": weights,
        "trials": len(run.trials),
        "complete": len(complete),
        **promised_and_reached(run, shared / "data" / name / "test"),
        "best_of_strategies": complete.groupby("strategy")["score"].max().round(3).to_dict(),
    }


def main() -> None:
    """Append a row for each data set, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--without-weights", action="store_true")
    given = parser.parse_intermixed_args()
    given.output.mkdir(parents=True, exist_ok=True)
    table = given.output / "searches.csv"
    rows = pd.read_csv(table).to_dict("records") if table.is_file() else []
    names = given.names or sorted(p.name for p in (given.shared / "data").iterdir() if p.is_dir())
    for name in names:
        rows.append(row(given.shared, given.output, name, given.minutes, not given.without_weights))
        pd.DataFrame(rows).to_csv(table, index=False)
        print(*rows[-1].values(), flush=True)
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
