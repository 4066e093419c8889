"""Pooled feature maps: one vector per picture from one or several layers of a backbone.

A forward pass pools every stage both ways; which columns a configuration uses is decided
afterwards, so all of them share one pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.models.backbones import Backbone
from autosmall.models.feature_cache import CHUNK_PICTURES
from autosmall.models.region_pooling import RegionPooling

Tensor = Any
Floats = NDArray[np.float32]

PADDED_TO = 8

ROOT_FLOOR = 1e-4
"""Added under the root, which would otherwise be infinitely steep at 0."""

POOLINGS = {"avg": ("avg",), "avg_max": ("avg", "max")}


@dataclass(frozen=True)
class PooledPart:
    """Stage (0 is the last), pooling (``avg``, ``max``) and width of consecutive columns."""

    stage: int
    pooling: str
    width: int


def used_parts(backbone: Backbone, layers: str, pooling: str) -> tuple[PooledPart, ...]:
    """Return the parts that ``layers`` (``last``, ``multi``) and ``pooling`` name, in order.

    A backbone beside it has parts of its own.
    """
    stages = 1 if layers == "last" else len(backbone.stages)
    return tuple(
        PooledPart(stage, kind, int(backbone.stages[stage].shape[-1]) * backbone.grid**2)
        for stage in range(stages)
        for kind in POOLINGS[pooling]
    )


def used_columns(backbone: Backbone, layers: str, pooling: str) -> NDArray[np.int64]:
    """Return which columns of the full vector a configuration uses."""
    used = set(used_parts(backbone, layers, pooling))
    columns: list[NDArray[np.int64]] = []
    start = 0
    for part in used_parts(backbone, "multi", "avg_max"):
        if part in used:
            columns.append(np.arange(start, start + part.width))
        start += part.width
    return np.concatenate(columns)


def full_width(backbone: Backbone) -> int:
    """Return the length of the full vector."""
    return sum(part.width for part in used_parts(backbone, "multi", "avg_max"))


def pooled_tensor(backbone: Backbone, layers: str, pooling: str) -> Tensor:
    """Return the symbolic vector ``(n, width)`` that a configuration uses."""
    tensors = [
        pool_map(each.stages[part.stage], part.pooling, each.grid)
        for each in (backbone, backbone.beside)
        if each is not None
        for part in used_parts(each, layers, pooling)
    ]
    return tensors[0] if len(tensors) == 1 else keras.layers.Concatenate(name="features")(tensors)


def transformed(features: Floats, transform: str) -> Floats:
    """Return ``features``, or for ``sqrt`` their square roots with the sign kept.

    Means and maxima of rectified maps have long tails, which the root shortens (Perronnin,
    Sanchez and Mensink, "Improving the Fisher kernel", ECCV 2010, section 3.2).
    """
    if transform == "none":
        return features
    return np.asarray(features / np.sqrt(np.abs(features) + ROOT_FLOOR), np.float32)


def transformed_tensor(features: Tensor, transform: str) -> Tensor:
    """Return the same as :func:`transformed` of a symbolic tensor."""
    if transform == "none":
        return features
    return features / keras.ops.sqrt(keras.ops.abs(features) + ROOT_FLOOR)


def map_values(backbone: Backbone, layers: str) -> int | None:
    """Return how many numbers the maps hold before pooling; ``None`` where pictures differ."""
    stages = backbone.stages[:1] if layers == "last" else backbone.stages
    shapes = [tuple(stage.shape[1:]) for stage in stages]
    if any(None in shape for shape in shapes):
        return None
    return sum(math.prod(shape) for shape in shapes)


def feature_model(backbone: Backbone) -> keras.Model:
    """Return the model from pictures to the full vector."""
    return keras.Model(backbone.model.input, pooled_tensor(backbone, "multi", "avg_max"))


class Extractor:
    """Runs a model of pictures over batches of few shapes."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def __call__(self, pictures: NDArray[np.uint8]) -> Floats:
        """Return the outputs of at most a chunk of pictures.

        Chunks are padded to full ones, so nothing is traced twice. Where pictures differ in shape
        there may be many small chunks, so they are padded to a multiple of a few.
        """
        full = CHUNK_PICTURES if self._model.input_shape[1] is not None else PADDED_TO
        padding = [(0, -len(pictures) % full), (0, 0), (0, 0), (0, 0)]
        batch = np.pad(pictures, padding).astype(np.float32)
        return np.asarray(self._model.predict_on_batch(batch)[: len(pictures)], np.float32)


def pool_map(feature_map: Tensor, pooling: str, grid: int) -> Tensor:
    """Return one vector per map: means (``avg``) or maxima of ``grid x grid`` regions."""
    if grid == 1:
        layer = (
            keras.layers.GlobalAveragePooling2D
            if pooling == "avg"
            else keras.layers.GlobalMaxPooling2D
        )
        return layer()(feature_map)
    if feature_map.shape[1] is None:
        return RegionPooling(grid, pooling)(feature_map)
    side = int(feature_map.shape[1])
    stride = side // grid
    window = side - (grid - 1) * stride
    regional = keras.layers.AveragePooling2D if pooling == "avg" else keras.layers.MaxPooling2D
    return keras.layers.Flatten()(regional(window, stride)(feature_map))
