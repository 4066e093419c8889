"""Turns what an audit saw into sentences: what is the matter, and what follows from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from autosmall.data.audit_result import BLOCKING, INFO, WARNING, Audit, Finding
from autosmall.data.duplicates import Groups, join_groups
from autosmall.data.folders import EXTENSIONS, SPLIT_FOLDERS
from autosmall.data.inspection import PictureFacts, is_hidden_picture
from autosmall.data.samples import TEST, Dataset
from autosmall.data.split_findings import find_split_differences

IMBALANCE_RATIO = 3.0
"""How many times the smallest class the largest may be before it is worth a warning."""

USUAL_FOLDS = 5

DIM_LEVEL = 32
"""A picture without a grey level from here up counts as nearly black."""

FLAT_CONTRAST = 1.5
"""Standard deviation of grey levels below which a picture shows nothing."""

SIZE_SHORTCUT = 0.5
"""Share of the majority guess's mistakes that knowing only a picture's size may mend."""


def find_all(audit: Audit, dataset: Dataset, facts: Sequence[PictureFacts]) -> tuple[Finding, ...]:
    """Return all findings, the gravest first.

    ``facts`` are those of the samples, followed by the test samples' where these were read.
    """
    found = [
        *_find_broken_files(audit, dataset, facts),
        *_find_copies(audit, dataset),
        *find_split_differences(audit, dataset),
        *_find_class_trouble(audit, dataset),
        *_find_odd_pictures(audit, facts[: len(dataset)]),
        *_find_size_shortcut(audit, facts[: len(dataset)]),
    ]
    rank = {BLOCKING: 0, WARNING: 1, INFO: 2}
    return tuple(sorted(found, key=lambda finding: rank[finding.severity]))


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def counted(count: int, noun: str) -> str:
    """Return ``1 picture`` or ``2 pictures``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _find_broken_files(
    audit: Audit, dataset: Dataset, facts: Sequence[PictureFacts]
) -> Iterator[Finding]:
    if audit.unreadable:
        reasons = [f"{name} ({reason})" for name, reason in audit.unreadable]
        yield Finding(
            WARNING,
            "unreadable",
            f"{counted(len(reasons), 'file')} cannot be read and will be left out:"
            f" {listed(reasons)}.",
        )
    wrong = list(_wrong_extensions(dataset, facts))
    if wrong:
        yield Finding(
            INFO,
            "wrong-extension",
            f"{counted(len(wrong), 'file')} hold another format than the name says"
            f" (they are read by their content): {listed(wrong)}.",
        )
    nameless = [name for name, _ in dataset.skipped if _is_nameless_picture(dataset, name)]
    if nameless:
        yield Finding(
            WARNING,
            "no-extension",
            f"{counted(len(nameless), 'picture')} will not be used, as the name ends in no picture"
            f" extension: {listed(nameless)}. Rename them (.jpg, .png) to use them.",
        )
    others = [f"{name} ({why})" for name, why in dataset.skipped if name not in set(nameless)]
    if others:
        yield Finding(
            INFO, "skipped", f"{counted(len(others), 'entry')} left out: {listed(others)}."
        )


def _is_nameless_picture(dataset: Dataset, name: str) -> bool:
    parts = PurePosixPath(name)
    if dataset.layout == "split-folders" and SPLIT_FOLDERS.get(parts.parts[0].lower()) == TEST:
        return False  # nothing in the test folder is opened
    return parts.suffix.lower() not in EXTENSIONS and is_hidden_picture(dataset.root / name)


def _wrong_extensions(dataset: Dataset, facts: Sequence[PictureFacts]) -> Iterator[str]:
    samples = (*dataset.samples, *dataset.test_samples)
    for sample, fact in zip(samples, facts, strict=False):
        promised = EXTENSIONS.get(PurePosixPath(sample.name).suffix.lower(), "no known format")
        if fact.format and fact.format != promised:
            yield f"{sample.name} is {fact.format}"


def _find_copies(audit: Audit, dataset: Dataset) -> Iterator[Finding]:
    if audit.duplicates:
        yield Finding(
            WARNING,
            "duplicates",
            f"{_extent(audit.duplicates)} have the same pixels:"
            f" {_examples(audit, audit.duplicates)}. They stay in one fold, so that none is"
            " trained on and tested on.",
        )
    if audit.near_duplicates:
        yield Finding(
            WARNING,
            "near-duplicates",
            f"{_extent(audit.near_duplicates)} show the same picture, cropped, brighter or"
            f" recompressed: {_examples(audit, audit.near_duplicates)}. They stay in one fold.",
        )
    if audit.conflicts:
        shown = [
            " and ".join(f"{audit.names[row]} ({audit.labels[row]})" for row in rows[:3])
            for rows in audit.conflicts
        ]
        stand = "stands" if len(audit.conflicts) == 1 else "stand"
        yield Finding(
            WARNING,
            "label-conflict",
            f"{counted(len(audit.conflicts), 'picture')} {stand} under two labels:"
            f" {listed(shown, 3)}. One label of each is wrong; no model can learn both.",
        )


def _extent(groups: Groups) -> str:
    pictures = counted(sum(map(len, groups)), "picture")
    return f"{pictures} in {counted(len(groups), 'group')}"


def _examples(audit: Audit, groups: Groups) -> str:
    return listed([" = ".join(audit.names[row] for row in rows[:3]) for rows in groups], 3)


def _find_class_trouble(audit: Audit, dataset: Dataset) -> Iterator[Finding]:
    counts = dataset.class_counts()
    if not counts:
        return
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[largest] >= IMBALANCE_RATIO * max(counts[smallest], 1):
        yield Finding(
            WARNING,
            "imbalance",
            f"The classes are unequal: {largest!r} has {counts[largest]} pictures, {smallest!r}"
            f" {counts[smallest]}. Always answering {largest!r} is right in"
            f" {counts[largest] / len(dataset):.0%} of cases, so judge by balanced accuracy.",
        )
    small = [
        f"{name!r} ({count})"
        for name, count in _independent_counts(audit).items()
        if count < USUAL_FOLDS
    ]
    if small:
        yield Finding(
            WARNING,
            "small-class",
            f"{counted(len(small), 'class').replace('classs', 'classes')} have fewer than"
            f" {USUAL_FOLDS} readable pictures that are no copies of each other, so there will be"
            f" fewer folds: {listed(small)}. More pictures of these would help most.",
        )


def _independent_counts(audit: Audit) -> dict[str, int]:
    """Return class name to its number of readable pictures, copies counted once."""
    groups = join_groups(len(audit.names), (*audit.duplicates, *audit.near_duplicates))
    members: dict[str, set[int]] = {label: set() for label in sorted(set(audit.labels))}
    for label, group, readable in zip(audit.labels, groups, audit.readable, strict=True):
        if readable:
            members[label].add(int(group))
    return {label: len(found) for label, found in members.items()}


def _find_odd_pictures(audit: Audit, facts: Sequence[PictureFacts]) -> Iterator[Finding]:
    pairs = [(n, f) for n, f in zip(audit.names, facts, strict=True) if not f.problem]
    flat = [name for name, fact in pairs if fact.contrast < FLAT_CONTRAST]
    if flat:
        yield Finding(
            WARNING, "flat", f"{counted(len(flat), 'picture')} show one even tone: {listed(flat)}."
        )
    dim = [name for name, fact in pairs if fact.brightest < DIM_LEVEL and name not in set(flat)]
    if dim:
        yield Finding(
            WARNING,
            "dim",
            f"{counted(len(dim), 'picture')} are nearly black: {listed(dim)}. If they use only"
            " the low part of 16 bits, save them stretched to the full range.",
        )
    grey = sum(fact.is_grey for _, fact in pairs)
    if 0 < grey < len(pairs):
        yield Finding(
            INFO,
            "mixed-color",
            f"{grey} of {len(pairs)} pictures without colour, the others in colour.",
        )


def _find_size_shortcut(audit: Audit, facts: Sequence[PictureFacts]) -> Iterator[Finding]:
    """Warn where a picture's size alone, counted without the picture itself, tells its class."""
    counts: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    rows = [
        (label, (fact.width_px, fact.height_px))
        for label, fact in zip(audit.labels, facts, strict=True)
        if not fact.problem
    ]
    for label, size in rows:
        counts[size][label] += 1
    if not rows:
        return
    majority = Counter(label for label, _ in rows).most_common(1)[0][1] / len(rows)
    hits = sum(_others_agree(counts[size], label) for label, size in rows) / len(rows)
    if hits > majority + SIZE_SHORTCUT * (1 - majority):
        yield Finding(
            WARNING,
            "size-shortcut",
            f"The size of a picture alone tells its class in {hits:.0%} of cases: the classes were"
            " perhaps taken or cut differently, and a model may learn that instead.",
        )


def _others_agree(counts: Counter[str], label: str) -> bool:
    others = counts.copy()
    others[label] -= 1
    return others[label] > 0 and all(
        others[label] > count for other, count in others.items() if other != label
    )
