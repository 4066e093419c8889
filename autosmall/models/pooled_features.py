"""Pooled feature maps: one vector per picture from one or several layers of a backbone.

A forward pass pools every stage both ways; which columns a configuration uses is decided
afterwards, so all of them share one pass. Only the pyramid, which is longer, has one of its own.
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
from autosmall.models.region_pooling import pool_regions, regions_fit

Tensor = Any
Floats = NDArray[np.float32]

PADDED_TO = 8

ROOT_FLOOR = 1e-4
"""Added under the root, which would otherwise be infinitely steep at 0."""

POOLINGS = {
    "avg": (("avg", 1),),
    "avg_max": (("avg", 1), ("max", 1)),
    "pyramid": (("avg", 1), ("avg", 2)),
}
"""Name to what is put side by side: means or maxima, of so many regions along each side.

The pyramid is that of Lazebnik, Schmid and Ponce, "Beyond bags of features: Spatial pyramid
matching for recognizing natural scene categories", CVPR 2006, with two levels: what a picture
shows, and what each quarter shows. A third level would have 21 numbers per channel where the last
maps of 96 to 224 px have 9 to 49.
"""
WHOLE = {"avg": "avg_max", "avg_max": "avg_max", "pyramid": "pyramid"}
"""Pooling to the one whose vector of all stages holds its columns."""


@dataclass(frozen=True)
class PooledPart:
    """Consecutive columns: stage (0 is the last), pooling (``avg``, ``max``), regions, width.

    ``cells`` are the regions along each side of the map.
    """

    stage: int
    pooling: str
    cells: int
    width: int


def used_parts(backbone: Backbone, layers: str, pooling: str) -> tuple[PooledPart, ...]:
    """Return the parts that ``layers`` (``last``, ``multi``) and ``pooling`` name, in order.

    Levels of a pyramid with more regions than a map has rows or columns are left out. A backbone
    beside it has parts of its own.
    """
    stages = backbone.stages[:1] if layers == "last" else backbone.stages
    parts = []
    for stage, feature_map in enumerate(stages):
        for kind, level in POOLINGS[pooling]:
            cells = level * backbone.grid
            if level == 1 or regions_fit(feature_map, cells):
                width = int(feature_map.shape[-1]) * cells**2
                parts.append(PooledPart(stage, kind, cells, width))
    return tuple(parts)


def used_columns(backbone: Backbone, layers: str, pooling: str) -> NDArray[np.int64]:
    """Return which columns of the full vector of its pooling a configuration uses."""
    used = set(used_parts(backbone, layers, pooling))
    columns: list[NDArray[np.int64]] = []
    start = 0
    for part in used_parts(backbone, "multi", WHOLE[pooling]):
        if part in used:
            columns.append(np.arange(start, start + part.width))
        start += part.width
    return np.concatenate(columns)


def full_width(backbone: Backbone, pooling: str) -> int:
    """Return the length of the full vector that holds the columns of ``pooling``."""
    return sum(part.width for part in used_parts(backbone, "multi", WHOLE[pooling]))


def pooled_tensor(backbone: Backbone, layers: str, pooling: str) -> Tensor:
    """Return the symbolic vector ``(n, width)`` that a configuration uses."""
    tensors = [
        pool_map(each.stages[part.stage], part)
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


def feature_model(backbone: Backbone, pooling: str = "avg_max") -> keras.Model:
    """Return the model from pictures to the full vector that holds the columns of ``pooling``."""
    return keras.Model(backbone.model.input, pooled_tensor(backbone, "multi", WHOLE[pooling]))


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


def pool_map(feature_map: Tensor, part: PooledPart) -> Tensor:
    """Return the vectors ``(n, width)`` that ``part`` makes of a feature map."""
    if part.cells > 1:
        return pool_regions(feature_map, part.cells, part.pooling)
    if part.pooling == "avg":
        return keras.layers.GlobalAveragePooling2D()(feature_map)
    return keras.layers.GlobalMaxPooling2D()(feature_map)
