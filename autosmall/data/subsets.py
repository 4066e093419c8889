"""Nested parts of a training part: each class keeps its share, each group stays together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_PER_CLASS = 2
"""Pictures that every class keeps where it has them, whatever the share."""

Rows = NDArray[np.int64]


def training_subset(
    train_index: Rows, labels: Rows, groups: Rows, share_percent: int, seed: int
) -> Rows:
    """Return the sorted rows of about ``share_percent`` % of a training part.

    With the same seed a smaller share's rows are among a larger share's. Groups count for the
    class that most of their pictures have; within a class they come in random order, and one is
    taken if at most half of it lies beyond the share, or the class has fewer than
    :data:`LEAST_PER_CLASS` pictures without it.

    Args:
        train_index: ``int64 (m,)``, rows of the training part.
        labels: ``int64 (n_samples,)``, classes of all samples.
        groups: ``int64 (n_samples,)``, groups of all samples.
        share_percent: 1 to 100.
        seed: Decides the order.

    >>> labels, groups = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.arange(8)
    >>> rows = training_subset(np.arange(8), labels, groups, 50, seed=0)
    >>> labels[rows].tolist()
    [0, 0, 1, 1]
    """
    own = groups[train_index]
    majority = _majority_classes(own, labels[train_index])
    taken: list[Rows] = []
    for label in np.unique(labels[train_index]):
        members = [group for group, its in majority.items() if its == label]
        order = np.random.default_rng([seed, int(label)]).permutation(len(members))
        parts = [train_index[own == members[place]] for place in order]
        taken += _first_share(parts, share_percent / 100)
    return np.sort(np.concatenate(taken)).astype(np.int64)


def _majority_classes(groups: Rows, labels: Rows) -> dict[int, int]:
    """Return group to the class of most of its pictures, in order of groups."""
    return {
        int(group): int(np.bincount(labels[groups == group]).argmax())
        for group in np.unique(groups)
    }


def _first_share(parts: list[Rows], share: float) -> list[Rows]:
    """Return the first parts that hold about ``share`` of all rows."""
    sizes = np.array([len(part) for part in parts])
    before = np.cumsum(sizes) - sizes
    wanted = (before + sizes / 2 <= share * sizes.sum()) | (before < LEAST_PER_CLASS)
    return [part for part, is_wanted in zip(parts, wanted, strict=True) if is_wanted]
