"""What every worker of a search needs to know, sent once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan


@dataclass(frozen=True)
class SearchContext:
    """The fixed facts of one search.

    Attributes:
        picture_paths: Absolute paths of the samples, one per row.
        labels: ``int64 (n_samples,)``, positions in ``classes``.
        classes: Class names, sorted.
        unlabelled_paths: Absolute paths of pictures without labels (``--unlabelled``).
        folds: The fold plan.
        metric: Name of the search's metric, never ``auto``.
        invariances: Transformations that keep the label (see ``training.augmentation``).
        backbones: The backbones that were found.
        seed: The search's seed.
        cache_dir: Folder for cached features; empty for none.
        log_dir: Folder for the workers' logs; empty for none.
    """

    picture_paths: tuple[str, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    unlabelled_paths: tuple[str, ...]
    folds: FoldPlan
    metric: str
    invariances: tuple[str, ...]
    backbones: tuple[BackboneSource, ...]
    seed: int
    cache_dir: str
    log_dir: str = ""


@dataclass(frozen=True)
class FitRequest:
    """A unit of work: one configuration on one or more folds, done in order or as one.

    ``share_percent`` is how much of each fold's training part is trained on; a search asks for
    all of it.
    """

    trial: int
    config: Config
    folds: tuple[int, ...]
    share_percent: int = 100
