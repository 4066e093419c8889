"""Training of autoencoders: pictures are their own targets, labels play no part."""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.training.batches import shuffled_positions
from autosmall.training.loop import (
    Batch,
    BatchTransform,
    TrainingHistory,
    compile_model,
    run_epochs,
)
from autosmall.training.options import TrainingOptions


def train_reconstruction(
    autoencoder: keras.Model,
    pictures: NDArray[np.uint8],
    rows: NDArray[np.int64],
    options: TrainingOptions,
    seed: int,
    *,
    noise_std: float,
    batch_transform: BatchTransform,
) -> TrainingHistory:
    """Train ``autoencoder`` in place to restore ``pictures[rows]``; stops if the loss is no number.

    The loss is the mean squared error on a scale of 0 to 1. With ``noise_std`` above 0, Gaussian
    noise of that standard deviation (same scale) is added to the input but not to the target, which
    makes it a denoising autoencoder (Vincent et al. 2008). ``train_accuracy`` of the history holds
    the mean absolute error.
    """
    key = (options.optimizer, options.momentum, options.weight_decay)
    loss = keras.losses.MeanSquaredError()
    compile_model(autoencoder, options, loss, keras.metrics.MeanAbsoluteError(), key)
    batches = _batches(pictures, rows, options, seed, noise_std, batch_transform)
    return run_epochs(autoencoder, batches, options, len(rows), lambda loss, _: math.isfinite(loss))


def _batches(
    pictures: NDArray[np.uint8],
    rows: NDArray[np.int64],
    options: TrainingOptions,
    seed: int,
    noise_std: float,
    batch_transform: BatchTransform,
) -> Iterator[Batch]:
    rng = np.random.default_rng(seed)
    positions = shuffled_positions(len(rows), rng)
    size = min(options.batch_size, len(rows))
    while True:
        chosen = rows[np.fromiter(positions, np.int64, size)]
        clean = batch_transform(pictures[chosen].astype(np.float32), rng)
        noise = rng.standard_normal(clean.shape, np.float32) * np.float32(255 * noise_std)
        yield clean + noise, clean / np.float32(255), None
