"""Faults on purpose, in small, on drawn pictures; ``benchmarks/health_faults.py`` is the large one.

Two classes, a bright bar lying or standing; 16 px, noise added.
"""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.runner.worker import Worker
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.search_context import FitRequest, SearchContext

SCRATCH = {
    "strategy": "scratch",
    "image_size_px": 16,
    "width": 4,
    "blocks": 2,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "batch_size": 16,
    "epochs": 16,
    "normalization": "group",
    "head": "pyramid",
    "augmentation": "none",
}
CLASSICAL = {"strategy": "classical", "image_size_px": 16, "descriptors": "hog", "penalty_c": 1.0}
LARGE = {
    **SCRATCH,
    "width": 64,
    "blocks": 3,
    "normalization": "batch",
    "head": "flatten",
    "learning_rate": 0.001,
    "epochs": 3,
}


class Bars:
    """Pictures of bars: lying for class 0, standing for class 1."""

    def __init__(self, labels, contrast: int = 120) -> None:
        rng = np.random.default_rng(4)
        self.pictures = rng.integers(60, 120, (len(labels), 16, 16, 3)).astype(np.uint8)
        for picture, label in zip(self.pictures, labels, strict=True):
            place = rng.integers(2, 12)
            bar = picture[place : place + 3] if label == 0 else picture[:, place : place + 3]
            bar += np.uint8(contrast)
        if not contrast:
            self.pictures[:] = 0
        self.pictures.flags.writeable = False

    def __call__(self, spec):
        assert spec.image_size_px == 16
        return self.pictures

    def __len__(self) -> int:
        return len(self.pictures)


def fit(values, *, train: int = 48, shuffled: bool = False, contrast: int = 120):
    labels = np.arange(train + 40) % 2
    source = Bars(labels, contrast)
    if shuffled:
        labels = np.random.default_rng(1).permutation(labels)
    fold = (np.arange(len(labels)) < train).astype(np.int64)
    context = SearchContext(
        picture_paths=tuple(map(str, labels)),
        labels=labels,
        classes=("lying", "standing"),
        unlabelled_paths=(),
        folds=FoldPlan(fold[None], 2, np.arange(len(labels)), "drawn"),
        metric="accuracy",
        invariances=(),
        backbones=(),
        seed=2,
        cache_dir="",
    )
    worker = Worker(context, source, None, "here")
    return next(worker.run(FitRequest(0, Config.from_mapping(values), (0,))))


@pytest.mark.parametrize("values", [SCRATCH, CLASSICAL, {"strategy": "baseline"}])
def test_healthy_fits_have_no_diagnosis(values):
    result = fit(values)
    assert result.error == ""
    assert result.diagnoses == ()


def test_a_learning_rate_a_hundred_times_too_high():
    result = fit({**SCRATCH, "learning_rate": 1.0})
    assert result.diagnoses[0] in ("diverged", "oscillating")


@pytest.mark.parametrize("values", [SCRATCH, CLASSICAL])
def test_inputs_that_are_all_zero(values):
    assert fit(values, contrast=0).diagnoses[0] == "same_inputs"


@pytest.mark.parametrize("values", [{**SCRATCH, "epochs": 40}, CLASSICAL])
def test_shuffled_labels(values):
    assert fit(values, shuffled=True).diagnoses == ("chance_level",)


def test_a_network_far_too_large():
    result = fit(LARGE, train=6)
    assert result.trainable_parameters > 6 * 100_000
    assert result.diagnoses[0] == "oversized"


def test_a_collapse():
    result = fit({**SCRATCH, "weight_decay": 100.0, "normalization": "batch"})
    assert result.diagnoses[0] == "collapse"
