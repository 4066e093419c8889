"""Tasks: what a step sees, that they learn, and that a checkpoint holds all of their state."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from autosmall.models.students import build_student
from autosmall.training import precision
from autosmall.training.augmentation import Augmenter
from autosmall.training.gpu import Gpu
from autosmall.training.pretraining_tasks import (
    AutoencoderTask,
    BatchRows,
    PretrainingOptions,
    PretrainingPictures,
    SupervisedTask,
)

SIZE = 17
"""Odd, so that halving and doubling must be put right."""


def options(**changes) -> PretrainingOptions:
    augmenter = Augmenter("affine", 0.3, frozenset({"shift", "brightness", "noise"}))
    values = {"batch_size": 8, "learning_rate": 3e-3, "weight_decay": 1e-2, "augmenter": augmenter}
    return PretrainingOptions(**{**values, "noise_std": 0.1, "seed": 0, **changes})


def pictures() -> PretrainingPictures:
    """Bright above, or bright below, in noise; every third row is not to be learned from."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 120, (36, SIZE, SIZE, 3)).astype(np.uint8)
    labels = np.arange(36) % 2
    for row, label in enumerate(labels):
        pixels[row, slice(0, 8) if label else slice(9, SIZE)] += 120
    rows = np.flatnonzero(np.arange(36) % 3)
    return PretrainingPictures(pixels, rows, labels[rows].astype(np.int64), 2)


def make(kind, seed: int = 0, **changes):
    keras.utils.set_random_seed(seed)
    task = kind(build_student("compact_4", SIZE), pictures(), options(**changes))
    task.total_steps = 40
    return task


@pytest.mark.parametrize("kind", [SupervisedTask, AutoencoderTask])
def test_it_learns_and_its_state_is_stored_and_read_whole(kind, tmp_path):
    task = make(kind)
    first = task.train_steps(4)
    task.save(tmp_path)
    assert task.train_steps(24) < first
    again = make(kind, seed=5)
    again.restore(tmp_path)
    assert again.steps_done == 4
    again.train_steps(7)
    again.train_steps(17)
    pairs = zip(task._network.variables, again._network.variables, strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("kind", [SupervisedTask, AutoencoderTask])
def test_steps_in_lower_precision_leave_a_float32_backbone(kind, monkeypatch):
    plain = make(kind)
    plain.train_steps(3)
    monkeypatch.setattr(precision, "find_gpu", lambda: Gpu("cpu:0", has_bfloat16=True))
    lowered = make(kind)
    lowered.train_steps(3)
    backbone, expected = lowered.backbone(), plain.backbone()
    assert {layer.dtype_policy.name for layer in backbone._flatten_layers()} == {"float32"}
    pairs = list(zip(backbone.get_weights(), expected.get_weights(), strict=True))
    assert not all(np.array_equal(a, b) for a, b in pairs)
    # Three steps of AdamW move a weight by at most thrice the learning rate.
    assert all(np.abs(a - b).max() < 6 * 3e-3 for a, b in pairs[:1])


def test_a_steps_batch_depends_on_its_number_alone():
    one, other = make(SupervisedTask), make(SupervisedTask)
    for step in (5, 2):
        one.batch(step)
    for a, b in zip(one.batch(9), other.batch(9), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(one.batch(9)[0], one.batch(10)[0])


def test_only_the_rows_to_learn_from_are_seen():
    given = pictures()
    task = make(AutoencoderTask, noise_std=0.0, augmenter=Augmenter("none", 0.0, frozenset()))
    seen = np.concatenate([task.batch(step)[0] for step in range(6)])
    allowed = given.pixels[given.rows].astype(np.float32)
    assert all((one == allowed).all(axis=(1, 2, 3)).any() for one in seen)


def test_rare_classes_weigh_as_much_as_common_ones():
    given = pictures()
    labels = np.where(np.arange(len(given.rows)) < 4, 0, 1).astype(np.int64)
    uneven = PretrainingPictures(given.pixels, given.rows, labels, 2)
    task = SupervisedTask(build_student("compact_4", SIZE), uneven, options(batch_size=24))
    _, targets, weights = task.batch(0)
    totals = (targets * weights[:, None]).sum(0)
    assert totals[0] == pytest.approx(totals[1])


def test_noise_is_in_the_input_and_not_in_the_target():
    task = make(AutoencoderTask)
    inputs, targets, weights = task.batch(0)
    assert weights is None and targets.max() <= 1
    assert np.std(inputs / 255 - targets) == pytest.approx(0.1, rel=0.1)
    assert task._network.output_shape == (None, SIZE, SIZE, 3)


def test_the_backbone_is_a_copy_of_what_is_trained_so_far():
    task = make(SupervisedTask)
    before = task.backbone()
    weights = before.get_weights()
    task.train_steps(2)
    assert all(np.array_equal(a, b) for a, b in zip(before.get_weights(), weights, strict=True))
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(task.backbone().get_weights(), weights, strict=True)
    )
    assert before.input_shape == (None, SIZE, SIZE, 3) and len(before.output_shape) == 4


def test_batches_take_every_row_once_per_permutation():
    rows = BatchRows(np.arange(7), batch_size=3, seed=1)
    taken = np.concatenate([rows.at(step) for step in range(7)])
    for start in (0, 7, 14):
        assert sorted(taken[start : start + 7]) == list(range(7))
    assert np.array_equal(BatchRows(np.arange(7), 3, 1).at(4), taken[12:15])
