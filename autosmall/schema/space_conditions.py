"""Ties the entries of several strategies into one list of dimensions, parents before children.

An entry under ``[common]`` becomes one dimension for all strategies that read it, known by its
bare name. A strategy's own entry is known as ``scratch.learning_rate``, and so is a common one
whose ``when`` hangs on such an own entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autosmall.schema.config import Value
from autosmall.schema.parameters import Parameter
from autosmall.schema.space import ChoiceDimension, Condition, Dimension
from autosmall.schema.space_dimensions import Definition, admit, nearest_name, refuse


@dataclass(frozen=True)
class StrategyTable:
    """The entries that hold for one strategy.

    Attributes:
        strategy: The strategy's name.
        parameters: Parameter name to what the strategy reads.
        definitions: Parameter name to its entry, in the order of the file.
        own: Names whose entry stands in the strategy's own table.
    """

    strategy: str
    parameters: Mapping[str, Parameter]
    definitions: Mapping[str, Definition]
    own: frozenset[str]


@dataclass
class _Linked:
    """Dimensions so far, by key in order, and the strategies that each belongs to."""

    dimensions: dict[str, Dimension] = field(default_factory=dict)
    members: dict[str, list[Value]] = field(default_factory=dict)

    def add(self, dimension: Dimension, strategy: str) -> str:
        """Add a dimension for a strategy and return the key under which it stands."""
        key = dimension.key
        if self.dimensions.setdefault(key, dimension) != dimension:
            key = f"{strategy}.{dimension.name}"
            self.dimensions[key] = replace(dimension, key=key)
        self.members.setdefault(key, []).append(strategy)
        return key


def link_dimensions(file: str, tables: list[StrategyTable]) -> tuple[Dimension, ...]:
    """Return all dimensions but ``strategy`` with their conditions resolved to keys.

    An entry whose ``when`` can never hold for a strategy (it asks for SGD's momentum where SGD is
    no choice) is left out for that strategy. Raises :class:`SpaceError` for a ``when`` on an
    unknown name, on itself in a circle, or on values that the other parameter cannot take.
    """
    linked = _Linked()
    for table in tables:
        _StrategyLinker(file, table, linked).link()
    return tuple(
        replace(
            dimension,
            conditions=(Condition("strategy", tuple(linked.members[key])), *dimension.conditions),
        )
        for key, dimension in linked.dimensions.items()
    )


class _StrategyLinker:
    """Adds one strategy's entries, each after those that its ``when`` names."""

    def __init__(self, file: str, table: StrategyTable, linked: _Linked) -> None:
        self._file = file
        self._table = table
        self._linked = linked
        self._keys: dict[str, str | None] = {}
        self._open: list[str] = []

    def link(self) -> None:
        for name in self._table.definitions:
            self._key_of(name)

    def _key_of(self, name: str) -> str | None:
        """Return the key of an entry, added if need be; ``None`` if it can never be active."""
        if name in self._keys:
            return self._keys[name]
        if name in self._open:
            circle = " -> ".join([*self._open[self._open.index(name) :], name])
            refuse(self._place(name), f"when goes in a circle: {circle}", "no circle", "drop one")
        self._open.append(name)
        self._keys[name] = self._add(name)
        self._open.pop()
        return self._keys[name]

    def _add(self, name: str) -> str | None:
        definition = self._table.definitions[name]
        conditions = []
        for parent, values in definition.when:
            key = self._parent_key(name, parent)
            admitted = self._admitted(name, parent, values)
            if key is None or not admitted:
                return None
            conditions.append(Condition(key, admitted))
        shared = name not in self._table.own and all("." not in c.key for c in conditions)
        key = name if shared else f"{self._table.strategy}.{name}"
        dimension = replace(definition.dimension, key=key, conditions=tuple(conditions))
        return self._linked.add(dimension, self._table.strategy)

    def _parent_key(self, name: str, parent: str) -> str | None:
        if parent not in self._table.definitions:
            refuse(
                f"{self._place(name)}.when",
                f"{self._table.strategy} has no {parent!r} in this space",
                "a parameter that the space lists for the same strategy",
                nearest_name(parent, self._table.definitions),
            )
        return self._key_of(parent)

    def _admitted(self, name: str, parent: str, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """Return the values that the parent has as choices, having checked them all."""
        dimension = self._table.definitions[parent].dimension
        place = f"{self._place(name)}.when.{parent}"
        if not isinstance(dimension, ChoiceDimension):
            refuse(place, f"{parent} is a range", "a parameter with choices", "give it choices")
        legal = (admit(place, value, self._table.parameters[parent]) for value in values)
        return tuple(value for value in legal if dimension.contains(value))

    def _place(self, name: str) -> str:
        table = self._table.strategy if name in self._table.own else "common"
        return f"{self._file}, [{table}] {name}"
