"""A search space in Keras Tuner's terms. Imported in Keras Tuner's process only.

Each dimension becomes one hyperparameter under its key, with the same conditions (by the class
that ``conditional_scope`` uses: scopes themselves cannot express two independent parents).
Choices are written as text, as Keras Tuner admits values of one type only and reads ``true`` as 1.
Dimensions with nothing to choose are left out; the walk fills them in.
"""

from __future__ import annotations

from typing import Protocol

import keras_tuner
import numpy as np
from keras_tuner.engine import hyperparameters
from keras_tuner.src.engine import conditions
from numpy.typing import NDArray

from autosmall.schema.config import Config, Value
from autosmall.schema.space import (
    ChoiceDimension,
    Dimension,
    FloatDimension,
    Space,
    chosen_values,
    walk,
)

KerasTunerValue = str | int | float

CHANGE_PROBABILITY = 0.4
STEP = 0.1
"""How far a neighbouring configuration is."""


class HyperParameter(Protocol):
    """What is used here of Keras Tuner's hyperparameters, which are untyped."""

    default: KerasTunerValue

    def value_to_prob(self, value: KerasTunerValue) -> float:
        """Return the position of ``value`` in [0, 1]."""
        ...

    def prob_to_value(self, prob: float) -> KerasTunerValue:
        """Return the value at a position in [0, 1)."""
        ...


class TranslatedSpace:
    """A space and its hyperparameters, with the way from one to the other.

    Args:
        space: The space.
        left_out: Keys of dimensions that the oracle shall not know.
    """

    def __init__(self, space: Space, left_out: frozenset[str] = frozenset()) -> None:
        self.space = space
        self._dimensions = {dimension.key: dimension for dimension in space.dimensions}
        self._parameters = {
            dimension.key: self._hyperparameter(dimension)
            for dimension in space.dimensions
            if dimension.key not in left_out and _is_open(dimension)
        }
        self._columns = {key: column for column, key in enumerate(self._parameters)}
        self._defaults = np.array([p.value_to_prob(p.default) for p in self._parameters.values()])

    def hyperparameters(self) -> keras_tuner.HyperParameters:
        """Return the space as Keras Tuner has it, without values."""
        container = keras_tuner.HyperParameters()
        container.merge(list(self._parameters.values()))
        container.values = {}
        return container

    def values(self, config: Config) -> dict[str, KerasTunerValue]:
        """Return a configuration as Keras Tuner has it: key to value, active ones only."""
        return {
            key: _to_keras_tuner(self._dimensions[key], value)
            for key, value in chosen_values(self.space, config).items()
            if key in self._parameters
        }

    def vector(self, config: Config) -> NDArray[np.float64]:
        """Return Keras Tuner's embedding of a configuration, ``(d,)`` with entries in [0, 1].

        Inactive hyperparameters stand at their default, as in Keras Tuner's own embedding.
        """
        return self._vector(self.values(config))

    def _vector(self, values: dict[str, KerasTunerValue]) -> NDArray[np.float64]:
        vector = self._defaults.copy()
        for key, value in values.items():
            vector[self._columns[key]] = self._parameters[key].value_to_prob(value)
        return vector

    def config(
        self,
        values: dict[str, KerasTunerValue],
        fixed: dict[str, Value] | None = None,
    ) -> Config:
        """Return the configuration with Keras Tuner's ``values``, as plain Python values.

        Keys in ``fixed`` take that value; what is in neither takes the middle of its range.
        """
        fixed = fixed or {}

        def choose(dimension: Dimension) -> Value:
            if dimension.key in fixed:
                return fixed[dimension.key]
            if dimension.key in values:
                return _from_keras_tuner(dimension, values[dimension.key])
            return dimension.at(0.5)

        return walk(self.space, choose)

    def neighbours(self, config: Config, count: int, source: np.random.Generator) -> list[Config]:
        """Return ``count`` neighbours of ``config``; some may be equal to it.

        Of the active dimensions each is changed with probability :data:`CHANGE_PROBABILITY`: a
        range by a normal step with a standard deviation of :data:`STEP` of it (in the embedding,
        so of its logarithm where it is logarithmic), a choice to any. What becomes active is
        drawn evenly.
        """
        active = self.values(config)
        vector = self._vector(active)

        def choose(dimension: Dimension) -> Value:
            key, drawn = dimension.key, source.random()
            change = source.random() < CHANGE_PROBABILITY
            if key not in active:
                return dimension.at(drawn)
            if not change:
                return config[dimension.name]
            if isinstance(dimension, ChoiceDimension):
                return dimension.at(drawn)
            position = float(vector[self._columns[key]]) + source.normal(0.0, STEP)
            position = min(max(position, 0.0), 1.0 - 1e-9)
            return _from_keras_tuner(dimension, self._parameters[key].prob_to_value(position))

        return [walk(self.space, choose) for _ in range(count)]

    def _hyperparameter(self, dimension: Dimension) -> HyperParameter:
        scope = {"conditions": self._conditions(dimension)}
        if isinstance(dimension, ChoiceDimension):
            choices = [str(choice) for choice in dimension.choices]
            return hyperparameters.Choice(dimension.key, choices, **scope)
        ends = (dimension.key, dimension.low, dimension.high)
        sampling = "log" if dimension.log else "linear"
        if isinstance(dimension, FloatDimension):
            return hyperparameters.Float(*ends, sampling=sampling, **scope)
        step = None if dimension.log else dimension.step
        return hyperparameters.Int(*ends, step=step, sampling=sampling, **scope)

    def _conditions(self, dimension: Dimension) -> list[object]:
        """Return a condition per parent; for a parent with one choice, what that one hangs on."""
        translated: list[object] = []
        for condition in dimension.conditions:
            parent = self._dimensions[condition.key]
            if _is_open(parent):
                values = [_to_keras_tuner(parent, value) for value in condition.values]
                translated.append(conditions.Parent(condition.key, values))
            else:
                translated += self._conditions(parent)
        return translated


def _is_open(dimension: Dimension) -> bool:
    if isinstance(dimension, ChoiceDimension):
        return len(dimension.choices) > 1
    return dimension.low < dimension.high


def _to_keras_tuner(dimension: Dimension, value: Value) -> KerasTunerValue:
    return str(value) if isinstance(dimension, ChoiceDimension) else value


def _from_keras_tuner(dimension: Dimension, value: KerasTunerValue) -> Value:
    if isinstance(dimension, ChoiceDimension):
        return next(choice for choice in dimension.choices if str(choice) == value)
    return dimension.nearest(value)
