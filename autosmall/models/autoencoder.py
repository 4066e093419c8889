"""Convolutional autoencoders whose output has exactly their input's size, at any resolution.

A codec turns a picture into a small map and back; :class:`Autoencoder` joins one to a classifier
that shares its encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import keras

from autosmall.models.blocks import convolve, filters_at
from autosmall.models.pooling import HeadSpec, classify_vector, pool
from autosmall.schema.pictures import PictureSpec

NORMALIZATION = "batch"
CLASSIC_POOLING = 8
CLASSIC_FILTERS = (16, 8, 16)
HIDDEN_NAME = "head_hidden"


class Codec(Protocol):
    """An encoder and its decoder. Hashable, and equal ones build the same layers."""

    def encode(self, pictures: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return what the decoder gets and what a classifier gets: maps ``(b, h, w, c)``.

        ``pictures`` are ``(b, s, s, c)`` of 0 to 255. The two may be one.
        """
        ...

    def decode(self, code: keras.KerasTensor, picture: PictureSpec) -> keras.KerasTensor:
        """Return the reconstruction ``(b, s, s, c)``, 0 to 1, of :meth:`encode`'s first map."""
        ...


@dataclass(frozen=True)
class ClassicCodec:
    """The tiny codec of the classic listing: 16, 8, 16 and 1 filters of 3 x 3, pooling by 8.

    The listing's weights are kept: 160, 1,160, 1,168 and 145, together 2,633, for grey pictures;
    with RGB the first convolution has 448 and the last, of 3 filters, 435, together 3,211. Its
    shapes do not fit each other as printed, so here the convolutions are padded, the pooling
    rounds up, and what up-sampling by 4 and by 2 gives too much is cut off as evenly as the
    pooling had padded it.

    Attributes:
        cut: What the classifier gets: the map after the ``pooling`` (at 28 px 4 x 4 x 16 values,
            160 weights up to there) or after the ``second_convolution`` (4 x 4 x 8 values, 1,320).
    """

    cut: str

    def encode(self, pictures: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return the map after the second convolution, and the one at the cut."""
        features = keras.layers.Rescaling(1 / 255)(pictures)
        features = _classic_convolution(CLASSIC_FILTERS[0], "first_convolution")(features)
        pooling = keras.layers.MaxPooling2D(CLASSIC_POOLING, padding="same", name="pooling")
        pooled = pooling(features)
        code = _classic_convolution(CLASSIC_FILTERS[1], "second_convolution")(pooled)
        return code, pooled if self.cut == "pooling" else code

    def decode(self, code: keras.KerasTensor, picture: PictureSpec) -> keras.KerasTensor:
        """Return the reconstruction."""
        features = keras.layers.UpSampling2D(CLASSIC_POOLING // 2)(code)
        features = _classic_convolution(CLASSIC_FILTERS[2], "third_convolution")(features)
        features = keras.layers.UpSampling2D(2)(features)
        surplus = features.shape[1] - picture.image_size_px
        return _restored(_cropped(features, surplus // 2, surplus - surplus // 2), picture)


def _classic_convolution(filters: int, name: str) -> keras.layers.Layer:
    return keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)


@dataclass(frozen=True)
class StridedCodec:
    """Blocks of convolutions, the first of each with stride 2, down to a map of few channels.

    Attributes:
        width: Filters of the first block; they double from block to block.
        blocks: Encoder blocks, each of which halves the sides (rounded up); the decoder has as
            many.
        bottleneck_channels: Channels of the map between encoder and decoder.
        convolutions: Convolutions of each block, in encoder and decoder.
    """

    width: int
    blocks: int
    bottleneck_channels: int
    convolutions: int = 1

    def encode(self, pictures: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return the bottleneck's map, twice."""
        features = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pictures)
        for block in range(self.blocks):
            filters = filters_at(self.width, block)
            features = convolve(features, filters, NORMALIZATION, stride=2)
            for _ in range(self.convolutions - 1):
                features = convolve(features, filters, NORMALIZATION)
        code = keras.layers.Conv2D(self.bottleneck_channels, 1, name="bottleneck")(features)
        return code, code

    def decode(self, code: keras.KerasTensor, picture: PictureSpec) -> keras.KerasTensor:
        """Return the reconstruction."""
        features = code
        for block in reversed(range(self.blocks)):
            for _ in range(self.convolutions):
                features = convolve(features, filters_at(self.width, block), NORMALIZATION)
            features = keras.layers.UpSampling2D(2)(features)
            side = -(-picture.image_size_px // 2**block)
            features = _cropped(features, 0, features.shape[1] - side)
        return _restored(features, picture)


def _cropped(features: keras.KerasTensor, before: int, after: int) -> keras.KerasTensor:
    if before == after == 0:
        return features
    return keras.layers.Cropping2D(((before, after), (before, after)))(features)


def _restored(features: keras.KerasTensor, picture: PictureSpec) -> keras.KerasTensor:
    return keras.layers.Conv2D(
        picture.channels, 3, padding="same", activation="sigmoid", name="reconstruction"
    )(features)


@dataclass(frozen=True)
class AutoencoderNetworks:
    """Networks around one encoder, whose weights the first three share.

    Attributes:
        autoencoder: Pictures ``(b, s, s, c)`` of 0 to 255 to their reconstruction of 0 to 1.
        pooled: Pictures to the pooled features ``(b, d)`` of the encoder's map.
        classifier: Pictures to logits; holds the encoder up to its cut, and nothing of the decoder.
        head: Features ``(b, d)`` to logits, with weights of its own and the classifier's names.
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
        codec: Encoder and decoder.
        head: The head of the classifier.
        hidden_units: Units of a dense layer between the pooled features and the last layer; 0 for
            none, which leaves logistic regression.
    """

    picture: PictureSpec
    codec: Codec
    head: HeadSpec
    hidden_units: int = 0

    def build(self) -> AutoencoderNetworks:
        """Return the networks, freshly initialised."""
        size = self.picture.image_size_px
        pictures = keras.Input((size, size, self.picture.channels), name="pictures")
        code, feature_map = self.codec.encode(pictures)
        pooled = pool(feature_map, self.head.pooling)
        features = keras.Input(pooled.shape[1:], name="features")
        restored = self.codec.decode(code, self.picture)
        return AutoencoderNetworks(
            keras.Model(pictures, restored, name="autoencoder"),
            keras.Model(pictures, pooled, name="pooled"),
            keras.Model(pictures, self._classify(pooled), name="encoder_classifier"),
            keras.Model(features, self._classify(features), name="head"),
        )

    def build_classifier(self) -> keras.Model:
        """Return a classifier alone, freshly initialised: pictures to logits."""
        return self.build().classifier

    def _classify(self, features: keras.KerasTensor) -> keras.KerasTensor:
        if self.hidden_units > 0:
            hidden = keras.layers.Dense(self.hidden_units, activation="relu", name=HIDDEN_NAME)
            features = hidden(features)
        return classify_vector(features, self.head)
