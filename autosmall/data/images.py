"""The one decode-and-resize: search, prediction and the checks of exports all read pictures here.

Choices, the same everywhere: only the first frame counts; the EXIF orientation is applied; what
is transparent shows white; grey is ITU-R 601 luma; 16-bit values are divided by 257; resizing is
Pillow's bilinear filter, whose support grows with the reduction, so it does not alias. A JPEG file
much larger than what it is made to is decoded at a half, a quarter or an eighth of its size, as
the format allows (see :data:`REDUCTION_MARGIN`).
"""

from __future__ import annotations

import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from autosmall.schema.mixed_pictures import MixedPictures, Pictures
from autosmall.schema.pictures import PictureSpec

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in pixels."""

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")
"""Formats that are ever decoded, in Pillow's names."""

MAX_PIXELS = 89_478_485
"""Largest picture that is decoded: Pillow's own limit, a quarter of a gibibyte at 3 bytes each."""

LETTERBOX_COLOR = (0, 0, 0)
"""What fills the rest of the square under the policy ``letterbox``: black."""

TRANSPARENT_COLOR = (255, 255, 255)
"""What shows through transparent pixels: white, as on a page."""

REDUCTION_MARGIN = 4
"""How many times as long as asked for the sides of a JPEG file stay that is decoded smaller.

Of 12 million pixels for 224 px that takes a quarter of the time. After resizing, a value differs by
one or two levels of 255 at most, by four at edges of full contrast.
"""

PICTURES_AHEAD = 256
"""How many pictures are decoded ahead at most."""

_ORIENTATION_TAG = 0x0112
_BITS_PER_SAMPLE_TAG = 258
_TRANSPOSITIONS: Mapping[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS, _FROM_THE_RIGHT, _FROM_BELOW = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    ArithmeticError,
    AttributeError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow's decoders have been seen to raise on broken files."""

# Pillow warns about every odd tag; what matters is said by UnreadablePictureError instead.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class UnreadablePictureError(Exception):
    """A file that cannot be decoded. ``reason`` completes the sentence "the file ..."."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Return the picture upright, in colour and at its own size: ``uint8 (height, width, 3)``.

    Raises ``UnreadablePictureError`` for a file that is missing, no regular file (nothing else
    is ever opened), in none of :data:`FORMATS`, over :data:`MAX_PIXELS`, truncated or broken.
    """
    return read_picture_and_format(path)[0]


def read_picture_and_format(path: str | Path) -> tuple[NDArray[np.uint8], str]:
    """Return :func:`read_picture` and the format that the content has, one of :data:`FORMATS`."""
    with _opened(path) as image:
        image.load()
        return _to_rgb(_upright(image)), str(image.format)


def prepare_picture(picture: NDArray[np.uint8], spec: PictureSpec) -> NDArray[np.uint8]:
    """Return ``picture`` (``uint8 (h, w, 3)``) made to ``spec``: ``uint8 (H, W, channels)``.

    H and W are ``spec.prepared_size(h, w)``. ``stretch`` ignores the aspect ratio; ``letterbox``
    keeps it and fills the rest with :data:`LETTERBOX_COLOR`; ``center_crop`` keeps it and cuts
    the longer side; ``native`` keeps it as nearly as its grid of sizes allows.
    """
    height, width = picture.shape[:2]
    return _made_to(picture, spec, spec.prepared_size(height, width), (0, 0, width, height))


def load_picture(path: str | Path, spec: PictureSpec) -> NDArray[np.uint8]:
    """Return the file's picture made to ``spec``. Raises as :func:`read_picture` does.

    It is :func:`prepare_picture` of :func:`read_picture`, but for large JPEG files, which are
    decoded at a fraction of their size.
    """
    with _opened(path) as image:
        width, height = image.size
        least = REDUCTION_MARGIN * max(spec.prepared_size(height, width))
        drafted = image.draft(None, (least, least))
        image.load()
        orientation = _orientation(image)
        box = _turned(drafted[1] if drafted else (0, 0, width, height), image.size, orientation)
        if orientation in _SIDEWAYS:
            height, width = width, height
        picture = _to_rgb(_upright(image))
    return _made_to(picture, spec, spec.prepared_size(height, width), box)


def load_pictures(paths: Sequence[str | Path], spec: PictureSpec) -> Pictures:
    """Return all files' pictures made to ``spec``, in order, read-only.

    ``uint8 (n, S, S, channels)``, or one such array per shape under the policy ``native``.
    """
    return stack_pictures(iterate_pictures(paths, spec), len(paths), spec)


def iterate_pictures(paths: Sequence[str | Path], spec: PictureSpec) -> Iterator[NDArray[np.uint8]]:
    """Yield :func:`load_picture` of all files in order, a few ahead, on one thread per core."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for start in range(0, len(paths), PICTURES_AHEAD):
            ahead = paths[start : start + PICTURES_AHEAD]
            yield from pool.map(load_picture, ahead, [spec] * len(ahead))


def stack_pictures(
    prepared: Iterable[NDArray[np.uint8]], count: int, spec: PictureSpec
) -> Pictures:
    """Return ``count`` pictures, prepared to ``spec`` one by one, as one holder, read-only."""
    if spec.is_native:
        return MixedPictures.of(list(prepared))
    side = spec.image_size_px
    pictures = np.empty((count, side, side, spec.channels), dtype=np.uint8)
    for row, picture in enumerate(prepared):
        pictures[row] = picture
    pictures.flags.writeable = False
    return pictures


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """Open a file to decode; what decoders raise meanwhile becomes ``UnreadablePictureError``."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            raise UnreadablePictureError("is no regular file")
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UnreadablePictureError(_too_large(f"{width} x {height} pixels"))
            yield image
    except UnidentifiedImageError as error:
        raise UnreadablePictureError(f"is no {', '.join(FORMATS[:-1])} or WebP picture") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadablePictureError(_too_large("far more pixels")) from error
    except _DECODE_ERRORS as error:
        raise UnreadablePictureError(f"cannot be decoded ({_one_line(error)})") from error


def _made_to(
    picture: NDArray[np.uint8], spec: PictureSpec, size: tuple[int, int], box: Box
) -> NDArray[np.uint8]:
    """Return what ``box`` holds of a picture, made to ``size`` (height, width)."""
    height, width = size
    image = Image.fromarray(picture)
    if spec.color_mode == "grayscale":
        image = image.convert("L")
    if spec.resize_policy == "letterbox":
        image = _letterbox(image, spec.image_size_px, box)
    else:
        box = _central_square(box) if spec.resize_policy == "center_crop" else box
        image = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image).reshape(height, width, spec.channels)


def _turned(box: Box, size: tuple[int, int], orientation: object) -> Box:
    """Return where a box from the first corner of a file's pixels lies in the upright picture.

    Decoded smaller, the last pixels of a row or column may stand for a part of a pixel only: the
    picture is what the box holds.
    """
    (_, _, right, bottom), (width, height) = box, size
    if orientation in _SIDEWAYS:
        right, bottom, width, height = bottom, right, height, width
    left = width - right if orientation in _FROM_THE_RIGHT else 0
    top = height - bottom if orientation in _FROM_BELOW else 0
    return left, top, left + right, top + bottom


def _upright(image: Image.Image) -> Image.Image:
    transposition = _TRANSPOSITIONS.get(_orientation(image))
    return image if transposition is None else image.transpose(transposition)


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except _DECODE_ERRORS:
        return 1  # broken EXIF data says nothing about the pixels


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I") or image.mode == "F":
        return _wide_to_rgb(image)
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (*TRANSPARENT_COLOR, 255))
        image = Image.alpha_composite(ground, layered)
    return np.array(image.convert("RGB"))


def _wide_to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Scale more than 8 bits to 8.

    16-bit values (``I;16``) have a known range. 32-bit integers and floats have none that is
    agreed: the smallest of 0 to 1 (floats only), 0 to 255 and 0 to 65535 that holds them is
    taken for theirs, and failing these their own minimum to maximum.
    """
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise UnreadablePictureError("holds values that are no finite numbers")
    low, high = _value_range(image, values)
    scaled = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
    grey = np.rint(scaled).astype(np.uint8)
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def _value_range(image: Image.Image, values: NDArray[np.float64]) -> tuple[float, float]:
    if image.mode.startswith("I;16"):
        return 0.0, float(2 ** _bits_per_sample(image) - 1)
    least, most = float(values.min()), float(values.max())
    usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    for high in usual:
        if least >= 0 and most <= high:
            return 0.0, high
    return least, most


def _bits_per_sample(image: Image.Image) -> int:
    tags = getattr(image, "tag_v2", None)
    return int(tags.get(_BITS_PER_SAMPLE_TAG, (16,))[0]) if tags is not None else 16


def _letterbox(image: Image.Image, side: int, box: Box) -> Image.Image:
    lengths = (box[2] - box[0], box[3] - box[1])
    scale = side / max(lengths)
    width, height = (min(side, max(1, round(length * scale))) for length in lengths)
    inner = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
    fill = LETTERBOX_COLOR if image.mode == "RGB" else LETTERBOX_COLOR[0]
    square = Image.new(image.mode, (side, side), fill)
    square.paste(inner, ((side - width) // 2, (side - height) // 2))
    return square


def _central_square(box: Box) -> Box:
    width, height = box[2] - box[0], box[3] - box[1]
    side = min(width, height)
    left, top = box[0] + (width - side) / 2, box[1] + (height - side) / 2
    return left, top, left + side, top + side


def _too_large(what: str) -> str:
    return f"claims {what}, and more than {MAX_PIXELS // 1_000_000} million are not decoded"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
