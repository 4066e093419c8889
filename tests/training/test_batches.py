from itertools import islice

import numpy as np
import pytest

from autosmall.training.batches import balanced_positions, mix, shuffled_positions


def test_each_round_of_shuffled_positions_is_a_permutation():
    taken = list(islice(shuffled_positions(5, np.random.default_rng(0)), 20))
    rounds = [taken[start : start + 5] for start in range(0, 20, 5)]
    assert all(sorted(part) == [0, 1, 2, 3, 4] for part in rounds)
    assert len({tuple(part) for part in rounds}) > 1


def test_balanced_positions_draw_classes_equally_and_members_in_turn():
    labels = np.array([0] * 9 + [2])
    taken = np.array(list(islice(balanced_positions(labels, np.random.default_rng(0)), 36)))
    assert np.bincount(labels[taken]).tolist() == [18, 0, 18]
    assert np.bincount(taken, minlength=10)[:9].tolist() == [2] * 9


@pytest.fixture
def batch():
    """Grey pictures, each of one level, with one-hot targets."""
    levels = np.arange(10, 330, 10, dtype=np.float32) % 256
    return np.tile(levels[:, None, None, None], (1, 8, 8, 1)), np.eye(32, dtype=np.float32)


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_targets_tell_what_share_of_which_picture_is_seen(batch, mixing):
    pictures, targets = batch
    mixed, mixed_targets = mix(pictures, targets, mixing, np.random.default_rng(1))
    assert mixed.dtype == mixed_targets.dtype == np.float32
    np.testing.assert_allclose(mixed_targets.sum(axis=1), 1, atol=1e-6)
    expected_mean = mixed_targets @ pictures[:, 0, 0, 0]
    np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3)), expected_mean, rtol=1e-5)
    assert not np.array_equal(mixed_targets, targets)


def test_cutmix_pastes_and_mixup_blends(batch):
    pictures, targets = batch
    pasted, _ = mix(pictures, targets, "cutmix", np.random.default_rng(1))
    blended, _ = mix(pictures, targets, "mixup", np.random.default_rng(1))
    assert set(np.unique(pasted)) <= set(np.unique(pictures))
    assert not set(np.unique(blended)) <= set(np.unique(pictures))
    assert all(len(np.unique(picture)) == 1 for picture in blended)


def test_no_mixing_changes_nothing(batch):
    mixed, targets = mix(*batch, "none", np.random.default_rng(1))
    assert mixed is batch[0] and targets is batch[1]
