"""Training of autoencoders: pictures are their own targets, labels play no part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.training.batches import shuffled_positions
from autosmall.training.loop import (
    Batch,
    BatchTransform,
    TrainingHistory,
    compile_model,
    predict,
    run_epochs,
    steps_per_epoch,
)
from autosmall.training.options import TrainingOptions

MASK_CELLS = 8
"""Masking blots out whole cells of a grid of 8 x 8: single pixels are told by their neighbours."""
MASK_GREY = 127.5
CHUNK = 64


@dataclass(frozen=True)
class Corruption:
    """What is done to the inputs but not to the targets: a denoising autoencoder.

    Vincent et al. 2008, section 2.3. The values are ``kind`` of ``none``, ``gaussian`` or
    ``masking``; ``noise_std`` of Gaussian noise on a scale of black 0 to white 1; and
    ``masked_share``, the mean share of each picture that is made grey.
    """

    kind: str = "none"
    noise_std: float = 0.0
    masked_share: float = 0.0

    def __call__(
        self, pictures: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return ``pictures`` ``(b, h, w, c)`` of 0 to 255, corrupted; some may leave the range."""
        if self.kind == "gaussian":
            noise = rng.standard_normal(pictures.shape, np.float32)
            return pictures + noise * np.float32(255 * self.noise_std)
        if self.kind == "masking":
            return np.where(self._mask(pictures.shape, rng), np.float32(MASK_GREY), pictures)
        return pictures

    def _mask(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
        count, height, width, _ = shape
        cells = rng.random((count, MASK_CELLS, MASK_CELLS)) < self.masked_share
        rows = np.arange(height) * MASK_CELLS // height
        columns = np.arange(width) * MASK_CELLS // width
        return cells[:, rows[:, None], columns[None, :], None]


LOSSES = {
    "mean_squared_error": keras.losses.MeanSquaredError,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
}


def train_reconstruction(
    autoencoder: keras.Model,
    pictures: NDArray[np.uint8],
    rows: NDArray[np.int64],
    options: TrainingOptions,
    seed: int,
    *,
    corruption: Corruption,
    batch_transform: BatchTransform,
    loss: str = "mean_squared_error",
) -> TrainingHistory:
    """Train ``autoencoder`` in place to restore ``pictures[rows]``; stops if the loss is no number.

    The loss is one of :data:`LOSSES`, taken on a scale of 0 to 1. ``batch_transform`` alters input
    and target alike, ``corruption`` the input alone. ``train_accuracy`` of the history holds the
    mean absolute error.
    """
    key = (loss, options.optimizer, options.momentum, options.weight_decay)
    error = keras.metrics.MeanAbsoluteError()
    compile_model(autoencoder, options, LOSSES[loss](), error, key)
    batches = _batches(pictures, rows, options, seed, corruption, batch_transform)
    steps = steps_per_epoch(len(rows), options.batch_size)
    return run_epochs(autoencoder, batches, options, steps, lambda loss, _: math.isfinite(loss))


def _batches(
    pictures: NDArray[np.uint8],
    rows: NDArray[np.int64],
    options: TrainingOptions,
    seed: int,
    corruption: Corruption,
    batch_transform: BatchTransform,
) -> Iterator[Batch]:
    rng = np.random.default_rng(seed)
    positions = shuffled_positions(len(rows), rng)
    size = min(options.batch_size, len(rows))
    while True:
        chosen = rows[np.fromiter(positions, np.int64, size)]
        clean = batch_transform(pictures[chosen].astype(np.float32), rng)
        yield corruption(clean, rng), clean / np.float32(255), None


def reconstruction_errors(
    autoencoder: keras.Model, pictures: NDArray[np.uint8], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean absolute error of each of ``pictures[rows]``: ``float64 (len(rows),)``.

    On a scale of black 0 to white 1, averaged over pixels and colours.
    """
    errors = [
        picture_errors(pictures[chunk], predict(autoencoder, pictures, chunk))
        for chunk in (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
    ]
    return np.concatenate(errors) if errors else np.zeros(0)


def picture_errors(
    pictures: NDArray[np.uint8], restored: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the mean absolute error of each picture ``(n,)``; ``restored`` is of 0 to 1."""
    errors: NDArray[np.float64] = np.abs(pictures / 255.0 - restored).mean(axis=(1, 2, 3))
    return errors
