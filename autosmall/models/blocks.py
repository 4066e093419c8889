"""Convolution, normalisation and activation: what the networks trained from scratch are made of."""

from __future__ import annotations

import math

import keras

from autosmall.models.shape_normalization import ShapeBatchNormalization

MOST_FILTERS = 512
# Keras's 0.99 needs hundreds of steps to forget the start; small data sets have fewer.
BATCH_NORM_MOMENTUM = 0.9


def filters_at(width: int, block: int) -> int:
    """Return the filters of block ``block``: ``width`` doubled from block to block, up to 512."""
    return min(width * 2**block, MOST_FILTERS)


def convolve(
    features: keras.KerasTensor, filters: int, normalization: str, stride: int = 1
) -> keras.KerasTensor:
    """Return a 3 x 3 convolution, normalised, after a ReLU; sides are divided by ``stride``.

    ``normalization`` is ``batch``, ``group`` or ``none``. Maps of any shape come in batches of one
    shape each, so there ``batch`` is a normalisation that can do with few pictures.
    """
    features = keras.layers.Conv2D(
        filters,
        3,
        strides=stride,
        padding="same",
        use_bias=normalization == "none",
        kernel_initializer="he_normal",
    )(features)
    if normalization == "batch":
        any_shape = None in features.shape[1:3]
        layer = ShapeBatchNormalization if any_shape else keras.layers.BatchNormalization
        features = layer(momentum=BATCH_NORM_MOMENTUM)(features)
    elif normalization == "group":
        features = keras.layers.GroupNormalization(math.gcd(8, filters))(features)
    return keras.layers.Activation("relu")(features)
