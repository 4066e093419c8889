"""The starts of a search-space file: known good configurations, checked against the space.

A start names what matters; every other dimension takes the strategy's default, or the nearest
value that the space admits. Numbers outside the space's range are moved to its edge (a start of
20 epochs becomes one of 12 where the space stops there); text must be among the choices.
``backbone = "best"`` stands for the first backbone that the strategy may use; a start that names
a backbone which was not found is left out. ``rule = "bit_hyperrule"`` gives a start of
``fine_tune`` the values that the rule computes from the data set; those that the start names go
before them. ``image_size_px = { usual = 192, small = 160 }`` takes the second size where the usual
picture is smaller than 96 x 96 (the bound of BiT-HyperRule): enlarged sixfold, it only costs time.
``protected = "without_weights"`` protects a start where no pretrained weights were found.
"""

from __future__ import annotations

from collections.abc import Mapping

from autosmall.schema.backbone_source import WITHOUT_WEIGHTS
from autosmall.schema.bit_hyperrule import SMALL_PICTURE_PX, bit_hyperrule
from autosmall.schema.config import Value
from autosmall.schema.parameters import Parameter, defaults
from autosmall.schema.space import (
    ChoiceDimension,
    Dimension,
    IntegerDimension,
    Space,
    Start,
    nearest_config,
)
from autosmall.schema.space_dimensions import SearchFacts, admit, nearest_name, refuse

BEST = "best"
"""As a start's ``backbone``: the first that the strategy may use."""

PROTECTED, DEFAULT = "protected", "default"
WITHOUT_WEIGHTS_ONLY = "without_weights"
RULE, BIT_HYPERRULE = "rule", "bit_hyperrule"
SIZE = "image_size_px"


def read_starts(
    file: str,
    tables: object,
    space: Space,
    parameters: Mapping[str, tuple[Parameter, ...]],
    facts: SearchFacts,
) -> tuple[Start, ...]:
    """Return the starts in the order of the file; those that cannot be tried are left out.

    Left out are starts of strategies that the space could not offer for want of a backbone, and
    starts that name a backbone which was not found. Raises :class:`SpaceError` for the rest of
    what can be wrong: names, types, values, two defaults.
    """
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        refuse(f"{file}, start", f"it is {tables!r}", "a list of tables", "write [[start]]")
    starts = []
    for number, table in enumerate(tables, start=1):
        place = f"{file}, [[start]] {number}"
        strategy = _strategy(place, table, parameters)
        if strategy in space.strategies:
            start = _read_start(place, table, strategy, space, parameters[strategy], facts)
            starts += [start] if start is not None else []
    if sum(start.default for start in starts) > 1:
        refuse(f"{file}, start", "two starts are the default", "one at most", "keep one")
    return tuple(starts)


def _strategy(
    place: str, table: Mapping[str, object], parameters: Mapping[str, tuple[Parameter, ...]]
) -> str:
    for key in ("label", "strategy"):
        if not isinstance(table.get(key), str):
            refuse(place, f"{key} is {table.get(key)!r}", f"{key} as text", f"add {key}")
    strategy = str(table["strategy"])
    if strategy not in parameters:
        known = ", ".join(parameters)
        refuse(place, f"unknown strategy {strategy!r}", known, nearest_name(strategy, parameters))
    return strategy


def _read_start(
    place: str,
    table: Mapping[str, object],
    strategy: str,
    space: Space,
    parameters: tuple[Parameter, ...],
    facts: SearchFacts,
) -> Start | None:
    if not isinstance(table.get(DEFAULT, False), bool):
        refuse(f"{place}.{DEFAULT}", f"it is {table[DEFAULT]!r}", "true or false", "write true")
    dimensions = _dimensions_of(space, strategy)
    about = ("label", "strategy", RULE, PROTECTED, DEFAULT)
    own = {key: value for key, value in table.items() if key not in about}
    wanted = {**_rule_values(place, table, strategy, dimensions, facts), **own}
    if isinstance(wanted.get(SIZE), dict):
        wanted[SIZE] = _size_for(f"{place}.{SIZE}", wanted[SIZE], facts)
    preferences: dict[str, Value] = {**defaults(parameters), "strategy": strategy}
    by_name = {parameter.name: parameter for parameter in parameters}
    for name, value in wanted.items():
        where = f"{place}.{name}"
        if name not in by_name:
            problem = f"{strategy} reads no such parameter"
            refuse(where, problem, f"some of: {', '.join(by_name)}", nearest_name(name, by_name))
        if name not in dimensions:
            problem = "the space does not list it for this strategy"
            refuse(where, problem, f"some of: {', '.join(dimensions)}", "list it, or drop it here")
        if name == "backbone" and not _found(dimensions[name], value, facts):
            return None
        preferences[name] = _preference(where, value, by_name[name], dimensions[name])
    _check_active(place, wanted, space, preferences)
    return Start(
        label=str(table["label"]),
        preferences=preferences,
        protected=_is_protected(f"{place}.{PROTECTED}", table.get(PROTECTED, False), facts),
        default=bool(table.get(DEFAULT, False)),
    )


def _is_protected(place: str, value: object, facts: SearchFacts) -> bool:
    """Return what the start says about it, for the backbones of this search."""
    if value == WITHOUT_WEIGHTS_ONLY:
        return WITHOUT_WEIGHTS.issuperset(facts.backbones)
    if not isinstance(value, bool):
        wanted = f"true, false or {WITHOUT_WEIGHTS_ONLY!r}"
        refuse(place, f"it is {value!r}", wanted, "write one of these")
    return value


def _rule_values(
    place: str,
    table: Mapping[str, object],
    strategy: str,
    dimensions: Mapping[str, Dimension],
    facts: SearchFacts,
) -> dict[str, Value]:
    """Return the values of the start's rule, none without one."""
    if RULE not in table:
        return {}
    if table[RULE] != BIT_HYPERRULE or strategy != "fine_tune":
        problem = f"it is {table[RULE]!r} for the strategy {strategy}"
        refuse(f"{place}.{RULE}", problem, f"{BIT_HYPERRULE!r}, for fine_tune", f"drop {RULE}")
    epochs = dimensions.get("epochs")
    most = epochs.high if isinstance(epochs, IntegerDimension) else 1
    return bit_hyperrule(facts.train_size, facts.picture_size_px, most * facts.train_size)


def _size_for(place: str, sizes: object, facts: SearchFacts) -> object:
    """Return the size that goes with the pictures of this data set."""
    if not isinstance(sizes, dict) or set(sizes) != {"usual", "small"}:
        wanted = "a number, or { usual = ..., small = ... }"
        refuse(place, f"it is {sizes!r}", wanted, "write one of the two")
    return sizes["small" if facts.picture_size_px < SMALL_PICTURE_PX else "usual"]


def _dimensions_of(space: Space, strategy: str) -> dict[str, Dimension]:
    """Return parameter name to dimension, for one strategy."""
    return {
        dimension.name: dimension
        for dimension in space.dimensions[1:]
        if strategy in dimension.conditions[0].values
    }


def _found(dimension: Dimension, value: object, facts: SearchFacts) -> bool:
    """Tell whether a start may go on with this backbone: it was found, or the file is wrong."""
    listed = isinstance(dimension, ChoiceDimension) and value in dimension.choices
    return value == BEST or listed or value in facts.backbones


def _preference(place: str, value: object, parameter: Parameter, dimension: Dimension) -> Value:
    if parameter.name == "backbone" and value == BEST and isinstance(dimension, ChoiceDimension):
        return dimension.choices[0]
    admitted = admit(place, value, parameter)
    if isinstance(admitted, str) and not dimension.contains(admitted):
        assert isinstance(dimension, ChoiceDimension)
        choices = [str(choice) for choice in dimension.choices]
        remedy = nearest_name(admitted, choices)
        refuse(place, f"{admitted!r} is not in the space", f"one of {', '.join(choices)}", remedy)
    return admitted


def _check_active(
    place: str, wanted: Mapping[str, object], space: Space, preferences: Mapping[str, Value]
) -> None:
    config = nearest_config(space, preferences)
    for name in wanted:
        if name not in config:
            refuse(
                f"{place}.{name}",
                "the start's other values leave it without effect",
                "a parameter whose when holds for this start",
                f"drop {name}, or set what it hangs on",
            )
