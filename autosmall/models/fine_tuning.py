"""Networks for fine-tuning: a backbone cut in two, with a head on top that is fitted beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from autosmall.models.backbone_blocks import Block
from autosmall.models.backbones import Backbone
from autosmall.models.heads import LinearHead, Standardisation, StandardisedHead
from autosmall.models.pooled_features import pool_map, pooled_tensor, used_parts
from autosmall.models.pooling import CLASSIFIER_NAME

Tensor = Any

STEEPEST_AT = 0.01
"""Features of smaller size have the slope of this one under a square root."""


@dataclass(frozen=True)
class FineTuneSpec:
    """What is trained on top of what.

    Attributes:
        class_count: Number of logits.
        trainable_blocks: Blocks that are trained, from the top; more than there are means all.
        layers: ``last`` or ``multi``: what the head reads.
        pooling: ``avg``, ``avg_max`` or ``pyramid``.
        transform: ``none`` or ``sqrt``: what the head does to its inputs.
        dropout_rate: Dropout of the head's standardised inputs.
        l1: L1 penalty on the head's kernel.
    """

    class_count: int
    trainable_blocks: int
    layers: str
    pooling: str
    transform: str = "none"
    dropout_rate: float = 0.0
    l1: float = 0.0


@dataclass(frozen=True)
class FineTuneNetworks:
    """Four views of the same layers.

    Attributes:
        backbone: Pictures to the last feature map.
        classifier: Pictures to logits.
        lower: Pictures to a vector that holds all that ``upper`` needs; never trained.
        upper: That vector to logits; holds everything that is trained.
    """

    backbone: keras.Model
    classifier: keras.Model
    lower: keras.Model
    upper: keras.Model

    @property
    def is_cut(self) -> bool:
        """Whether ``lower`` does anything."""
        return self.upper is not self.classifier


class FittedHead(keras.layers.Layer):
    """Logits of features that it standardises, under the penalty that the head was fitted with.

    Kept apart, the kernel is of moderate size where a feature hardly varies, and its gradients
    are of one scale. Together with the loss averaged over the rows, the penalty is the objective
    of :func:`autosmall.models.heads.solve_linear_head`, so training begins at the optimum of the
    head. Mean, scale and strength are weights, set for each fit, that are never trained.
    """

    def __init__(self, spec: FineTuneSpec) -> None:
        super().__init__(name=CLASSIFIER_NAME)
        self.class_count = spec.class_count
        self.transform = spec.transform
        self.l1 = spec.l1
        self.dropout = keras.layers.Dropout(spec.dropout_rate)

    def build(self, input_shape: tuple[int | None, int]) -> None:
        """Make the weights: kernel and bias zero, and no standardisation."""
        width = input_shape[-1]
        self.kernel = self.add_weight((width, self.class_count), "zeros", name="kernel")
        self.bias = self.add_weight((self.class_count,), "zeros", name="bias")
        self.mean = self.add_weight((width,), "zeros", trainable=False, name="mean")
        self.scale = self.add_weight((width,), "ones", trainable=False, name="scale")
        self.strength = self.add_weight((), "zeros", trainable=False, name="strength")

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """Return logits ``(b, class_count)`` of ``(b, d)``."""
        values = signed_roots(features) if self.transform == "sqrt" else features
        standardised = self.dropout((values - self.mean) / self.scale, training=training)
        self.add_loss(0.5 * self.strength * keras.ops.sum(keras.ops.square(self.kernel)))
        if self.l1 > 0:
            self.add_loss(self.l1 * keras.ops.sum(keras.ops.abs(self.kernel)))
        return keras.ops.matmul(standardised, self.kernel) + self.bias

    def start_from(self, head: StandardisedHead, strength: float) -> None:
        """Take over a head.

        ``strength`` is the factor of half the kernel's squared norm in the mean loss.
        """
        self.kernel.assign(head.kernel)
        self.bias.assign(head.bias)
        self.mean.assign(head.standardise.mean)
        self.scale.assign(head.standardise.scale)
        self.strength.assign(strength)

    def folded(self) -> LinearHead:
        """Return the same head on raw features."""
        kernel, bias, mean, scale = (
            weight.numpy().copy() for weight in (self.kernel, self.bias, self.mean, self.scale)
        )
        return LinearHead.folded(Standardisation(mean, scale), kernel, bias)


def signed_roots(features: Tensor) -> Tensor:
    """Return square roots with the sign kept, whose slope is bounded.

    The slope of a root is infinite at 0, where many rectified features are; here it is that at
    :data:`STEEPEST_AT` for all that lies nearer to 0.
    """
    size = keras.ops.stop_gradient(keras.ops.abs(features))
    linear = features / (2 * keras.ops.sqrt(keras.ops.maximum(size, STEEPEST_AT)))
    roots = keras.ops.sign(features) * keras.ops.sqrt(size)
    return linear + keras.ops.stop_gradient(roots - linear)


def build_networks(backbone: Backbone, spec: FineTuneSpec) -> FineTuneNetworks:
    """Return the networks in which the topmost blocks and the head can be trained.

    BatchNormalization is never trained and works in inference mode. Nothing is cut where all
    blocks are trained or where pictures differ in shape.
    """
    blocks = backbone.blocks[: spec.trainable_blocks]
    trained = [_layers_of(backbone.model, block) for block in blocks]
    for layers in trained:
        for layer in layers:
            _unfreeze(layer)
    head = FittedHead(spec)
    pictures = backbone.model.input
    logits = head(pooled_tensor(backbone, spec.layers, spec.pooling))
    classifier = keras.Model(pictures, logits, name="fine_tune")
    _trained_layers[classifier] = trained
    if len(blocks) == len(backbone.blocks) or None in blocks[-1].input.shape[1:]:
        return FineTuneNetworks(backbone.model, classifier, backbone.model, classifier)
    lower, upper = _halves(backbone, blocks, spec, head)
    return FineTuneNetworks(backbone.model, classifier, lower, upper)


_trained_layers: WeakKeyDictionary[keras.Model, list[list[keras.layers.Layer]]] = (
    WeakKeyDictionary()
)
"""Classifier to the layers of its trained blocks, from top to bottom."""


def trained_blocks(networks: FineTuneNetworks) -> list[list[keras.Variable]]:
    """Return the variables that are trained, block by block from top to bottom, head aside."""
    return [
        [variable for layer in layers for variable in layer.trainable_variables]
        for layers in _trained_layers[networks.classifier]
    ]


def fitted_head(networks: FineTuneNetworks) -> FittedHead:
    """Return the last layer."""
    head = networks.classifier.get_layer(CLASSIFIER_NAME)
    assert isinstance(head, FittedHead)
    return head


def _halves(
    backbone: Backbone, blocks: Sequence[Block], spec: FineTuneSpec, head: FittedHead
) -> tuple[keras.Model, keras.Model]:
    """Return the models below and above the cut.

    What passes between them is the flattened map at the cut and the pooled maps from below it.
    """
    parts = used_parts(backbone, spec.layers, spec.pooling)
    cut = blocks[-1].input
    stages = [
        stage
        for stage, output in enumerate(backbone.stages)
        if any(output is block.output for block in blocks)
    ]
    below = [pool_map(backbone.stages[p.stage], p) for p in parts if p.stage not in stages]
    if backbone.beside is not None:
        below.append(pooled_tensor(backbone.beside, spec.layers, spec.pooling))
    passed = _joined([keras.layers.Flatten()(cut), *below])
    lower = keras.Model(backbone.model.input, passed)

    vector = keras.Input(passed.shape[1:], name="passed")
    size = int(np.prod(cut.shape[1:]))
    top = keras.Model(cut, [backbone.stages[stage] for stage in stages])
    maps = top(keras.layers.Reshape(cut.shape[1:])(vector[:, :size]))
    by_stage = dict(zip(stages, maps, strict=True))
    features = [pool_map(by_stage[p.stage], p) for p in parts if p.stage in by_stage]
    if below:
        features.append(vector[:, size:])
    return lower, keras.Model(vector, head(_joined(features)))


def _joined(vectors: list[Tensor]) -> Tensor:
    return vectors[0] if len(vectors) == 1 else keras.layers.Concatenate()(vectors)


def _layers_of(model: keras.Model, block: Block) -> list[keras.layers.Layer]:
    names = set(block.layers)
    return [layer for layer in model.layers if layer.name in names]


def _unfreeze(layer: keras.layers.Layer) -> None:
    """Let a layer be trained, and all within it but BatchNormalization and input statistics."""
    fixed = (keras.layers.BatchNormalization, keras.layers.Normalization)
    layer.trainable = not isinstance(layer, fixed)
    for inner in getattr(layer, "layers", ()):
        _unfreeze(inner)
