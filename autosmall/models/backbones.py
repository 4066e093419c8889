"""Backbones as Keras models: pictures 0 to 255 in, feature maps out, cut into blocks.

A backbone's graph is flat, from the pictures on: grey pictures are repeated to three channels
and pixels scaled by Keras's own layers, so it can be saved and read again in safe mode.
BatchNormalization always works in inference mode.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from autosmall.errors import BackboneError
from autosmall.models.backbone_table import BACKBONES, BackboneEntry
from autosmall.schema.backbone_source import BackboneSource

Tensor = Any
"""A symbolic tensor of Keras."""

CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)
TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
TORCH_DEVIATION_RGB = (0.229, 0.224, 0.225)
STAGES = 4
"""Number of resolutions, from the coarsest, whose last maps make up several-layer features."""

_NAMED_BLOCK = re.compile(
    r"conv_(?:pw|dw|pad)_(\d+)|(block_?\d+[a-z]?)(?=_|$)|(conv\d+_block\d+)(?=_)"
    r"|(stage_\d+_block_\d+)|(expanded_conv(?:_\d+)?)(?=_)|(mixed_?\d+[a-z]?)(?=_|$)"
    r"|(block\d+_\d+)(?=_|$)"
)


@dataclass(frozen=True)
class Block:
    """Layers that are trained or left alone together.

    Attributes:
        name: From the layers' own names (``block5``, ``conv_13``).
        layers: Names of its layers, from bottom to top.
        input: The one tensor that enters it.
        output: The one tensor that leaves it.
    """

    name: str
    layers: tuple[str, ...]
    input: Tensor
    output: Tensor


@dataclass(frozen=True)
class Backbone:
    """A feature extractor.

    Attributes:
        model: ``float32 (n, size, size, channels)`` with values 0 to 255 to the last feature map
            ``(n, h, w, width)``. Nothing is trainable.
        blocks: From top to bottom; together they hold all layers above the scaling.
        stages: Feature maps for several-layer features, the last one first.
        grid: Pooling keeps ``grid x grid`` regions apart.
    """

    model: keras.Model
    blocks: tuple[Block, ...]
    stages: tuple[Tensor, ...]
    grid: int = 1


def build_backbone(source: BackboneSource, input_shape: tuple[int, int, int]) -> Backbone:
    """Return the backbone with its weights, for pictures of ``input_shape``.

    Raises ``BackboneError`` where the weights do not fit or the file cannot be used.
    """
    if source.kind == "applications":
        model = _build_application(BACKBONES[source.name], source.weights_path, input_shape)
    else:
        model = _build_from_file(source, input_shape)
    return backbone_from_model(model)


def build_untrained(name: str, input_shape: tuple[int, int, int]) -> Backbone:
    """Return the architecture called ``name`` with random weights."""
    return backbone_from_model(_build_application(BACKBONES[name], None, input_shape))


def backbone_from_model(model: keras.Model, grid: int = 1) -> Backbone:
    """Return the backbone that ``model`` (pictures to a feature map) makes, nothing trainable."""
    model.trainable = False
    blocks = find_blocks(model)
    return Backbone(model, blocks, _stages(blocks), grid)


def _build_application(
    entry: BackboneEntry, weights_path: str | None, input_shape: tuple[int, int, int]
) -> keras.Model:
    pictures = keras.Input(input_shape, name="pictures")
    scaled = _scale(_three_channels(pictures), entry.scaling)
    arguments: dict[str, Any] = {}
    if entry.alpha is not None:
        arguments["alpha"] = entry.alpha
    if entry.minimalistic:
        arguments["minimalistic"] = True
    function = getattr(keras.applications, entry.function)
    try:
        model = function(
            include_top=False,
            weights=weights_path,
            input_tensor=scaled,
            input_shape=(*input_shape[:2], 3),
            **arguments,
        )
    except (ValueError, OSError, KeyError) as error:
        raise BackboneError(
            f"the weights {weights_path!r} do not fit {entry.name}: {error}",
            "weights without classifier, as Keras stores them",
            "fetch the file again, or choose another backbone",
        ) from error
    if entry.scaling == "caffe":
        _turn_channels(model)
    if entry.scaling_lacks_deviation and weights_path is not None:
        _divide_by_root_deviation(model)
    return keras.Model(pictures, model.output, name="backbone")


def _three_channels(pictures: Tensor) -> Tensor:
    if pictures.shape[-1] == 3:
        return pictures
    return keras.layers.Concatenate(name="grey_to_rgb")([pictures] * 3)


def _scale(pictures: Tensor, scaling: str) -> Tensor:
    if scaling == "none":
        return pictures
    if scaling == "tf":
        scale, offset = [1 / 127.5] * 3, [-1.0] * 3
    elif scaling == "caffe":
        scale, offset = [1.0] * 3, [-mean for mean in CAFFE_MEAN_RGB]
    else:
        scale = [1 / (255 * deviation) for deviation in TORCH_DEVIATION_RGB]
        offset = [
            -mean / deviation
            for mean, deviation in zip(TORCH_MEAN_RGB, TORCH_DEVIATION_RGB, strict=True)
        ]
    return keras.layers.Rescaling(scale, offset, name="scaling")(pictures)


def _turn_channels(model: keras.Model) -> None:
    """Let the first convolution take RGB instead of BGR, so that no layer need reverse them."""
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    first.kernel.assign(keras.ops.flip(first.kernel, axis=2))


def _divide_by_root_deviation(model: keras.Model) -> None:
    """Give EfficientNet the division that its weights were trained with.

    keras.applications adds it for ``weights="imagenet"`` only; here it goes into the variance of
    the network's own Normalization layer: ``1 / sqrt(variance * deviation)``.
    """
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    deviation = keras.ops.convert_to_tensor(TORCH_DEVIATION_RGB)
    layer.variance = layer.variance * deviation
    if layer.adapt_variance is not None:
        layer.adapt_variance.assign(layer.adapt_variance * deviation)


def _build_from_file(source: BackboneSource, input_shape: tuple[int, int, int]) -> keras.Model:
    """Return a user's model up to its last feature map, rebuilt for ``input_shape``.

    The model must take RGB pictures with values 0 to 255 and hold Keras's own layers only.
    """
    try:
        whole = keras.saving.load_model(source.weights_path, compile=False, safe_mode=True)
        last = [tensor for layer in whole.layers if len((tensor := layer.output).shape) == 4][-1]
        below = keras.Model(whole.inputs[0], last)
        pictures = keras.Input(input_shape, name="pictures")
        model = keras.models.clone_model(below, input_tensors=_three_channels(pictures))
        model.set_weights(below.get_weights())
    except (ValueError, TypeError, OSError, IndexError, AttributeError) as error:
        raise BackboneError(
            f"the model {source.weights_path!r} cannot be used as a backbone: {error}",
            "a Keras model of Keras's own layers that takes RGB pictures with values 0 to 255 "
            "and has convolutional feature maps",
            "save it again with Keras 3 and without custom layers or Lambda",
        ) from error
    return keras.Model(pictures, model.output)


def find_blocks(model: keras.Model) -> tuple[Block, ...]:
    """Return the blocks of a functional model, from top to bottom.

    A model can be cut wherever a single tensor carries all that the layers above need. The
    pieces between cuts are joined where their layers' names say that they belong together, or
    where they hold nothing that fine-tuning could train.
    """
    groups: list[tuple[str, list[keras.Layer]]] = []
    for piece in _pieces(model):
        name, is_named = _block_name(piece)
        if groups and not _has_kernel(groups[-1][1]):
            groups[-1] = (name, groups[-1][1] + piece)
        elif groups and (name == groups[-1][0] or not (is_named or _has_kernel(piece))):
            groups[-1][1].extend(piece)
        else:
            groups.append((name, list(piece)))
    blocks: list[Block] = []
    for name, layers in groups:
        entering = blocks[-1].output if blocks else model.input
        names = tuple(layer.name for layer in layers)
        blocks.append(Block(name, names, entering, layers[-1].output))
    return tuple(reversed(blocks))


def _pieces(model: keras.Model) -> list[list[keras.Layer]]:
    """Return the layers (and plain operations) between cuts, bottom to top, input layer aside."""
    layers = [layer for layer in model.operations if not isinstance(layer, keras.layers.InputLayer)]
    place = {layer.name: position for position, layer in enumerate(layers)}
    last_use = list(range(len(layers)))
    for position, layer in enumerate(layers):
        for tensor in _as_list(layer.input):
            source = place.get(tensor._keras_history.operation.name)
            if source is not None:
                last_use[source] = max(last_use[source], position)
    pieces: list[list[keras.Layer]] = [[]]
    reach = 0
    for position, layer in enumerate(layers):
        pieces[-1].append(layer)
        if reach <= position and len(_as_list(layer.output)) == 1:
            pieces.append([])
        reach = max(reach, last_use[position])
    return [piece for piece in pieces if piece]


def _as_list(tensors: Tensor) -> list[Tensor]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _block_name(piece: Sequence[keras.Layer]) -> tuple[str, bool]:
    """Return the name that the topmost telling layer carries, or a plain one and ``False``."""
    for layer in reversed(piece):
        match = _NAMED_BLOCK.search(layer.name)
        if match:
            return (f"conv_{match[1]}" if match[1] else match[0]), True
    return str(piece[-1].name), False


def _has_kernel(piece: Sequence[keras.Layer]) -> bool:
    return any(
        len(weight.shape) > 1 and not isinstance(layer, keras.layers.Normalization)
        for layer in piece
        for weight in getattr(layer, "weights", ())
    )


def _stages(blocks: tuple[Block, ...]) -> tuple[Tensor, ...]:
    """Return the last map of each of the coarsest resolutions, coarsest first."""
    by_size: dict[int, Tensor] = {}
    for block in blocks:
        if len(block.output.shape) == 4:
            by_size.setdefault(block.output.shape[1], block.output)
    return tuple(by_size.values())[:STAGES]
