"""The facts of a search over a folder, and its worker, for benchmarks that need no driver."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np

from autosmall.data.dataset import read_dataset
from autosmall.data.folds import plan_folds
from autosmall.runner.pictures import DecodedPictures
from autosmall.runner.worker import Worker
from autosmall.schema.search_context import SearchContext
from autosmall.schema.settings import DEFAULT_INVARIANCES

FOLDS = 5


def search_context(folder: Path) -> SearchContext:
    """Return the facts of a search of the pictures in ``folder``: 5 folds, no backbones."""
    dataset = read_dataset(folder)
    groups = np.arange(len(dataset.samples))
    plan = plan_folds(
        dataset.labels, groups, folds=FOLDS, repeats=1, seed=0, classes=dataset.classes
    )
    return SearchContext(
        tuple(str(path) for path in dataset.paths),
        dataset.labels,
        dataset.classes,
        (),
        plan,
        "accuracy",
        DEFAULT_INVARIANCES,
        (),
        0,
        "",
    )


def worker_for(context: SearchContext) -> Worker:
    """Return a worker that has imported what it needs, as those of a search."""
    import keras  # noqa: F401

    gc.collect()
    gc.freeze()
    return Worker(context, DecodedPictures(context.picture_paths), None, "benchmark")
