"""The training loop and prediction, around Keras's ``train_on_batch``.

Our own loop rather than ``Model.fit`` because batches are shuffled from the fit's own seed, all
have one shape (nothing is traced again for the last batch), mixing and augmentation happen when a
batch is put together, and the learning rate is a plain function of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import MixedPictures, same_shape_parts
from autosmall.training.batches import (
    BatchPlan,
    StackedRows,
    balanced_positions,
    mix,
    shuffled_positions,
)
from autosmall.training.device_rows import DeviceRows, rows_on_device
from autosmall.training.losses import make_loss, sample_weights, soft_targets
from autosmall.training.optimizers import (
    VariableRates,
    make_optimizer,
    reset_optimizer,
    set_step,
)
from autosmall.training.options import TrainingOptions
from autosmall.training.precision import in_training_precision, training_precision
from autosmall.training.schedules import make_schedule

Inputs = NDArray[np.generic] | StackedRows | MixedPictures
"""What a network is fed with: ``(n, ...)`` of any numeric type, or pictures of several shapes."""

Tensor = Any
"""An array, or a tensor of Keras's backend."""

Batch = tuple[Tensor, NDArray[np.float32], NDArray[np.float32] | None]
"""Inputs, targets, and one weight per row or ``None``."""

BatchTransform = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]
"""Alters the inputs of a batch at random, keeping their shape."""

EpochEnd = Callable[[float, float], bool]
"""Takes an epoch's mean training loss and accuracy and tells whether to go on."""

PREDICTION_BATCH = 64
_SHAPE_STEP = 16


@dataclass(frozen=True)
class TrainingHistory:
    """What came of a training run.

    Attributes:
        train_loss: Mean loss of each epoch, regularisation included.
        train_accuracy: Mean accuracy of each epoch on the altered (augmented, mixed) pictures.
        epochs_done: Epochs begun and ended.
        healthy: ``False`` where the callback said stop.
        weight_growth: How many times as long as at the start the weights of a layer are at the
            end, for the middle one of the layers that do not start at zero; NaN without such.
    """

    train_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    epochs_done: int
    healthy: bool
    weight_growth: float


def train(
    model: keras.Model,
    inputs: Inputs,
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    class_count: int,
    options: TrainingOptions,
    seed: int,
    *,
    epoch_end: EpochEnd,
    batch_transform: BatchTransform | None = None,
    rates: VariableRates | None = None,
    views: int = 1,
) -> TrainingHistory:
    """Train ``model`` in place on ``inputs[rows]`` and return how it went.

    Args:
        model: Takes ``float32`` batches of inputs and returns logits ``(b, class_count)``. It is
            compiled here; a model trained before with the same options is not traced again, and
            its optimiser starts afresh.
        inputs: Only ``rows`` of them are read, never written. All of a batch have one shape.
        rows: ``int64 (m,)``, rows to train on.
        labels: ``int64 (m,)``, their classes.
        class_count: Number of classes.
        options: See :class:`TrainingOptions`. A batch larger than ``m``, or than there are
            inputs of its shape, is made as large as these.
        seed: Seed of shuffling, mixing and ``batch_transform``.
        epoch_end: Called after each epoch.
        batch_transform: Applied to each batch before mixing. Without it and without mixing, the
            rows are kept on the GPU, if there is one and they fit there.
        rates: How variables differ in training, or ``None`` where they do not.
        views: How many of ``rows`` show the same picture; an epoch is as long as one view.
    """
    _compile_for_classification(model, options, rates)
    unaltered = batch_transform is None and options.mixing == "none"
    on_device = rows_on_device(inputs, rows) if unaltered else None
    examples = _Examples.of(inputs, rows, labels, class_count, options, on_device)
    batches = _labelled_batches(examples, options, seed, batch_transform)
    steps = max(1, round(examples.plan.per_epoch / views))
    return run_epochs(model, batches, options, steps, epoch_end)


def run_epochs(
    model: keras.Model,
    batches: Iterator[Batch],
    options: TrainingOptions,
    steps: int,
    epoch_end: EpochEnd,
) -> TrainingHistory:
    """Run a compiled model through the planned epochs, ``steps`` of ``batches`` each.

    The model reports its loss and one metric, in this order. See :func:`train`.
    """
    total_steps = steps * options.epochs
    rate = make_schedule(
        options.learning_rate_schedule, options.learning_rate, total_steps, options.warmup_share
    )
    losses: list[float] = []
    accuracies: list[float] = []
    lengths = _kernel_lengths(model)
    healthy = True
    for epoch in range(options.epochs):
        step_logs = np.empty((steps, 2))
        with in_training_precision(model):
            for step in range(steps):
                done = epoch * steps + step
                set_step(model.optimizer, rate(done), done / total_steps)
                step_logs[step] = _step(model, next(batches))
        loss, accuracy = step_logs.mean(axis=0).tolist()
        losses.append(loss)
        accuracies.append(accuracy)
        healthy = epoch_end(loss, accuracy)
        if not healthy:
            break
    growth = _growth(lengths, _kernel_lengths(model))
    return TrainingHistory(tuple(losses), tuple(accuracies), len(losses), healthy, growth)


def _kernel_lengths(model: keras.Model) -> NDArray[np.float64]:
    """Return the Euclidean length of each trainable kernel, as far as these are not vectors."""
    kernels = [v.numpy() for v in model.trainable_variables if len(v.shape) > 1]
    return np.array([np.linalg.norm(kernel.ravel()) for kernel in kernels], np.float64)


def _growth(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    begun = before > 0
    return float(np.median(after[begun] / before[begun])) if begun.any() else float("nan")


def steps_per_epoch(row_count: int, batch_size: int) -> int:
    """Return how many whole batches come nearest to one pass over ``row_count`` rows."""
    return max(1, round(row_count / min(batch_size, row_count)))


def predict(
    model: keras.Model,
    inputs: Inputs,
    rows: NDArray[np.int64],
    batch_size: int = PREDICTION_BATCH,
) -> NDArray[np.float32]:
    """Return the model's outputs for ``inputs[rows]``: ``float32 (len(rows), ...)``.

    Batches are padded to one shape, a multiple of 16 of at most ``batch_size`` rounded up, so
    that folds of nearly equal size share one traced function. Inputs may differ in shape if
    outputs do not.
    """
    outputs = np.zeros((len(rows), *model.output_shape[1:]), np.float32)
    for part in same_shape_parts(inputs, rows):
        outputs[part] = _predict_alike(model, inputs, rows[part], batch_size)
    return outputs


def _predict_alike(
    model: keras.Model, inputs: Inputs, rows: NDArray[np.int64], batch_size: int
) -> NDArray[np.float32]:
    """Return outputs for at least one row of inputs of one shape."""
    batch_count = -(-len(rows) // batch_size)
    size = _round_up(-(-len(rows) // batch_count), _SHAPE_STEP)
    padded = np.resize(rows, _round_up(len(rows), size))
    outputs = [
        model.predict_on_batch(inputs[padded[start : start + size]].astype(np.float32))
        for start in range(0, len(padded), size)
    ]
    return np.concatenate(outputs)[: len(rows)].astype(np.float32)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return probabilities ``float32`` of the same shape; rows sum to 1."""
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return (exponents / exponents.sum(axis=-1, keepdims=True)).astype(np.float32)


def _round_up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


def _step(model: keras.Model, batch: Batch) -> tuple[float, float]:
    inputs, targets, weights = batch
    loss, metric = model.train_on_batch(inputs, targets, weights)
    return float(loss), float(metric)


@dataclass(frozen=True)
class _Examples:
    """Inputs with their labels, targets ``(m, k)`` and weights ``(m,)``, and how to batch them.

    ``on_device`` holds ``inputs[rows]`` where they are kept there.
    """

    inputs: Inputs
    rows: NDArray[np.int64]
    on_device: DeviceRows | None
    labels: NDArray[np.int64]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    plan: BatchPlan

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        class_count: int,
        options: TrainingOptions,
        on_device: DeviceRows | None,
    ) -> _Examples:
        plan = BatchPlan.of(same_shape_parts(inputs, rows), options.batch_size)
        targets = soft_targets(labels, class_count, options.label_smoothing)
        weights = sample_weights(labels, class_count, options.class_balance)
        return cls(inputs, rows, on_device, labels, targets, weights * plan.weights(), plan)

    def inputs_at(self, positions: NDArray[np.int64]) -> Tensor:
        """Return ``float32 (len(positions), ...)``: an array, or a tensor on the device."""
        if self.on_device is not None:
            return self.on_device[positions]
        return self.inputs[self.rows[positions]].astype(np.float32)


def _labelled_batches(
    examples: _Examples,
    options: TrainingOptions,
    seed: int,
    batch_transform: BatchTransform | None,
) -> Iterator[Batch]:
    rng = np.random.default_rng(seed)
    balanced = options.class_balance == "sampling"
    positions = (
        balanced_positions(examples.labels, rng)
        if balanced
        else shuffled_positions(len(examples.rows), rng)
    )
    for chosen in examples.plan.batches(positions):
        batch = examples.inputs_at(chosen)
        if batch_transform is not None:
            batch = batch_transform(batch, rng)
        mixed, mixed_targets = mix(batch, examples.targets[chosen], options.mixing, rng)
        yield mixed, mixed_targets, examples.weights[chosen]


_compiled: WeakKeyDictionary[keras.Model, object] = WeakKeyDictionary()


def _compile_for_classification(
    model: keras.Model, options: TrainingOptions, rates: VariableRates | None
) -> None:
    trainable = tuple(variable.path for variable in model.trainable_variables)
    key = (
        options.optimizer,
        options.momentum,
        options.weight_decay,
        options.class_balance == "focal",
        rates.key if rates else None,
        trainable,
    )
    compile_model(
        model,
        options,
        make_loss(options.class_balance),
        keras.metrics.CategoricalAccuracy(),
        key,
        rates,
    )


def compile_model(
    model: keras.Model,
    options: TrainingOptions,
    loss: keras.losses.Loss,
    metric: keras.metrics.Metric,
    key: object,
    rates: VariableRates | None = None,
) -> None:
    """Compile ``model``, or only reset its optimiser where it was compiled with an equal ``key``.

    Whoever calls sees to it that ``key`` names all that the traced step depends on. Optimiser and
    metric are built here: variables made while a step is traced would have it traced twice.
    """
    key = (key, training_precision())
    if _compiled.get(model) == key:
        reset_optimizer(model.optimizer)
        return
    model.compile(
        optimizer=make_optimizer(options, model.trainable_variables, rates),
        loss=loss,
        metrics=[metric],
        # Measured on CPU, XLA compiles longer than it saves; JAX has no other way.
        jit_compile=keras.backend.backend() == "jax",
    )
    model.optimizer.build(model.trainable_variables)
    _compiled[model] = key
