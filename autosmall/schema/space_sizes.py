"""The size of pictures that goes with a backbone, put into a search space.

A network trained on pictures of 28 px sees little in pictures of 160 px: measured on written
digits, 0.95 at its own size against 0.74. Starts with such a backbone therefore take its own size,
and that size becomes one of the choices.
"""

from __future__ import annotations

from dataclasses import replace

from autosmall.schema.config import Value
from autosmall.schema.space import ChoiceDimension, Dimension, Space, Start

SIZE = "image_size_px"
BACKBONE = "backbone"


def with_own_size(space: Space, backbone: str, size_px: int) -> Space:
    """Return ``space`` in which ``backbone`` can see pictures of ``size_px``, and its starts do.

    Only smaller pictures are a reason: where the space offers none above ``size_px``, and for
    starts that are smaller already, nothing changes.
    """
    users = {
        strategy
        for dimension in space.dimensions[1:]
        if dimension.name == BACKBONE and dimension.contains(backbone)
        for strategy in dimension.conditions[0].values
    }
    dimensions = tuple(_admitting(each, users, size_px) for each in space.dimensions)
    starts = tuple(_at_own_size(start, backbone, size_px) for start in space.starts)
    return replace(space, dimensions=dimensions, starts=starts)


def _admitting(dimension: Dimension, users: set[Value], size_px: int) -> Dimension:
    """Return a dimension of sizes with ``size_px`` among its choices, smallest first."""
    if dimension.name != SIZE or not isinstance(dimension, ChoiceDimension):
        return dimension
    used = users & set(dimension.conditions[0].values)
    larger = any(isinstance(choice, int) and choice > size_px for choice in dimension.choices)
    if not used or not larger or dimension.contains(size_px):
        return dimension
    return replace(dimension, choices=tuple(sorted((*dimension.choices, size_px), key=float)))


def _at_own_size(start: Start, backbone: str, size_px: int) -> Start:
    size = start.preferences.get(SIZE)
    if start.preferences.get(BACKBONE) != backbone or not isinstance(size, int) or size <= size_px:
        return start
    return replace(start, preferences={**start.preferences, SIZE: size_px})
