"""One fit of one configuration outside a search: train on some pictures, predict others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.runner.pictures import DecodedPictures
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.config import Config
from autosmall.strategies.base import FitTask
from autosmall.strategies.registry import get_strategy


class NoWatch:
    """Looks at no epoch."""

    def epoch_end(self, train_loss: float, train_accuracy: float, validation: object) -> bool:
        """Go on."""
        return True


@dataclass(frozen=True)
class Pool:
    """Pictures with labels from 0 on, and what every fit on them may use."""

    pictures: DecodedPictures
    labels: NDArray[np.int64]
    class_count: int
    backbones: tuple[BackboneSource, ...]
    invariances: frozenset[str]

    def predict(
        self, config: Config, train: NDArray[np.int64], others: NDArray[np.int64], seed: int
    ) -> NDArray[np.float32]:
        """Return probabilities ``(len(others), k)`` of the configuration fitted on ``train``."""
        task = self.task(config, train, others, seed)
        return get_strategy(config.strategy).fit(task).validation_probabilities

    def task(
        self,
        config: Config,
        train: NDArray[np.int64],
        others: NDArray[np.int64],
        seed: int,
        cache_dir: Path | None = None,
    ) -> FitTask:
        """Return what the strategy of ``config`` is asked for."""
        return FitTask(
            config=get_strategy(config.strategy).resolved(config),
            pictures=self.pictures,
            train_index=train,
            train_labels=self.labels[train],
            validation_index=others,
            class_count=self.class_count,
            seed=seed,
            invariances=self.invariances,
            unlabelled=None,
            backbones=self.backbones,
            cache_dir=cache_dir,
            observer=NoWatch(),
        )
