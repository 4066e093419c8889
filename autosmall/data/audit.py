"""Looks at every picture once and says what the user should know before trusting a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from autosmall.data.audit_result import BLOCKING, INFO, WARNING, Audit, Finding
from autosmall.data.duplicates import Groups, exact_groups, near_groups
from autosmall.data.findings import find_all
from autosmall.data.inspection import (
    PictureFacts,
    inspect_pictures,
    stack_hashes,
    stack_thumbnails,
)
from autosmall.data.picture_statistics import measure
from autosmall.data.samples import Dataset

__all__ = ["Audit", "Finding", "audit_dataset", "format_audit"]


def audit_dataset(
    dataset: Dataset,
    *,
    include_test: bool = False,
    previews: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Return what is to be known about the pictures; each is decoded once, on all cores.

    Test pictures are decoded only with ``include_test``, to find copies of training pictures
    among them; a search never asks for it. With ``previews`` the audit holds a small copy of
    each picture. ``on_progress(done, total)`` counts pictures. A
    picture that cannot be decoded is a finding, never an error.
    """
    tests = dataset.test_samples if include_test else ()
    files = [sample.path for sample in (*dataset.samples, *tests)]
    facts = inspect_pictures(files, on_progress, previews)
    audit = _without_findings(dataset, facts)
    return replace(audit, findings=find_all(audit, dataset, facts))


def format_audit(audit: Audit) -> str:
    """Return the audit as lines for a terminal, the gravest findings first."""
    figures = audit.statistics
    lines = [f"{int(audit.readable.sum())} of {len(audit.names)} pictures can be used."]
    for split, counts in figures.class_counts.items():
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        lines.append(f"{split}: {sum(counts.values())} pictures ({listed})")
    if audit.readable.any():
        width, height = figures.width_px, figures.height_px
        lines.append(
            f"size: median {width.median:g} x {height.median:g} px, from"
            f" {width.least:g} x {height.least:g} to {width.greatest:g} x {height.greatest:g}"
        )
        lines.append(
            f"colour: {figures.grey_share:.0%} grey; mean brightness from"
            f" {figures.brightness.least:g} to {figures.brightness.greatest:g} of 255"
        )
    marks = {BLOCKING: "BLOCKING", WARNING: "warning ", INFO: "info    "}
    lines += [f"{marks[finding.severity]}  {finding.message}" for finding in audit.findings]
    return "\n".join(lines)


def _without_findings(dataset: Dataset, facts: Sequence[PictureFacts]) -> Audit:
    """``facts`` are those of the samples, then those of the test samples, if any."""
    count = len(dataset)
    labels = tuple(sample.label for sample in dataset.samples)
    exact = exact_groups([fact.digest for fact in facts])
    near = _near_duplicates(facts, exact)
    duplicates, near_duplicates = _within(exact, count), _distinct(_within(near, count), facts)
    names = [sample.name for sample in (*dataset.samples, *dataset.test_samples)]
    return Audit(
        names=dataset.names,
        labels=labels,
        readable=np.array([not fact.problem for fact in facts[:count]], dtype=np.bool_),
        unreadable=tuple(
            (name, fact.problem) for name, fact in zip(names, facts, strict=False) if fact.problem
        ),
        duplicates=duplicates,
        near_duplicates=near_duplicates,
        conflicts=tuple(
            rows
            for rows in (*duplicates, *near_duplicates)
            if len({labels[row] for row in rows}) > 1
        ),
        leaks=_leaks(names, count, (*exact, *near)),
        statistics=measure(dataset, facts[:count]),
        previews=tuple(fact.preview for fact in facts[:count]),
    )


def _near_duplicates(facts: Sequence[PictureFacts], exact: Groups) -> Groups:
    """Return near groups in which every exact copy of a member is a member too."""
    copies = {rows[0]: rows for rows in exact}
    later = {row for rows in exact for row in rows[1:]}
    rows = [row for row, fact in enumerate(facts) if not fact.problem and row not in later]
    groups = near_groups(rows, stack_hashes(facts), stack_thumbnails(facts))
    return tuple(
        tuple(sorted(copy for row in group for copy in copies.get(row, (row,)))) for group in groups
    )


def _within(groups: Groups, count: int) -> Groups:
    """Return the groups' rows below ``count``, where two or more are left."""
    kept = (tuple(row for row in rows if row < count) for rows in groups)
    return tuple(rows for rows in kept if len(rows) > 1)


def _distinct(groups: Groups, facts: Sequence[PictureFacts]) -> Groups:
    """Return the groups with at least two different pictures."""
    return tuple(rows for rows in groups if len({facts[row].digest for row in rows}) > 1)


def _leaks(names: Sequence[str], count: int, groups: Groups) -> tuple[tuple[str, str], ...]:
    """Return (name, test name) for each test picture that is tied to a row below ``count``."""
    pairs: dict[str, str] = {}
    for rows in groups:
        if rows[0] < count:
            for row in rows:
                if row >= count:
                    pairs.setdefault(names[row], names[rows[0]])
    return tuple(sorted((name, test) for test, name in pairs.items()))
