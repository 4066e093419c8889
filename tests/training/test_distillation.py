"""Distillation: targets kept on disk, the loss by hand, a student that comes nearer, resuming."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from autosmall.models.backbones import backbone_from_model
from autosmall.training.augmentation import Augmenter
from autosmall.training.distillation import (
    DistillationTask,
    PartwiseCosine,
    TargetLayout,
    compute_targets,
)
from autosmall.training.pretraining_tasks import PretrainingOptions

SIDE_PX = 32


def network(seed: int, width: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((SIDE_PX, SIDE_PX, 3))
    maps = keras.layers.Rescaling(1 / 255)(pictures)
    for block in range(3):
        maps = keras.layers.Conv2D(width * 2**block, 3, strides=2, padding="same")(maps)
        maps = keras.layers.ReLU()(maps)
    return keras.Model(pictures, maps)


@pytest.fixture(scope="module")
def views() -> np.ndarray:
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (96, 1, 1, 3))
    noise = random.integers(-40, 40, (96, SIDE_PX, SIDE_PX, 3))
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def make_task(views: np.ndarray, folder: Path, *, layer_wise: bool = True) -> DistillationTask:
    targets, layout = compute_targets(network(0, 6), views, folder)
    student = network(1, 4)
    options = PretrainingOptions(16, 1e-2, 0.0, Augmenter("none", 0.0, frozenset()), 0.0, 0)
    task = DistillationTask(student, views, targets, layout, options, layer_wise=layer_wise)
    task.total_steps = 40
    return task


def test_targets_are_the_teachers_standardised_maps(views: np.ndarray, tmp_path: Path) -> None:
    teacher = network(0, 6)
    targets, layout = compute_targets(teacher, views, tmp_path)
    assert targets.shape == (96, sum(layout.widths))
    maps = np.asarray(backbone_from_model(teacher).model.predict(views.astype(float), verbose=0))
    pooled = maps.mean((1, 2))
    standard = (pooled - pooled.mean(0)) / (pooled.std(0) + 1e-3)
    # float16 keeps 11 bits; targets lie within 8.
    np.testing.assert_allclose(targets[:, : pooled.shape[1]], standard, atol=0.01)


def test_targets_on_disk_are_read_again(views: np.ndarray, tmp_path: Path) -> None:
    first, _ = compute_targets(network(0, 6), views, tmp_path)
    calls: list[int] = []
    second, _ = compute_targets(
        network(0, 6), views, tmp_path, on_progress=lambda done, _: calls.append(done)
    )
    assert calls == []
    np.testing.assert_array_equal(first, second)


def test_the_loss_averages_one_minus_cosine_and_a_map_weighs_as_one_part() -> None:
    layout = TargetLayout(pooled_widths=(2,), map_side=1, map_channels=3)
    assert layout.shares == (0.5, 0.5)
    loss = PartwiseCosine((2, 3, 3), (0.5, 0.25, 0.25))
    true = np.array([[1, 0, 1, 0, 0, 0, 1, 0]], np.float32)
    predicted = np.array([[0, 1, 2, 0, 0, 0, -1, 0]], np.float32)
    # The first part is at right angles (0); the map's two places have cosines 1 and -1 (mean 0).
    assert float(loss(true, predicted)) == pytest.approx(1.0, abs=1e-5)
    assert float(loss(true, true)) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("layer_wise", [True, False])
def test_a_student_comes_nearer_to_its_teacher(
    views: np.ndarray, tmp_path: Path, layer_wise: bool
) -> None:
    task = make_task(views, tmp_path, layer_wise=layer_wise)
    before = [w.copy() for w in task.backbone().get_weights()]
    first = task.train_steps(5)
    task.train_steps(25)
    last = task.train_steps(5)
    assert last < 0.8 * first
    changed = [
        not np.array_equal(a, b) for a, b in zip(before, task.backbone().get_weights(), strict=True)
    ]
    assert all(changed[:2]), "the student's first convolution must learn too"


def test_a_task_goes_on_bit_for_bit(views: np.ndarray, tmp_path: Path) -> None:
    task = make_task(views, tmp_path)
    task.train_steps(4)
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    task.save(folder)
    task.train_steps(3)
    again = make_task(views, tmp_path)
    again.restore(folder)
    again.train_steps(3)
    for a, b in zip(task.backbone().get_weights(), again.backbone().get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_stages_of_equal_width_count_as_much_as_any_other() -> None:
    layout = TargetLayout(pooled_widths=(4, 4, 2), map_side=2, map_channels=4)
    assert len(layout.shares) == len(layout.widths)
    assert layout.shares == (0.25, 0.25, 0.25, *(4 * (0.0625,)))
