"""How good a backbone's frozen features are: a cross-validated linear head on a few pictures.

Features of several layers are pooled as the strategy ``frozen`` pools them; the head is logistic
regression at one fixed penalty, so that a probe measures the features alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from autosmall.data.probe_tasks import ProbeTask
from autosmall.models.backbones import backbone_from_model
from autosmall.models.heads import fit_linear_head
from autosmall.training.loop import predict
from autosmall.training.metrics import score

FOLDS = 5
PENALTY_C = 0.01
HELD_OUT_SHARE = 0.15
MOST_HELD_OUT_PER_CLASS = 40
LEAST_HELD_OUT_PER_CLASS = 5

Labels = NDArray[np.int64]


class LinearProbe:
    """The mean balanced accuracy over tasks; see :class:`~autosmall.training.pretraining.Probe`."""

    def __init__(self, tasks: Sequence[ProbeTask]) -> None:
        self._tasks = tuple(tasks)
        self.picture_count = sum(len(task.labels) for task in tasks)
        self._kept: tuple[keras.Model, keras.Model] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks' names."""
        return tuple(task.name for task in self._tasks)

    def __call__(self, backbone: keras.Model) -> float:
        """Return the score, in ``[0, 1]``; ``backbone`` is left as it is.

        All calls must be with backbones of one architecture, of which a copy is kept: its
        functions are then traced once.
        """
        if self._kept is None:
            copy = keras.models.clone_model(backbone)
            self._kept = copy, _pooled(copy)
        copy, pooled = self._kept
        copy.set_weights(backbone.get_weights())
        return float(np.mean([_accuracy(pooled, task) for task in self._tasks]))


def hold_out(labels: Labels, seed: int) -> tuple[Labels, Labels]:
    """Return the rows to train on and those kept for the probe: of each class a share.

    A class with too few pictures keeps none back. The second is empty where fewer than two
    classes can.
    """
    rng = np.random.default_rng(seed)
    held: list[NDArray[np.int64]] = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        count = min(MOST_HELD_OUT_PER_CLASS, round(HELD_OUT_SHARE * len(rows)))
        if count >= LEAST_HELD_OUT_PER_CLASS:
            held.append(rows[:count])
    chosen = np.sort(np.concatenate(held)) if len(held) > 1 else np.zeros(0, np.int64)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def _pooled(backbone: keras.Model) -> keras.Model:
    """Return the model from pictures to the means of the last maps of several resolutions."""
    stages = backbone_from_model(backbone).stages
    means = [keras.layers.GlobalAveragePooling2D()(stage) for stage in stages]
    features = means[0] if len(means) == 1 else keras.layers.Concatenate()(means)
    return keras.Model(backbone.input, features, name="probe")


def _accuracy(pooled: keras.Model, task: ProbeTask) -> float:
    """Return the balanced accuracy of predictions for pictures that the head has not seen."""
    features = predict(pooled, task.pictures, np.arange(len(task.labels)))
    if not np.isfinite(features).all():
        return 0.0
    _, labels = np.unique(task.labels, return_inverse=True)
    class_count = int(labels.max()) + 1
    probabilities = np.zeros((len(labels), class_count), np.float32)
    count = min(FOLDS, int(np.bincount(labels).min()))
    folds = StratifiedKFold(count, shuffle=True, random_state=0)
    for train, rest in folds.split(features, labels):
        head = fit_linear_head("logistic", features[train], labels[train], class_count, PENALTY_C)
        probabilities[rest] = head.probabilities(features[rest])
    return score("balanced_accuracy", labels, probabilities)
