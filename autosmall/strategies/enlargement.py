"""Which sizes of a space are below what a backbone can take, so that pictures are made larger."""

from __future__ import annotations

from autosmall.models.backbone_table import smallest_input_px
from autosmall.schema.config import Config
from autosmall.schema.space import ChoiceDimension, Dimension, IntegerDimension, Space

SIZE, BACKBONE = "image_size_px", "backbone"
MOST_LISTED = 6


def enlarged(config: Config) -> Config:
    """Return ``config`` with a size that its backbone can take: its own, or the smallest."""
    least = smallest_input_px(config.text(BACKBONE))
    if config.integer(SIZE) >= least:
        return config
    return Config.from_mapping({**config.to_dict(), SIZE: least})


def enlarged_sizes(space: Space) -> tuple[str, ...]:
    """Return a sentence per backbone that cannot take all sizes which ``space`` offers for it."""
    too_small: dict[str, set[int]] = {}
    for strategy in space.strategies:
        own = _dimensions_of(space, strategy)
        backbones, sizes = own.get(BACKBONE), own.get(SIZE)
        if isinstance(backbones, ChoiceDimension) and sizes is not None:
            for name in map(str, backbones.choices):
                below = {size for size in _sizes(sizes) if size < smallest_input_px(name)}
                too_small.setdefault(name, set()).update(below)
    return tuple(
        f"{name} takes pictures of {smallest_input_px(name)} px or more: with it, those of "
        f"{_listed(sorted(sizes))} px are made {smallest_input_px(name)} px"
        for name, sizes in too_small.items()
        if sizes
    )


def _listed(sizes: list[int]) -> str:
    if len(sizes) > MOST_LISTED:
        return f"{sizes[0]} to {sizes[-1]}"
    return ", ".join(map(str, sizes))


def _dimensions_of(space: Space, strategy: str) -> dict[str, Dimension]:
    """Return parameter name to dimension, for one strategy."""
    return {
        dimension.name: dimension
        for dimension in space.dimensions[1:]
        if strategy in dimension.conditions[0].values
    }


def _sizes(dimension: Dimension) -> tuple[int, ...]:
    if isinstance(dimension, ChoiceDimension):
        return tuple(size for size in dimension.choices if isinstance(size, int))
    if isinstance(dimension, IntegerDimension):
        return tuple(range(dimension.low, dimension.high + 1, dimension.step))
    return ()
