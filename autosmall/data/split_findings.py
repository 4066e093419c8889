"""Compares the splits that the user gave: copies across them, and classes' shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autosmall.data.audit_result import BLOCKING, INFO, WARNING, Audit, Finding
from autosmall.data.samples import TEST, TRAIN, VALIDATION, Dataset

LEAST_SHARE_DIFFERENCE = 0.1
"""Smallest difference of a class's share that is worth a word, if chance cannot explain it."""

STANDARD_ERRORS = 4.0
"""How many standard errors of the difference chance is granted, as several classes are tried."""


def find_split_differences(audit: Audit, dataset: Dataset) -> Iterator[Finding]:
    """Yield findings on the splits; names and labels of test pictures count, never their pixels,
    unless the audit was asked to look for copies among them.
    """
    yield from _find_leaks(audit)
    yield from _find_shared_by_validation(audit, dataset)
    yield from _find_missing_classes(dataset)
    counts = audit.statistics.class_counts
    for split in (VALIDATION, TEST):
        if TRAIN in counts and split in counts:
            yield from _find_other_shares(counts[TRAIN], counts[split], split)


def _find_leaks(audit: Audit) -> Iterator[Finding]:
    if audit.leaks:
        shown = ", ".join(f"{test} = {name}" for name, test in audit.leaks[:3])
        yield Finding(
            BLOCKING,
            "test-leak",
            f"{len(audit.leaks)} test pictures are copies of training pictures ({shown}), so the"
            " test score will be too good. Take them out of one side.",
        )


def _find_shared_by_validation(audit: Audit, dataset: Dataset) -> Iterator[Finding]:
    splits = [sample.split for sample in dataset.samples]
    groups = (*audit.duplicates, *audit.near_duplicates)
    shared = sum({splits[row] for row in rows} == {TRAIN, VALIDATION} for rows in groups)
    if shared:
        yield Finding(
            INFO,
            "validation-overlap",
            f"{shared} pictures of the validation split have copies in the training split. Both"
            " are put together and split anew into folds, so it does no harm here.",
        )


def _find_missing_classes(dataset: Dataset) -> Iterator[Finding]:
    if not dataset.test_samples or not dataset.samples:
        return
    tested = {sample.label for sample in dataset.test_samples}
    unknown = sorted(tested - set(dataset.classes))
    if unknown:
        yield Finding(
            WARNING,
            "unknown-test-class",
            f"The test split has classes without training pictures: {', '.join(unknown[:5])}."
            " It cannot be scored until they are renamed or taken out.",
        )
    untested = sorted(set(dataset.classes) - tested)
    if untested:
        yield Finding(
            WARNING,
            "untested-class",
            f"The test split has no pictures of {', '.join(untested[:5])}.",
        )


def _find_other_shares(
    train: Mapping[str, int], other: Mapping[str, int], split: str
) -> Iterator[Finding]:
    train_total, other_total = sum(train.values()), sum(other.values())
    told = []
    for label in sorted(set(train) & set(other)):
        first, second = train[label] / train_total, other[label] / other_total
        pooled = (train[label] + other[label]) / (train_total + other_total)
        error = (pooled * (1 - pooled) * (1 / train_total + 1 / other_total)) ** 0.5
        if abs(first - second) > max(LEAST_SHARE_DIFFERENCE, STANDARD_ERRORS * error):
            told.append(f"{label!r} is {first:.0%} of train and {second:.0%} of {split}")
    if told:
        yield Finding(
            WARNING,
            "other-shares",
            f"The classes' shares differ between the splits: {'; '.join(told[:5])}. Plain accuracy"
            " will differ for that reason alone.",
        )
