"""Networks for fine-tuning: a backbone cut in two, with a head on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import keras

from autosmall.models.backbone_blocks import Block
from autosmall.models.backbones import Backbone
from autosmall.models.pooled_features import pooled_tensor
from autosmall.models.pooling import CLASSIFIER_NAME, HeadSpec, classify_vector


@dataclass(frozen=True)
class FineTuneNetworks:
    """Three views of the same layers.

    Attributes:
        classifier: Pictures to logits.
        lower: Pictures to the cut; never trained.
        upper: The cut to logits; holds everything that is trained.
    """

    classifier: keras.Model
    lower: keras.Model
    upper: keras.Model


def build_networks(backbone: Backbone, trainable_blocks: int, head: HeadSpec) -> FineTuneNetworks:
    """Return the networks in which the topmost blocks and the head can be trained.

    More blocks than there are means all of them. BatchNormalization is never trained.
    """
    blocks = backbone.blocks[:trainable_blocks]
    for layer in _layers_of(backbone.model, blocks):
        _unfreeze(layer)
    logits = classify_vector(pooled_tensor(backbone, "last", "avg"), head)
    pictures, cut = backbone.model.input, blocks[-1].input
    networks = FineTuneNetworks(
        classifier=keras.Model(pictures, logits, name="fine_tune"),
        lower=keras.Model(pictures, cut),
        upper=keras.Model(cut, logits),
    )
    _trained_layers[networks.classifier] = [_layers_of(backbone.model, [block]) for block in blocks]
    return networks


_trained_layers: WeakKeyDictionary[keras.Model, list[list[keras.layers.Layer]]] = (
    WeakKeyDictionary()
)
"""Classifier to the layers of its trained blocks, from top to bottom."""


def learning_rate_factors(networks: FineTuneNetworks, layer_decay: float) -> dict[str, float]:
    """Return variable path to the factor of its learning rate.

    The head has factor 1, the topmost block ``layer_decay``, the one below its square, and so on.
    """
    return {
        variable.path: layer_decay ** (depth + 1)
        for depth, layers in enumerate(_trained_layers[networks.classifier])
        for layer in layers
        for variable in layer.trainable_variables
    }


def head_layer(networks: FineTuneNetworks) -> keras.layers.Layer:
    """Return the last layer, kernel and bias."""
    return networks.classifier.get_layer(CLASSIFIER_NAME)


def _layers_of(model: keras.Model, blocks: Sequence[Block]) -> list[keras.layers.Layer]:
    names = {name for block in blocks for name in block.layers}
    return [layer for layer in model.layers if layer.name in names]


def _unfreeze(layer: keras.layers.Layer) -> None:
    """Let a layer be trained, and all within it but BatchNormalization and input statistics."""
    fixed = (keras.layers.BatchNormalization, keras.layers.Normalization)
    layer.trainable = not isinstance(layer, fixed)
    for inner in getattr(layer, "layers", ()):
        _unfreeze(inner)
