"""How large a data set's pictures usually are, from a few files' headers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from PIL import Image

from autosmall.data.images import FORMATS

LOOKED_AT = 64


def usual_size_px(paths: Sequence[Path]) -> int | None:
    """Return the median side of the pictures, the square root of their area in pixels.

    At most :data:`LOOKED_AT` files, evenly spread, are opened, and their pixels are not decoded;
    ``None`` if none of them can be read.
    """
    step = max(1, len(paths) // LOOKED_AT)
    sizes = [size for path in paths[::step][:LOOKED_AT] if (size := _size_px(path)) is not None]
    return round(median(sizes)) if sizes else None


def _size_px(path: Path) -> float | None:
    if not path.is_file():
        return None
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return float((width * height) ** 0.5)
