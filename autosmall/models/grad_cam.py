"""Where a network finds evidence for a class: gradients at the maps that its classifier reads.

Grad-CAM (Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based
localization", ICCV 2017) weighs each channel of the last feature map by the class's mean gradient
there. Here the gradient is taken place by place (HiResCAM: Draelos and Carin, "Use HiResCAM instead
of Grad-CAM for faithful explanations of convolutional neural networks", 2020): the same where maps
are averaged as a whole, and right also where the classifier tells places apart, as with flattened
maps, pyramids and quarters. What several maps contribute is added up.

The evidence for a class is its log-odds against all others, which, unlike a logit, does not depend
on what is common to all classes.

**The gradient, on any backend.** A change, zero at first, is added to the maps; one step of plain
gradient descent with rate 1 turns it into the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from PIL import Image

from autosmall.models.dense_head import BOTH_LOOKS

Tensor = Any
Floats = NDArray[np.float32]

LEAST_SIDE = 3
"""Maps with fewer rows or columns say too little of the place."""

USUAL_SIDE = 7
"""Maps are added up on no fewer places along a side, where one of them has as many."""

CHUNK_PICTURES = 16

PROBABILITY_FLOOR = 1e-37
"""Below it lie no normal single-precision numbers."""

BOX, BILINEAR = Image.Resampling.BOX, Image.Resampling.BILINEAR

_POOLING = (
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)


def grad_cam(
    model: keras.Model, pictures: Floats, classes: NDArray[np.int64], height: int, width: int
) -> Floats | None:
    """Return ``float32 (n, height, width)``: evidence for each picture's class, 0 or more.

    A map's sum is what the places that speak for the class add to its log-odds, to first order.

    Args:
        model: Pictures to class probabilities, built as a graph.
        pictures: ``float32 (n, h, w, c)`` of one shape.
        classes: ``int64 (n,)``, whose evidence is looked for.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        ``None`` where the classifier reads no map of at least :data:`LEAST_SIDE` rows and columns.
    """
    cut = _Cut.of(model)
    if cut is None:
        return None
    parts = []
    for start in range(0, len(pictures), CHUNK_PICTURES):
        rows = slice(start, start + CHUNK_PICTURES)
        values = cut.values(pictures[rows])
        if any(min(each.shape[1:3]) < LEAST_SIDE for each in values):
            return None
        gradients = evidence_gradients(cut.above, values, classes[rows])
        found = [(v * g).sum(axis=-1) for v, g in zip(values, gradients, strict=True)]
        parts.append(_joined(cut.turned(found), height, width))
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Cut:
    """A network cut at the maps that its classifier reads.

    ``mirrored`` networks read the maps of the picture, then those of its mirror image.
    """

    below: keras.Model
    above: keras.Model
    mirrored: bool

    @classmethod
    def of(cls, model: keras.Model) -> _Cut | None:
        """Return the network in two, ``None`` where its classifier reads no map."""
        mirrored = any(layer.name == BOTH_LOOKS for layer in model.layers)
        inner = (
            next(each for each in model.layers if isinstance(each, keras.Model))
            if mirrored
            else model
        )
        maps = classifier_maps(inner)
        if not maps:
            return None
        above = keras.Model(maps, inner.output)
        if mirrored:
            above = _averaged(above, keras.Model(model.get_layer(BOTH_LOOKS).output, model.output))
        return cls(keras.Model(inner.input, maps), above, mirrored)

    def values(self, pictures: Floats) -> list[Floats]:
        looks = [pictures, pictures[:, :, ::-1]] if self.mirrored else [pictures]
        found = [_listed(self.below.predict_on_batch(look)) for look in looks]
        return [np.asarray(each) for look in found for each in look]

    def turned(self, found: list[Floats]) -> list[Floats]:
        """Return maps ``(n, h, w)`` with those of the mirror image turned back."""
        half = len(found) // 2 if self.mirrored else len(found)
        return found[:half] + [each[:, :, ::-1] for each in found[half:]]


def _averaged(vector: keras.Model, rest: keras.Model) -> keras.Model:
    """Return ``rest`` of the mean of what ``vector`` makes of two sets of maps."""
    inputs = [[keras.Input(each.shape[1:]) for each in vector.inputs] for _ in range(2)]
    vectors = [vector(maps if len(maps) > 1 else maps[0]) for maps in inputs]
    return keras.Model(inputs[0] + inputs[1], rest(keras.layers.Average()(vectors)))


def classifier_maps(model: keras.Model) -> list[Tensor]:
    """Return the maps ``(n, h, w, c)`` that the classifier reads: the last ones on every path.

    Maps of one place alone are passed by, and so is pooling, which would only make them coarser.
    """
    found: dict[int, Tensor] = {}
    waiting = [model.outputs[0]]
    while waiting:
        tensor = waiting.pop()
        operation, node, _ = tensor._keras_history
        pooled = isinstance(operation, _POOLING)
        if len(tensor.shape) == 4 and not pooled and tuple(tensor.shape[1:3]) != (1, 1):
            found[id(tensor)] = tensor
        else:
            waiting += operation._inbound_nodes[node].input_tensors
    inputs = {id(tensor) for tensor in model.inputs}
    return [tensor for key, tensor in found.items() if key not in inputs]


def evidence_gradients(
    above: keras.Model, values: list[Floats], classes: NDArray[np.int64]
) -> list[Floats]:
    """Return the gradient of each picture's evidence at ``values``, shapes as they are.

    ``above`` makes class probabilities of the maps ``values``; its weights are left as they are.
    """
    above.trainable = False
    for layer in above._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    inputs = [keras.Input(batch_shape=each.shape) for each in values]
    changes = [_Change() for _ in values]
    changed = [change(each) for change, each in zip(changes, inputs, strict=True)]
    network = keras.Model(inputs, above(changed if len(changed) > 1 else changed[0]))
    network.compile(
        keras.optimizers.SGD(learning_rate=1.0),
        loss=_minus_evidence,
        jit_compile=keras.backend.backend() == "jax",
    )
    targets = np.eye(above.output_shape[-1], dtype=np.float32)[classes]
    network.train_on_batch(values if len(values) > 1 else values[0], targets)
    # The loss is a mean over pictures.
    return [len(classes) * ops.convert_to_numpy(each.change) for each in changes]


class _Change(keras.layers.Layer):
    """Adds weights, zero at first, of the shape of its input."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.change = self.add_weight(input_shape, "zeros", name="change")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + self.change


def _minus_evidence(targets: Tensor, probabilities: Tensor) -> Tensor:
    own = ops.sum(targets * probabilities, axis=-1)
    others = ops.sum((1 - targets) * probabilities, axis=-1)
    floor = PROBABILITY_FLOOR
    return ops.log(ops.maximum(others, floor)) - ops.log(ops.maximum(own, floor))


def _joined(found: list[Floats], height: int, width: int) -> Floats:
    """Return the sum of maps ``(n, h, w)`` of several sizes as ``(n, height, width)``, 0 or more.

    They are added up on the coarsest one's places, so that what is for and against the class
    within such a place makes up for each other, as it does in the classifier.
    """
    grid = [
        max(min(sides), min(USUAL_SIDE, max(sides)))
        for sides in zip(*(each.shape[1:] for each in found), strict=True)
    ]
    summed = np.sum([_spread(each, grid[0], grid[1], BOX) for each in found], axis=0)
    return _spread(np.maximum(summed, 0), height, width, BILINEAR)


def _spread(evidence: Floats, height: int, width: int, how: Image.Resampling) -> Floats:
    """Return maps ``(n, h, w)`` as ``(n, height, width)``, their sums kept about."""
    density = evidence.shape[1] * evidence.shape[2] / (height * width)
    resized = [
        Image.fromarray(each.astype(np.float32)).resize((width, height), how) for each in evidence
    ]
    return np.stack([np.asarray(each, np.float32) * np.float32(density) for each in resized])


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]
