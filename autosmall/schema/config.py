"""One configuration: a strategy and the values of its parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

Value = str | int | float | bool
"""What a parameter may hold. Plain Python types only, never NumPy scalars."""

BASELINE = "baseline"
"""Name of the strategy that learns nothing: all pictures get the same answer."""


@dataclass(frozen=True)
class Config:
    """A strategy's name and the values of its parameters, hashable and ordered by name.

    Make one with :meth:`from_mapping`; the typed getters raise ``KeyError`` for a name that is
    absent and ``TypeError`` for a value of another kind, both of which are our own bugs: the
    search space has been checked before any configuration is made.
    """

    items: tuple[tuple[str, Value], ...]

    @classmethod
    def from_mapping(cls, values: Mapping[str, Value]) -> Config:
        """Return the configuration holding ``values``, which must include ``strategy``."""
        if not isinstance(values.get("strategy"), str):
            raise TypeError(f"a configuration needs a strategy, got {dict(values)!r}")
        for name, value in values.items():
            if type(value) not in (str, int, float, bool):
                raise TypeError(f"{name} holds a {type(value).__name__}, not a plain value")
        return cls(tuple(sorted(values.items())))

    @cached_property
    def strategy(self) -> str:
        """The strategy's name."""
        return self.text("strategy")

    def to_dict(self) -> dict[str, Value]:
        """Return a new dictionary with the values, names sorted."""
        return dict(self.items)

    def with_defaults(self, defaults: Mapping[str, Value]) -> Config:
        """Return a configuration in which absent names take their value from ``defaults``."""
        return Config.from_mapping({**defaults, **self.to_dict()})

    def digest(self) -> str:
        """Return 16 hexadecimal digits that are equal for equal configurations everywhere."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def number(self, name: str) -> float:
        """Return a real value; integers are accepted."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} is {value!r}, not a number")
        return float(value)

    def integer(self, name: str) -> int:
        """Return a whole value."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} is {value!r}, not an integer")
        return value

    def text(self, name: str) -> str:
        """Return a textual value."""
        value = self[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}, not text")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value."""
        value = self[name]
        if not isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}, not true or false")
        return value

    def __getitem__(self, name: str) -> Value:
        """Return the value called ``name``; ``KeyError`` where there is none."""
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether a value called ``name`` is present."""
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return (key for key, _ in self.items)

    @cached_property
    def _values(self) -> dict[str, Value]:
        return dict(self.items)
