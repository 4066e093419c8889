"""The pictures that a backbone is pretrained on: found, sifted, and decoded into one file on disk.

Labels count where there are two classes with two pictures each, in any layout that a search
reads. A ``test`` part is never read, so a data set may be the source of its own backbone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image

from autosmall.data.dataset import check_trainable, read_labelled, read_unlabelled
from autosmall.data.images import FORMATS, UnreadablePictureError, load_picture
from autosmall.errors import DatasetError
from autosmall.files import write_json
from autosmall.schema.pictures import PictureSpec

PIXELS_FILE = "pictures.npy"
FACTS_FILE = "pictures.json"
SIZES_LOOKED_AT = 200
CHUNK = 256

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class SourcePictures:
    """Pictures to learn from, named but not decoded.

    Attributes:
        root: The folder or CSV that the user named.
        paths: Their files, sorted, training part only.
        labels: ``int64 (n,)``, positions in ``classes``; all 0 where there are no labels.
        classes: Class names, sorted; empty where there are no labels.
    """

    root: Path
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...] = ()

    @classmethod
    def unlabelled(cls, root: Path, paths: Sequence[Path]) -> SourcePictures:
        """Return pictures without labels."""
        return cls(root, tuple(paths), np.zeros(len(paths), np.int64))

    @property
    def is_labelled(self) -> bool:
        """Whether there are labels to learn from."""
        return bool(self.classes)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits over the files' names, labels and sizes."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for path, label in zip(self.paths, self.labels.tolist(), strict=True):
            name = os.fsencode(os.path.relpath(path, self.root))
            digest.update(name + f"\0{label}\0{path.stat().st_size}\n".encode())
        return digest.hexdigest()[:16]

    def median_size_px(self) -> int:
        """Return the median of the square roots of the areas, of up to 200 pictures spread out."""
        every = max(1, len(self.paths) // SIZES_LOOKED_AT)
        sizes = [size for path in self.paths[::every] if (size := _size_px(path))]
        return round(float(np.median(sizes))) if sizes else 0

    def subset(self, keep: NDArray[np.bool_]) -> SourcePictures:
        """Return the pictures that ``keep`` (``bool (n,)``) marks, and the classes left."""
        rows = np.flatnonzero(keep)
        paths = tuple(self.paths[row] for row in rows)
        if not self.is_labelled:
            return SourcePictures.unlabelled(self.root, paths)
        present, labels = np.unique(self.labels[rows], return_inverse=True)
        classes = tuple(self.classes[label] for label in present)
        return SourcePictures(self.root, paths, labels.astype(np.int64), classes)


@dataclass(frozen=True)
class DecodedPictures:
    """``pixels``: ``uint8 (n, size, size, 3)`` on disk; ``unreadable``: names left out of it."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    unreadable: tuple[str, ...]


def read_source(path: Path, *, labels_wanted: bool | None) -> SourcePictures:
    """Return the pictures at ``path``, with labels where there are any that can be learned.

    ``labels_wanted`` is ``None`` for "if there are any". Raises ``DatasetError`` where there are
    no pictures, or no labels though they are wanted.
    """
    try:
        dataset = read_labelled(path)
    except DatasetError:
        if labels_wanted or path.is_file() or not path.is_dir():
            raise
        return SourcePictures.unlabelled(path, read_unlabelled(path))
    try:
        check_trainable(dataset)
    except DatasetError:
        if labels_wanted or not dataset.paths:
            raise
        return SourcePictures.unlabelled(path, dataset.paths)
    return SourcePictures(path, dataset.paths, dataset.labels, dataset.classes)


def decode_source(
    source: SourcePictures, size_px: int, folder: Path, on_progress: OnProgress
) -> DecodedPictures:
    """Return the readable pictures at that size, decoded into ``folder`` unless they are there.

    Raises ``DatasetError`` where fewer than two can be read.
    """
    if not (folder / FACTS_FILE).is_file():
        _decode(source, PictureSpec(size_px), folder, on_progress)
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    pixels = np.load(folder / PIXELS_FILE, mmap_mode="r")[: len(facts["rows"])]
    return DecodedPictures(pixels, source.labels[facts["rows"]], tuple(facts["unreadable"]))


def _decode(
    source: SourcePictures, spec: PictureSpec, folder: Path, on_progress: OnProgress
) -> None:
    shape = (len(source.paths), spec.image_size_px, spec.image_size_px, 3)
    _make_room(folder / PIXELS_FILE, shape)
    pixels = open_memmap(folder / PIXELS_FILE, mode="r+")
    rows: list[int] = []
    for row, picture in enumerate(_load_all(source.paths, spec)):
        if picture is not None:
            pixels[len(rows)] = picture
            rows.append(row)
        on_progress(row + 1, len(source.paths))
    pixels.flush()
    if len(rows) < 2:
        raise DatasetError(
            f"of the {len(source.paths)} pictures in {source.root} {len(rows)} can be read",
            "pictures in JPEG, PNG, BMP, GIF, TIFF or WebP",
            f"open one by hand; the reasons are listed by: autosmall audit {source.root}",
        )
    lost = sorted(set(range(len(source.paths))) - set(rows))
    write_json(
        folder / FACTS_FILE,
        {"rows": rows, "unreadable": [str(source.paths[row]) for row in lost]},
    )


def _make_room(path: Path, shape: tuple[int, ...]) -> None:
    """Write an array of zeros in full: a disk that is full then says so, and kills nobody later."""
    blank = np.zeros((1, *shape[1:]), np.uint8).tobytes()
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        for _ in range(shape[0]):
            stream.write(blank)


def _load_all(paths: Sequence[Path], spec: PictureSpec) -> Iterator[NDArray[np.uint8] | None]:
    """Yield each picture, or ``None`` for one that cannot be read, in order."""

    def load(path: Path) -> NDArray[np.uint8] | None:
        try:
            return load_picture(path, spec)
        except UnreadablePictureError:
            return None

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for start in range(0, len(paths), CHUNK):
            yield from pool.map(load, paths[start : start + CHUNK])


def _size_px(path: Path) -> float:
    """Return the square root of a picture's area as its header tells it; 0 if it tells nothing."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return float(np.sqrt(image.width * image.height))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0.0
