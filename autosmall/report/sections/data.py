"""Section: what is in my data?"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from autosmall.report.numbers import counted, listed
from autosmall.schema.run_data import RunData

MOST_EXAMPLES = 60
"""Pictures in the grid, over all classes."""
EXAMPLES_PER_CLASS = 6
MOST_GROUPS = 8
"""Groups of copies, of near copies and of contradictions that are shown."""
MEMBERS_SHOWN = 3
"""Pictures of a group that are shown; groups hold two, nearly always."""
MOST_FILES = 20
"""Broken files that are listed."""
UNEQUAL_RATIO = 1.5
"""How many times the smallest class the largest is before the answer gives both."""


@dataclass(frozen=True)
class ClassRow:
    """One class: its pictures that were used, their share of all (0 to 1), its sealed test
    pictures, and the rows of a few examples, evenly spaced through the class.
    """

    name: str
    pictures: int
    share: float
    test_pictures: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Member:
    """A picture of a group; ``row`` is ``None`` where it was not used."""

    name: str
    label: str
    row: int | None


@dataclass(frozen=True)
class Group:
    """Pictures that belong together: the first few, and how many more there are."""

    members: tuple[Member, ...]
    more: int


@dataclass(frozen=True)
class Groups:
    """Groups of one kind: how many there are, how many pictures in them, the first few."""

    count: int
    pictures: int
    shown: tuple[Group, ...]


@dataclass(frozen=True)
class BrokenFile:
    """A file that cannot be read, and why, completing "the file ..."."""

    name: str
    reason: str


@dataclass(frozen=True)
class Span:
    """Least, median and greatest of something measured on every picture."""

    least: float
    median: float
    greatest: float


@dataclass(frozen=True)
class Looks:
    """What the readable pictures look like, taken together.

    Attributes:
        width_px: Widths.
        height_px: Heights.
        distinct_sizes: How many different sizes there are.
        brightness: Mean grey levels, 0 to 255.
        grey_share: Share of pictures without colour, 0 to 1.
        formats: Format of the contents and number of pictures, the commonest first.
    """

    width_px: Span
    height_px: Span
    distinct_sizes: int
    brightness: Span
    grey_share: float
    formats: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Data:
    """What the audit saw.

    Attributes:
        sentence: The answer.
        trouble_sentence: Copies, contradictions and broken files, or that there are none.
        pictures: Pictures that were used.
        classes: One row per class, in the order of the classes.
        looks: ``None`` where ``audit.json`` holds no measurements.
        duplicates: Equal pixels.
        near_duplicates: The same picture, cropped, brighter or recompressed.
        conflicts: Those of both kinds that bear different labels.
        unreadable: Number of files that cannot be read.
        broken: The first of them.
        previews: Row to a small JPEG in base64, for what is shown; not in ``report.json``.
    """

    sentence: str
    trouble_sentence: str
    pictures: int
    classes: tuple[ClassRow, ...]
    looks: Looks | None
    duplicates: Groups
    near_duplicates: Groups
    conflicts: Groups
    unreadable: int
    broken: tuple[BrokenFile, ...]
    previews: dict[int, str] = field(default_factory=dict, metadata={"in_json": False})


def gather(run: RunData) -> Data:
    """Return what is known of the pictures themselves, from the audit and the previews."""
    rows = {name: row for row, name in enumerate(run.sample_names)}
    duplicates, near_duplicates, conflicts = (
        _groups(run, rows, kind) for kind in ("duplicates", "near_duplicates", "conflicts")
    )
    broken = [
        BrokenFile(str(file["name"]), str(file["reason"]))
        for file in _maps(run.audit.get("unreadable"))
    ]
    classes, looks = _classes(run), _looks(run.audit)
    shown = {row for found in classes for row in found.examples} | {
        member.row
        for found in (duplicates, near_duplicates, conflicts)
        for group in found.shown
        for member in group.members
        if member.row is not None
    }
    return Data(
        sentence=answer(len(run.labels), classes, looks),
        trouble_sentence=trouble(
            duplicates.pictures, near_duplicates.pictures, conflicts.count, len(broken)
        )
        if run.audit
        else "What the audit found is not stored in this run.",
        pictures=len(run.labels),
        classes=classes,
        looks=looks,
        duplicates=duplicates,
        near_duplicates=near_duplicates,
        conflicts=conflicts,
        unreadable=len(broken),
        broken=tuple(broken[:MOST_FILES]),
        previews={row: _embedded(run.previews[row]) for row in sorted(shown & set(run.previews))},
    )


def answer(pictures: int, classes: Sequence[ClassRow], looks: Looks | None) -> str:
    """Return in one sentence what the pictures are."""
    said = f"{counted(pictures, 'picture')} in {counted(len(classes), 'class', 'classes')}"
    largest = max(classes, key=lambda row: row.pictures)
    smallest = min(classes, key=lambda row: row.pictures)
    if largest.pictures == smallest.pictures:
        said += f", {largest.pictures:,} in each"
    elif largest.pictures >= UNEQUAL_RATIO * smallest.pictures:
        said += (
            f", from {smallest.pictures:,} of {smallest.name} to {largest.pictures:,} of "
            f"{largest.name}"
        )
    else:
        said += f", {smallest.pictures:,} to {largest.pictures:,} in each"
    return f"{said}{_looks_in_words(looks) if looks else ''}."


def trouble(duplicates: int, near_duplicates: int, conflicts: int, broken: int) -> str:
    """Return what is wrong with the pictures, and what was done about it."""
    found = []
    if duplicates:
        found.append(f"{duplicates:,} pictures have the same pixels as another")
    if near_duplicates:
        found.append(f"{near_duplicates:,} show the same picture as another")
    if conflicts:
        stands = "picture stands" if conflicts == 1 else "pictures stand"
        found.append(f"{conflicts:,} {stands} under two labels")
    if broken:
        found.append(f"{counted(broken, 'file')} cannot be read and {_was(broken)} left out")
    if not found:
        return (
            "No copies, no picture under two labels and no broken file were found. Copies that "
            "were turned or mirrored are not looked for."
        )
    kept = " Copies are kept in one fold." if duplicates or near_duplicates else ""
    return f"{listed(found)}.{kept}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _looks_in_words(looks: Looks) -> str:
    width, height = looks.width_px, looks.height_px
    size = f"{width.median:g} × {height.median:g} px"
    if looks.distinct_sizes > 1:
        size = f"of {looks.distinct_sizes:,} sizes around {size}"
    colours = {1.0: "all grey", 0.0: "all in colour"}.get(
        looks.grey_share, f"{100 * looks.grey_share:.0f} % of them grey"
    )
    return f"; {size}, {colours}"


def _classes(run: RunData) -> tuple[ClassRow, ...]:
    each = max(1, min(EXAMPLES_PER_CLASS, MOST_EXAMPLES // len(run.classes)))
    by_split = _map(_map(run.audit.get("statistics")).get("class_counts"))
    test = _map(by_split.get("test"))
    rows = []
    for label, name in enumerate(run.classes):
        members = np.flatnonzero(run.labels == label)
        shown = _evenly(members.tolist(), each) if label < MOST_EXAMPLES else ()
        tested = int(str(test.get(name, 0)))
        rows.append(ClassRow(name, len(members), len(members) / len(run.labels), tested, shown))
    return tuple(rows)


def _evenly(rows: Sequence[int], most: int) -> tuple[int, ...]:
    """Return at most ``most`` of ``rows``, from the first to the last, evenly spaced."""
    if len(rows) <= most:
        return tuple(rows)
    places = np.linspace(0, len(rows) - 1, most).round().astype(int)
    return tuple(rows[place] for place in places)


def _looks(audit: Mapping[str, object]) -> Looks | None:
    stored = _map(audit.get("statistics"))
    if not _map(stored.get("formats")):
        return None
    return Looks(
        width_px=_span(stored["width_px"]),
        height_px=_span(stored["height_px"]),
        distinct_sizes=int(str(stored["distinct_sizes"])),
        brightness=_span(stored["brightness"]),
        grey_share=float(str(stored["grey_share"])),
        formats=tuple((name, int(str(n))) for name, n in _map(stored["formats"]).items()),
    )


def _span(stored: object) -> Span:
    values = _map(stored)
    least, median, greatest = (float(str(values[name])) for name in ("least", "median", "greatest"))
    return Span(least, median, greatest)


def _groups(run: RunData, rows: Mapping[str, int], kind: str) -> Groups:
    stored = run.audit.get(kind) or []
    assert isinstance(stored, list)
    groups = [[_member(run, rows, item) for item in group] for group in stored]
    shown = [
        Group(tuple(group[:MEMBERS_SHOWN]), max(0, len(group) - MEMBERS_SHOWN))
        for group in groups[:MOST_GROUPS]
    ]
    return Groups(len(groups), sum(map(len, groups)), tuple(shown))


def _member(run: RunData, rows: Mapping[str, int], item: object) -> Member:
    """``item`` is a name, or a name with its label where that is what matters."""
    name = str(item["name"]) if isinstance(item, Mapping) else str(item)
    row = rows.get(name)
    label = "" if row is None else run.classes[run.labels[row]]
    return Member(name, label, row)


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[str, object]]:
    return [_map(item) for item in value] if isinstance(value, list) else []


def _embedded(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode("ascii")
