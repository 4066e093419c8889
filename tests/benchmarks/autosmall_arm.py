"""AutoSmall's part in the comparisons with other tools: the same choices, and what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from fits import Pool
from measured import EQUAL_PRIORITY
from plain_keras import CHOICES, EPOCHS, SIDES_PX, Range

BACKBONE = "mobilenet_0.75"
FOLDS = 5
SEED = 0
NOTHING_COMPLETE = 3
"""Status of a search that had too little time for any configuration; its folds are kept."""
FIXED: dict[str, dict[str, Any]] = {
    "frozen": {
        "backbone": BACKBONE,
        "layers": "last",
        "pooling": "avg",
        "head": "dense",
        "views": 1,
    },
    "fine_tune": {
        "backbone": BACKBONE,
        "layers": "last",
        "pooling": "avg",
        "augmentation": "none",
        "views": 1,
    },
    "scratch": {"augmentation": "affine", "normalization": "batch"},
}
"""What is the same in every fit, besides size and epochs; the rest is the strategy's default."""


@dataclass(frozen=True)
class Trial:
    """An ended trial: its configuration, mean score, folds done, and when it ended, since 1970."""

    config: dict[str, Any]
    complete: bool
    score: float
    folds: int
    ended: float


def take_part(source: Path, target: Path, pictures: int) -> None:
    """Link ``pictures`` training pictures, classes alike, and all test pictures to ``target``."""
    classes = sorted(folder.name for folder in (source / "train").iterdir())
    for split, most in (("train", pictures // len(classes)), ("test", None)):
        for name in classes:
            files = sorted((source / split / name).iterdir())
            chosen = np.random.default_rng(0).permutation(len(files))[:most]
            (target / split / name).mkdir(parents=True, exist_ok=True)
            for place in chosen:
                (target / split / name / files[place].name).symlink_to(files[place].resolve())


def write_space(strategy: str, file: Path) -> None:
    """Write the search space of one strategy: the choices that all tools have."""
    fixed = {
        **FIXED[strategy],
        "image_size_px": SIDES_PX[strategy],
        "epochs": EPOCHS[strategy],
    }
    table = {name: {"choices": [value]} for name, value in fixed.items()}
    table |= {name: entry(given) for name, given in CHOICES[strategy].items()}
    header = {
        "name": file.stem,
        "purpose": "a comparison with other tools",
        "usual_minutes": 5,
        "command": f"autosmall search DATASET --space {file.name}",
        "strategies": [strategy],
    }
    file.write_text(tomli_w.dumps({**header, strategy: table}))


def entry(given: list[Any] | Range) -> dict[str, Any]:
    """Return one line of a search space."""
    if isinstance(given, Range):
        return {"low": given.low, "high": given.high, "log": given.log}
    return {"choices": given}


def search(
    strategy: str, dataset: Path, seconds: float, weights_dir: Path, folder: Path, workers: int
) -> tuple[Path, float]:
    """Search for so many seconds; return the run and when the command was given, since 1970."""
    space, run = folder / f"{strategy}.toml", folder / f"run-{dataset.name}-{strategy}"
    write_space(strategy, space)
    command = [sys.executable, "-m", "autosmall", "search", str(dataset)]
    command += ["--space", str(space), "--output-dir", str(run), "--weights-dir", str(weights_dir)]
    command += ["--backbone", BACKBONE] if strategy != "scratch" else []
    command += ["--time-budget", f"{seconds:.0f}s", "--folds", str(FOLDS), "--repeats", "1"]
    command += ["--workers", str(workers), "--seed", str(SEED), "--overwrite", "--quiet"]
    started = time.time()
    command += ["--no-early-stop", "--no-sample-size"]
    environment = {**os.environ, **EQUAL_PRIORITY}
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, NOTHING_COMPLETE):
        raise SystemExit(f"the search ended with status {done.returncode}")
    return run, started


def ended_trials(run: Path) -> list[Trial]:
    """Return the trials of a run that ended, in the order in which they did."""
    found = []
    for end in run.glob("trials/*/end.json"):
        suggestion = json.loads((end.parent / "suggestion.json").read_text())
        folds = [json.loads(file.read_text()) for file in end.parent.glob("fold_*.json")]
        scores = [fold["scores"].get("accuracy", 0.0) for fold in folds]
        complete = json.loads(end.read_text())["status"] == "complete"
        score = float(np.mean(scores)) if scores else 0.0
        ended = end.stat().st_mtime
        found.append(Trial(suggestion["config"], complete, score, len(folds), ended))
    return sorted(found, key=lambda trial: trial.ended)


def folds_done(run: Path) -> int:
    """Return how many folds of all trials were fitted, ended or not."""
    return len(list(run.glob("trials/*/fold_*.json")))


def leaders(trials: list[Trial]) -> list[Trial]:
    """Return the complete trials that were better than all before them."""
    best: list[Trial] = []
    for trial in trials:
        if trial.complete and (not best or trial.score > best[-1].score):
            best.append(trial)
    return best


class TestScores:
    """What configurations reach on the test pictures when fitted on all training pictures."""

    __test__ = False

    def __init__(self, dataset: Path, weights_dir: Path) -> None:
        from autosmall.data.dataset import read_dataset
        from autosmall.models.backbone_registry import find_backbones
        from autosmall.runner.pictures import DecodedPictures
        from autosmall.schema.settings import DEFAULT_INVARIANCES

        found = read_dataset(dataset)
        samples = (*found.samples, *found.test_samples)
        self._train = np.arange(len(found.samples))
        self._test = np.arange(len(found.samples), len(samples))
        self._pool = Pool(
            DecodedPictures([str(sample.path) for sample in samples]),
            np.array([found.classes.index(sample.label) for sample in samples], np.int64),
            len(found.classes),
            find_backbones((), weights_dir).found,
            frozenset(DEFAULT_INVARIANCES),
        )

    def of(self, config: dict[str, Any]) -> tuple[float, float]:
        """Return the accuracy on the test pictures, and the seconds that it took to fit."""
        from autosmall.schema.config import Config

        started = time.perf_counter()
        predicted = self._pool.predict(Config.from_mapping(config), self._train, self._test, SEED)
        right = predicted.argmax(axis=1) == self._pool.labels[self._test]
        return float(right.mean()), time.perf_counter() - started
