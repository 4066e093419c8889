"""Plans the folds: stratified, grouped, fixed by the seed, with the reason for their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autosmall.data.fold_file import read_folds, write_folds
from autosmall.data.groups import sample_groups
from autosmall.errors import DatasetError, SettingsError
from autosmall.schema.folds import FoldPlan
from autosmall.schema.seeds import derive_seed

__all__ = ["plan_folds", "read_folds", "sample_groups", "write_folds"]

USUAL_FOLDS = 5
LARGE_SET = 1500
FOLDS_OF_LARGE_SET = 3
TINY_SET, REPEATS_OF_TINY_SET = 60, 3
SMALL_SET, REPEATS_OF_SMALL_SET = 300, 2

ATTEMPTS = 20
"""Random orders that are tried while a fold still lacks a class."""


def plan_folds(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    folds: str | int = "auto",
    repeats: int | None = None,
    seed: int,
    classes: Sequence[str] = (),
) -> FoldPlan:
    """Return the folds of a search: no group is ever split, classes are spread evenly.

    Args:
        labels: ``int64 (n,)``, classes from 0.
        groups: ``int64 (n,)``, equal for samples that stay together.
        folds: ``"auto"`` or how many; lowered to the number of groups of the rarest class, so
            that every part can hold every class, and the plan's reason says so.
        repeats: How often all is split anew; ``None`` for what ``auto`` picks, else once.
        seed: The search's seed.
        classes: Class names for messages.

    Raises ``SettingsError`` for fewer than 2 folds or 1 repeat, ``DatasetError`` where all
    pictures of a class are one group.
    """
    _check_settings(folds, repeats)
    rarest, rarest_groups = _rarest_class(labels, groups)
    name = repr(classes[rarest]) if classes else f"number {rarest}"
    if rarest_groups < 2:
        raise DatasetError(
            f"all pictures of class {name} belong to one group (copies of one another, or one"
            " value of --groups), so none could be held out",
            "at least two groups in every class",
            "add different pictures of that class, or group otherwise (--groups none)",
        )
    count, reason = _fold_count(len(labels), rarest_groups, folds, name)
    times, times_reason = _repeat_count(len(labels), folds, repeats)
    assignments = [
        _assign(labels, groups, count, derive_seed(seed, "folds", r)) for r in range(times)
    ]
    return FoldPlan(np.stack(assignments), count, groups, f"{reason}; {times_reason}")


def _check_settings(folds: str | int, repeats: int | None) -> None:
    if folds != "auto" and (isinstance(folds, str) or folds < 2):
        raise SettingsError(f"folds {folds!r}", "auto, or a number from 2", "correct --folds")
    if repeats is not None and repeats < 1:
        raise SettingsError(f"repeats {repeats}", "a number from 1", "correct --repeats")


def _rarest_class(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> tuple[int, int]:
    """Return the class that occurs in the fewest groups, and in how many."""
    pairs = np.unique(np.stack([labels, groups], axis=1), axis=0)
    counts = np.bincount(pairs[:, 0])
    return int(counts.argmin()), int(counts.min())


def _fold_count(samples: int, rarest_groups: int, folds: str | int, rarest: str) -> tuple[int, str]:
    if isinstance(folds, int):
        wanted, reason = folds, f"{folds} folds, as asked for"
    elif samples >= LARGE_SET:
        wanted = FOLDS_OF_LARGE_SET
        reason = f"{wanted} folds, as {samples} pictures leave enough to learn from in each"
    else:
        wanted = USUAL_FOLDS
        reason = f"{wanted} folds, so that each fit learns from four fifths of {samples} pictures"
    if wanted <= rarest_groups:
        return wanted, reason
    return rarest_groups, (
        f"{rarest_groups} folds instead of {wanted}, as class {rarest} has only {rarest_groups}"
        " independent pictures or groups and every fold must hold one"
    )


def _repeat_count(samples: int, folds: str | int, repeats: int | None) -> tuple[int, str]:
    if repeats is not None:
        return repeats, f"split {_times(repeats)}, as asked for"
    if folds != "auto" or samples > SMALL_SET:
        return 1, "split once"
    count = REPEATS_OF_TINY_SET if samples < TINY_SET else REPEATS_OF_SMALL_SET
    return count, f"split {_times(count)}, as one split of so few pictures is a matter of luck"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _assign(
    labels: NDArray[np.int64], groups: NDArray[np.int64], fold_count: int, seed: int
) -> NDArray[np.int64]:
    """Return each sample's fold, ``int64 (n,)``: the best of a few random orders."""
    _, group_rows = np.unique(groups, return_inverse=True)
    table = np.zeros((group_rows.max() + 1, labels.max() + 1), dtype=np.int64)
    np.add.at(table, (group_rows, labels), 1)
    random = np.random.default_rng(seed)
    best, least = None, (np.inf, np.inf)
    for _ in range(ATTEMPTS):
        fold_of_group = _spread(table, fold_count, random)
        badness = _badness(table, fold_of_group, fold_count)
        if badness < least:
            best, least = fold_of_group, badness
        if least[0] == 0:
            break
    assert best is not None
    return best[group_rows]


def _spread(
    table: NDArray[np.int64], fold_count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return each group's fold from ``table`` (groups x classes, numbers of pictures).

    Class by class from the rarest, each class's largest groups first and equal ones in random
    order, a group goes to the fold that holds least of the class, then least in all.
    """
    fold_of_group = np.full(len(table), -1, dtype=np.int64)
    held = np.zeros((fold_count, table.shape[1]), dtype=np.int64)
    order = random.permutation(len(table))
    order = order[np.argsort(-table[order].sum(axis=1), kind="stable")]
    for label in np.argsort((table > 0).sum(axis=0), kind="stable"):
        for group in order[(table[order, label] > 0) & (fold_of_group[order] < 0)]:
            ties = random.permutation(fold_count)
            keys = (held[ties].sum(axis=1), held[ties, label])
            fold = ties[np.lexsort(keys)[0]]
            fold_of_group[group] = fold
            held[fold] += table[group]
    return fold_of_group


def _badness(
    table: NDArray[np.int64], fold_of_group: NDArray[np.int64], fold_count: int
) -> tuple[float, float]:
    """Return how many (fold, class) pairs are empty, and how uneven the others are."""
    held = np.zeros((fold_count, table.shape[1]))
    np.add.at(held, fold_of_group, table)
    even = table.sum(axis=0) / fold_count
    return float((held == 0).sum()), float((((held - even) / even) ** 2).sum())
