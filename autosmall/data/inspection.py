"""Looks at each picture once and keeps what the audit needs: facts, a hash and a thumbnail."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autosmall.data.duplicates import HASH_BITS
from autosmall.data.images import FORMATS, UnreadablePictureError, read_picture_and_format
from autosmall.data.previews import encode_preview

THUMBNAIL_PX = 32

GREY_TOLERANCE = 8
"""Largest difference between colour channels, in levels, in a picture that counts as grey."""

ROWS_AT_ONCE = 64
"""Rows of a picture that are asked for colour at once."""


@dataclass(frozen=True)
class PictureFacts:
    """What one decoded file was found to be; ``problem`` is set and the rest empty if it was not.

    Attributes:
        problem: Why it cannot be decoded, completing "the file ..."; empty if it can.
        format: The format its content has, in Pillow's names.
        width_px: Width as seen, EXIF orientation applied.
        height_px: Height as seen.
        digest: Equal for equal decoded pixels.
        is_grey: Whether no pixel has a colour.
        brightness: Mean grey level, 0 to 255.
        contrast: Standard deviation of the thumbnail's grey levels.
        brightest: Highest grey level of the thumbnail.
        perceptual_hash: ``bool (64,)``.
        thumbnail: Grey, ``uint8 (32, 32)``.
        preview: A small JPEG file (:mod:`autosmall.data.previews`), where it was asked for.
    """

    problem: str = ""
    format: str = ""
    width_px: int = 0
    height_px: int = 0
    digest: str = ""
    is_grey: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    brightest: int = 0
    perceptual_hash: NDArray[np.bool_] | None = None
    thumbnail: NDArray[np.uint8] | None = None
    preview: bytes = b""


def inspect_pictures(
    paths: Sequence[Path],
    on_progress: Callable[[int, int], None] | None = None,
    previews: bool = False,
) -> list[PictureFacts]:
    """Return the facts of all files, in order, decoded by one thread per core.

    ``on_progress(done, total)`` is called in this thread. A file that cannot be decoded yields
    its problem and never raises.
    """
    facts: list[PictureFacts] = []
    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        for found in pool.map(partial(inspect_picture, preview=previews), paths):
            facts.append(found)
            if on_progress is not None:
                on_progress(len(facts), len(paths))
    finally:
        pool.shutdown(cancel_futures=True)
    return facts


def inspect_picture(path: Path, preview: bool = False) -> PictureFacts:
    """Return the facts of one file, or its problem."""
    try:
        picture, content_format = read_picture_and_format(path)
    except UnreadablePictureError as error:
        return PictureFacts(problem=error.reason)
    grey = Image.fromarray(picture).convert("L")
    small = grey.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR)
    thumbnail = np.asarray(small)
    return PictureFacts(
        format=content_format,
        width_px=picture.shape[1],
        height_px=picture.shape[0],
        digest=_digest(picture),
        is_grey=_is_grey(picture),
        brightness=float(np.asarray(grey).mean()),
        contrast=float(thumbnail.std()),
        brightest=int(thumbnail.max()),
        perceptual_hash=imagehash.phash(small).hash.ravel(),
        thumbnail=thumbnail,
        preview=encode_preview(picture) if preview else b"",
    )


def is_hidden_picture(path: Path) -> bool:
    """Tell whether a file without a picture's extension holds a picture all the same.

    Reads its header only; what is no regular file is not opened.
    """
    try:
        if not path.is_file():
            return False
        with Image.open(path, formats=FORMATS):
            return True
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def stack_hashes(facts: Sequence[PictureFacts]) -> NDArray[np.bool_]:
    """Return ``bool (n, 64)``; rows of unreadable files are all false."""
    blank = np.zeros(HASH_BITS, dtype=np.bool_)
    hashes = [blank if f.perceptual_hash is None else f.perceptual_hash for f in facts]
    return np.array(hashes, dtype=np.bool_).reshape(-1, HASH_BITS)


def stack_thumbnails(facts: Sequence[PictureFacts]) -> NDArray[np.uint8]:
    """Return ``uint8 (n, 32, 32)``; rows of unreadable files are black."""
    blank = np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), dtype=np.uint8)
    thumbnails = [blank if f.thumbnail is None else f.thumbnail for f in facts]
    return np.array(thumbnails, dtype=np.uint8).reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX)


def _digest(picture: NDArray[np.uint8]) -> str:
    digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def _is_grey(picture: NDArray[np.uint8]) -> bool:
    """Tell whether no pixel has a colour; the first rows that have one end the question."""
    for rows in np.array_split(picture, math.ceil(len(picture) / ROWS_AT_ONCE)):
        red, green, blue = rows[..., 0], rows[..., 1], rows[..., 2]
        brightest = np.maximum(np.maximum(red, green), blue)
        darkest = np.minimum(np.minimum(red, green), blue)
        if (brightest - darkest).max() > GREY_TOLERANCE:
            return False
    return True
