"""Backbones as Keras models: pictures 0 to 255 in, feature maps out, cut into blocks.

A backbone's graph is flat, from the pictures on: grey pictures are repeated to three channels
and pixels scaled by Keras's own layers, so it can be saved and read again in safe mode.
BatchNormalization always works in inference mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras

from autosmall.models import builtin_backbone
from autosmall.models.application_backbones import build_application
from autosmall.models.backbone_blocks import Block, Tensor, find_blocks
from autosmall.models.backbone_table import BACKBONES
from autosmall.models.file_backbones import build_from_file
from autosmall.models.flat_copy import flat_copy
from autosmall.models.hub_backbones import build_from_preset
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.pictures import InputShape

USUAL_SIDE_PX = 256
STAGES = 4
"""Number of resolutions, from the coarsest, whose last maps make up several-layer features."""


@dataclass(frozen=True)
class Backbone:
    """A feature extractor.

    Attributes:
        model: ``float32 (n, height, width, channels)`` with values 0 to 255 to the last feature
            map ``(n, h, w, width)``. Nothing is trainable.
        blocks: From top to bottom; together they hold all layers above the scaling.
        stages: Feature maps for several-layer features, the last one first.
        grid: Pooling keeps ``grid x grid`` regions apart.
        beside: A second backbone on the same input, whose features stand after the first's.
    """

    model: keras.Model
    blocks: tuple[Block, ...]
    stages: tuple[Tensor, ...]
    grid: int = 1
    beside: Backbone | None = None


def build_backbone(source: BackboneSource, input_shape: InputShape) -> Backbone:
    """Return the backbone with its weights, for pictures of ``input_shape``.

    Raises ``BackboneError`` where the weights do not fit or the file cannot be used.
    """
    if source.kind == "applications":
        model = build_application(BACKBONES[source.name], source.weights_path, input_shape)
    elif source.kind == "file":
        model = build_from_file(source, input_shape)
    elif source.kind == "keras-hub":
        model = build_from_preset(source, input_shape)
    elif source.kind == "builtin":
        model = builtin_backbone.build_builtin(input_shape)
    else:
        raise ValueError(f"{source.kind} is not built from a file alone")
    return backbone_from_model(model, block_starts=source.block_starts)


def build_untrained(name: str, input_shape: InputShape) -> Backbone:
    """Return the architecture called ``name`` with random weights."""
    return backbone_from_model(build_application(BACKBONES[name], None, input_shape))


def backbone_from_model(
    model: keras.Model, grid: int = 1, block_starts: Sequence[str] = ()
) -> Backbone:
    """Return the backbone that ``model`` (pictures to a feature map) makes, nothing trainable."""
    model.trainable = False
    blocks = find_blocks(model, block_starts)
    return Backbone(model, blocks, _stages(model, blocks), grid)


def side_by_side(first: Backbone, second: Backbone) -> Backbone:
    """Return ``first`` with a copy of ``second`` on its input."""
    output = flat_copy(second.model, first.model.input)
    copy = backbone_from_model(keras.Model(first.model.input, output), second.grid)
    return replace(first, beside=copy)


def batch_normalizations(backbone: Backbone) -> tuple[str, ...]:
    """Return the names of the BatchNormalization layers, from bottom to top."""
    kind = keras.layers.BatchNormalization
    return tuple(layer.name for layer in backbone.model.layers if isinstance(layer, kind))


def _stages(model: keras.Model, blocks: tuple[Block, ...]) -> tuple[Tensor, ...]:
    """Return the last map of each of the coarsest resolutions, coarsest first."""
    maps = [block.output for block in blocks if len(block.output.shape) == 4]
    by_size: dict[int, Tensor] = {}
    for height, output in zip(_heights(model, maps), maps, strict=True):
        by_size.setdefault(height, output)
    return tuple(by_size.values())[:STAGES]


def _heights(model: keras.Model, maps: Sequence[Tensor]) -> list[int]:
    """Return the maps' heights, of pictures of a usual size where the model takes any."""
    shape = list(model.input.shape)
    if shape[1] is not None:
        return [int(output.shape[1]) for output in maps]
    example = keras.KerasTensor((1, USUAL_SIDE_PX, USUAL_SIDE_PX, shape[-1]))
    return [
        int(found.shape[1])
        for found in keras.Model(model.input, list(maps)).compute_output_spec(example)
    ]
