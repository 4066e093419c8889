from itertools import islice

import numpy as np
import pytest

from autosmall.training.batches import (
    BatchPlan,
    balanced_positions,
    mix,
    shuffled_positions,
)


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


PARTS = [np.array([0, 2, 4, 5, 6, 7, 8]), np.array([1, 3]), np.array([9])]
"""Ten positions of three shapes."""


def test_with_one_shape_batches_are_the_stream_cut_in_pieces():
    plan = BatchPlan.of([np.arange(10)], 4)
    assert plan.per_epoch == 2  # 2.5 whole batches
    cut = list(islice(plan.batches(shuffled_positions(10, np.random.default_rng(3))), 5))
    stream = list(islice(shuffled_positions(10, np.random.default_rng(3)), 20))
    assert np.concatenate(cut).tolist() == stream
    assert plan.weights().tolist() == [1.0] * 10


def test_every_batch_has_one_shape_and_every_position_comes_as_often():
    plan = BatchPlan.of(PARTS, 4)
    assert plan.sizes == (4, 2, 1)
    batches = list(islice(plan.batches(shuffled_positions(10, np.random.default_rng(0))), 400))
    for batch in batches:
        shapes = set(plan.part_of[batch].tolist())
        assert len(shapes) == 1 and len(batch) == plan.sizes[shapes.pop()]
    # What still waits for its batch can differ by one batch, whatever the number of rounds.
    counts = np.bincount(np.concatenate(batches))
    assert counts.max() - counts.min() <= 4


def test_batches_repeat_from_the_seed_and_differ_with_it():
    plan = BatchPlan.of(PARTS, 2)

    def taken(seed):
        return [
            batch.tolist()
            for batch in islice(
                plan.batches(shuffled_positions(10, np.random.default_rng(seed))), 30
            )
        ]

    assert taken(1) == taken(1) != taken(2)


def test_weights_make_positions_count_alike_whatever_the_size_of_their_batch():
    plan = BatchPlan.of(PARTS, 4)
    weights = plan.weights()
    share_of_a_batch_mean = weights / np.array(plan.sizes)[plan.part_of]
    np.testing.assert_allclose(share_of_a_batch_mean, share_of_a_batch_mean[0], rtol=1e-6)
    # One pass has 7 / 4 + 1 + 1 batches; their weights are 1 on average.
    per_pass = np.array([7 / 4, 1, 1])
    of_part = np.array([weights[part[0]] for part in PARTS])
    np.testing.assert_allclose((per_pass * of_part).sum() / per_pass.sum(), 1, rtol=1e-6)


def test_balanced_sampling_holds_where_shapes_tell_the_classes():
    labels = np.array([1] * 8 + [0] * 2)
    plan = BatchPlan.of([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)], 2)
    stream = balanced_positions(labels, np.random.default_rng(0))
    taken = np.concatenate(list(islice(plan.batches(stream), 100)))
    assert abs(np.mean(labels[taken]) - 0.5) <= 0.01
