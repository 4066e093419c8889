"""Pretraining with labels (classification) and without (denoising): the tasks behind the loop.

A step's batch, alterations and noise are drawn from the seed and the step's number alone.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.models.blocks import convolve, filters_at
from autosmall.models.pooling import HeadSpec, classify
from autosmall.schema.seeds import derive_seed
from autosmall.training.augmentation import Augmenter
from autosmall.training.losses import make_loss, sample_weights, soft_targets
from autosmall.training.optimizers import make_optimizer
from autosmall.training.options import TrainingOptions
from autosmall.training.precision import in_training_precision
from autosmall.training.pretraining_store import read_arrays, write_arrays
from autosmall.training.schedules import make_schedule

NETWORK_FILE = "network.npz"
OPTIMIZER_FILE = "optimizer.npz"
DECODER_WIDTH = 16
SCHEDULE = "cosine"

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]
"""Inputs, targets, and one weight per row or ``None``."""


@dataclass(frozen=True)
class PretrainingPictures:
    """The pictures that a task learns from.

    Attributes:
        pixels: ``uint8 (n, size, size, 3)``; may lie on disk (``numpy.memmap``).
        rows: ``int64 (m,)``, the rows to learn from.
        labels: ``int64 (m,)``, their classes; ``None`` where there are none.
        class_count: Number of classes, 0 where there are no labels.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None
    class_count: int = 0


@dataclass(frozen=True)
class PretrainingOptions:
    """How a task trains.

    Attributes:
        batch_size: Pictures per step.
        learning_rate: Peak of a cosine with warm-up.
        weight_decay: Decoupled weight decay of AdamW.
        augmenter: Alters the pictures of a batch.
        noise_std: Noise that a denoising task adds, on a scale of 0 to 1.
        seed: Seed of weights and batches.
    """

    batch_size: int
    learning_rate: float
    weight_decay: float
    augmenter: Augmenter
    noise_std: float
    seed: int


class BatchRows:
    """Which rows make up the batch of a step: one permutation after another, found by its number.

    >>> rows = BatchRows(np.arange(5), batch_size=3, seed=0)
    >>> sorted(np.concatenate([rows.at(step) for step in range(5)])) == sorted([0, 1, 2, 3, 4] * 3)
    True
    """

    def __init__(self, rows: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self._rows, self._batch_size, self._seed = rows, batch_size, seed
        self._permutations: dict[int, NDArray[np.int64]] = {}

    def at(self, step: int) -> NDArray[np.int64]:
        """Return the positions ``(batch_size,)`` in ``rows`` that step ``step`` takes."""
        epochs, positions = np.divmod(
            np.arange(step * self._batch_size, (step + 1) * self._batch_size), len(self._rows)
        )
        wanted = range(int(epochs[0]), int(epochs[-1]) + 1)
        self._permutations = {epoch: self._permutation(epoch) for epoch in wanted}
        chosen = [
            self._permutations[int(epoch)][position]
            for epoch, position in zip(epochs, positions, strict=True)
        ]
        return np.array(chosen, np.int64)

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        if epoch in self._permutations:
            return self._permutations[epoch]
        rng = np.random.default_rng(derive_seed(self._seed, "epoch", epoch))
        return rng.permutation(len(self._rows))


class NetworkTask(ABC):
    """A task that trains one Keras network, which holds the backbone, batch by batch.

    See :class:`~autosmall.training.pretraining.PretrainingTask` for the attributes.
    """

    def __init__(
        self,
        backbone: keras.Model,
        network: keras.Model,
        loss: keras.losses.Loss,
        options: PretrainingOptions,
    ) -> None:
        self.batch_size = options.batch_size
        self.steps_done = 0
        self.total_steps = 1
        self.options = options
        self._backbone, self._network = backbone, network
        training = TrainingOptions(
            optimizer="adamw",
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
        )
        network.compile(
            optimizer=make_optimizer(training, network.trainable_variables),
            loss=loss,
            jit_compile=keras.backend.backend() == "jax",
        )
        network.optimizer.build(network.trainable_variables)

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """Return the batch of step ``step``, always of one shape."""

    def train_steps(self, count: int) -> float:
        """Take ``count`` steps and return their mean loss."""
        with in_training_precision(self._network):
            return math.fsum(self._step() for _ in range(count)) / count

    def _step(self) -> float:
        rate = make_schedule(SCHEDULE, self.options.learning_rate, self.total_steps)
        self._network.optimizer.learning_rate = rate(min(self.steps_done, self.total_steps - 1))
        loss = self._network.train_on_batch(*self.batch(self.steps_done))
        self.steps_done += 1
        return float(np.asarray(loss).ravel()[0])

    def save(self, folder: Path) -> None:
        """Write weights, random states, optimiser and, as its step count, the number of steps."""
        write_arrays(folder / NETWORK_FILE, _values(self._network.variables))
        state = _values(self._network.optimizer.variables)
        write_arrays(folder / OPTIMIZER_FILE, [np.array(self.steps_done), *state])

    def restore(self, folder: Path) -> None:
        """Read what :meth:`save` wrote."""
        steps, *state = read_arrays(folder / OPTIMIZER_FILE)
        self.steps_done = int(steps)
        stored = [*read_arrays(folder / NETWORK_FILE), *state]
        variables = [*self._network.variables, *self._network.optimizer.variables]
        for variable, value in zip(variables, stored, strict=True):
            variable.assign(value)

    def backbone(self) -> keras.Model:
        """Return a copy of the backbone as it stands."""
        copy = keras.models.clone_model(self._backbone)
        copy.set_weights(self._backbone.get_weights())
        return copy


class SupervisedTask(NetworkTask):
    """Learns to tell the source's classes apart; rare classes weigh as much as common ones.

    No label smoothing: it harms the features for other tasks (Kornblith et al. 2021).
    """

    def __init__(
        self, backbone: keras.Model, pictures: PretrainingPictures, options: PretrainingOptions
    ) -> None:
        head = HeadSpec(pictures.class_count, "global_average")
        network = keras.Model(backbone.input, classify(backbone.output, head), name="classifier")
        super().__init__(backbone, network, make_loss("none"), options)
        self._pictures = pictures
        assert pictures.labels is not None
        self._targets = soft_targets(pictures.labels, pictures.class_count, 0.0)
        self._weights = sample_weights(pictures.labels, pictures.class_count, "weights")
        self._rows = BatchRows(pictures.rows, options.batch_size, options.seed)

    def batch(self, step: int) -> Batch:
        """Return altered pictures, one-hot targets and weights."""
        rng = np.random.default_rng(derive_seed(self.options.seed, "batch", step))
        chosen = self._rows.at(step)
        pixels = self._pictures.pixels[self._pictures.rows[chosen]].astype(np.float32)
        altered = self.options.augmenter(pixels, rng)
        return altered, self._targets[chosen], self._weights[chosen]


class AutoencoderTask(NetworkTask):
    """Learns to take noise away from altered pictures (Vincent et al. 2008), without labels.

    The decoder doubles the backbone's last map until it has the pictures' size, and cuts what is
    too much; it is thrown away in the end.
    """

    def __init__(
        self, backbone: keras.Model, pictures: PretrainingPictures, options: PretrainingOptions
    ) -> None:
        restored = _decode(backbone.output, int(backbone.input.shape[1]))
        network = keras.Model(backbone.input, restored, name="autoencoder")
        super().__init__(backbone, network, keras.losses.MeanSquaredError(), options)
        self._pictures = pictures
        self._rows = BatchRows(pictures.rows, options.batch_size, options.seed)

    def batch(self, step: int) -> Batch:
        """Return altered pictures with noise, and without it on a scale of 0 to 1."""
        rng = np.random.default_rng(derive_seed(self.options.seed, "batch", step))
        rows = self._pictures.rows[self._rows.at(step)]
        clean = self.options.augmenter(self._pictures.pixels[rows].astype(np.float32), rng)
        noise = rng.standard_normal(clean.shape, np.float32) * 255 * self.options.noise_std
        return clean + noise.astype(np.float32), clean / np.float32(255), None


def _values(variables: Sequence[keras.Variable]) -> list[NDArray[Any]]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _decode(code: keras.KerasTensor, size_px: int) -> keras.KerasTensor:
    doublings = math.ceil(math.log2(size_px / code.shape[1]))
    features = code
    for block in reversed(range(doublings)):
        features = convolve(features, filters_at(DECODER_WIDTH, block), "batch")
        features = keras.layers.UpSampling2D(2)(features)
    surplus = features.shape[1] - size_px
    if surplus:
        before = surplus // 2
        features = keras.layers.Cropping2D(((before, surplus - before),) * 2)(features)
    return keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid", name="restored")(
        features
    )
