"""Decoded pictures of a set that is large for the machine's memory: in a file, mapped by readers.

The file is written once, picture by picture, and found again by later sittings of the same search:
its name is a digest of the files, with their sizes and times of change, and of what they are made
to. The system then holds of it in memory what is being read, and lets go of it where memory is
wanted, whatever the number of processes.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import psutil
from numpy.lib import format as npy
from numpy.typing import NDArray

from autosmall.data.images import iterate_pictures, load_pictures
from autosmall.errors import RunFolderError
from autosmall.schema.mixed_pictures import Pictures
from autosmall.schema.pictures import PictureSpec

LARGE_SHARE = 0.1
"""A set is large if one preparation of it takes more of the machine's memory than this: a search
has several of them at a time."""


@dataclass(frozen=True)
class MappedPictures:
    """Prepared pictures in a file; small to send to another process of this machine."""

    file: Path


def open_pictures(prepared: Pictures | MappedPictures) -> Pictures:
    """Return the pictures themselves, read-only; those of a file are read as they are looked at."""
    return _open(prepared.file) if isinstance(prepared, MappedPictures) else prepared


@cache
def _open(file: Path) -> NDArray[np.uint8]:
    """Return the same array each time: features are found again by the array they are of."""
    pictures: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    return pictures


def prepare_pictures(
    paths: Sequence[str], spec: PictureSpec, cache_dir: Path | None
) -> Pictures | MappedPictures:
    """Return all files' pictures made to ``spec``: in memory, or in a file of a large set.

    Without a ``cache_dir``, and with pictures of many shapes, they are in memory. Raises
    :class:`~autosmall.data.images.UnreadablePictureError` for a file that is broken and
    :class:`~autosmall.errors.RunFolderError` where the disk has no room.
    """
    if cache_dir is None or spec.is_native or not is_large(len(paths), spec):
        return load_pictures(paths, spec)
    file = cache_dir / "pictures" / f"{_digest(paths, spec)}.npy"
    if not file.is_file():
        _write(file, paths, spec)
    return MappedPictures(file)


def is_large(count: int, spec: PictureSpec) -> bool:
    """Tell whether ``count`` pictures made to ``spec`` are much for this machine's memory."""
    size_bytes = count * spec.image_size_px**2 * spec.channels
    return size_bytes > LARGE_SHARE * psutil.virtual_memory().total


def _digest(paths: Sequence[str], spec: PictureSpec) -> str:
    digest = hashlib.blake2b(repr(spec).encode(), digest_size=16)
    for path in paths:
        digest.update(f"\n{path}\t{_state(Path(path))}".encode())
    return digest.hexdigest()


def _state(path: Path) -> str:
    """Return what tells whether a file has changed; reading a missing one is an error later."""
    try:
        found = path.stat()
    except OSError:
        return "missing"
    return f"{found.st_size}\t{found.st_mtime_ns}"


def _write(file: Path, paths: Sequence[str], spec: PictureSpec) -> None:
    """Write the file as ``numpy.save`` would, with some pictures in memory at a time."""
    shape = (len(paths), spec.image_size_px, spec.image_size_px, spec.channels)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    temporary = file.with_name(f".writing-{uuid.uuid4().hex}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            npy.write_array_header_1_0(stream, header)
            for picture in iterate_pictures(paths, spec):
                stream.write(picture.tobytes())
        temporary.replace(file)
    except OSError as error:
        raise RunFolderError(
            f"cannot write {np.prod(shape):,} bytes of decoded pictures to {file.parent}: "
            f"{error.strerror or error}",
            "a folder with room for them, as they are large for this machine's memory",
            "free some space, name another folder with --cache-dir, or search smaller pictures",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
