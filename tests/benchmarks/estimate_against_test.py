"""Is the corrected estimate of a search true? Seven real data sets, each scored on its test part.

For each data set: a search on the training pictures alone, retraining of what it recommends, and
one look at the test pictures with the metric of the search. Usage::

    python tests/benchmarks/estimate_against_test.py SHARED OUTPUT [SEED] [DATA_SET ...]

``SHARED`` holds ``data`` and ``weights``; runs go to ``OUTPUT``, with a row each in
``OUTPUT/estimates.csv``. Rows that are there already are not made again, and a search that was cut
off goes on.

What counts as true was written down before the first search: the 95 % interval of the estimate
holds the test score, after each of its arms has been lengthened by the sampling error of that
score, in quadrature (:func:`is_held`). ``inside`` says whether it does without that, and ``meets``
whether it meets the 95 % interval of the test score.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import autosmall
from autosmall.analysis.exact import effective_count
from autosmall.data.dataset import read_dataset
from autosmall.schema.settings import DEFAULT_INVARIANCES

SPACE = "quick"
STRATEGIES = ("baseline", "classical", "frozen")
BACKBONES = ("mobilenet_0.75", "mobilenet_0.25", "mobilenet_v2_0.35")
MAX_TRIALS = 12

DIGITS = ("mnist_small",)
"""Pictures that must not be mirrored; the others have the program's own invariances."""

NORMAL_QUANTILE = 1.96


def sampling_error(metric: str, score: float, labels: NDArray[np.int64]) -> float:
    """Return the standard error of a share of test pictures with these labels.

    Two right and two wrong pictures are added, so that a score of 1 has an error too (Agresti and
    Coull, "Approximate is better than 'exact' for interval estimation of binomial proportions",
    The American Statistician 52, 1998).
    """
    count = effective_count(metric, labels, np.arange(len(labels)))
    share = (score * count + 2) / (count + 4)
    return math.sqrt(share * (1 - share) / (count + 4))


def is_held(estimate: float, low: float, high: float, test: float, test_error: float) -> bool:
    """Tell whether ``low`` to ``high`` holds ``test``, whose standard error is ``test_error``."""
    own = NORMAL_QUANTILE * test_error
    below, above = math.hypot(estimate - low, own), math.hypot(high - estimate, own)
    return estimate - below <= test <= estimate + above


def searched(shared: Path, output: Path, name: str, seed: int) -> autosmall.SearchRun:
    """Search the training pictures of a data set, or go on with it."""
    mirrored = {"mirror"} if name in DIGITS else set()
    return autosmall.search(
        shared / "data" / name / "train",
        output_dir=output / f"{name}-{seed}",
        space=SPACE,
        strategies=STRATEGIES,
        backbone=BACKBONES,
        max_trials=MAX_TRIALS,
        invariances=[each for each in DEFAULT_INVARIANCES if each not in mirrored],
        weights_dir=shared / "weights",
        workers=0,
        seed=seed,
        quiet=True,
    )


def promised_and_reached(run: autosmall.SearchRun, test: Path) -> dict[str, object]:
    """Retrain what ``run`` recommends; return what was expected of it and its test score."""
    result = run.retrain(test=test)
    expected = result.metrics["search"]
    low, high = expected["corrected_interval"]
    metric, estimate = expected["metric"], expected["corrected_score"]
    score = result.metrics["test"][metric]
    error = sampling_error(metric, score, read_dataset(test).labels)
    return {
        "metric": metric,
        "picked": result.strategy,
        "naive": expected["naive_score"],
        "estimate": estimate,
        "low": low,
        "high": high,
        "test": score,
        "test_error": error,
        "inside": low <= score <= high,
        "held": is_held(estimate, low, high, score, error),
    }


def row(shared: Path, output: Path, name: str, seed: int) -> dict[str, object]:
    """Return what was expected and what came, for one data set."""
    began = time.perf_counter()
    run = searched(shared, output, name, seed)
    seconds = time.perf_counter() - began
    return {
        "data_set": name,
        "seed": seed,
        "pictures": len(run.data.labels),
        "trials": len(run.trials),
        "complete": len(run.leaderboard),
        "best_naive": run.leaderboard["score"].max(),
        **promised_and_reached(run, shared / "data" / name / "test"),
        "search_seconds": round(seconds),
    }


def main(shared: Path, output: Path, seed: int, names: list[str]) -> None:
    """Append the rows that are missing, then print the table."""
    table = output / "estimates.csv"
    output.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(table).to_dict("records") if table.is_file() else []
    done = {(each["data_set"], each["seed"]) for each in rows}
    for name in names:
        if (name, seed) not in done:
            rows.append(row(shared, output, name, seed))
            pd.DataFrame(rows).to_csv(table, index=False)
            print(*rows[-1].values(), flush=True)
    shown = pd.DataFrame(rows)
    own = NORMAL_QUANTILE * shown["test_error"]
    shown["meets"] = (shown["test"] - own <= shown["high"]) & (shown["test"] + own >= shown["low"])
    print(shown.round(3).to_string(index=False))
    print(f"held: {shown['held'].sum()} of {len(shown)}, met: {shown['meets'].sum()}")


if __name__ == "__main__":
    shared_folder = Path(sys.argv[1])
    chosen = sys.argv[4:] or sorted(
        p.name for p in (shared_folder / "data").iterdir() if p.is_dir()
    )
    seed_given = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    main(shared_folder, Path(sys.argv[2]), seed_given, chosen)
