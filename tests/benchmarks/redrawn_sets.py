"""Is a miss of ``estimate_against_test.py`` the estimate's fault, or that of the pictures at hand?

The configuration that a search picked is fitted as in its folds, and each fold's model is scored
on the test pictures as well. Then parts of the same sizes are drawn anew from training and test
pictures together; on each, the configuration is cross-validated with five folds, and fitted on the
whole part and on four fifths of it and scored on all other pictures. Usage::

    python tests/benchmarks/redrawn_sets.py SHARED OUTPUT DRAWS DATA_SET ...

``OUTPUT`` is the folder of ``estimate_against_test.py``, with the search of seed 0.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from transfer import Bench

import autosmall
from autosmall.schema.config import Config
from autosmall.schema.seeds import derive_seed
from autosmall.training.metrics import score

FOLDS = 5
FOLD_MODELS = 2
"""Models of folds that are scored on the pictures outside a drawn part."""

Rows = NDArray[np.int64]
COLUMNS = ("cross_validated", "fold_models_elsewhere", "whole_part_elsewhere")


class Judge:
    """Scores fits of one configuration on the pictures of one data set."""

    def __init__(self, bench: Bench, config: Config, metric: str) -> None:
        self.pool, self._config, self._metric = bench.pool, config, metric

    def score(self, train: Rows, others: Rows) -> float:
        """Return the score on ``others`` of the configuration fitted on ``train``."""
        predicted = self.pool.predict(self._config, train, others, derive_seed(0, "x"))
        return score(self._metric, self.pool.labels[others], predicted)

    def scores(self, part: Rows, seed: int) -> tuple[float, float, float]:
        """Return the values of :data:`COLUMNS` for a part of the pictures."""
        labels, others = (
            self.pool.labels[part],
            np.setdiff1d(np.arange(len(self.pool.labels)), part),
        )
        fold = drawn_folds(labels, seed)
        inside = [self.score(part[fold != k], part[fold == k]) for k in range(FOLDS)]
        models = [self.score(part[fold != k], others) for k in range(FOLD_MODELS)]
        return float(np.mean(inside)), float(np.mean(models)), self.score(part, others)


def drawn_folds(labels: Rows, seed: int) -> Rows:
    """Return each picture's fold, classes spread evenly."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(labels), np.int64)
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == label)
        fold[rng.permutation(members)] = (np.arange(len(members)) + rng.integers(FOLDS)) % FOLDS
    return fold


def drawn_part(labels: Rows, sizes: Rows, draw: int) -> Rows:
    """Return sorted rows, ``sizes[c]`` of them of class c."""
    rng = np.random.default_rng(100 + draw)
    parts = [rng.permutation(np.flatnonzero(labels == c))[:n] for c, n in enumerate(sizes)]
    return np.sort(np.concatenate(parts))


def main(shared: Path, output: Path, draws: int, names: list[str]) -> None:
    """Print a data set's own part, then the draws and their means."""
    for name in names:
        bench, run = Bench(shared, name), autosmall.load_run(output / f"{name}-0")
        judge = Judge(bench, run.best.suggestion.config, run.data.metric)
        count, folds = len(bench.labels), run.data.folds
        test = np.arange(count, len(bench.pool.labels))
        models = [judge.score(folds.train_index(fold), test) for fold in range(folds.total)]
        own = run.ranking.recommended.summary.score.mean, float(np.mean(models))
        print(name, "own part:", *np.round([*own, judge.score(np.arange(count), test)], 3))
        sizes = np.bincount(bench.labels)
        rows = [
            judge.scores(drawn_part(bench.pool.labels, sizes, draw), draw) for draw in range(draws)
        ]
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        table["off"] = table["whole_part_elsewhere"] - table["cross_validated"]
        print(table.agg(["mean", "std"]).round(4).to_string(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
