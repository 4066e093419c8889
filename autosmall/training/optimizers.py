"""Optimisers by name, with weight decay on kernels only and rates that differ between variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from autosmall.training.options import TrainingOptions


@dataclass(frozen=True)
class VariableRates:
    """How variables differ in training; a variable is named by its path (``layer/kernel``).

    Attributes:
        factors: Path to the factor of the learning rate, and of the weight decay with it; 1 for
            paths that are not named. Variables with factor 0 are never changed.
        begins: Path to the share of the run, 0 to 1, before which the variable is not changed.
        decay_to_start: Weight decay pulls towards the values that training starts from instead
            of zero (L2-SP: Li, Grandvalet and Davoine, "Explicit inductive bias for transfer
            learning with convolutional networks", ICML 2018, equation 2; decoupled here).
    """

    factors: Mapping[str, float] = field(default_factory=dict)
    begins: Mapping[str, float] = field(default_factory=dict)
    decay_to_start: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What tells these rates from others, hashable."""
        factors, begins = sorted(self.factors.items()), sorted(self.begins.items())
        return (tuple(factors), tuple(begins), self.decay_to_start)


def make_optimizer(
    options: TrainingOptions,
    variables: Sequence[keras.Variable],
    rates: VariableRates | None = None,
) -> keras.optimizers.Optimizer:
    """Return an unbuilt optimiser for ``variables``, the trainable variables of a model.

    Weight decay is decoupled for all four optimisers (Loshchilov & Hutter 2019) and spares
    biases and normalisation parameters, which are the variables of rank 0 and 1.
    """
    optimizer_class, arguments = _choice(options)
    if rates is not None:
        return _with_rates(optimizer_class, rates, options.weight_decay)(
            learning_rate=options.learning_rate, **arguments
        )
    optimizer = optimizer_class(
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay or None,
        **arguments,
    )
    spared = [variable for variable in variables if not _decays(variable)]
    if options.weight_decay and spared:
        optimizer.exclude_from_weight_decay(var_list=spared)
    return optimizer


def reset_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Put a built optimiser back to its first step: every slot and the step count are zero.

    The learning rate, which is set before each step, is left alone. Weights must have their
    starting values already.
    """
    for variable in optimizer.variables:
        if variable is not optimizer.learning_rate:
            variable.assign(keras.ops.zeros_like(variable))
    if isinstance(optimizer, _VariableRatesOptimizer):
        optimizer.remember_starts()


def set_step(optimizer: keras.optimizers.Optimizer, learning_rate: float, progress: float) -> None:
    """Set the rate of the next step and how far the run is, 0 at its first step, below 1."""
    optimizer.learning_rate = learning_rate
    if isinstance(optimizer, _VariableRatesOptimizer):
        optimizer.progress.assign(progress)


def _choice(options: TrainingOptions) -> tuple[type[keras.optimizers.Optimizer], dict[str, Any]]:
    if options.optimizer == "sgd":
        return keras.optimizers.SGD, {
            "momentum": options.momentum,
            "nesterov": options.momentum > 0,
        }
    if options.optimizer == "rmsprop":
        return keras.optimizers.RMSprop, {}
    # With decoupled weight decay, which Keras gives to every optimiser, Adam is AdamW.
    return keras.optimizers.Adam, {}


def _decays(variable: keras.Variable) -> bool:
    return len(variable.shape) > 1


class _VariableRatesOptimizer:
    """What optimisers with rates per variable add to Keras's."""

    progress: keras.Variable

    def remember_starts(self) -> None:
        """Take the variables' present values for those that training starts from."""
        raise NotImplementedError


def _with_rates(
    base: type[keras.optimizers.Optimizer], rates: VariableRates, weight_decay: float
) -> type[keras.optimizers.Optimizer]:
    """Return ``base`` with each variable's step scaled and its weight decay done here.

    Adam-like optimisers are blind to the scale of gradients, so the rate itself is scaled.
    """
    keeps_starts = rates.decay_to_start and weight_decay > 0

    class WithRates(_VariableRatesOptimizer, base):
        """An optimiser whose learning rate differs from variable to variable."""

        def build(self, variables: Sequence[keras.Variable]) -> None:
            if self.built:
                return
            super().build(variables)
            self._factors = [float(rates.factors.get(v.path, 1.0)) for v in variables]
            self._begins = [float(rates.begins.get(v.path, 0.0)) for v in variables]
            self.progress = self.add_variable((), name="progress")
            self._starts = [
                self.add_variable_from_reference(v, "start") if keeps_starts else None
                for v in variables
            ]
            self.remember_starts()

        def remember_starts(self) -> None:
            for start, variable in zip(self._starts, self._trainable_variables, strict=True):
                if start is not None:
                    start.assign(variable)

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            index = self._get_variable_index(variable)
            if self._factors[index] == 0:
                return
            begun = keras.ops.cast(self.progress >= self._begins[index], learning_rate.dtype)
            own_rate = learning_rate * self._factors[index] * begun
            if weight_decay > 0 and _decays(variable):
                start = self._starts[index]
                off = variable if start is None else variable - start
                self.assign_sub(variable, off * (own_rate * weight_decay))
            super().update_step(gradient, variable, own_rate)

    return WithRates
