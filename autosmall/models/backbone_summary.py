"""What is inside a backbone: its blocks from top to bottom, by the names of their layers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from autosmall.models.backbone_blocks import Block
from autosmall.models.backbones import (
    Backbone,
    batch_normalizations,
    build_backbone,
    build_untrained,
)
from autosmall.models.pooled_features import POOLINGS, used_parts
from autosmall.schema.backbone_source import BackboneSource

SIDE_PX = 224
"""Side of the pictures that a backbone is shown for."""


@dataclass(frozen=True)
class BlockSummary:
    """One block.

    Attributes:
        name: Of the block.
        begins_with: Name of its lowest layer with weights.
        layers: Names of its layers, from bottom to top.
        map_shape: Height, width and channels of what leaves it.
        parameters: Weights in it.
    """

    name: str
    begins_with: str
    layers: tuple[str, ...]
    map_shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class BackboneSummary:
    """A backbone built for pictures of :data:`SIDE_PX`.

    Attributes:
        blocks: From top to bottom.
        batch_normalizations: Names of these layers, from bottom to top.
        parameters: Weights in all.
        features: Channels of the last feature map.
        pooled: Pooling to the numbers per picture that it gives, of the last layer and of several.
    """

    blocks: tuple[BlockSummary, ...]
    batch_normalizations: tuple[str, ...]
    parameters: int
    features: int
    pooled: dict[str, tuple[int, int]]


def summarize_source(source: BackboneSource) -> BackboneSummary:
    """Return what is in a backbone with weights; ``BackboneError`` where it cannot be built."""
    return _summary(build_backbone(source, (SIDE_PX, SIDE_PX, 3)))


def summarize_architecture(name: str) -> BackboneSummary:
    """Return what is in a network of keras.applications; its weights are not needed."""
    return _summary(build_untrained(name, (SIDE_PX, SIDE_PX, 3)))


def _summary(backbone: Backbone) -> BackboneSummary:
    counts = {
        operation.name: sum(prod(weight.shape) for weight in getattr(operation, "weights", ()))
        for operation in backbone.model.operations
    }
    return BackboneSummary(
        tuple(_block_summary(block, counts) for block in backbone.blocks),
        batch_normalizations(backbone),
        int(backbone.model.count_params()),
        int(backbone.model.output.shape[-1]),
        {
            name: (_width(backbone, "last", name), _width(backbone, "multi", name))
            for name in POOLINGS
        },
    )


def _width(backbone: Backbone, layers: str, pooling: str) -> int:
    return sum(part.width for part in used_parts(backbone, layers, pooling))


def _block_summary(block: Block, counts: dict[str, int]) -> BlockSummary:
    with_weights = [name for name in block.layers if counts[name]]
    return BlockSummary(
        block.name,
        with_weights[0] if with_weights else block.layers[0],
        block.layers,
        tuple(int(side) for side in block.output.shape[1:]),
        sum(counts[name] for name in block.layers),
    )
