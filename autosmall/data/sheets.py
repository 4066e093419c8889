"""Small pictures as PNG: shrunken, side by side on a sheet, and back, value for value."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pictures = NDArray[np.uint8]


def shrink(pictures: Pictures, most_px: int) -> Pictures:
    """Return square pictures ``(k, s, s, c)`` with sides of at most ``most_px``, area-averaged."""
    if pictures.shape[1] <= most_px:
        return pictures
    size, box = (most_px, most_px), Image.Resampling.BOX
    return np.stack([_array(_image(picture).resize(size, box)) for picture in pictures])


def encode_png(picture: Pictures) -> bytes:
    """Return ``uint8 (h, w, c)`` with 1 or 3 channels as a PNG file."""
    buffer = io.BytesIO()
    _image(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def encode_sheet(above: Pictures, below: Pictures) -> bytes:
    """Return two rows of square pictures ``(k, s, s, c)``, ``k`` at least 1, as one PNG file."""
    return encode_png(np.concatenate([np.concatenate(list(row), axis=1) for row in (above, below)]))


def decode_sheet(content: bytes, count: int) -> tuple[Pictures, Pictures]:
    """Return the two rows of ``count`` pictures of an encoded sheet.

    Raises ``OSError`` or ``ValueError`` where the file is torn or holds something else.
    """
    with Image.open(io.BytesIO(content)) as image:
        sheet = _array(image)
    side = sheet.shape[0] // 2
    if sheet.shape[:2] != (2 * side, count * side):
        raise ValueError(f"a sheet of {sheet.shape[1]} x {sheet.shape[0]} px for {count} pictures")
    above, below = (np.stack(np.split(row, count, axis=1)) for row in np.split(sheet, 2))
    return above, below


def _image(picture: Pictures) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def _array(image: Image.Image) -> Pictures:
    picture = np.asarray(image, np.uint8)
    return picture[..., None] if picture.ndim == 2 else picture
