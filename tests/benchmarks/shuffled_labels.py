"""Does a search on labels without meaning report chance?

For each seed, 200 training pictures of steel_defects, classes as even as they can be, are given
each other's labels at random; then the space ``quick`` is searched with 30 trials. Every
configuration is worth 1 in 6; the best of them looks better. Usage::

    python tests/benchmarks/shuffled_labels.py SHARED OUTPUT [SEEDS]

``SHARED`` holds ``data``. Runs go to ``OUTPUT``, with a row each in ``OUTPUT/shuffled.csv``. Rows
that are there already are not made again, and a search that was cut off goes on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import autosmall
from autosmall.data.dataset import read_dataset

DATA_SET = "steel_defects"
PICTURES = 200
MAX_TRIALS = 30
FOLDS = 5


def shuffled_table(folder: Path, seed: int) -> pd.DataFrame:
    """Return paths of pictures, below ``folder``, and labels that do not go with them."""
    dataset = read_dataset(folder)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(dataset))
    turns = pd.Series(dataset.labels[order]).groupby(dataset.labels[order]).cumcount()
    rows = order[np.argsort(turns.to_numpy(), kind="stable")][:PICTURES]
    names = np.array(dataset.classes)[rng.permutation(dataset.labels[rows])]
    paths = [f"{folder.name}/{dataset.paths[row].relative_to(folder)}" for row in rows]
    return pd.DataFrame({"image_path": paths, "label": names})


def row(shared: Path, output: Path, seed: int) -> dict[str, object]:
    """Return what a search says of shuffled labels."""
    table, pictures = output / f"seed{seed}.csv", output / "pictures"
    if not pictures.is_symlink():
        pictures.symlink_to((shared / "data" / DATA_SET / "train").resolve())
    labels = shuffled_table(pictures, seed)
    labels.to_csv(table, index=False)
    run = autosmall.search(
        table,
        output_dir=output / f"seed{seed}",
        space="quick",
        backbone=["builtin"],
        max_trials=MAX_TRIALS,
        folds=FOLDS,
        early_stop=False,
        sample_size=False,
        workers=0,
        seed=seed,
        quiet=True,
    )
    corrected, recommended = run.ranking.corrected(), run.ranking.recommended
    chance = 1 / labels["label"].nunique()
    return {
        "seed": seed,
        "metric": run.ranking.metric,
        "trials": len(run.trials),
        "complete": len(run.leaderboard),
        "chance": chance,
        "best_naive": run.leaderboard["score"].max(),
        "picked": run.best.suggestion.config.strategy,
        "naive": recommended.summary.score.mean,
        "estimate": corrected.score,
        "low": corrected.low,
        "high": corrected.high,
        "held": corrected.low <= chance <= corrected.high,
    }


def main(shared: Path, output: Path, seeds: int = 5) -> None:
    """Append the rows that are missing, then print the table."""
    table = output / "shuffled.csv"
    output.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(table).to_dict("records") if table.is_file() else []
    done = {each["seed"] for each in rows}
    for seed in range(seeds):
        if seed not in done:
            rows.append(row(shared, output, seed))
            pd.DataFrame(rows).to_csv(table, index=False)
            print(*rows[-1].values(), flush=True)
    shown = pd.DataFrame(rows)
    print(shown.round(3).to_string(index=False))
    print(f"held: {shown['held'].sum()} of {len(shown)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
