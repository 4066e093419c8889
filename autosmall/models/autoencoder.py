"""A convolutional autoencoder whose output has exactly its input's size, at any resolution."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from autosmall.models.blocks import convolve, filters_at
from autosmall.models.pooling import HeadSpec, classify_vector, pool
from autosmall.schema.pictures import PictureSpec

NORMALIZATION = "batch"


@dataclass(frozen=True)
class AutoencoderNetworks:
    """Networks around one encoder, whose weights the first three share.

    Attributes:
        autoencoder: Pictures ``(b, s, s, c)`` of 0 to 255 to their reconstruction of 0 to 1.
        pooled: Pictures to the pooled features ``(b, d)`` of the bottleneck.
        classifier: Pictures to logits.
        head: Features ``(b, d)`` to logits, with weights of its own.
    """

    autoencoder: keras.Model
    pooled: keras.Model
    classifier: keras.Model
    head: keras.Model


@dataclass(frozen=True)
class Autoencoder:
    """The networks as data.

    Attributes:
        picture: Size and channels of the input.
        width: Filters of the first block; they double from block to block.
        blocks: Encoder blocks, each of which halves the sides (rounded up); the decoder has as
            many.
        bottleneck_channels: Channels of the map between encoder and decoder.
        head: The head of the classifier.
    """

    picture: PictureSpec
    width: int
    blocks: int
    bottleneck_channels: int
    head: HeadSpec

    def build(self) -> AutoencoderNetworks:
        """Return the networks, freshly initialised."""
        size = self.picture.image_size_px
        pictures = keras.Input((size, size, self.picture.channels), name="pictures")
        bottleneck, sides = self._encode(pictures)
        pooled = pool(bottleneck, self.head.pooling)
        features = keras.Input(pooled.shape[1:], name="features")
        return AutoencoderNetworks(
            keras.Model(pictures, self._decode(bottleneck, sides), name="autoencoder"),
            keras.Model(pictures, pooled, name="pooled"),
            keras.Model(pictures, classify_vector(pooled, self.head), name="encoder_classifier"),
            keras.Model(features, classify_vector(features, self.head), name="head"),
        )

    def build_classifier(self) -> keras.Model:
        """Return a classifier alone, freshly initialised: pictures to logits."""
        return self.build().classifier

    def _encode(self, pictures: keras.KerasTensor) -> tuple[keras.KerasTensor, list[int]]:
        """Return the bottleneck's map and the side of every map before it, largest first."""
        features = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pictures)
        sides = []
        for block in range(self.blocks):
            sides.append(features.shape[1])
            filters = filters_at(self.width, block)
            features = convolve(features, filters, NORMALIZATION, stride=2)
        bottleneck = keras.layers.Conv2D(self.bottleneck_channels, 1, name="bottleneck")(features)
        return bottleneck, sides

    def _decode(self, bottleneck: keras.KerasTensor, sides: list[int]) -> keras.KerasTensor:
        features = bottleneck
        for block in reversed(range(self.blocks)):
            features = convolve(features, filters_at(self.width, block), NORMALIZATION)
            features = keras.layers.UpSampling2D(2)(features)
            surplus = features.shape[1] - sides[block]
            if surplus:
                features = keras.layers.Cropping2D(((0, surplus), (0, surplus)))(features)
        return keras.layers.Conv2D(
            self.picture.channels, 3, padding="same", activation="sigmoid", name="reconstruction"
        )(features)
