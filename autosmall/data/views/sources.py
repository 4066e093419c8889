"""The pictures that views are cut from: photographs and cut-outs, with their provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from autosmall.errors import DatasetError

Pixels = NDArray[np.uint8]

LONGEST_SIDE_PX = 1600
"""Larger pictures are shrunk: a view shows no finer detail."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
SEE_THROUGH_SHARE = 0.02
"""A picture with this share of transparent pixels is a cut-out."""


@dataclass(frozen=True)
class SourcePicture:
    """One picture read: its file, and ``uint8 (h, w, 3)``, or ``(h, w, 4)`` for a cut-out."""

    path: Path
    pixels: Pixels

    @property
    def is_cut_out(self) -> bool:
        """Whether it has a shape of its own and can be laid on any ground."""
        return self.pixels.shape[2] == 4


def picture_files(
    folder: Path, *, exclude: Sequence[str] = (), obtain: str = ""
) -> tuple[Path, ...]:
    """Return the pictures below ``folder`` whose path holds none of ``exclude``, by name.

    ``obtain`` is the command that brings the folder, where there is one.

    Raises:
        DatasetError: The folder does not exist or holds no picture.
    """
    if not folder.is_dir():
        raise DatasetError(
            f"there is no folder {str(folder)!r}",
            "a folder with pictures",
            obtain or "check the path",
        )
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    wanted = [
        path
        for path in files
        if not any(part in path.relative_to(folder).as_posix() for part in exclude)
    ]
    if not wanted:
        raise DatasetError(
            f"the folder {str(folder)!r} holds no picture",
            "files that end in " + ", ".join(SUFFIXES),
            "name the folder that holds the pictures",
        )
    return tuple(wanted)


def fingerprint(pictures: Iterable[SourcePicture]) -> str:
    """Return digits that are equal for equal pictures in equal order."""
    content = hashlib.sha256()
    for picture in pictures:
        content.update(repr(picture.pixels.shape).encode())
        content.update(picture.pixels.tobytes())
    return content.hexdigest()[:32]


def read_source_picture(path: Path) -> SourcePicture:
    """Return the picture, shrunk if it is large; ``DatasetError`` where it cannot be read."""
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            image.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
            rgba = np.asarray(image.convert("RGBA"))
    except OSError as error:
        raise DatasetError(
            f"the picture {str(path)!r} cannot be read: {error}",
            "a whole picture",
            "leave it out with exclude in the recipe",
        ) from error
    see_through = float((rgba[:, :, 3] < 128).mean())
    return SourcePicture(path, rgba if see_through > SEE_THROUGH_SHARE else rgba[:, :, :3].copy())
