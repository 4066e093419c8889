"""Reads class folders and split folders: what lies where, without opening a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autosmall.data.samples import TEST, TRAIN, VALIDATION, Sample, printable
from autosmall.errors import DatasetError

EXTENSIONS: dict[str, str] = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
"""File extension in lower case to the format it promises, in Pillow's names."""

SPLIT_FOLDERS: dict[str, str] = {
    "train": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
}
"""Name of a split's folder, in lower case, to the split."""

MAX_DEPTH = 32
"""Folders within folders that are followed below a class."""


@dataclass
class Finds:
    """Samples found so far, and what was left out with the reason."""

    samples: list[Sample] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def read_folders(root: Path) -> tuple[str, Finds]:
    """Return the layout's name and what the folder holds.

    It is ``split-folders`` where a folder ``train``, ``val``, ``valid``, ``validation`` or
    ``test`` itself holds folders; a *class* called ``train`` (beside ``bus``, say) holds
    pictures and stays a class. Raises ``DatasetError`` for a folder that cannot be listed.
    """
    finds = Finds()
    splits = _split_folders(root)
    if not splits:
        _read_classes(root, root, TRAIN, finds)
        return "class-folders", finds
    for entry in _visible(root):
        if entry.name in splits:
            _read_classes(root, root / entry.name, splits[entry.name], finds)
        else:
            _skip(finds, root, entry.path, "lies beside the split folders")
    return "split-folders", finds


def find_pictures(folder: Path, root: Path, finds: Finds) -> Iterator[Path]:
    """Yield the picture files at any depth below ``folder``, in no promised order.

    Links are followed to regular files and folders; loops, FIFOs, devices and files of other
    kinds are noted in ``finds.skipped`` and never opened. Hidden names are ignored.
    """
    yield from _walk(folder, root, finds, ())


def is_picture_name(name: str) -> bool:
    """Tell whether the extension is one of :data:`EXTENSIONS`."""
    return os.path.splitext(name)[1].lower() in EXTENSIONS  # noqa: PTH122 (bare names)


def _split_folders(root: Path) -> dict[str, str]:
    named = {
        entry.name: SPLIT_FOLDERS[entry.name.lower()]
        for entry in _visible(root)
        if entry.name.lower() in SPLIT_FOLDERS and entry.is_dir()
    }
    return {name: split for name, split in named.items() if _holds_folders(root / name)}


def _holds_folders(folder: Path) -> bool:
    return any(_mode(entry.path, stat.S_ISDIR) for entry in _visible(folder))


def _read_classes(root: Path, folder: Path, split: str, finds: Finds) -> None:
    for entry in _visible(folder):
        if not _mode(entry.path, stat.S_ISDIR):
            reason = "is a picture outside any class folder"
            if not is_picture_name(entry.name):
                reason = "is no class folder"
            _skip(finds, root, entry.path, reason)
            continue
        before = len(finds.samples)
        label = printable(entry.name)
        for path in find_pictures(folder / entry.name, root, finds):
            finds.samples.append(Sample(_name(root, os.fspath(path)), path, label, split))
        if len(finds.samples) == before:
            _skip(finds, root, entry.path, "is a folder without pictures")


def _walk(
    folder: Path, root: Path, finds: Finds, ancestors: tuple[tuple[int, int], ...]
) -> Iterator[Path]:
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in ancestors or len(ancestors) >= MAX_DEPTH:
        _skip(finds, root, os.fspath(folder), "is a link back to a folder that holds it")
        return
    for entry in _visible(folder):
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            _skip(finds, root, entry.path, f"cannot be followed ({error.strerror})")
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(folder / entry.name, root, finds, (*ancestors, identity))
        elif not stat.S_ISREG(mode):
            _skip(finds, root, entry.path, "is no regular file")
        elif is_picture_name(entry.name):
            yield folder / entry.name
        else:
            _skip(finds, root, entry.path, "has no extension of a picture format read here")


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry for entry in entries if not entry.name.startswith(".")),
                key=lambda entry: entry.name,
            )
    except OSError as error:
        raise DatasetError(
            f"the folder {printable(os.fspath(folder))!r} cannot be read ({error.strerror})",
            "a folder whose files this user may list",
            "check the path and its permissions (ls -ld)",
        ) from error


def _mode(path: str, test: object) -> bool:
    assert callable(test)
    try:
        return bool(test(os.stat(path).st_mode))  # noqa: PTH116
    except OSError:
        return False


def _name(root: Path, path: str) -> str:
    return printable(os.path.relpath(path, root)).replace(os.sep, "/")


def _skip(finds: Finds, root: Path, path: str, reason: str) -> None:
    finds.skipped.append((_name(root, path), reason))
