"""Nested shares of a training part: sizes, nesting, classes, groups."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.data.subsets import LEAST_PER_CLASS, training_subset

SHARES = (25, 50, 75)


def drawn(seed=0, count=200, groups_of=1):
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, count, p=[0.6, 0.3, 0.1])
    groups = np.arange(count) // groups_of
    if groups_of > 1:
        labels = labels[groups * groups_of]
    train = np.flatnonzero(groups % 5 != 0)
    return train, labels, groups


def test_each_class_keeps_its_share_to_half_a_picture():
    train, labels, groups = drawn()
    for share in SHARES:
        rows = training_subset(train, labels, groups, share, seed=1)
        kept, whole = np.bincount(labels[rows]), np.bincount(labels[train])
        assert np.all(np.abs(kept - whole * share / 100) <= 0.5)


@pytest.mark.parametrize("groups_of", [1, 4])
def test_shares_are_nested_and_of_the_training_part_alone(groups_of):
    train, labels, groups = drawn(groups_of=groups_of)
    parts = [set(training_subset(train, labels, groups, s, seed=1).tolist()) for s in SHARES]
    assert parts[0] < parts[1] < parts[2] < set(train.tolist())


def test_groups_stay_together():
    train, labels, groups = drawn(groups_of=4)
    for share in SHARES:
        rows = training_subset(train, labels, groups, share, seed=2)
        counts = np.bincount(groups[rows])
        assert set(counts[counts > 0].tolist()) == {4}


def test_groups_of_several_classes_count_for_the_commonest_and_stay_whole():
    labels = np.array([0, 0, 1] * 8 + [1] * 8)
    groups = np.repeat(np.arange(16), [3] * 8 + [1] * 8)
    rows = training_subset(np.arange(32), labels, groups, 50, seed=0)
    counts = np.bincount(groups[rows], minlength=16)
    assert np.all((counts == 0) | (counts == np.bincount(groups)))
    assert np.sum(counts[:8] == 3) == 4


def test_a_rare_class_keeps_the_least_number():
    labels = np.array([0] * 40 + [1] * 3)
    rows = training_subset(np.arange(43), labels, np.arange(43), 25, seed=0)
    assert np.bincount(labels[rows]).tolist() == [10, LEAST_PER_CLASS]


def test_another_seed_takes_others_and_the_same_seed_the_same():
    train, labels, groups = drawn()
    first, again, other = (training_subset(train, labels, groups, 50, s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
