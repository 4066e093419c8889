"""Pretraining without labels: a student learns to see views as a teacher does.

The student's pooled maps, one per stage, and its last map, place by place, are turned by linear
layers into the teacher's; the loss is one minus the cosine of each pair. Teacher and student see
the very same views, many times over (Beyer et al., "Knowledge distillation: A good teacher is
patient and consistent", CVPR 2022); targets from several layers are hints (Romero et al.,
"FitNets", ICLR 2015). The teacher looks at each view once; what it saw is kept on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.files import write_json
from autosmall.models.backbones import backbone_from_model
from autosmall.training.pretraining_tasks import BatchRows, NetworkTask, PretrainingOptions

Tensor = Any
Floats = NDArray[np.floating[Any]]

CHUNK_VIEWS = 64
DEVIATION_FLOOR = 1e-3
STATISTICS_VIEWS = 8_000
LARGEST_DEVIATION = 8.0
"""Standardised targets beyond this are cut: rare peaks would rule the cosine."""


@dataclass(frozen=True)
class TargetLayout:
    """What the columns of a target vector are: parts that are compared one by one.

    Attributes:
        pooled_widths: Widths of the teacher's pooled stages, the last stage's first.
        map_side: Side of the teacher's last map.
        map_channels: Its channels.
    """

    pooled_widths: tuple[int, ...]
    map_side: int
    map_channels: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the parts: pooled stages, then one part for each place of the map."""
        return (*self.pooled_widths, *(self.map_channels for _ in range(self.map_side**2)))

    @property
    def shares(self) -> tuple[float, ...]:
        """How much each part counts; they add up to 1, and a map counts as much as a stage."""
        share, places = 1 / (len(self.pooled_widths) + 1), self.map_side**2
        return (*(share for _ in self.pooled_widths), *(share / places for _ in range(places)))


def target_model(teacher: keras.Model) -> tuple[keras.Model, TargetLayout]:
    """Return the model from pictures to target vectors, and what their columns are."""
    stages = backbone_from_model(teacher).stages
    pooled = [keras.layers.GlobalAveragePooling2D()(stage) for stage in stages]
    last = stages[0]
    layout = TargetLayout(
        tuple(int(tensor.shape[-1]) for tensor in pooled), int(last.shape[1]), int(last.shape[-1])
    )
    columns = keras.layers.Concatenate()([*pooled, keras.layers.Flatten()(last)])
    return keras.Model(teacher.input, columns), layout


def compute_targets(
    teacher: keras.Model,
    views: NDArray[np.uint8],
    folder: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda done, count: None,
) -> tuple[NDArray[np.float16], TargetLayout]:
    """Return the teacher's standardised targets ``float16 (n, width)``, kept in ``folder``.

    Each column has mean 0 and deviation 1 over the first views. Targets that stand in ``folder``
    already are read; ``folder`` must belong to these views and this teacher.
    """
    model, layout = target_model(teacher)
    path, done_path = folder / "targets.npy", folder / "targets.json"
    if done_path.is_file():
        return np.load(path, mmap_mode="r"), layout

    def look(rows: slice) -> Floats:
        chunk = np.asarray(views[rows], np.float32)
        padding = [(0, CHUNK_VIEWS - len(chunk)), (0, 0), (0, 0), (0, 0)]
        seen = model.predict_on_batch(np.pad(chunk, padding))[: len(chunk)]
        return np.asarray(seen, np.float32)

    count = len(views)
    starts = range(0, count, CHUNK_VIEWS)
    first = np.concatenate(
        [look(slice(s, min(s + CHUNK_VIEWS, count))) for s in starts if s < STATISTICS_VIEWS]
    )
    mean, deviation = first.mean(0), first.std(0) + DEVIATION_FLOOR
    targets = np.lib.format.open_memmap(path, "w+", np.float16, (count, first.shape[1]))
    for start in starts:
        rows = slice(start, min(start + CHUNK_VIEWS, count))
        standard = (look(rows) - mean) / deviation
        targets[rows] = np.clip(standard, -LARGEST_DEVIATION, LARGEST_DEVIATION)
        on_progress(rows.stop, count)
    targets.flush()
    write_json(done_path, {"views": count, "width": int(first.shape[1])})
    return np.load(path, mmap_mode="r"), layout


class DistillationTask(NetworkTask):
    """Trains ``student`` towards targets; see ``pretraining.PretrainingTask``.

    ``layer_wise`` compares all stages and the map's places, else the last pooled stage alone.
    """

    def __init__(
        self,
        student: keras.Model,
        views: NDArray[np.uint8],
        targets: NDArray[np.float16],
        layout: TargetLayout,
        options: PretrainingOptions,
        *,
        layer_wise: bool = True,
    ) -> None:
        network = keras.Model(student.input, _imitation(student, layout, layer_wise))
        widths = layout.widths if layer_wise else layout.pooled_widths[:1]
        shares = layout.shares if layer_wise else (1.0,)
        self._columns = sum(widths)
        super().__init__(student, network, PartwiseCosine(widths, shares), options)
        self._views, self._targets = views, targets
        self._rows = BatchRows(np.arange(len(views)), options.batch_size, options.seed)

    def batch(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32], None]:
        """Return views and their targets."""
        rows = np.sort(self._rows.at(step))
        targets = self._targets[rows, : self._columns].astype(np.float32)
        return self._views[rows].astype(np.float32), targets, None


class PartwiseCosine(keras.losses.Loss):
    """One minus the cosines of the parts of two vectors, each part with its share of 1."""

    def __init__(self, widths: tuple[int, ...], shares: tuple[float, ...]) -> None:
        super().__init__(name="partwise_cosine")
        ends = np.cumsum(widths).tolist()
        self._parts = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
        self._shares = shares

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return ``(n,)`` losses, in ``[0, 2]``."""
        return 1.0 - sum(
            share * keras.ops.sum(_unit(y_true[:, part]) * _unit(y_pred[:, part]), axis=1)
            for part, share in zip(self._parts, self._shares, strict=True)
        )


def _unit(vectors: Tensor) -> Tensor:
    square = keras.ops.sum(keras.ops.square(vectors), axis=1, keepdims=True)
    return vectors * keras.ops.rsqrt(square + 1e-6)


def _imitation(student: keras.Model, layout: TargetLayout, layer_wise: bool) -> Tensor:
    stages = backbone_from_model(student).stages
    student.trainable = True
    last = keras.layers.Conv2D(layout.map_channels, 1, name="as_teacher_map")(stages[0])
    pooled = [keras.layers.GlobalAveragePooling2D()(last)]
    if not layer_wise:
        return pooled[0]
    for stage, width in zip(stages[1:], layout.pooled_widths[1:], strict=False):
        mean = keras.layers.GlobalAveragePooling2D()(stage)
        pooled.append(keras.layers.Dense(width)(mean))
    return keras.layers.Concatenate()([*pooled, keras.layers.Flatten()(last)])
