"""What the starts of the default space bring on real pictures: transfer beside training from zero.

For each data set and seed, each arm's start is fitted once on all training pictures and scored
on the test pictures: frozen features and fine-tuning of MobileNet 0.75, frozen features of the
built-in backbone, a network from scratch, an autoencoder. Nothing is searched or chosen on test
pictures. Usage::

    python tests/benchmarks/transfer.py SHARED OUTPUT.csv [SEEDS] [DATA_SET ...]

``SHARED`` holds ``data`` and ``weights``. Rows are appended to ``OUTPUT.csv``; those that it holds
already are not done again.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from autosmall.runner.process import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import numpy as np
import pandas as pd
from fits import Pool

from autosmall.data.dataset import read_dataset
from autosmall.data.picture_sizes import usual_size_px
from autosmall.models.backbone_registry import find_backbones
from autosmall.runner.pictures import DecodedPictures
from autosmall.schema.config import Config
from autosmall.schema.seeds import derive_seed
from autosmall.schema.settings import DEFAULT_INVARIANCES
from autosmall.schema.space import nearest_config
from autosmall.schema.space_file import read_space
from autosmall.strategies.registry import parameters_by_strategy
from autosmall.training.metrics import all_scores

FROZEN = "Frozen backbone, one layer or several, mirrored views"
ARMS = {
    "frozen mobilenet_0.75": (FROZEN, "mobilenet_0.75"),
    "fine_tune mobilenet_0.75": (
        "Frozen head first, then the top four blocks",
        "mobilenet_0.75",
    ),
    "frozen builtin": (FROZEN, "builtin"),
    "scratch": ("Plain CNN from scratch", ""),
    "autoencoder": ("Autoencoder, then fine-tuned", ""),
}
"""Arm to the label of its start in the default space and its backbone."""

DIGITS = ("mnist_small",)
"""Pictures that must not be mirrored; the others have the program's own invariances."""


class Bench:
    """The training and test pictures of one data set."""

    def __init__(self, shared: Path, name: str) -> None:
        folder = shared / "data" / name
        train, test = read_dataset(folder / "train"), read_dataset(folder / "test")
        assert train.classes == test.classes
        self.name = name
        self.labels, self.test_labels = train.labels, test.labels
        backbones = find_backbones((), shared / "weights").found
        self.pool = Pool(
            DecodedPictures([str(path) for path in (*train.paths, *test.paths)]),
            np.concatenate([train.labels, test.labels]),
            len(train.classes),
            backbones,
            self.invariances(),
        )
        self.space = read_space(
            "default",
            parameters_by_strategy(),
            backbones=tuple(source.name for source in backbones),
            train_size=len(train.labels),
            picture_size_px=usual_size_px(train.paths),
        )

    def config(self, arm: str) -> Config:
        """Return the arm's start as this data set has it."""
        label, backbone = ARMS[arm]
        start = next(start for start in self.space.starts if start.label == label)
        own = {"backbone": backbone} if backbone else {}
        return nearest_config(self.space, {**start.preferences, **own})

    def invariances(self) -> frozenset[str]:
        """Return the transformations that keep the labels."""
        mirrored = {"mirror"} if self.name in DIGITS else set()
        return frozenset(DEFAULT_INVARIANCES) - mirrored

    def score(self, arm: str, seed: int) -> dict[str, float]:
        """Return the test scores of the arm fitted on all training pictures, and its seconds."""
        count = len(self.labels)
        began = time.perf_counter()
        probabilities = self.pool.predict(
            self.config(arm),
            np.arange(count),
            np.arange(count, len(self.pool.labels)),
            derive_seed(seed, "transfer", self.name, arm),
        )
        seconds = time.perf_counter() - began
        return {**all_scores(self.test_labels, probabilities), "seconds": seconds}


def main(shared: Path, output: Path, seeds: int, names: list[str]) -> None:
    """Append the rows that are missing, then print the means of the balanced accuracy."""
    rows = pd.read_csv(output).to_dict("records") if output.is_file() else []
    done = {(row["dataset"], row["arm"], row["seed"]) for row in rows}
    for name in names:
        bench = Bench(shared, name)
        for arm in ARMS:
            for seed in range(seeds):
                if (name, arm, seed) in done:
                    continue
                scores = bench.score(arm, seed)
                rows.append({"dataset": name, "arm": arm, "seed": seed, **scores})
                pd.DataFrame(rows).to_csv(output, index=False)
                print(name, arm, seed, f"{scores['balanced_accuracy']:.4f}", flush=True)
    table = pd.DataFrame(rows)
    for value in ("balanced_accuracy", "accuracy", "seconds"):
        print(f"\n{value}")
        means = table.pivot_table(value, "dataset", "arm", sort=False)
        print(pd.concat([means, means.mean().to_frame("mean").T]).round(3).to_string())


if __name__ == "__main__":
    shared_folder = Path(sys.argv[1])
    chosen = sys.argv[4:] or sorted(
        p.name for p in (shared_folder / "data").iterdir() if p.is_dir()
    )
    main(shared_folder, Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 3, chosen)
