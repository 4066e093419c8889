"""Which samples belong together: duplicates, and what the user says with ``--groups``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from autosmall.data.audit import Audit
from autosmall.data.duplicates import join_groups
from autosmall.data.samples import Dataset, Sample
from autosmall.errors import SettingsError

NO_GROUPS = "none"
PARENT_FOLDER = "parent-folder"

EXPECTED = (
    "a column of the CSV, parent-folder, none, or a regular expression with one group in"
    r" parentheses, such as (patient\d+)_"
)


def sample_groups(
    dataset: Dataset, audit: Audit, groups: str | None, keep_duplicates: bool = False
) -> NDArray[np.int64]:
    """Return ``int64 (n,)``: rows with equal numbers must be held out together.

    Args:
        dataset: The data set, or the readable subset of the one that was audited.
        audit: Names its duplicates. Exact duplicates are always tied.
        groups: Column of the CSV, ``parent-folder``, ``none``, a regular expression with one
            group that is searched in the samples' names, or ``None`` for the CSV's ``group``
            column where it has values.
        keep_duplicates: Do not tie near duplicates (exact ones always are).

    Raises ``SettingsError`` for a bad expression, one that matches not every name, an unknown
    column, or a grouping that cannot be (``parent-folder`` over plain class folders).
    """
    row_of = {name: row for row, name in enumerate(dataset.names)}
    found = audit.duplicates if keep_duplicates else (*audit.duplicates, *audit.near_duplicates)
    copies = [[row_of[audit.names[r]] for r in rows if audit.names[r] in row_of] for rows in found]
    ties = [rows for rows in copies if len(rows) > 1]
    return join_groups(len(dataset), [*ties, *_rows_by_value(_user_groups(dataset, groups))])


def _user_groups(dataset: Dataset, groups: str | None) -> Sequence[str]:
    """Return one text per row; empty for a sample that stands alone."""
    if groups is None or groups == "group":
        values = [sample.group for sample in dataset.samples]
        if groups == "group" and not any(values):
            raise _settings_error("'group' names a column that is absent or empty")
        return values
    if groups == NO_GROUPS:
        return [""] * len(dataset)
    if groups == PARENT_FOLDER:
        return _parent_folders(dataset)
    if groups in dataset.columns:
        return [value.strip() for value in dataset.columns[groups]]
    return _matches(dataset, groups)


def _parent_folders(dataset: Dataset) -> list[str]:
    parents = [_parent_folder(dataset.layout, sample) for sample in dataset.samples]
    if not any(parents):
        raise SettingsError(
            "groups 'parent-folder', but every picture lies directly in its class folder",
            "folders below the class folders, such as normal/patient1/picture.png",
            "sort the pictures into such folders, or leave --groups out",
        )
    return parents


def _parent_folder(layout: str, sample: Sample) -> str:
    """Return the folders between the class and the file; empty for none.

    The class and the split are left out on purpose: ``normal/patient1`` and ``ill/patient1``
    are one patient.
    """
    leading = {"csv": 0, "class-folders": 1, "split-folders": 2}[layout]
    return "/".join(PurePosixPath(sample.name).parts[leading:-1])


def _matches(dataset: Dataset, pattern: str) -> list[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise _settings_error(f"the groups {pattern!r} are no expression ({error})") from error
    if expression.groups != 1:
        what = "nor" if dataset.layout == "csv" else "and"
        raise _settings_error(
            f"the groups {pattern!r} name no column {what} have {expression.groups} groups"
            " in parentheses"
        )
    found = [expression.search(name) for name in dataset.names]
    lacking = [name for name, match in zip(dataset.names, found, strict=True) if match is None]
    if lacking:
        raise _settings_error(
            f"the groups {pattern!r} match not {len(lacking)} of {len(dataset)} names,"
            f" the first is {lacking[0]!r}"
        )
    return [match.group(1) or "" for match in found if match is not None]


def _rows_by_value(values: Sequence[str]) -> list[list[int]]:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, value in enumerate(values):
        if value:
            rows_of[value].append(row)
    return list(rows_of.values())


def _settings_error(received: str) -> SettingsError:
    return SettingsError(received, EXPECTED, "correct --groups, or leave it out")
