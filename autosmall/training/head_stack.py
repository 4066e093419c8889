"""A stack of heads of one shape in training: forward, backward and step for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.seeds import derive_seed
from autosmall.training.head_problem import Floats, HeadProblem, HeadWeights, Rows
from autosmall.training.losses import sample_weights, soft_targets
from autosmall.training.schedules import make_schedule
from autosmall.training.stacked_steps import Adam, RmsProp, Sgd, StackedOptimizer

Array = NDArray[np.floating]

MASK_VALUES = 2**18
"""Draws that a head's dropout masks are cut from, each step's at an offset of its own."""


class HeadStack:
    """Heads whose :attr:`HeadProblem.shape` is the same; the first axis of all arrays is theirs."""

    def __init__(self, problems: Sequence[HeadProblem]) -> None:
        first = problems[0]
        self._problems = problems
        self._steps, self._size = first.steps_per_epoch, first.plan.sizes[0]
        self._parameters = _starting_weights(problems)
        self._optimizer = _optimizer(problems, self._parameters)
        self._rates = np.array([_rates(problem) for problem in problems], np.float32)
        self._l1 = _vector([problem.options.l1 for problem in problems])[:, None, None]
        self._has_l1 = bool(self._l1.any())
        self._feeds = [_Feed(problem) for problem in problems]
        self._inputs = np.empty((len(problems), self._size, first.inputs.shape[1]), np.float32)
        width = first.bottleneck_units or first.inputs.shape[1]
        self._masks = [
            (place, _Masks(problem, self._size, width))
            for place, problem in enumerate(problems)
            if problem.options.dropout_rate > 0
        ]

    def run_epoch(self, epoch: int) -> tuple[Array, Array]:
        """Train for an epoch and return each head's mean loss, penalties included, and accuracy."""
        batches = self._batches()
        logits = np.empty_like(batches.targets)
        penalties = np.zeros(len(self._problems))
        for step in range(self._steps):
            penalties += self._penalty()
            logits[step] = self._step(batches.at(step), self._rates[:, epoch * self._steps + step])
        losses = _cross_entropy(logits, batches.targets) * batches.weights
        right = logits.argmax(-1) == batches.targets.argmax(-1)
        return losses.mean(axis=(0, 2)) + penalties / self._steps, right.mean(axis=(0, 2))

    def weights(self, place: int) -> HeadWeights:
        """Return a head as it is now; its arrays change with the next step."""
        *hidden, kernel, bias = [values[place] for values in self._parameters]
        return HeadWeights((hidden[0], hidden[1]) if hidden else None, kernel, bias)

    def _batches(self) -> _Batches:
        """Return the next epoch's."""
        feeds = [feed.take(self._steps, self._size) for feed in self._feeds]
        return _Batches(*(np.stack(parts, axis=1) for parts in zip(*feeds, strict=True)))

    def _penalty(self) -> Array | float:
        if not self._has_l1:
            return 0.0
        return np.asarray((self._l1 * np.abs(self._parameters[-2])).sum(axis=(1, 2)))

    def _step(self, batch: _Batches, rates: Floats) -> Floats:
        """Make a step and return the logits ``(h, b, k)`` before it."""
        for place, problem in enumerate(self._problems):
            problem.inputs.take(batch.rows[place], 0, self._inputs[place], "clip")
        *hidden, kernel, bias = self._parameters
        values = self._inputs
        if hidden:
            values = np.matmul(self._inputs, hidden[0])
            values += hidden[1][:, None]
            np.maximum(values, 0, out=values)
        masks = [(place, mask()) for place, mask in self._masks]
        for place, mask in masks:
            values[place] *= mask
        logits = np.matmul(values, kernel)
        logits += bias[:, None]
        errors = _softmax(logits)
        errors -= batch.targets
        errors *= (batch.weights / self._size)[:, :, None]
        gradients = self._gradients(values, errors, masks)
        self._optimizer.step(gradients, rates)
        return logits

    def _gradients(
        self, values: Floats, errors: Floats, masks: Sequence[tuple[int, Floats]]
    ) -> list[Floats]:
        """Return what the parameters have; ``values`` are what the last layer was given."""
        *hidden, kernel, _ = self._parameters
        gradients = [np.matmul(values.transpose(0, 2, 1), errors), errors.sum(axis=1)]
        if self._has_l1:
            gradients[0] += self._l1 * np.sign(kernel)
        if not hidden:
            return gradients
        back = np.matmul(errors, kernel.transpose(0, 2, 1))
        back *= values > 0
        for place, mask in masks:
            back[place] *= mask
        return [np.matmul(self._inputs.transpose(0, 2, 1), back), back.sum(axis=1), *gradients]


@dataclass(frozen=True)
class _Batches:
    """Rows and weights ``(..., h, b)`` and targets ``(..., h, b, k)`` of one step or of several."""

    rows: Rows
    targets: Floats
    weights: Floats

    def at(self, step: int) -> _Batches:
        return _Batches(self.rows[step], self.targets[step], self.weights[step])


class _Feed:
    """Shuffled rows of a head with their targets and weights, without end."""

    def __init__(self, problem: HeadProblem) -> None:
        options, labels = problem.options, problem.labels
        self._generator = np.random.default_rng(derive_seed(problem.seed, "batches"))
        self._waiting = np.zeros(0, np.int64)
        self._rows = problem.rows
        self._targets = soft_targets(labels, problem.class_count, options.label_smoothing)
        self._weights = sample_weights(labels, problem.class_count, options.class_balance)

    def take(self, steps: int, size: int) -> tuple[Rows, Floats, Floats]:
        """Return the next rows and weights ``(steps, size)`` and targets ``(steps, size, k)``."""
        while len(self._waiting) < steps * size:
            order = self._generator.permutation(len(self._rows))
            self._waiting = np.concatenate([self._waiting, order])
        chosen = self._waiting[: steps * size].reshape(steps, size)
        self._waiting = self._waiting[steps * size :]
        return self._rows[chosen], self._targets[chosen], self._weights[chosen]


class _Masks:
    """Dropout masks ``float32 (b, width)`` of 0 and ``1 / kept``, drawn from a head's own seed."""

    def __init__(self, problem: HeadProblem, size: int, width: int) -> None:
        kept = 1 - problem.options.dropout_rate
        self._generator = np.random.default_rng(derive_seed(problem.seed, "dropout"))
        draws = self._generator.random(MASK_VALUES + size * width, np.float32)
        self._strip = (draws < kept).astype(np.float32) / np.float32(kept)
        self._shape = (size, width)

    def __call__(self) -> Floats:
        """Return the mask of the next step."""
        start = int(self._generator.integers(MASK_VALUES))
        return self._strip[start : start + self._shape[0] * self._shape[1]].reshape(self._shape)


def _starting_weights(problems: Sequence[HeadProblem]) -> list[Floats]:
    """Return kernels and biases; the last layer starts at zero, one before it as Glorot's."""
    count, first = len(problems), problems[0]
    width, units, classes = first.inputs.shape[1], first.bottleneck_units, first.class_count
    kernels = np.zeros((count, units or width, classes), np.float32)
    last = [kernels, np.zeros((count, classes), np.float32)]
    if not units:
        return last
    limit = (6 / (width + units)) ** 0.5
    seeds = [derive_seed(problem.seed, "weights") for problem in problems]
    drawn = [np.random.default_rng(s).uniform(-limit, limit, (width, units)) for s in seeds]
    return [np.array(drawn, np.float32), np.zeros((count, units), np.float32), *last]


def _optimizer(problems: Sequence[HeadProblem], parameters: Sequence[Floats]) -> StackedOptimizer:
    options = [problem.options for problem in problems]
    decay = _vector([option.weight_decay for option in options])
    if options[0].optimizer == "sgd":
        return Sgd(parameters, decay, _vector([option.momentum for option in options]))
    return (RmsProp if options[0].optimizer == "rmsprop" else Adam)(parameters, decay)


def _rates(problem: HeadProblem) -> list[float]:
    options = problem.options
    steps = problem.steps_per_epoch * options.epochs
    rate = make_schedule(
        options.learning_rate_schedule, options.learning_rate, steps, options.warmup_share
    )
    return [rate(step) for step in range(steps)]


def _vector(values: Sequence[float]) -> Floats:
    return np.array(values, np.float32)


def _softmax(logits: Floats) -> Floats:
    exponents: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponents /= exponents.sum(axis=-1, keepdims=True)
    return exponents


def _cross_entropy(logits: Floats, targets: Floats) -> Array:
    """Return ``(...)`` for ``(..., k)`` each."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    entropy: Array = np.log(np.exp(shifted).sum(axis=-1)) - (targets * shifted).sum(axis=-1)
    return entropy
