"""The majority class: what knowing nothing scores."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np

from autosmall.schema.config import BASELINE, Config
from autosmall.schema.parameters import Parameter
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import Arrays
from autosmall.strategies.base import ArrayModel, Fit, FitTask, Strategy

PICTURE_SPEC = PictureSpec(image_size_px=8)
"""The smallest there is; the prediction does not look at the picture."""


class Baseline(Strategy):
    """Predicts the training part's class shares for every picture."""

    name = BASELINE
    title = "Majority class"
    looks_at_pictures: ClassVar[bool] = False
    needs_keras: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def picture_specs(self, config: Config) -> tuple[PictureSpec, ...]:
        """Return nothing: no picture is looked at."""
        return ()

    def fit(self, task: FitTask) -> Fit:
        """Count the training labels."""
        counts = np.bincount(task.train_labels, minlength=task.class_count)
        shares = (counts / counts.sum()).astype(np.float32)
        learned: Arrays = {"class_shares": shares}
        return Fit(
            train_probabilities=np.tile(shares, (len(task.train_index), 1)),
            validation_probabilities=np.tile(shares, (len(task.validation_index), 1)),
            trainable_parameters=task.class_count,
            total_parameters=task.class_count,
            picture_spec=PICTURE_SPEC,
            learned=learned,
            build_model=partial(self.rebuild, task, learned),
        )

    def rebuild(self, task: FitTask, learned: Arrays) -> ArrayModel:
        """Return the shares as a model."""
        return ArrayModel("majority", learned)
