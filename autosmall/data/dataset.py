"""Reads a data set's names and labels, in any of the three layouts, without a pixel."""

from __future__ import annotations

import os
from pathlib import Path

from autosmall.data.csv_table import read_table
from autosmall.data.folders import Finds, find_pictures, is_picture_name, read_folders
from autosmall.data.samples import TEST, Dataset, Sample, printable
from autosmall.errors import DatasetError

__all__ = [
    "Dataset",
    "Sample",
    "check_trainable",
    "read_dataset",
    "read_labelled",
    "read_unlabelled",
]

LAYOUTS = (
    "a folder with one folder per class, a folder with train/<class>/ (and val/, test/),"
    " or a CSV with image_path,label"
)


def read_dataset(path: Path) -> Dataset:
    """Return the data set at ``path``, fit for a search: two classes, two pictures in each.

    Takes ``DATASET/<class>/*``, ``DATASET/{train,val,valid,validation,test}/<class>/*`` or a CSV
    ``image_path,label[,split][,group]``. Nothing is decoded and nothing written. Raises
    ``DatasetError`` as :func:`read_labelled` and :func:`check_trainable` do.
    """
    dataset = read_labelled(path)
    check_trainable(dataset)
    return dataset


def read_labelled(path: Path) -> Dataset:
    """Return the data set at ``path``, however few its classes and pictures, but not none.

    For scoring a model: one class, or only a ``test`` folder, will do. Raises ``DatasetError``
    where there is no such folder or file, or no picture under a label.
    """
    source = Path(os.path.abspath(path))  # noqa: PTH100 (links in the name are kept)
    if source.is_file():
        table = read_table(source)
        finds, layout, columns = Finds(list(table.samples)), "csv", table.columns
    elif source.is_dir():
        layout, finds = read_folders(source)
        columns = {}
    else:
        raise DatasetError(
            f"there is no folder or CSV at {printable(os.fspath(source))}",
            LAYOUTS,
            "check the path",
        )
    dataset = _assemble(source, layout, finds, columns)
    if not dataset.samples and not dataset.test_samples:
        raise _nothing_found(dataset)
    return dataset


def check_trainable(dataset: Dataset) -> None:
    """Raise ``DatasetError`` unless there are two classes with two pictures each."""
    if not dataset.samples:
        raise DatasetError(
            f"{dataset.source} holds only test pictures",
            "training pictures in train/<class>/ beside test/<class>/",
            "name the folder above it, or rename test to train",
        )
    counts = dataset.class_counts()
    if len(counts) < 2:
        raise DatasetError(
            f"{dataset.source} holds one class only ({next(iter(counts))!r})",
            "at least two classes",
            "add a folder (or rows) for the other class; name the folder above the class folders",
        )
    small = {name: count for name, count in counts.items() if count < 2}
    if small:
        listed = ", ".join(f"{name!r} has {count}" for name, count in list(small.items())[:5])
        raise DatasetError(
            f"too few readable pictures in {len(small)} of {len(counts)} classes: {listed}",
            "at least two pictures per class, one to learn from and one to check",
            "add pictures to these classes, or take the classes out",
        )


def read_unlabelled(folder: Path) -> tuple[Path, ...]:
    """Return the absolute paths of all pictures at any depth below ``folder``, sorted.

    Raises ``DatasetError`` where there is no such folder or no picture in it.
    """
    root = Path(os.path.abspath(folder))  # noqa: PTH100
    found = sorted(find_pictures(root, root, Finds())) if root.is_dir() else []
    if not found:
        raise DatasetError(
            f"there are no pictures below {printable(os.fspath(root))}",
            "a folder with JPEG, PNG, BMP, GIF, TIFF or WebP pictures",
            "check the path given as unlabelled pictures",
        )
    return tuple(found)


def _assemble(
    source: Path, layout: str, finds: Finds, columns: dict[str, tuple[str, ...]]
) -> Dataset:
    order = sorted(range(len(finds.samples)), key=lambda row: finds.samples[row].name)
    rows = [row for row in order if finds.samples[row].split != TEST]
    samples = tuple(finds.samples[row] for row in rows)
    return Dataset(
        root=source.parent if layout == "csv" else source,
        source=source,
        layout=layout,
        classes=tuple(sorted({sample.label for sample in samples})),
        samples=samples,
        test_samples=tuple(finds.samples[row] for row in order if finds.samples[row].split == TEST),
        skipped=tuple(sorted(finds.skipped)),
        columns={name: tuple(values[row] for row in rows) for name, values in columns.items()},
    )


def _nothing_found(dataset: Dataset) -> DatasetError:
    if dataset.layout == "csv":
        return DatasetError(
            f"the table {dataset.source} lists no pictures",
            "one line per picture below image_path,label",
            "add the lines",
        )
    loose = sum(is_picture_name(name) and "/" not in name for name, _ in dataset.skipped)
    if loose:
        return DatasetError(
            f"{dataset.source} holds {loose} pictures but no class folders",
            LAYOUTS,
            "move the pictures into one folder per class",
        )
    return DatasetError(
        f"{dataset.source} holds no pictures in class folders",
        LAYOUTS + "; pictures are JPEG, PNG, BMP, GIF, TIFF or WebP",
        "check the path, and the files' extensions",
    )
