"""What stands before a backbone: channels and the scaling of pixels, in Keras's own layers."""

from __future__ import annotations

from typing import Any

import keras

CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)
TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
TORCH_DEVIATION_RGB = (0.229, 0.224, 0.225)
LUMA_RGB = (0.299, 0.587, 0.114)
"""Weights of grey in ITU-R BT.601, as Pillow converts."""

Tensor = Any
"""A symbolic tensor of Keras, ``(n, h, w, c)``."""


def three_channels(pictures: Tensor) -> Tensor:
    """Return colour pictures as they are and grey ones three times over."""
    if pictures.shape[-1] == 3:
        return pictures
    return keras.layers.Concatenate(name="grey_to_rgb")([pictures] * 3)


def one_channel(pictures: Tensor) -> Tensor:
    """Return grey pictures as they are and the brightness of colour ones."""
    if pictures.shape[-1] == 1:
        return pictures
    weighted = keras.layers.Rescaling(list(LUMA_RGB), name="rgb_to_grey")(pictures)
    return keras.ops.sum(weighted, axis=-1, keepdims=True)


def scale(pictures: Tensor, scaling: str) -> Tensor:
    """Return pixels 0 to 255 as ``scaling`` wants them; ``caffe`` keeps the order RGB here."""
    if scaling == "none":
        return pictures
    factors: float | list[float]
    offsets: float | list[float]
    if scaling == "tf":
        factors, offsets = 1 / 127.5, -1.0
    elif scaling == "caffe":
        factors, offsets = [1.0] * 3, [-mean for mean in CAFFE_MEAN_RGB]
    else:
        factors = [1 / (255 * deviation) for deviation in TORCH_DEVIATION_RGB]
        offsets = [
            -mean / deviation
            for mean, deviation in zip(TORCH_MEAN_RGB, TORCH_DEVIATION_RGB, strict=True)
        ]
    return keras.layers.Rescaling(factors, offsets, name="scaling")(pictures)
