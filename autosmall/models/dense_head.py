"""Fitted heads, linear or with a hidden layer, and the Keras model of a head on a backbone."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.models.backbones import Backbone
from autosmall.models.heads import LinearHead, Standardisation
from autosmall.models.pooled_features import pooled_tensor, transformed_tensor
from autosmall.models.pooling import CLASSIFIER_NAME

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[np.generic]]

BOTTLENECK_NAME = "bottleneck"
BOTH_LOOKS = "both_looks"


@dataclass(frozen=True)
class DenseHead:
    """``last`` on the rectified units of ``hidden``, all on raw features.

    ``hidden`` is ``None`` where there is no bottleneck.
    """

    hidden: LinearHead | None
    last: LinearHead

    @classmethod
    def folded(
        cls,
        standardise: Standardisation,
        hidden: tuple[Floats, Floats] | None,
        last: tuple[Floats, Floats],
    ) -> DenseHead:
        """Return the head on raw features that equals one on standardised features.

        ``hidden`` and ``last`` are kernels and biases.
        """
        if hidden is None:
            return cls(None, LinearHead.folded(standardise, *last))
        return cls(LinearHead.folded(standardise, *hidden), LinearHead(*last))

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        hidden = self.hidden.parameter_count if self.hidden else 0
        return hidden + self.last.parameter_count

    def probabilities(self, features: Floats) -> Floats:
        """Return ``float32 (n, k)``, rows summing to 1."""
        if self.hidden is not None:
            features = np.maximum(features @ self.hidden.kernel + self.hidden.bias, 0)
        return self.last.probabilities(features)


def head_arrays(head: LinearHead | DenseHead) -> Arrays:
    """Return a fitted head as arrays, for :func:`head_of_arrays`."""
    last, hidden = (head.last, head.hidden) if isinstance(head, DenseHead) else (head, None)
    arrays: Arrays = {"head_kernel": last.kernel, "head_bias": last.bias}
    if hidden is not None:
        arrays |= {"hidden_kernel": hidden.kernel, "hidden_bias": hidden.bias}
    return arrays


def head_of_arrays(arrays: Arrays) -> LinearHead | DenseHead:
    """Return the head that :func:`head_arrays` took apart."""
    last = _linear(arrays, "head")
    return DenseHead(_linear(arrays, "hidden"), last) if "hidden_kernel" in arrays else last


def _linear(arrays: Arrays, name: str) -> LinearHead:
    kernel, bias = (arrays[f"{name}_{part}"].astype(np.float32) for part in ("kernel", "bias"))
    return LinearHead(kernel, bias)


def classifier_model(
    backbone: Backbone,
    layers: str,
    pooling: str,
    head: LinearHead | DenseHead,
    transform: str = "none",
    *,
    mirrored: bool = False,
) -> keras.Model:
    """Return the model from pictures 0 to 255 to probabilities: backbone, pooling, head.

    Where ``mirrored``, the head reads the mean of a picture's features and its mirror image's.
    """
    values = transformed_tensor(pooled_tensor(backbone, layers, pooling), transform)
    pictures = backbone.model.input
    if mirrored:
        features = keras.Model(pictures, values, name="features")
        pictures = keras.Input(pictures.shape[1:], name="pictures")
        looks = [features(pictures), features(keras.ops.flip(pictures, axis=2))]
        values = keras.layers.Average(name=BOTH_LOOKS)(looks)
    last = head.last if isinstance(head, DenseHead) else head
    if isinstance(head, DenseHead) and head.hidden is not None:
        values = _dense(head.hidden, "relu", BOTTLENECK_NAME)(values)
    return keras.Model(pictures, _dense(last, "softmax", CLASSIFIER_NAME)(values), name="frozen")


def _dense(arrays: LinearHead, activation: str, name: str) -> keras.layers.Layer:
    layer = keras.layers.Dense(len(arrays.bias), activation=activation, name=name)
    layer.build((None, len(arrays.kernel)))
    layer.set_weights([arrays.kernel, arrays.bias])
    return layer
