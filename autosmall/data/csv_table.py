"""Reads a table ``image_path,label[,split][,group]`` whose paths are relative to itself."""

from __future__ import annotations

import csv
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from autosmall.data.samples import TEST, TRAIN, VALIDATION, Sample, printable
from autosmall.errors import DatasetError

SPLIT_WORDS: dict[str, str] = {
    "": TRAIN,
    "0": TRAIN,
    "train": TRAIN,
    "training": TRAIN,
    "1": VALIDATION,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "2": TEST,
    "test": TEST,
}
"""What the ``split`` column may say, in lower case, to the split."""

EXPECTED = "a UTF-8 CSV with the columns image_path,label and, if you like, split and group"


@dataclass(frozen=True)
class Table:
    """Samples of a CSV in its order; ``columns`` holds further columns, a value per sample."""

    samples: tuple[Sample, ...]
    columns: dict[str, tuple[str, ...]]


def read_table(path: Path) -> Table:
    """Return the samples that the CSV lists.

    Raises ``DatasetError`` for a table that is no UTF-8 CSV, lacks a column, lists a picture
    twice or outside its folder, or lists files that do not exist.
    """
    header, rows = _read_rows(path)
    samples = tuple(_sample(path, line, row) for line, row in rows)
    _check_files(path, samples)
    _check_listed_once(path, samples)
    known = {"image_path", "label", "split", "group"}
    return Table(
        samples,
        {name: tuple(row[name] for _, row in rows) for name in header if name not in known},
    )


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header)
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"the table {path} cannot be read ({error})",
            EXPECTED,
            "check the path, or save the table as CSV in UTF-8",
        ) from error
    for line, cells in rows:
        if len(cells) != len(header):
            raise _row_error(path, line, f"has {len(cells)} cells under {len(header)} headings")
    return header, [(line, dict(zip(header, cells, strict=True))) for line, cells in rows]


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in ("image_path", "label") if name not in header]
    if missing or len(set(header)) < len(header):
        what = f"lacks the column {' and '.join(missing)}" if missing else "has a heading twice"
        raise DatasetError(
            f"the table {path} {what} (its first line is {','.join(header)!r})",
            EXPECTED + ", separated by commas",
            "put the line image_path,label at the top",
        )


def _sample(path: Path, line: int, row: dict[str, str]) -> Sample:
    name, label = row["image_path"].strip(), row["label"].strip()
    split = row.get("split", "").strip().lower()
    if not name or not label:
        raise _row_error(path, line, "has no image_path or no label")
    if split not in SPLIT_WORDS:
        raise _row_error(
            path, line, f"has the split {split!r}, not train, val or test (or 0, 1, 2)"
        )
    relative = os.path.normpath(name)
    if os.path.isabs(name) or Path(relative).parts[0] == os.pardir:  # noqa: PTH117
        raise _row_error(path, line, f"names {name!r}, which is not inside the table's folder")
    return Sample(
        name=relative.replace(os.sep, "/"),
        path=path.parent / relative,
        label=label,
        split=SPLIT_WORDS[split],
        group=row.get("group", "").strip(),
    )


def _row_error(path: Path, line: int, what: str) -> DatasetError:
    return DatasetError(
        f"line {line} of {path} {what}",
        EXPECTED + ", paths relative to the table's folder",
        "correct that line; move pictures from elsewhere (or link to them) beside the table",
    )


def _check_files(path: Path, samples: tuple[Sample, ...]) -> None:
    missing = [sample.name for sample in samples if not _is_regular(sample.path)]
    if missing:
        shown = ", ".join(repr(printable(name)) for name in missing[:3])
        raise DatasetError(
            f"{len(missing)} of the {len(samples)} files listed in {path} are missing"
            f" or no regular files: {shown}{', ...' if len(missing) > 3 else ''}",
            f"paths relative to the table's folder {path.parent}",
            "correct the paths, or take these lines out",
        )


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _check_listed_once(path: Path, samples: tuple[Sample, ...]) -> None:
    seen: dict[str, Sample] = {}
    for sample in samples:
        first = seen.setdefault(sample.name, sample)
        if first is not sample:
            labels = " and ".join(repr(label) for label in sorted({first.label, sample.label}))
            raise DatasetError(
                f"{path} lists {sample.name!r} more than once (as {labels})",
                "each picture once, with one label",
                "take the repeated lines out",
            )
