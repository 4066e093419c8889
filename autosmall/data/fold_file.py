"""Writes and reads ``folds.csv``: ``image_path,label,group,fold[,fold_1,...]`` per sample."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from autosmall.data.samples import Dataset
from autosmall.errors import RunFolderError
from autosmall.schema.folds import FoldPlan


def write_folds(path: Path, dataset: Dataset, plan: FoldPlan) -> None:
    """Write the plan for ``dataset``'s rows; the file appears whole or not at all.

    Column ``fold`` is the first repeat, ``fold_1`` the second, and so on. Raises ``OSError``.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["image_path", "label", "group", *_fold_columns(plan.repeats)])
            for row, sample in enumerate(dataset.samples):
                numbers = [plan.groups[row], *plan.assignments[:, row]]
                writer.writerow([sample.name, sample.label, *map(int, numbers)])
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_folds(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], FoldPlan]:
    """Return the samples' names, their labels as text, and the plan, as they were written.

    The plan's reason is not in the file and reads ``as written in <name>``. Raises
    ``RunFolderError`` for a file that is missing, torn or altered.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream, strict=True))
        columns = _fold_columns(len(header) - 3)
        if header != ["image_path", "label", "group", *columns]:
            raise ValueError(f"its first line is {','.join(header)!r}")
        numbers = np.array([[int(cell) for cell in row[2:]] for row in rows], dtype=np.int64)
        if numbers.min() < 0 or numbers.shape[1] < 2:
            raise ValueError("a number is missing or negative")
        groups, assignments = numbers[:, 0], np.ascontiguousarray(numbers[:, 1:].T)
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise RunFolderError(
            f"the folds in {path} cannot be read ({error})",
            "the file as the search wrote it",
            "restore it, or begin anew with --overwrite",
        ) from error
    plan = FoldPlan(assignments, int(assignments.max()) + 1, groups, f"as written in {path.name}")
    return tuple(row[0] for row in rows), tuple(row[1] for row in rows), plan


def _fold_columns(repeats: int) -> list[str]:
    return ["fold", *(f"fold_{repeat}" for repeat in range(1, repeats))][: max(repeats, 0)]
