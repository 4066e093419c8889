"""What is to be trained where a head is trained on fixed features, and what a head is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.training.batches import BatchPlan
from autosmall.training.options import TrainingOptions

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class HeadWeights:
    """A head: ``relu(x @ hidden + hidden_bias) @ kernel + bias``; ``hidden`` may be missing."""

    hidden: tuple[Floats, Floats] | None
    kernel: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """Return ``float32 (n, k)`` for ``(n, d)``."""
        if self.hidden is not None:
            features = np.maximum(features @ self.hidden[0] + self.hidden[1], 0)
        return features @ self.kernel + self.bias

    def copy(self) -> HeadWeights:
        """Return the same head in arrays of its own."""
        hidden = self.hidden and (self.hidden[0].copy(), self.hidden[1].copy())
        return HeadWeights(hidden, self.kernel.copy(), self.bias.copy())


EpochEnd = Callable[[float, float, HeadWeights], bool]
"""Takes an epoch's mean training loss and accuracy and the weights, which are valid during the
call, and tells whether to go on."""


@dataclass(frozen=True)
class HeadProblem:
    """A head to be trained.

    Attributes:
        inputs: ``float32 (n, d)``, standardised.
        rows: ``int64 (m,)``, rows to train on.
        labels: ``int64 (m,)``, their classes.
        class_count: Number of classes.
        bottleneck_units: Units of a hidden layer; 0 for none.
        options: See :class:`TrainingOptions`; ``mixing`` and samplers are not for heads.
        seed: Seed of shuffling, dropout and the hidden layer.
        epoch_end: Called after each epoch.
        views: How many of ``rows`` show the same picture; an epoch is as long as one view.
    """

    inputs: Floats
    rows: Rows
    labels: Rows
    class_count: int
    bottleneck_units: int
    options: TrainingOptions
    seed: int
    epoch_end: EpochEnd
    views: int = 1

    @property
    def plan(self) -> BatchPlan:
        """How the rows are cut into batches."""
        return BatchPlan.of([np.arange(len(self.rows))], self.options.batch_size)

    @property
    def steps_per_epoch(self) -> int:
        """How many batches come nearest to one pass over one view."""
        return max(1, round(self.plan.per_epoch / self.views))

    @property
    def shape(self) -> tuple[object, ...]:
        """What heads of one stack have in common."""
        return (
            self.inputs.shape[1],
            self.bottleneck_units,
            self.class_count,
            self.plan.sizes[0],
            self.steps_per_epoch,
            self.options.epochs,
            self.options.optimizer,
        )

    @property
    def weight_count(self) -> int:
        """Number of weights."""
        width, units = self.inputs.shape[1], self.bottleneck_units
        return (width + 1) * units + ((units or width) + 1) * self.class_count
