"""The compact CNN that is trained from scratch."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from autosmall.models.blocks import convolve, filters_at
from autosmall.models.pooling import HeadSpec, classify
from autosmall.schema.pictures import PictureSpec

STRIDED_STEM_FROM_PX = 64


@dataclass(frozen=True)
class ScratchCnn:
    """The network as data.

    Attributes:
        picture: Size and channels of its input.
        width: Filters of the first block; they double from block to block.
        blocks: Blocks of two convolutions, with a 2 x 2 maximum between blocks.
        normalization: ``batch``, ``group`` or ``none``.
        head: The head.
    """

    picture: PictureSpec
    width: int
    blocks: int
    normalization: str
    head: HeadSpec

    def build(self) -> keras.Model:
        """Return the network: ``float32 (b, height, width, channels)`` of 0 to 255 to logits.

        From 64 px on the first convolution has stride 2: at full resolution it would cost more
        than all the rest.
        """
        pictures = keras.Input(self.picture.input_shape, name="pictures")
        features = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pictures)
        stem_stride = 2 if self.picture.image_size_px >= STRIDED_STEM_FROM_PX else 1
        features = convolve(features, self.width, self.normalization, stem_stride)
        features = convolve(features, self.width, self.normalization)
        for block in range(1, self.blocks):
            features = self._block(features, filters_at(self.width, block))
        return keras.Model(pictures, classify(features, self.head), name="scratch_cnn")

    def _block(self, features: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        features = keras.layers.MaxPooling2D(2, padding="same")(features)
        features = convolve(features, filters, self.normalization)
        return convolve(features, filters, self.normalization)
