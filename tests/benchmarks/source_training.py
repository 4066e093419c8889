"""What a related source brings: digits 0 to 7 as the source, 8 against 9 as the task.

A backbone is pretrained on the training pictures of 0 to 7. For each number of pictures per class
and each seed, that many pictures of 8 and of 9 are drawn; every arm is fitted on them and scored on
all the other pictures of 8 and 9, those of the set's test part included. Usage::

    python tests/benchmarks/source_training.py SHARED_DATA/mnist_small OUTPUT [STEPS] [SEEDS]

Rows are appended to ``OUTPUT/rows.csv``; those that it holds already are not done again.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from autosmall.runner.process import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import numpy as np
import pandas as pd
from fits import Pool

import autosmall
from autosmall.data.dataset import read_dataset
from autosmall.models.backbone_registry import find_backbones
from autosmall.runner.pictures import DecodedPictures
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.config import Config, Value
from autosmall.schema.seeds import derive_seed
from autosmall.training.metrics import score

INVARIANCES = ("rotate", "shift", "zoom", "shear", "brightness", "contrast", "noise")
"""Digits must not be mirrored."""
PER_CLASS = (3, 5, 20)
SOURCE_PX = 32
"""The side at which the source is learned, and at which its backbone is used."""
FEATURES: dict[str, Value] = {"pooling": "avg", "feature_transform": "sqrt"}
NETWORK: dict[str, Value] = {
    "optimizer": "adamw",
    "learning_rate_schedule": "cosine",
    "batch_size": 16,
    "augmentation": "affine",
    "augmentation_strength": 0.2,
}
TUNED: dict[str, Value] = {
    "strategy": "fine_tune",
    "image_size_px": SOURCE_PX,
    "layers": "multi",
    "trainable_blocks": 14,
    "layer_decay": 1.0,
    "learning_rate": 0.001,
    "warmup_share": 0.1,
    "weight_decay": 0.0001,
    "dropout_rate": 0.5,
    "epochs": 40,
    **FEATURES,
    **NETWORK,
}
HEAD: dict[str, Value] = {"strategy": "frozen", "image_size_px": SOURCE_PX, "head": "logistic_cv"}
ARMS: dict[str, dict[str, Value]] = {
    "frozen, last layer": {**HEAD, **FEATURES, "layers": "last"},
    "frozen, several layers": {**HEAD, **FEATURES, "layers": "multi"},
    "fine-tuned, every block": TUNED,
    "scratch": {
        "strategy": "scratch",
        "image_size_px": 64,
        "width": 16,
        "blocks": 4,
        "head": "global_average",
        "learning_rate": 0.003,
        "weight_decay": 0.001,
        "epochs": 60,
        **NETWORK,
    },
}
"""Scratch as the default space begins it."""


def train_source(digits: Path, output: Path, steps: int) -> BackboneSource:
    """Return the backbone of the digits 0 to 7, trained if it is not there yet."""
    path, source = output / "digits.keras", output / "source"
    if not path.is_file():
        for label in "01234567":
            shutil.copytree(digits / "train" / label, source / label, dirs_exist_ok=True)
        autosmall.pretrain(source, output=path, invariances=INVARIANCES, steps=steps)
    return next(s for s in find_backbones((str(path),), None).found if s.kind == "file")


def read_pool(digits: Path, backbone: BackboneSource) -> Pool:
    """Return all pictures of 8 and 9, those of the training part first."""
    paths, labels = [], []
    for part in ("train", "test"):
        dataset = read_dataset(digits / part)
        for path, label in zip(dataset.paths, dataset.labels, strict=True):
            if dataset.classes[label] in "89":
                paths.append(str(path))
                labels.append("89".index(dataset.classes[label]))
    pictures = DecodedPictures(paths)
    return Pool(pictures, np.array(labels), 2, (backbone,), frozenset(INVARIANCES))


def accuracy(pool: Pool, arm: str, per_class: int, seed: int) -> float:
    """Return the arm's accuracy on all pictures but the ``per_class`` that it learned from."""
    rng = np.random.default_rng(derive_seed(seed, "draw", per_class))
    first = [np.flatnonzero(pool.labels == label)[:100] for label in (0, 1)]
    train = np.sort(np.concatenate([rng.permutation(rows)[:per_class] for rows in first]))
    others = np.setdiff1d(np.arange(len(pool.labels)), train)
    values = dict(ARMS[arm])
    if values["strategy"] != "scratch":
        values["backbone"] = pool.backbones[0].name
    predicted = pool.predict(Config.from_mapping(values), train, others, derive_seed(seed, arm))
    return score("accuracy", pool.labels[others], predicted)


def main(digits: Path, output: Path, steps: int = 600, seeds: int = 5) -> None:
    """Append the rows that are missing, then print means and standard deviations over seeds."""
    pool = read_pool(digits, train_source(digits, output, steps))
    path = output / "rows.csv"
    rows = pd.read_csv(path).to_dict("records") if path.is_file() else []
    done = {(row["arm"], row["per_class"], row["seed"]) for row in rows}
    for arm in ARMS:
        for per_class in PER_CLASS:
            for seed in range(seeds):
                if (arm, per_class, seed) in done:
                    continue
                value = accuracy(pool, arm, per_class, seed)
                rows.append({"arm": arm, "per_class": per_class, "seed": seed, "accuracy": value})
                pd.DataFrame(rows).to_csv(path, index=False)
                print(arm, per_class, seed, f"{value:.4f}", flush=True)
    table = pd.DataFrame(rows).groupby(["arm", "per_class"], sort=False)["accuracy"]
    print(table.agg(["mean", "std", "min"]).unstack("per_class").round(4).to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
