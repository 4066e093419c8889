"""What strategies that train a network on labels have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import Pictures
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import Arrays
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.base import EpochObserver, Fit, FitTask
from autosmall.training.health.rules import DEAD_UNIT_SHARE, WEIGHT_GROWTH

if TYPE_CHECKING:
    import keras

    from autosmall.models.pooling import HeadSpec
    from autosmall.training.augmentation import Augmenter
    from autosmall.training.loop import Inputs, TrainingHistory
    from autosmall.training.optimizers import VariableRates
    from autosmall.training.options import TrainingOptions

VALIDATION_SHARE = 0.2
"""Largest part of an epoch's time that its validation predictions may take."""
TRAINING_COST = 3
"""A training step of a picture costs about three predictions of it."""


class EpochReporter:
    """Hands every epoch to the observer, with validation probabilities as often as they are cheap.

    How often depends on the numbers of pictures alone, never on a clock, so that fits repeat. The
    last planned epoch always has them.
    """

    def __init__(
        self,
        task: FitTask,
        planned_epochs: int,
        predict_validation: Callable[[], NDArray[np.float32]],
    ) -> None:
        self._observer: EpochObserver = task.observer
        self._planned_epochs = planned_epochs
        self._predict_validation = predict_validation
        cost = len(task.validation_index) / (TRAINING_COST * len(task.train_index))
        self._every = max(1, math.ceil(cost / VALIDATION_SHARE))
        self._has_validation = len(task.validation_index) > 0
        self._done = 0

    def __call__(self, train_loss: float, train_accuracy: float) -> bool:
        """Report an epoch and return whether to go on; a loss that is no number ends the fit."""
        self._done += 1
        due = self._done % self._every == 0 or self._done == self._planned_epochs
        finite = math.isfinite(train_loss)
        wanted = self._has_validation and due and finite
        probabilities = self._predict_validation() if wanted else None
        go_on = self._observer.epoch_end(train_loss, train_accuracy, probabilities)
        return go_on and finite


def head_spec(task: FitTask, options: TrainingOptions) -> HeadSpec:
    """Return the head that a configuration with ``head`` asks for."""
    from autosmall.models.pooling import HeadSpec

    pooling = task.config.text("head")
    return HeadSpec(task.class_count, pooling, options.dropout_rate, options.l1)


def train_on_pictures(
    network: keras.Model,
    task: FitTask,
    pictures: Pictures,
    options: TrainingOptions,
) -> TrainingHistory:
    """Train ``network`` (pictures to logits) on the training rows, augmented, and report epochs."""
    alter = augmenter(task)
    transform = None if alter.is_identity else alter
    return train_network(network, task, pictures, options, batch_transform=transform)


def train_on_features(
    head: keras.Model, task: FitTask, features: NDArray[np.float32], options: TrainingOptions
) -> TrainingHistory:
    """Train ``head`` (features to logits) on the training rows' features and report epochs."""
    return train_network(head, task, features, options)


def train_network(
    network: keras.Model,
    task: FitTask,
    inputs: Inputs,
    options: TrainingOptions,
    *,
    batch_transform: Augmenter | None = None,
    views: int = 1,
    rates: VariableRates | None = None,
) -> TrainingHistory:
    """Train ``network`` (inputs to logits) on the training rows of ``inputs`` and report epochs.

    ``inputs`` holds all samples ``views`` times, as they are first; predictions look at these.
    """
    from autosmall.training.loop import train

    starts = np.arange(views) * (len(inputs) // views)
    return train(
        network,
        inputs,
        np.add.outer(starts, task.train_index).ravel(),
        np.tile(task.train_labels, views),
        task.class_count,
        options,
        derive_seed(task.seed, "batches"),
        epoch_end=_reporter(network, task, inputs, options),
        batch_transform=batch_transform,
        rates=rates,
        views=views,
    )


def augmenter(task: FitTask) -> Augmenter:
    """Return the augmentation that a configuration asks for, within the task's invariances."""
    from autosmall.training.augmentation import Augmenter

    return Augmenter(
        task.config.text("augmentation"),
        task.config.number("augmentation_strength"),
        task.invariances,
    )


def _reporter(
    network: keras.Model,
    task: FitTask,
    inputs: Inputs,
    options: TrainingOptions,
) -> EpochReporter:
    return EpochReporter(
        task,
        options.epochs,
        lambda: predict_probabilities(network, inputs, task.validation_index),
    )


def predict_probabilities(
    network: keras.Model, inputs: Inputs, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return probabilities ``float32 (len(rows), k)`` of a network that returns logits."""
    from autosmall.training.loop import predict, softmax

    return softmax(predict(network, inputs, rows))


def fit_of_network(
    network: keras.Model,
    task: FitTask,
    pictures: Pictures,
    rebuild: Callable[[Arrays], keras.Model],
    history: TrainingHistory,
) -> Fit:
    """Return the fit of a trained network (pictures to logits).

    ``rebuild`` makes the model from the weights that are copied here: the trained network is used
    again for the next fold. The notes hold what :mod:`autosmall.training.health` wants to know.
    """
    from autosmall.training.health.units import dead_unit_share

    learned = numbered(network.get_weights())
    signals = {
        DEAD_UNIT_SHARE: dead_unit_share(network, pictures, task.train_index),
        WEIGHT_GROWTH: history.weight_growth,
    }

    return Fit(
        train_probabilities=predict_probabilities(network, pictures, task.train_index),
        validation_probabilities=predict_probabilities(network, pictures, task.validation_index),
        trainable_parameters=parameter_count(network.trainable_weights),
        total_parameters=network.count_params(),
        picture_spec=PictureSpec.from_config(task.config),
        learned=learned,
        build_model=partial(rebuild, learned),
        healthy=history.healthy,
        notes={name: value for name, value in signals.items() if math.isfinite(value)},
    )


def numbered(weights: Iterable[NDArray[np.generic]]) -> Arrays:
    """Return weights under names that keep their order."""
    return {f"weight_{place:04d}": weight for place, weight in enumerate(weights)}


def rebuilt_network(build: Callable[[], keras.Model], learned: Arrays) -> keras.Model:
    """Return the model of a network that ``build`` makes, with the weights of ``learned``."""
    network = build()
    network.set_weights([learned[name] for name in sorted(learned)])
    return with_softmax(network)


def with_softmax(network: keras.Model) -> keras.Model:
    """Return a model that turns the logits of ``network`` into probabilities."""
    import keras

    probabilities = keras.layers.Softmax(name="probabilities")(network.output)
    return keras.Model(network.input, probabilities, name=network.name)


def parameter_count(weights: list[keras.Variable]) -> int:
    """Return how many numbers ``weights`` hold together."""
    return sum(math.prod(weight.shape) for weight in weights)
