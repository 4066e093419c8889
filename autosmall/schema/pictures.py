"""How a picture becomes an array: the part of a configuration that decoding depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autosmall.schema.config import Config

InputShape = tuple[int | None, int | None, int]
"""Height, width and channels of a network's input; a side that differs is ``None``."""

NATIVE = "native"
"""The resize policy under which a picture keeps its aspect ratio and, up to a cap, its size."""

GRID_CELLS = 8
SMALLEST_CELL_PX = 8
LONGEST_SIDE_FACTOR = 2
SHORTEST_SIDE_DIVISOR = 4


@dataclass(frozen=True, order=True)
class PictureSpec:
    """The pictures' size in pixels, how they are brought to it, and their colours.

    Arrays made to a spec are ``uint8`` of shape ``(n, height, width, channels)`` with 3 channels
    for ``rgb`` and 1 for ``grayscale``. Under ``native`` there is one such array per shape (see
    :mod:`autosmall.schema.mixed_pictures`); under all other policies height and width are
    ``image_size_px``.

    Attributes:
        image_size_px: Side of the square; under ``native`` the side of a square as large as the
            largest picture.
        resize_policy: ``stretch``, ``letterbox``, ``center_crop`` or ``native``.
        color_mode: ``rgb`` or ``grayscale``.
        smallest_side_px: Under ``native``, no side is shorter: what the network can take.
    """

    image_size_px: int
    resize_policy: str = "stretch"
    color_mode: str = "rgb"
    smallest_side_px: int = SMALLEST_CELL_PX

    @property
    def channels(self) -> int:
        """3 for ``rgb``, 1 for ``grayscale``."""
        return 3 if self.color_mode == "rgb" else 1

    @property
    def is_native(self) -> bool:
        """Whether pictures differ in shape."""
        return self.resize_policy == NATIVE

    @property
    def input_shape(self) -> InputShape:
        """What a network takes; both sides are ``None`` under ``native``."""
        side = None if self.is_native else self.image_size_px
        return (side, side, self.channels)

    @classmethod
    def from_config(cls, config: Config) -> PictureSpec:
        """Return the spec that a configuration with the input parameters asks for."""
        return cls(
            config.integer("image_size_px"),
            config.text("resize_policy"),
            config.text("color_mode"),
        )

    def prepared_size(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Return height and width that a picture of the given size is made to.

        Under ``native``, the picture is scaled as a whole: down to the area of the square of side
        ``image_size_px`` and to twice that side, or up until its short side is long enough, as
        far as these two limits allow. Then each side goes to the nearest multiple of an eighth of
        ``image_size_px`` (at least 8 px), so that few shapes exist whatever the pictures; the
        shortest is a quarter of it, or ``smallest_side_px``. Sizes of one data set thus do not
        depend on one another.
        """
        if not self.is_native:
            return self.image_size_px, self.image_size_px
        cap, cell = self.image_size_px, max(SMALLEST_CELL_PX, self.image_size_px // GRID_CELLS)
        least = math.ceil(max(self.smallest_side_px, cap / SHORTEST_SIDE_DIVISOR) / cell)
        most = max(least, LONGEST_SIDE_FACTOR * cap // cell)
        scale = min(
            max(1.0, least * cell / min(height_px, width_px)),
            cap / math.sqrt(height_px * width_px),
            LONGEST_SIDE_FACTOR * cap / max(height_px, width_px),
        )
        height, width = (
            cell * min(max(round(side * scale / cell), least), most)
            for side in (height_px, width_px)
        )
        return height, width
