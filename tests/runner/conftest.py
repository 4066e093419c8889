"""Drawn pictures, a search over them, and strategies that do as they are told."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from ray import cloudpickle

from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.parameters import ChoiceParameter, FloatParameter, IntegerParameter
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.search_context import SearchContext
from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.strategies.baseline import Baseline
from autosmall.strategies.classical import Classical
from autosmall.strategies.fold_model import FoldModel, Question

PICTURES_PER_CLASS = 15
FOLDS = 3
HOARDED_BYTES = 256 * 2**20


class Obedient(Strategy):
    """Does what ``behaviour`` says; otherwise predicts from the seed and the mean brightness."""

    name = "obedient"
    title = "Does as it is told"
    hoarded: ClassVar[list[np.ndarray]] = []
    parameters: ClassVar = (
        ChoiceParameter("behaviour", "fit", (), "what to do"),
        ChoiceParameter("marker", "", (), "a file that is made in passing"),
        FloatParameter("seconds", 0.0, 0.0, 60.0, "how long to take"),
        IntegerParameter("epochs", 3, 1, 100, "how often to report"),
    )

    def picture_specs(self, config: Config) -> tuple[PictureSpec, ...]:
        return (PictureSpec(8),)

    def fit(self, task: FitTask) -> Fit:
        behaviour = task.config.text("behaviour")
        marker = Path(task.config.text("marker"))
        time.sleep(task.config.number("seconds"))
        if behaviour == "raise":
            raise ValueError("told to raise")
        if behaviour == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if behaviour == "die_once" and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if behaviour == "exit":
            raise SystemExit(7)
        if behaviour == "hoard":
            type(self).hoarded.append(np.ones(HOARDED_BYTES // 8))
        if behaviour in ("mark_fold", "hoard"):
            (marker / f"{time.monotonic_ns()}-{os.getpid()}").touch()
        healthy = all(
            task.observer.epoch_end(float("nan") if behaviour == "diverge" else 0.5, 0.5, None)
            for _ in range(task.config.integer("epochs"))
        )
        return self._predicted(task, healthy, wrong=behaviour == "predict_nan")

    def rebuild(self, task, learned):
        """Return nothing: its fits are never asked again."""

    def _predicted(self, task: FitTask, healthy: bool, wrong: bool) -> Fit:
        pictures = task.pictures(PictureSpec(8))
        assert not pictures.flags.writeable
        bright = pictures.reshape(len(pictures), -1).mean(axis=1) / 255
        noise = np.random.default_rng(task.seed).uniform(0, 0.1, len(pictures))
        share = np.clip(0.9 * bright + noise, 0, 1).astype(np.float32)
        probabilities = np.stack([1 - share, share], axis=1)
        if wrong:
            probabilities[task.validation_index[0]] = np.nan
        return Fit(
            train_probabilities=probabilities[task.train_index],
            validation_probabilities=probabilities[task.validation_index],
            trainable_parameters=3,
            total_parameters=5,
            picture_spec=PictureSpec(8),
            learned={"brightness": np.array([task.seed], np.float32)},
            build_model=lambda: None,
            healthy=healthy,
        )


def held_out(model: FoldModel) -> np.ndarray:
    """Return what the model predicts for the pictures that it was not trained on."""
    pictures = model.task.pictures(PictureSpec.from_config(model.task.config))
    return model.predict(pictures[model.task.validation_index])


def too_hard(model: FoldModel) -> None:
    raise ValueError("no answer")


class Together(Obedient):
    """The same, with all folds on one worker."""

    name = "together"
    folds_together = True


class AsOne(Obedient):
    """The same, with all folds trained as one: noise is that of each fold's own seed."""

    name = "as_one"

    def trains_folds_as_one(self, config: Config) -> bool:
        return True

    def fit_folds(self, tasks: Sequence[FitTask]) -> list[Fit]:
        fits = super().fit_folds(tasks)
        return [replace(fit, notes={"trained_with": float(len(tasks))}) for fit in fits]


cloudpickle.register_pickle_by_value(sys.modules[__name__])

STRATEGIES = {
    strategy.name: strategy
    for strategy in (Obedient(), Together(), AsOne(), Baseline(), Classical())
}


@pytest.fixture(scope="session")
def strategies() -> dict[str, Strategy]:
    """Strategies by name: two that obey, two real ones."""
    return STRATEGIES


@pytest.fixture(scope="session")
def questions() -> tuple[Question, Question]:
    """What is predicted for held-out pictures, and a question that nobody can answer."""
    return held_out, too_hard


@pytest.fixture(scope="session")
def context(tmp_path_factory) -> SearchContext:
    """A search over dark and bright noise, three folds."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], PICTURES_PER_CLASS)
    paths = []
    for row, label in enumerate(labels):
        pixels = generator.integers(0, 156, (24, 24, 3)) + 100 * label
        paths.append(str(folder / f"{row}.png"))
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    plan = FoldPlan(
        assignments=(np.arange(len(labels)) % FOLDS)[None].astype(np.int64),
        fold_count=FOLDS,
        groups=np.arange(len(labels), dtype=np.int64),
        reason="drawn",
    )
    return SearchContext(
        picture_paths=tuple(paths),
        labels=labels.astype(np.int64),
        classes=("dark", "bright"),
        unlabelled_paths=(),
        folds=plan,
        metric="accuracy",
        invariances=(),
        backbones=(),
        seed=3,
        cache_dir="",
        log_dir=str(tmp_path_factory.mktemp("logs")),
    )
