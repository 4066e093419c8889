"""Optimiser steps on stacks: arrays whose first axis counts networks that are trained together.

The formulas are those of Keras 3 (``adam.py``, ``sgd.py``, ``rmsprop.py``), with the constant
factors of moving averages taken out of them, which saves passes over the arrays. Rates, momenta
and weight decays differ from network to network; nothing is summed over the first axis, so a
network comes out the same to the last bit whatever stands beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ADAM_BETA_1 = 0.9
ADAM_BETA_2 = 0.999
RMSPROP_RHO = 0.9
EPSILON = 1e-7


class StackedOptimizer(ABC):
    """Moves parameters in place.

    Args:
        parameters: ``float32 (h, ...)`` each; kernels have three axes, biases two. Weight decay
            is decoupled and spares biases, as in :mod:`autosmall.training.optimizers`.
        weight_decay: ``float32 (h,)``.
    """

    def __init__(self, parameters: Sequence[Floats], weight_decay: Floats) -> None:
        self._parameters = list(parameters)
        self._weight_decay = weight_decay
        self._decays = bool(weight_decay.any())

    def step(self, gradients: Sequence[Floats], rates: Floats) -> None:
        """Make a step with learning rates ``float32 (h,)``; the gradients are used up."""
        for place, (values, gradient) in enumerate(zip(self._parameters, gradients, strict=True)):
            rate = _along(rates, values)
            if values.ndim == 3 and self._decays:
                values *= 1 - rate * _along(self._weight_decay, values)
            self._move(place, values, gradient, rate)

    @abstractmethod
    def _move(self, place: int, values: Floats, gradient: Floats, rate: Floats) -> None:
        """Move parameter ``place``; ``rate`` has as many axes as it."""


class Sgd(StackedOptimizer):
    """Gradient descent with Nesterov's momentum, ``float32 (h,)``; 0 is plain descent."""

    def __init__(
        self, parameters: Sequence[Floats], weight_decay: Floats, momentum: Floats
    ) -> None:
        super().__init__(parameters, weight_decay)
        self._momentum = momentum
        self._speeds = [np.zeros_like(values) for values in parameters]

    def _move(self, place: int, values: Floats, gradient: Floats, rate: Floats) -> None:
        speed, momentum = self._speeds[place], _along(self._momentum, values)
        gradient *= rate
        speed *= momentum
        speed -= gradient
        values -= gradient
        np.multiply(speed, momentum, out=gradient)
        values += gradient


class RmsProp(StackedOptimizer):
    """Gradients divided by the root of their mean square."""

    def __init__(self, parameters: Sequence[Floats], weight_decay: Floats) -> None:
        super().__init__(parameters, weight_decay)
        self._squares = [np.zeros_like(values) for values in parameters]

    def _move(self, place: int, values: Floats, gradient: Floats, rate: Floats) -> None:
        squares = self._squares[place]
        squares *= np.float32(RMSPROP_RHO)
        squares += np.float32(1 - RMSPROP_RHO) * gradient**2
        gradient *= rate
        gradient /= np.sqrt(squares + np.float32(EPSILON))
        values -= gradient


class Adam(StackedOptimizer):
    """Adam; with decoupled weight decay it is AdamW."""

    def __init__(self, parameters: Sequence[Floats], weight_decay: Floats) -> None:
        super().__init__(parameters, weight_decay)
        self._means = [np.zeros_like(values) for values in parameters]
        self._squares = [np.zeros_like(values) for values in parameters]
        self._steps = 0

    def step(self, gradients: Sequence[Floats], rates: Floats) -> None:
        """Make a step; see :class:`StackedOptimizer`."""
        self._steps += 1
        super().step(gradients, rates)

    def _move(self, place: int, values: Floats, gradient: Floats, rate: Floats) -> None:
        means, squares = self._means[place], self._squares[place]
        means *= np.float32(ADAM_BETA_1)
        means += gradient
        np.square(gradient, out=gradient)
        squares *= np.float32(ADAM_BETA_2)
        squares += gradient
        np.sqrt(squares, out=gradient)
        root = (1 - ADAM_BETA_2) ** 0.5
        gradient += np.float32(EPSILON / root)
        np.divide(means, gradient, out=gradient)
        gradient *= rate * np.float32(self._scale() / root)
        values -= gradient

    def _scale(self) -> float:
        """Return the bias correction, times what was taken out of the mean of gradients."""
        unbiased = (1 - ADAM_BETA_2**self._steps) ** 0.5 / (1 - ADAM_BETA_1**self._steps)
        return float(unbiased * (1 - ADAM_BETA_1))


def _along(vector: Floats, values: Floats) -> Floats:
    """Return ``(h,)`` with as many axes as ``values``."""
    return vector.reshape((-1,) + (1,) * (values.ndim - 1))
