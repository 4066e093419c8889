"""What a data set is in memory: names and labels, no pixels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"


@dataclass(frozen=True)
class Sample:
    r"""One labelled picture.

    Attributes:
        name: Path relative to the data set's root with ``/`` between its parts, always valid
            UTF-8: bytes of the file's name that are not are written as ``\xNN``.
        path: Where the file is, absolute; this one opens whatever its name.
        label: The class's name.
        split: ``train``, ``validation`` or ``test``.
        group: What the CSV's ``group`` column says; empty for none.
    """

    name: str
    path: Path
    label: str
    split: str = TRAIN
    group: str = ""


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures, named but not decoded.

    Attributes:
        root: Folder that names are relative to.
        source: What the user named: the root, or a CSV in it.
        layout: ``class-folders``, ``split-folders`` or ``csv``.
        classes: Class names of the train and validation samples, sorted.
        samples: Train and validation samples, sorted by name; a row is a position in it.
        test_samples: Test samples, sorted by name; a search never opens them.
        skipped: Name and reason of everything that was found and left out.
        columns: Further columns of the CSV, header to one value per row of ``samples``.
    """

    root: Path
    source: Path
    layout: str
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    test_samples: tuple[Sample, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of train and validation samples."""
        return len(self.samples)

    @property
    def labels(self) -> NDArray[np.int64]:
        """``int64 (n,)``: each sample's position in ``classes``."""
        position = {name: index for index, name in enumerate(self.classes)}
        return np.array([position[sample.label] for sample in self.samples], dtype=np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, one per row."""
        return tuple(sample.name for sample in self.samples)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The samples' files, one per row."""
        return tuple(sample.path for sample in self.samples)

    def class_counts(self) -> dict[str, int]:
        """Return class name to its number of train and validation samples."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, counts, strict=True)}

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits over the samples' names, labels, groups and file sizes.

        Test samples do not count, so that opening a search again never depends on them. Raises
        ``OSError`` where a file has gone.
        """
        digest = hashlib.sha256()
        for sample in self.samples:
            size_bytes = os.stat(sample.path).st_size  # noqa: PTH116 (twice as fast as Path.stat)
            fields = (sample.name, sample.label, sample.group, str(size_bytes))
            digest.update("\0".join(fields).encode() + b"\n")
        return digest.hexdigest()[:16]

    def subset(self, keep: NDArray[np.bool_]) -> Dataset:
        """Return the data set with only the rows that ``keep`` (``bool (n,)``) marks.

        Classes stay as they are, even where one loses its last picture; see ``check_trainable``.
        """
        rows = np.flatnonzero(keep)
        return replace(
            self,
            samples=tuple(self.samples[row] for row in rows),
            columns={
                name: tuple(values[row] for row in rows) for name, values in self.columns.items()
            },
        )


def printable(name: str) -> str:
    r"""Return a file's name as valid UTF-8, bytes that are not written as ``\xNN``."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")
