"""What a related source brings: digits 0 to 7 as the source, 8 against 9 as the task.

For each seed: pretrain on the training pictures of 0 to 7, draw some pictures of 8 and of 9, and
search with starts on the pretrained backbone and the plain CNN from scratch, all on the same folds.
Each is then retrained and scored on the test pictures of 8 and 9. Usage::

    python tests/benchmarks/source_training.py SHARED_DATA/mnist_small OUTPUT [PER_CLASS] [SEEDS]
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import autosmall

INVARIANCES = ("rotate", "shift", "zoom", "shear", "brightness", "contrast", "noise")
"""Digits must not be mirrored."""
SPACE = """
name = "source"
purpose = "a pretrained backbone against a network from scratch"
usual_minutes = 10
command = "python tests/benchmarks/source_training.py"
strategies = ["frozen", "fine_tune", "scratch"]
[common]
image_size_px = { choices = [64, 96] }
[frozen]
backbone = { choices = "available" }
layers = { choices = ["last", "multi"] }
pooling = { choices = ["avg", "avg_max"] }
penalty_c = { low = 1e-5, high = 1e3, log = true }
[fine_tune]
backbone = { choices = "pretrained" }
epochs = { low = 2, high = 60 }
head_rate_factor = { choices = [0.1, 1.0] }
augmentation = { choices = ["affine"] }
augmentation_strength = { low = 0.1, high = 1.0 }
learning_rate = { low = 1e-5, high = 1e-2, log = true }
[scratch]
width = { choices = [8, 16] }
blocks = { low = 2, high = 4 }
head = { choices = ["global_average", "flatten", "pyramid"] }
optimizer = { choices = ["adam", "adamw"] }
weight_decay = { low = 1e-6, high = 1e-2, log = true }
batch_size = { choices = [16, 32, 64] }
augmentation = { choices = ["affine"] }
augmentation_strength = { low = 0.1, high = 1.0 }
learning_rate = { low = 1e-4, high = 3e-2, log = true }
epochs = { low = 5, high = 80 }
[[start]]
label = "Frozen, several layers"
strategy = "frozen"
backbone = "best"
image_size_px = 96
layers = "multi"
pooling = "avg_max"
penalty_c = 0.01
protected = true
[[start]]
label = "Fine-tuned"
strategy = "fine_tune"
backbone = "best"
image_size_px = 96
epochs = 20
learning_rate = 0.0001
head_rate_factor = 0.1
augmentation = "affine"
augmentation_strength = 0.3
protected = true
[[start]]
label = "Plain CNN from scratch"
strategy = "scratch"
image_size_px = 64
width = 16
blocks = 4
head = "global_average"
optimizer = "adamw"
learning_rate = 0.003
weight_decay = 0.001
batch_size = 16
augmentation = "affine"
augmentation_strength = 0.2
epochs = 60
protected = true
"""


def link(files: list[Path], folder: Path) -> None:
    """Copy ``files`` into ``folder``."""
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder / file.name)


def draw_task(digits: Path, folder: Path, per_class: int, seed: int) -> None:
    """Put ``per_class`` training pictures and all test pictures of 8 and 9 into ``folder``."""
    rng = np.random.default_rng(seed)
    for label in "89":
        files = sorted((digits / "train" / label).iterdir())
        chosen = rng.choice(len(files), per_class, replace=False)
        link([files[index] for index in chosen], folder / "train" / label)
        link(sorted((digits / "test" / label).iterdir()), folder / "test" / label)


def run_seed(digits: Path, source: Path, folder: Path, per_class: int, seed: int) -> pd.DataFrame:
    """Return one row per start: cross-validated accuracy and accuracy on the test pictures."""
    draw_task(digits, folder, per_class, seed)
    (folder / "space.toml").write_text(SPACE)
    backbone = autosmall.pretrain(
        source, output=folder / "digits.keras", invariances=INVARIANCES, seed=seed
    )
    run = autosmall.search(
        folder / "train",
        output_dir=folder / "run",
        space=folder / "space.toml",
        backbone=[backbone.path],
        invariances=INVARIANCES,
        max_trials=3,
        folds=5,
        repeats=1,
        sample_size=False,
        workers=0,
        seed=seed,
        quiet=True,
    )
    table = run.trials[["strategy", "score"]].copy()
    table["test"] = [
        run.retrain(trial=trial, test=folder / "test").metrics["test"]["accuracy"]
        for trial in run.trials["trial"]
    ]
    return table.assign(seed=seed)


def main(digits: Path, output: Path, per_class: int = 20, seeds: int = 5) -> None:
    """Print a row per seed and start, then the means."""
    source = output / "source"
    for label in "01234567":
        link(sorted((digits / "train" / label).iterdir()), source / label)
    tables = []
    for seed in range(seeds):
        tables.append(run_seed(digits, source, output / f"seed{seed}", per_class, seed))
        print(tables[-1].to_string(index=False), flush=True)
    means = pd.concat(tables).groupby("strategy")[["score", "test"]].mean()
    print(means.round(4).to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
