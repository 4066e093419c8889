"""Means or maxima over a grid of regions of feature maps, of one known size or of any.

Keras's own adaptive pooling wants to know the size when the network is built.
"""

from __future__ import annotations

from typing import Any

import keras

Tensor = Any

LEAST = -3.0e38
"""Stands in a maximum for what lies outside of the region."""


def pool_regions(feature_map: Tensor, cells: int, pooling: str) -> Tensor:
    """Return means (``avg``) or maxima (``max``) of ``cells x cells`` regions: ``(b, cells^2 c)``.

    Together they cover the map ``(b, h, w, c)``; they overlap where its side is no multiple of
    ``cells``.
    """
    sides = feature_map.shape[1:3]
    if None in sides:
        return RegionPooling(cells, pooling)(feature_map)
    strides = tuple(side // cells for side in sides)
    # With this size exactly `cells` windows fit, and together they cover the whole side.
    size = tuple(side - (cells - 1) * step for side, step in zip(sides, strides, strict=True))
    regional = keras.layers.AveragePooling2D if pooling == "avg" else keras.layers.MaxPooling2D
    return keras.layers.Flatten()(regional(size, strides)(feature_map))


def regions_fit(feature_map: Tensor, cells: int) -> bool:
    """Return whether a map has a pixel for each of ``cells x cells`` regions.

    Maps of several sizes count as fitting: smaller ones are pooled in regions that overlap.
    """
    return all(side is None or cells <= side for side in feature_map.shape[1:3])


@keras.saving.register_keras_serializable(package="autosmall")
class RegionPooling(keras.layers.Layer):
    """Pools ``(b, h, w, c)`` of any height and width to ``(b, cells * cells * c)``.

    Row region i of n covers rows ``floor(i h / n)`` to ``ceil((i + 1) h / n)``, columns likewise
    (He et al., "Spatial pyramid pooling in deep convolutional networks", TPAMI 2015, appendix A):
    together they cover the map, each holds at least one pixel, and neighbours overlap where the
    side is no multiple of n.

    Args:
        cells: Regions along each side, n.
        pooling: ``avg`` or ``max``.
        **options: Options of every Keras layer.
    """

    def __init__(self, cells: int, pooling: str, **options: Any) -> None:
        super().__init__(**options)
        self.cells = cells
        self.pooling = pooling

    def call(self, inputs: Tensor) -> Tensor:
        """Return the pooled vectors."""
        by_rows = self._pool(inputs, 1)
        pooled = self._pool(by_rows, 2)
        return keras.ops.reshape(pooled, (-1, self.cells**2 * inputs.shape[-1]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return ``(b, cells * cells * c)``."""
        channels = input_shape[-1]
        assert channels is not None
        return (input_shape[0], self.cells**2 * channels)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is built from."""
        return {**super().get_config(), "cells": self.cells, "pooling": self.pooling}

    def _pool(self, maps: Tensor, axis: int) -> Tensor:
        """Return the maps with ``axis`` (1 or 2) pooled to ``cells`` values."""
        inside = self._regions(keras.ops.shape(maps)[axis])
        if self.pooling == "avg":
            weights = keras.ops.cast(inside, maps.dtype)
            weights = weights / keras.ops.sum(weights, axis=1, keepdims=True)
            return keras.ops.einsum(
                "nh,bhwc->bnwc" if axis == 1 else "nw,bhwc->bhnc", weights, maps
            )
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        parts = [
            keras.ops.max(
                keras.ops.where(keras.ops.reshape(inside[cell], shape), maps, LEAST), axis=axis
            )
            for cell in range(self.cells)
        ]
        return keras.ops.stack(parts, axis=axis)

    def _regions(self, length: Tensor) -> Tensor:
        """Return which of ``length`` places each region covers: ``bool (cells, length)``."""
        place = keras.ops.arange(0, length, dtype="int32")[None, :]
        cell = keras.ops.arange(0, self.cells, dtype="int32")[:, None]
        begin = cell * length // self.cells
        end = ((cell + 1) * length + self.cells - 1) // self.cells
        return keras.ops.logical_and(place >= begin, place < end)
