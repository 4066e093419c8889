"""Files read and written whole: atomic writing, where a reader sees the old file or the new one."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path

from autosmall.errors import RunFolderError

_AT_ONCE = 1 << 16

_READ_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0)


def read_file(path: str | Path) -> bytes:
    """Return a file's content; for a small one in half the time that ``open`` and ``read`` take.

    Raises ``OSError`` where it cannot be read.
    """
    descriptor = os.open(path, _READ_ONLY)
    try:
        first = part = os.read(descriptor, _AT_ONCE)
        others = []
        while len(part) == _AT_ONCE:
            part = os.read(descriptor, _AT_ONCE)
            others.append(part)
    finally:
        os.close(descriptor)
    return b"".join([first, *others]) if others else first


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically and durably.

    The folder is made where it is missing. Raises :class:`~autosmall.errors.RunFolderError` where
    the disk refuses, naming the folder and the bytes needed; nothing half-written stays behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise RunFolderError(
            f"cannot write {path} ({len(content)} bytes): {error.strerror or error}",
            "a folder that can be written, with room left",
            "free some space or choose another folder with --output-dir; what was stored is kept",
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, atomically and durably."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as JSON; raises ``ValueError`` for NaN and infinity."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def file_sha256(path: Path) -> str:
    """Return the file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _replace(path: Path, content: bytes) -> None:
    temporary = path.parent / f".writing-{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
