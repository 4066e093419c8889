"""Optimisers by name, with weight decay on kernels only and per-variable learning rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from autosmall.training.options import TrainingOptions

LearningRateFactors = Mapping[str, float]
"""Path of a variable (``layer/kernel``) to the factor its learning rate is scaled by."""


def make_optimizer(
    options: TrainingOptions,
    variables: Sequence[keras.Variable],
    learning_rate_factors: LearningRateFactors | None = None,
) -> keras.optimizers.Optimizer:
    """Return an unbuilt optimiser for ``variables``, the trainable variables of a model.

    Weight decay is decoupled for all four optimisers (Loshchilov & Hutter 2019) and spares
    biases and normalisation parameters, which are the variables of rank 0 and 1.
    """
    optimizer_class, arguments = _choice(options)
    if learning_rate_factors:
        optimizer_class = _with_factors(optimizer_class, learning_rate_factors)
    optimizer = optimizer_class(
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay or None,
        **arguments,
    )
    spared = [variable for variable in variables if len(variable.shape) < 2]
    if options.weight_decay and spared:
        optimizer.exclude_from_weight_decay(var_list=spared)
    return optimizer


def _choice(options: TrainingOptions) -> tuple[type[keras.optimizers.Optimizer], dict[str, Any]]:
    if options.optimizer == "sgd":
        return keras.optimizers.SGD, {
            "momentum": options.momentum,
            "nesterov": options.momentum > 0,
        }
    # AdamW refuses a weight decay of None, and without decay it is Adam.
    if options.optimizer == "adamw" and options.weight_decay:
        return keras.optimizers.AdamW, {}
    if options.optimizer == "rmsprop":
        return keras.optimizers.RMSprop, {}
    return keras.optimizers.Adam, {}


def _with_factors(
    base: type[keras.optimizers.Optimizer], factors: LearningRateFactors
) -> type[keras.optimizers.Optimizer]:
    """Return ``base`` with each variable's step scaled.

    Adam-like optimisers are blind to the scale of gradients, so the rate itself is scaled.
    """

    class LayerWise(base):
        """An optimiser whose learning rate differs from variable to variable."""

        def build(self, variables: Sequence[keras.Variable]) -> None:
            super().build(variables)
            self._factors = [float(factors.get(v.path, 1.0)) for v in variables]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            factor = self._factors[self._get_variable_index(variable)]
            super().update_step(gradient, variable, learning_rate * factor)

    return LayerWise


def reset_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Put a built optimiser back to its first step: every slot and the step count are zero.

    The learning rate, which is set before each step, is left alone.
    """
    for variable in optimizer.variables:
        if variable is not optimizer.learning_rate:
            variable.assign(keras.ops.zeros_like(variable))
