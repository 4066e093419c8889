"""Heads as Keras layers: a small dense network to be trained, and fitted heads on a backbone."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.models.backbones import Backbone
from autosmall.models.heads import LinearHead, Standardisation
from autosmall.models.pooled_features import pooled_tensor, transformed_tensor
from autosmall.models.pooling import CLASSIFIER_NAME, HeadSpec, classify_vector

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[np.generic]]

BOTTLENECK_NAME = "bottleneck"


@dataclass(frozen=True)
class DenseHead:
    """``last`` on the rectified units of ``hidden``, all on raw features.

    ``hidden`` is ``None`` where there is no bottleneck.
    """

    hidden: LinearHead | None
    last: LinearHead

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


@dataclass(frozen=True)
class DenseHeadSpec:
    """Architecture of the dense head; ``bottleneck_units`` 0 leaves the bottleneck out."""

    width: int
    class_count: int
    bottleneck_units: int
    dropout_rate: float
    l1: float

    def build(self) -> keras.Model:
        """Return the untrained network from standardised features to logits."""
        features = keras.Input((self.width,), name="features")
        values = features
        if self.bottleneck_units:
            values = keras.layers.Dense(
                self.bottleneck_units, activation="relu", name=BOTTLENECK_NAME
            )(values)
        head = HeadSpec(self.class_count, "global_average", self.dropout_rate, self.l1)
        return keras.Model(features, classify_vector(values, head))

    def trained(self, network: keras.Model, standardise: Standardisation) -> DenseHead:
        """Return the trained network as arrays, standardisation folded into its first layer."""
        kernel, bias = network.get_layer(CLASSIFIER_NAME).get_weights()
        if not self.bottleneck_units:
            return DenseHead(None, LinearHead.folded(standardise, kernel, bias))
        first_kernel, first_bias = network.get_layer(BOTTLENECK_NAME).get_weights()
        hidden = LinearHead.folded(standardise, first_kernel, first_bias)
        return DenseHead(hidden, LinearHead(kernel, bias))


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
) -> keras.Model:
    """Return the model from pictures 0 to 255 to probabilities: backbone, pooling, head."""
    values = transformed_tensor(pooled_tensor(backbone, layers, pooling), transform)
    last = head.last if isinstance(head, DenseHead) else head
    if isinstance(head, DenseHead) and head.hidden is not None:
        values = _dense(head.hidden, "relu", BOTTLENECK_NAME)(values)
    return keras.Model(
        backbone.model.input, _dense(last, "softmax", CLASSIFIER_NAME)(values), name="frozen"
    )


def _dense(arrays: LinearHead, activation: str, name: str) -> keras.layers.Layer:
    layer = keras.layers.Dense(len(arrays.bias), activation=activation, name=name)
    layer.build((None, len(arrays.kernel)))
    layer.set_weights([arrays.kernel, arrays.bias])
    return layer
