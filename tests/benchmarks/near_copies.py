"""Near copies among the pictures: is the estimate true with them tied, and how false without?

Of real training pictures, every one gets three altered copies: darker or brighter by up to 30 %,
recompressed as JPEG at a quality of 30 to 60, and cut by up to 5 % of its width and height. The set
is then searched twice: as the program does it, near copies tied to one fold, and with
``--groups none --keep-duplicates``. What each search recommends is retrained and scored on the
test pictures, which are as they were. Usage::

    python tests/benchmarks/near_copies.py SHARED OUTPUT [DATA_SET ...]

``SHARED`` holds ``data`` and ``weights``. Pictures and runs go to ``OUTPUT``, with a row per search
in ``OUTPUT/near_copies.csv``. Rows that are there already are not made again, and a search that was
cut off goes on. What counts as true is said in ``estimate_against_test.py``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from estimate_against_test import BACKBONES, promised_and_reached
from PIL import Image, ImageEnhance

import autosmall
from autosmall.data.dataset import read_dataset

DATA_SETS = ("sign_digits_tiny", "cifar10_small")
MOST_PER_CLASS = 20
"""Originals of a class; of fewer all are taken."""

STRATEGIES = ("classical", "frozen")
"""Ways of training that can tell a copy by its original."""
MAX_TRIALS = 10

ARMS = {"tied": {}, "not tied": {"groups": "none", "keep_duplicates": True}}
"""Name to the options of the search."""


def write_copies(original: Path, folder: Path, rng: np.random.Generator) -> None:
    """Copy ``original`` into ``folder`` and put three altered copies beside it."""
    shutil.copy(original, folder)
    with Image.open(original) as opened:
        picture = opened.convert("RGB")
    factor = 1 + rng.choice([-1, 1]) * rng.uniform(0.1, 0.3)
    brighter = ImageEnhance.Brightness(picture).enhance(factor)
    brighter.save(folder / f"{original.stem}-brightness.png")
    quality = int(rng.integers(30, 61))
    picture.save(folder / f"{original.stem}-jpeg.jpg", quality=quality)
    picture.crop(_box(picture.size, rng)).save(folder / f"{original.stem}-crop.png")


def _box(size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return what is left when up to 5 % of each side are cut off, one pixel at least."""
    cut = [max(1, round(side * rng.uniform(0, 0.05))) for side in size]
    left, top = (int(rng.integers(0, off + 1)) for off in cut)
    return left, top, left + size[0] - cut[0], top + size[1] - cut[1]


def write_set(train: Path, folder: Path, seed: int = 0) -> None:
    """Write the derived training pictures, one folder per class, unless they are there."""
    if folder.is_dir():
        return
    staged = folder.with_name(folder.name + "-part")
    shutil.rmtree(staged, ignore_errors=True)
    rng = np.random.default_rng(seed)
    dataset = read_dataset(train)
    for index, label in enumerate(dataset.classes):
        (staged / label).mkdir(parents=True)
        rows = rng.permutation(np.flatnonzero(dataset.labels == index))[:MOST_PER_CLASS]
        for row in rows:
            write_copies(dataset.paths[row], staged / label, rng)
    staged.rename(folder)


def row(shared: Path, output: Path, name: str, arm: str) -> dict[str, object]:
    """Return what was expected and what came, for one search."""
    pictures, test = output / name / "pictures", shared / "data" / name / "test"
    write_set(shared / "data" / name / "train", pictures)
    run = autosmall.search(
        pictures,
        output_dir=output / name / arm.replace(" ", "-"),
        space="quick",
        strategies=STRATEGIES,
        backbone=BACKBONES,
        max_trials=MAX_TRIALS,
        weights_dir=shared / "weights",
        sample_size=False,
        workers=0,
        quiet=True,
        **ARMS[arm],
    )
    return {
        "data_set": name,
        "near_copies": arm,
        "pictures": len(run.data.labels),
        "groups": len(np.unique(run.data.folds.groups)),
        **promised_and_reached(run, test),
    }


def main(shared: Path, output: Path, names: list[str]) -> None:
    """Append the rows that are missing, then print the table."""
    table = output / "near_copies.csv"
    output.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(table).to_dict("records") if table.is_file() else []
    done = {(each["data_set"], each["near_copies"]) for each in rows}
    for name in names:
        for arm in ARMS:
            if (name, arm) not in done:
                rows.append(row(shared, output, name, arm))
                pd.DataFrame(rows).to_csv(table, index=False)
                print(*rows[-1].values(), flush=True)
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or list(DATA_SETS))
