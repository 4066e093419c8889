"""A search space: dimensions, their conditions, and the one walk that serves every explorer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autosmall.schema.config import Config, Value


@dataclass(frozen=True)
class Condition:
    """A dimension is active only while the dimension ``key`` holds one of ``values``."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class FloatDimension:
    """A real interval ``low <= value <= high``; ``log`` asks for even sampling of the logarithm.

    ``key`` is unique in the space (``scratch.learning_rate``), ``name`` is what the
    configuration calls it (``learning_rate``).
    """

    key: str
    name: str
    low: float
    high: float
    log: bool = False
    conditions: tuple[Condition, ...] = ()

    def contains(self, value: Value) -> bool:
        """Tell whether ``value`` lies in the interval."""
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def nearest(self, value: Value) -> Value:
        """Return the admissible value nearest to the number ``value``."""
        return min(max(float(value), self.low), self.high)

    def at(self, position: float) -> Value:
        """Return the value at ``position`` in [0, 1) of the interval."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return min(max(math.exp(low + position * (high - low)), self.low), self.high)
        return self.low + position * (self.high - self.low)


@dataclass(frozen=True)
class IntegerDimension:
    """Whole numbers ``low, low + step, ..., high``; ``log`` excludes a step other than 1."""

    key: str
    name: str
    low: int
    high: int
    step: int = 1
    log: bool = False
    conditions: tuple[Condition, ...] = ()

    def contains(self, value: Value) -> bool:
        """Tell whether ``value`` is one of the numbers."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def nearest(self, value: Value) -> Value:
        """Return the admissible value nearest to the number ``value``."""
        steps = round((float(value) - self.low) / self.step)
        return self.low + min(max(steps, 0), (self.high - self.low) // self.step) * self.step

    def at(self, position: float) -> Value:
        """Return the value at ``position`` in [0, 1) of the range."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high + 1)
            return min(int(math.exp(low + position * (high - low))), self.high)
        return self.low + int(position * ((self.high - self.low) // self.step + 1)) * self.step


@dataclass(frozen=True)
class ChoiceDimension:
    """One of ``choices``, which have no order."""

    key: str
    name: str
    choices: tuple[Value, ...]
    conditions: tuple[Condition, ...] = ()

    def contains(self, value: Value) -> bool:
        """Tell whether ``value`` is one of the choices, type included."""
        return any(value == choice and type(value) is type(choice) for choice in self.choices)

    def nearest(self, value: Value) -> Value:
        """Return ``value`` if it is a choice, else the nearest number or the first choice."""
        if self.contains(value):
            return value
        numbers = [c for c in self.choices if type(c) in (int, float)]
        if type(value) in (int, float) and numbers:
            return min(numbers, key=lambda choice: abs(float(choice) - float(value)))
        return self.choices[0]

    def at(self, position: float) -> Value:
        """Return the choice at ``position`` in [0, 1)."""
        return self.choices[int(position * len(self.choices))]


Dimension = FloatDimension | IntegerDimension | ChoiceDimension


@dataclass(frozen=True)
class Start:
    """A known good configuration to begin with, as preferences for some dimensions.

    ``protected`` starts run all their folds whatever the race says. One start of a space may be
    its ``default``: the plain configuration that a recommendation has to beat.
    """

    label: str
    preferences: Mapping[str, Value]
    protected: bool = False
    default: bool = False


@dataclass(frozen=True)
class Space:
    """What may be searched. ``dimensions[0]`` is ``strategy``; parents stand before children."""

    name: str
    purpose: str
    usual_minutes: float
    command: str
    dimensions: tuple[Dimension, ...]
    starts: tuple[Start, ...] = field(default=())

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies that may be chosen."""
        first = self.dimensions[0]
        assert isinstance(first, ChoiceDimension)
        return tuple(str(choice) for choice in first.choices)


def walk(space: Space, choose: Callable[[Dimension], Value]) -> Config:
    """Return the configuration made by asking ``choose`` for each active dimension in order.

    A dimension is active when every condition holds for the values chosen so far; ``choose`` is
    never asked for one that is not. Raises ``ValueError`` for a value outside its dimension.
    """
    chosen: dict[str, Value] = {}
    values: dict[str, Value] = {}
    for dimension in space.dimensions:
        if not is_active(dimension, chosen):
            continue
        value = choose(dimension)
        if not dimension.contains(value):
            raise ValueError(f"{value!r} is not a value of {dimension.key}")
        chosen[dimension.key] = value
        values[dimension.name] = value
    return Config.from_mapping(values)


def is_active(dimension: Dimension, chosen: Mapping[str, Value]) -> bool:
    """Tell whether all conditions of ``dimension`` hold for ``chosen`` (key to value)."""
    for condition in dimension.conditions:  # a loop: explorers walk thousands of times
        if condition.key not in chosen or chosen[condition.key] not in condition.values:
            return False
    return True


def chosen_values(space: Space, config: Config) -> dict[str, Value]:
    """Return ``config`` as dimension key to value: what :func:`walk` would have been told.

    Raises ``KeyError`` where the configuration lacks an active dimension's name and
    ``ValueError`` where its value lies outside.
    """
    chosen: dict[str, Value] = {}

    def look_up(dimension: Dimension) -> Value:
        value = config[dimension.name]
        chosen[dimension.key] = value
        return value

    walk(space, look_up)
    return chosen


def nearest_config(space: Space, preferences: Mapping[str, Value], centre: float = 0.5) -> Config:
    """Return the admissible configuration nearest to ``preferences`` (name to value).

    Dimensions without a preference take the value at ``centre`` of their range.
    """

    def choose(dimension: Dimension) -> Value:
        if dimension.name in preferences:
            return dimension.nearest(preferences[dimension.name])
        return dimension.at(centre)

    return walk(space, choose)
