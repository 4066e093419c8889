"""Small pictures for the report: one JPEG per picture of the data set, all in one ZIP file.

They are made while the audit has each picture decoded anyway, so that a report can be written
again where the data set is no longer at hand.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autosmall.files import write_bytes

PREVIEW_PX = 112
"""Longest side, where the picture has that much."""

QUALITY = 72
_MEMBER = "{:06d}.jpg"

_LENGTHS_AT, _LENGTHS = 26, struct.Struct("<2H")
"""Where in a ZIP file's member the lengths of its name and extra field are, which follow."""


def encode_preview(picture: NDArray[np.uint8]) -> bytes:
    """Return ``uint8 (h, w, 3)`` as a JPEG file, shrunk to :data:`PREVIEW_PX`, never enlarged."""
    image = Image.fromarray(picture)
    image.thumbnail((PREVIEW_PX, PREVIEW_PX), Image.Resampling.BOX, reducing_gap=None)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def write_previews(path: Path, previews: Sequence[bytes]) -> None:
    """Write the previews of rows 0, 1, ... to ``path``; an empty one leaves its row out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for row, content in enumerate(previews):
            if content:
                archive.writestr(zipfile.ZipInfo(_MEMBER.format(row)), content)
    write_bytes(path, buffer.getvalue())


class PreviewFile(Mapping[int, bytes]):
    """The previews in a file, read when they are asked for.

    A file that is missing or torn has none: previews are to be looked at, and no result rests on
    them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {member.filename: member for member in archive.infolist()}
        except (OSError, zipfile.BadZipFile):
            self._members = {}

    def __getitem__(self, row: int) -> bytes:
        """Return the JPEG file of a row; raises ``KeyError`` where there is none."""
        member = self._members.get(_MEMBER.format(row))
        if member is None:
            raise KeyError(row)
        try:
            content = self._read(member)
        except (OSError, struct.error) as error:
            raise KeyError(row) from error
        if zlib.crc32(content) != member.CRC:
            raise KeyError(row)
        return content

    def _read(self, member: zipfile.ZipInfo) -> bytes:
        """Return a member as it lies in the file, whose directory is not read again for it."""
        with self._path.open("rb") as stream:
            stream.seek(member.header_offset + _LENGTHS_AT)
            stream.seek(sum(_LENGTHS.unpack(stream.read(_LENGTHS.size))), io.SEEK_CUR)
            return stream.read(member.file_size)

    def __iter__(self) -> Iterator[int]:
        """Return the rows in rising order."""
        return iter(sorted(int(name.partition(".")[0]) for name in self._members))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._members)
