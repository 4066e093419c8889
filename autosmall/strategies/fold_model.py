"""A model that a search trained on one fold, built again in a worker to be asked things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.models.array_model import predict_array_model
from autosmall.schema.mixed_pictures import Pictures, same_shape_parts
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import Arrays
from autosmall.strategies.base import ArrayModel, FitTask, Strategy

if TYPE_CHECKING:
    import keras

CHUNK_PICTURES = 64


@dataclass(frozen=True)
class FoldModel:
    """A fold's model, and the task that it was trained on.

    Attributes:
        strategy: What trained it.
        task: The fold: pictures, rows it was trained on (``train_index``) and rows it was not
            (``validation_index``), the resolved configuration.
        model: The whole model, from prepared pictures to probabilities.

    A strategy that looks at no picture has no ``picture_spec``: asking for it is a ``ValueError``.
    """

    strategy: Strategy
    task: FitTask
    model: keras.Model | ArrayModel = field(repr=False)

    @classmethod
    def rebuilt(cls, strategy: Strategy, task: FitTask, learned: Arrays) -> FoldModel:
        """Return the model that ``strategy`` makes of what a fit of ``task`` learned."""
        return cls(strategy, task, strategy.rebuild(task, learned))

    @property
    def picture_spec(self) -> PictureSpec:
        """What its pictures are made to."""
        (spec,) = self.strategy.picture_specs(self.task.config)
        return spec

    def predict(self, pictures: Pictures) -> NDArray[np.float32]:
        """Return ``float32 (n, k)`` class probabilities of prepared ``uint8`` pictures."""
        probabilities = np.zeros((len(pictures), self.task.class_count), np.float32)
        for part in same_shape_parts(pictures, np.arange(len(pictures))):
            for start in range(0, len(part), CHUNK_PICTURES):
                rows = part[start : start + CHUNK_PICTURES]
                probabilities[rows] = self._predict_chunk(pictures[rows])
        return probabilities

    def _predict_chunk(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        if isinstance(self.model, ArrayModel):
            return predict_array_model(self.model, pictures)
        outputs = self.model.predict_on_batch(pictures.astype(np.float32))
        return np.asarray(outputs, np.float32)


Question = Callable[[FoldModel], object]
"""What a worker can be asked about a fold's model. It and its answer are pickled."""
