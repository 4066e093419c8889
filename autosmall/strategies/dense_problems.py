"""The ``dense`` head of a task as a problem for :mod:`autosmall.training.batched_heads`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.strategies.base import FitTask
from autosmall.strategies.feature_views import FeatureViews
from autosmall.strategies.supervised import EpochReporter

if TYPE_CHECKING:
    from autosmall.models.heads import Standardisation
    from autosmall.training.head_problem import HeadProblem, HeadWeights

Floats = NDArray[np.float32]


def dense_problem(task: FitTask, views: FeatureViews, standardise: Standardisation) -> HeadProblem:
    """Return the problem; the head is trained on all views and reports on pictures as they are."""
    from autosmall.training.head_problem import HeadProblem
    from autosmall.training.options import TrainingOptions

    count, picture_count, width = views.features.shape
    inputs = standardise(views.features.reshape(-1, width))
    options = TrainingOptions.from_config(task.config)
    return HeadProblem(
        inputs=inputs,
        rows=np.add.outer(np.arange(count) * picture_count, task.train_index).ravel(),
        labels=np.tile(task.train_labels, count),
        class_count=task.class_count,
        bottleneck_units=task.config.integer("bottleneck_units"),
        options=options,
        seed=task.seed,
        epoch_end=_Watch(task, inputs[task.validation_index], options.epochs),
        views=count,
    )


class _Watch:
    """Reports a head's epochs, with validation probabilities by its weights as they are then."""

    def __init__(self, task: FitTask, inputs: Floats, epochs: int) -> None:
        self._inputs = inputs
        self._reporter = EpochReporter(task, epochs, self._probabilities)
        self._weights: HeadWeights | None = None

    def __call__(self, loss: float, accuracy: float, weights: HeadWeights) -> bool:
        self._weights = weights
        return self._reporter(loss, accuracy)

    def _probabilities(self) -> Floats:
        from autosmall.training.loop import softmax

        assert self._weights is not None
        return softmax(self._weights.logits(self._inputs))
