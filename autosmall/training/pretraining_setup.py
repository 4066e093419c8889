"""From a plan to a task and a probe, and from weights to a backbone file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.data.probe_tasks import ProbeTask, make_probe_tasks
from autosmall.models.backbones import build_backbone
from autosmall.models.students import build_student
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.pretrain_settings import AUTOENCODER, DISTILL
from autosmall.schema.seeds import derive_seed
from autosmall.training.augmentation import Augmenter
from autosmall.training.distillation import DistillationTask, compute_targets
from autosmall.training.linear_probe import LinearProbe, hold_out
from autosmall.training.pretraining import PretrainingTask
from autosmall.training.pretraining_tasks import (
    AutoencoderTask,
    PretrainingOptions,
    PretrainingPictures,
    SupervisedTask,
)

VIEWS_PER_PICTURE = 50
MOST_VIEWS = 12_000
"""Views that a teacher looks at once, where there are not more pictures than that."""
RELOAD_TOLERANCE = 1e-4

OnProgress = Callable[[str, int, int], None]
"""Takes the name of a step, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class TaskRequest:
    """What a task is made from.

    Attributes:
        method: ``supervised``, ``autoencoder`` or ``distill``.
        architecture: Name of the student.
        options: How it is trained.
        pixels: ``uint8 (n, size, size, 3)``.
        labels: ``int64 (n,)``; not read unless the method is ``supervised``.
        class_count: Number of classes.
        teacher: For ``distill``.
        work_dir: Folder for what is worth keeping until the end.
        are_views: Whether the pixels are altered crops already.
    """

    method: str
    architecture: str
    options: PretrainingOptions
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_count: int
    teacher: BackboneSource | None
    work_dir: Path
    are_views: bool = False

    @property
    def image_size_px(self) -> int:
        """Side of the pictures."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True)
class PreparedTask:
    """A task, the probe that goes with it, and how many pictures were kept back for the probe."""

    task: PretrainingTask
    probe: LinearProbe
    held_out_count: int


def prepare_task(request: TaskRequest, on_progress: OnProgress) -> PreparedTask:
    """Return the task, its weights drawn from the seed, and its probe.

    With labels the probe is on a part of the source that is kept back, where it has enough
    pictures; else on digits and drawn tasks.
    """
    labelled = request.class_count > 0
    everything = np.arange(len(request.pixels))
    rows, kept = everything, everything[:0]
    if labelled:
        rows, kept = hold_out(request.labels, derive_seed(request.options.seed, "hold out"))
    if len(kept):
        probe = LinearProbe(
            [ProbeTask("held-out part", request.pixels[kept], request.labels[kept])]
        )
    else:
        probe = LinearProbe(make_probe_tasks(request.image_size_px, request.options.seed))
    return PreparedTask(_task(request, rows, on_progress), probe, len(kept))


def save_backbone(request: TaskRequest, weights: list[NDArray[Any]], path: Path) -> None:
    """Write the backbone with these weights to a ``.keras`` file, and read it back to compare.

    Raises ``RuntimeError`` where what was read differs: a defect, and no file to trust.
    """
    backbone = build_student(request.architecture, request.image_size_px)
    backbone.set_weights(weights)
    backbone.save(path)
    again = keras.saving.load_model(path, compile=False, safe_mode=True)
    pictures = np.asarray(request.pixels[:4], np.float32)
    first, second = (np.asarray(m.predict_on_batch(pictures)) for m in (backbone, again))
    difference = float(np.abs(first - second).max())
    if not difference <= RELOAD_TOLERANCE * max(1.0, float(np.abs(first).max())):
        raise RuntimeError(f"the backbone read back from {path} differs by {difference:g}")


def _task(
    request: TaskRequest, rows: NDArray[np.int64], on_progress: OnProgress
) -> PretrainingTask:
    keras.utils.set_random_seed(derive_seed(request.options.seed, "weights"))
    student = build_student(request.architecture, request.image_size_px)
    if request.method == DISTILL:
        return _distillation(request, student, on_progress)
    if request.method == AUTOENCODER:
        pictures = PretrainingPictures(request.pixels, rows)
        return AutoencoderTask(student, pictures, request.options)
    labels = request.labels[rows]
    pictures = PretrainingPictures(request.pixels, rows, labels, request.class_count)
    return SupervisedTask(student, pictures, request.options)


def _distillation(
    request: TaskRequest, student: keras.Model, on_progress: OnProgress
) -> PretrainingTask:
    """Return the task on many altered crops of the pictures, each seen by the teacher once."""
    assert request.teacher is not None
    size = request.image_size_px
    teacher = build_backbone(request.teacher, (size, size, 3)).model
    views = request.pixels if request.are_views else _views(request, on_progress)
    targets, layout = compute_targets(
        teacher,
        views,
        request.work_dir,
        on_progress=lambda done, count: on_progress("the teacher looks", done, count),
    )
    return DistillationTask(student, views, targets, layout, request.options)


def _views(request: TaskRequest, on_progress: OnProgress) -> NDArray[np.uint8]:
    """Return crops in other light, drawn from the seed, kept in the work folder."""
    path, count = request.work_dir / "views.npy", _view_count(len(request.pixels))
    if path.is_file():
        return np.load(path, mmap_mode="r")
    options = request.options
    crop = Augmenter("random_resized_crop", 1.0, options.augmenter.invariances)
    drawing = path.with_suffix(".drawing")
    views = np.lib.format.open_memmap(drawing, "w+", np.uint8, (count, *request.pixels.shape[1:]))
    for start in range(0, count, options.batch_size):
        numbers = np.arange(start, min(start + options.batch_size, count))
        rng = np.random.default_rng(derive_seed(options.seed, "views", start))
        pixels = request.pixels[numbers % len(request.pixels)].astype(np.float32)
        views[numbers] = np.rint(options.augmenter(crop(pixels, rng), rng))
        on_progress("drawing views", int(numbers[-1]) + 1, count)
    views.flush()
    drawing.replace(path)
    return np.load(path, mmap_mode="r")


def _view_count(picture_count: int) -> int:
    return max(picture_count, min(MOST_VIEWS, VIEWS_PER_PICTURE * picture_count))
