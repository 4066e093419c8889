"""Batch normalisation where batches hold pictures of one shape, and of a rare shape only a few."""

from __future__ import annotations

from typing import Any

import keras

Tensor = Any

ENOUGH_PICTURES = 8
"""From here on a batch's own statistics will do.

Batches of 32, 16, 8, 4 and 2 pictures gave ResNet-50 errors of 23.6, 23.7, 24.8, 27.3 and 34.7 % on
ImageNet (Wu and He, "Group normalization", ECCV 2018, table 2).
"""
MOST_SCALE = 3.0
MOST_SHIFT = 5.0


@keras.saving.register_keras_serializable(package="autosmall")
class ShapeBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation that a batch of few pictures neither spoils nor is spoiled by.

    Batches of :data:`ENOUGH_PICTURES` are normalised as usual. Smaller ones are normalised by batch
    renormalisation (Ioffe, "Batch renormalization: Towards reducing minibatch dependence in
    batch-normalized models", NeurIPS 2017, algorithm 1, with its limits of 3 and 5): forward by
    the moving statistics, as in prediction, while gradients pass through the batch's own. They
    move the moving statistics by their share of a full batch, so that a picture counts alike
    whatever shape it has. Predictions are those of Keras's layer.
    """

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor = None) -> Tensor:
        """Return ``(b, h, w, c)`` normalised."""
        if not training:
            return super().call(inputs, training=False, mask=mask)
        ops = keras.ops
        # As in Keras's layer: in lower precision the statistics would be too coarse.
        inputs = ops.cast(inputs, "float32")
        mean, variance = ops.moments(inputs, axes=[0, 1, 2])
        deviation = ops.sqrt(variance + self.epsilon)
        scale, shift = self._corrections(inputs, mean, deviation)
        self._move(inputs, mean, variance)
        normal = (inputs - mean) / deviation * scale + shift
        return ops.cast(normal * self.gamma + self.beta, self.compute_dtype)

    def _corrections(
        self, inputs: Tensor, mean: Tensor, deviation: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what leads from the batch's statistics to the moving ones, if it is small."""
        ops = keras.ops
        known = ops.sqrt(self.moving_variance + self.epsilon)
        scale = ops.clip(deviation / known, 1 / MOST_SCALE, MOST_SCALE)
        shift = ops.clip((mean - self.moving_mean) / known, -MOST_SHIFT, MOST_SHIFT)
        is_small = ops.shape(inputs)[0] < ENOUGH_PICTURES
        return (
            ops.stop_gradient(ops.where(is_small, scale, ops.ones_like(scale))),
            ops.stop_gradient(ops.where(is_small, shift, ops.zeros_like(shift))),
        )

    def _move(self, inputs: Tensor, mean: Tensor, variance: Tensor) -> None:
        ops = keras.ops
        count = ops.cast(ops.shape(inputs)[0], mean.dtype)
        share = ops.minimum(count / ENOUGH_PICTURES, 1.0)
        step = 1.0 - ops.power(ops.cast(self.momentum, mean.dtype), share)
        self.moving_mean.assign(self.moving_mean + step * (mean - self.moving_mean))
        self.moving_variance.assign(self.moving_variance + step * (variance - self.moving_variance))
