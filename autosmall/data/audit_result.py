"""What an audit returns: findings for the user, groups for the folds, figures for the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.data.duplicates import Groups
from autosmall.data.picture_statistics import Statistics

INFO = "info"
WARNING = "warning"
BLOCKING = "blocking"


@dataclass(frozen=True)
class Finding:
    """One thing the user should know.

    Attributes:
        severity: ``blocking`` (a number made from these pictures would be wrong), ``warning``
            or ``info``.
        code: Short name that stays the same, such as ``near-duplicates``.
        message: A sentence or two that name the pictures and say what follows from it.
    """

    severity: str
    code: str
    message: str


@dataclass(frozen=True)
class Audit:
    """What was found. Groups hold rows of the audited data set, sorted.

    Attributes:
        names: The samples' names, one per row.
        labels: The samples' labels as text, one per row.
        readable: ``bool (n,)``, whether each row's picture can be decoded.
        unreadable: Name and reason of each file that cannot.
        duplicates: Groups of rows with equal decoded pixels.
        near_duplicates: Groups of rows that show the same picture, cropped by up to 5 % or
            with other brightness or compression; at least two different pictures in each.
        conflicts: Those groups of both kinds whose rows bear different labels.
        leaks: Names of a train or validation picture and of the test picture that is its copy;
            always empty unless the audit looked at the test pictures.
        statistics: Counts, sizes and colours.
        findings: The gravest first.
        previews: A small JPEG file per row, empty where none was asked for or made.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    readable: NDArray[np.bool_]
    unreadable: tuple[tuple[str, str], ...]
    duplicates: Groups
    near_duplicates: Groups
    conflicts: Groups
    leaks: tuple[tuple[str, str], ...]
    statistics: Statistics
    findings: tuple[Finding, ...] = ()
    previews: tuple[bytes, ...] = ()

    @property
    def median_size_px(self) -> int:
        """Median side of the readable pictures: the square root of their area, in pixels."""
        return self.statistics.median_size_px

    def to_json(self) -> dict[str, object]:
        """Return plain values for ``audit.json``; rows are given as names."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "samples": len(self.names),
            "readable": int(self.readable.sum()),
            "median_size_px": self.median_size_px,
            "unreadable": [{"name": name, "reason": reason} for name, reason in self.unreadable],
            "duplicates": self._named(self.duplicates),
            "near_duplicates": self._named(self.near_duplicates),
            "conflicts": [
                [{"name": self.names[row], "label": self.labels[row]} for row in rows]
                for rows in self.conflicts
            ],
            "leaks": [{"name": name, "test_name": test} for name, test in self.leaks],
            "statistics": self.statistics.to_json(),
        }

    def _named(self, groups: Groups) -> list[list[str]]:
        return [[self.names[row] for row in rows] for rows in groups]
