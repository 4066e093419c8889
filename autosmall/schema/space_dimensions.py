"""One entry of a search-space file, checked against the parameter that it sets.

An entry is a plain value (fixed), or a table of one of these forms, each with an optional
``when``::

    { value = "none" }
    { choices = [64, 96, 128] }
    { choices = "available" }      # the backbones found, or "pretrained": patches only if alone
    { low = 1e-4, high = 1e-2, log = true }
    { low = 5, high = 60, max_pictures_seen = 20000 }    # epochs only
    { when = { head = ["dense"] } }                      # values as under [common]
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from autosmall.errors import SpaceError
from autosmall.schema.backbone_source import BUILTIN_AND_PATCHES, PATCHES
from autosmall.schema.config import Value
from autosmall.schema.parameters import (
    ChoiceParameter,
    FloatParameter,
    IntegerParameter,
    Parameter,
)
from autosmall.schema.space import (
    ChoiceDimension,
    Dimension,
    FloatDimension,
    IntegerDimension,
)

BACKBONE_SETS = ("available", "pretrained")
"""Words that stand for the backbones found: all of them, or those with trained weights."""

Entry = Mapping[str, object]


@dataclass(frozen=True)
class SearchFacts:
    """What a space depends on besides its file.

    Attributes:
        backbones: Names of the backbones found, best first.
        train_size: Pictures in the training part of a fold, at least 1.
        picture_size_px: Side of a square as large as the usual picture.
    """

    backbones: tuple[str, ...]
    train_size: int
    picture_size_px: int = 224

    def backbone_set(self, word: str) -> tuple[str, ...]:
        """Return the names that ``available`` or ``pretrained`` stands for.

        Where nothing pretrained was found, the patches stand in for it. Two backbones side by
        side have no blocks to train from the top, and are never among the pretrained.
        """
        if word == "available":
            return self.backbones
        alone = tuple(name for name in self.backbones if name != BUILTIN_AND_PATCHES)
        return tuple(name for name in alone if name != PATCHES) or alone


@dataclass(frozen=True)
class Definition:
    """An entry's values and what must hold for it to be active.

    Attributes:
        dimension: The values; key and name are the parameter's name, conditions are empty.
        when: Parameter name and the values of it, one pair per condition.
    """

    dimension: Dimension
    when: tuple[tuple[str, tuple[Value, ...]], ...] = ()


class NothingAvailableError(Exception):
    """No backbone was found for an entry that needs one: its strategy cannot be searched."""


def refuse(place: str, problem: str, expected: str, remedy: str) -> NoReturn:
    """Raise the error for ``place`` (file and key)."""
    raise SpaceError(f"{place}: {problem}", expected, remedy)


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Return a remedy that offers the most similar of ``names``."""
    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"use one of: {', '.join(known)}" if known else "remove it"


def check_keys(place: str, table: Entry, known: Iterable[str]) -> None:
    """Refuse keys of ``table`` that are not ``known``."""
    known = tuple(known)
    for key in table:
        if key not in known:
            refuse(
                place, f"unknown key {key!r}", f"keys {', '.join(known)}", nearest_name(key, known)
            )


def read_definition(
    place: str, entry: object, parameter: Parameter, facts: SearchFacts
) -> Definition:
    """Return the checked entry.

    Raises :class:`SpaceError` for an entry that the parameter does not admit and
    :class:`NothingAvailableError` where it names backbones and none was found.
    """
    if not isinstance(entry, dict):
        return Definition(_fixed(place, entry, parameter))
    when = read_when(place, entry.get("when", {}))
    if "value" in entry:
        check_keys(place, entry, ("value", "when"))
        return Definition(_fixed(place, entry["value"], parameter), when)
    if "choices" in entry:
        check_keys(place, entry, ("choices", "when"))
        return Definition(_choices(place, entry["choices"], parameter, facts), when)
    return Definition(_range(place, entry, parameter, facts), when)


def read_when(place: str, table: object) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    """Return the pairs of a ``when`` table; names and values are checked by the caller."""
    if not isinstance(table, dict):
        refuse(place, f"when is {table!r}", 'a table like { optimizer = ["sgd"] }', "write a table")
    pairs = []
    for name, values in table.items():
        values = values if isinstance(values, list) else [values]
        if not values or any(type(value) not in (str, int, float, bool) for value in values):
            refuse(place, f"when.{name} is {values!r}", "one value or more", "list the values")
        pairs.append((name, tuple(values)))
    return tuple(pairs)


def admit(place: str, value: object, parameter: Parameter) -> Value:
    """Return ``value`` in the parameter's own type, or refuse it."""
    if isinstance(parameter, ChoiceParameter):
        return _admit_choice(place, value, parameter)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(parameter, IntegerParameter) and not whole:
        refuse(place, f"{value!r} is not a whole number", _legal(parameter), "write a whole number")
    if not whole and not isinstance(value, float):
        refuse(place, f"{value!r} is not a number", _legal(parameter), "write a number")
    assert isinstance(value, int | float)
    if not parameter.low <= value <= parameter.high:  # false for NaN as well
        refuse(place, f"{value!r} is outside", _legal(parameter), "choose a value in this range")
    return float(value) if isinstance(parameter, FloatParameter) else value


def _admit_choice(place: str, value: object, parameter: ChoiceParameter) -> Value:
    for choice in parameter.choices:
        if choice == value and type(choice) is type(value):
            return choice
    if not parameter.choices and isinstance(value, str):
        return value
    names = [str(choice) for choice in parameter.choices]
    refuse(
        place, f"{value!r} is no value of it", _legal(parameter), nearest_name(str(value), names)
    )


def _legal(parameter: Parameter) -> str:
    if isinstance(parameter, ChoiceParameter):
        return f"one of {', '.join(map(repr, parameter.choices))}" if parameter.choices else "text"
    kind = "a whole number" if isinstance(parameter, IntegerParameter) else "a number"
    return f"{kind} from {parameter.low} to {parameter.high}"


def _fixed(place: str, value: object, parameter: Parameter) -> Dimension:
    return ChoiceDimension(parameter.name, parameter.name, (admit(place, value, parameter),))


def _choices(place: str, choices: object, parameter: Parameter, facts: SearchFacts) -> Dimension:
    if isinstance(choices, str):
        return ChoiceDimension(
            parameter.name, parameter.name, _backbone_choices(place, choices, parameter, facts)
        )
    if not isinstance(choices, list) or not choices:
        refuse(place, f"choices is {choices!r}", "a list of values", "list at least one value")
    admitted = tuple(admit(place, choice, parameter) for choice in choices)
    if len(set(admitted)) < len(admitted):
        refuse(place, f"choices {choices!r} repeat a value", "each value once", "remove one")
    return ChoiceDimension(parameter.name, parameter.name, admitted)


def _backbone_choices(
    place: str, word: str, parameter: Parameter, facts: SearchFacts
) -> tuple[str, ...]:
    if not isinstance(parameter, ChoiceParameter) or parameter.choices:
        refuse(place, f"choices is {word!r}", "a list of values", "list at least one value")
    if word not in BACKBONE_SETS:
        refuse(
            place,
            f"choices is {word!r}",
            f"a list of names, or one of {', '.join(BACKBONE_SETS)}",
            nearest_name(word, BACKBONE_SETS),
        )
    names = facts.backbone_set(word)
    if not names:
        raise NothingAvailableError
    return names


def _range(place: str, entry: Entry, parameter: Parameter, facts: SearchFacts) -> Dimension:
    if isinstance(parameter, ChoiceParameter):
        check_keys(place, entry, ("value", "choices", "when"))
        refuse(place, "no values given", "value or choices", f"choices: {_legal(parameter)}")
    if isinstance(parameter, FloatParameter):
        return _float_range(place, entry, parameter)
    return _integer_range(place, entry, parameter, facts)


def _float_range(place: str, entry: Entry, parameter: FloatParameter) -> Dimension:
    check_keys(place, entry, ("low", "high", "log", "value", "choices", "when"))
    low, high = _ends(place, entry, parameter)
    log = _flag(place, entry, "log")
    _check_log(place, low, log)
    return FloatDimension(parameter.name, parameter.name, float(low), float(high), log)


def _integer_range(
    place: str, entry: Entry, parameter: IntegerParameter, facts: SearchFacts
) -> Dimension:
    keys = ["low", "high", "log", "step", "value", "choices", "when"]
    if parameter.name.endswith("epochs"):
        keys.append("max_pictures_seen")
    check_keys(place, entry, keys)
    low, high = (int(end) for end in _ends(place, entry, parameter))
    log = _flag(place, entry, "log")
    _check_log(place, low, log)
    step = _positive(place, entry, "step", 1)
    if log and step != 1:
        refuse(place, f"log with step {step}", "log or a step", "remove one of the two")
    if (high - low) % step:
        refuse(
            place,
            f"step {step} does not lead from {low} to {high}",
            "high - low a multiple of step",
            f"set high = {low + (high - low) // step * step}",
        )
    if "max_pictures_seen" in entry:
        affordable = _positive(place, entry, "max_pictures_seen", 1) // facts.train_size
        high = max(low, low + (min(high, affordable) - low) // step * step)
    return IntegerDimension(parameter.name, parameter.name, low, high, step, log)


def _ends(
    place: str, entry: Entry, parameter: FloatParameter | IntegerParameter
) -> tuple[float, float]:
    for key in ("low", "high"):
        if key not in entry:
            refuse(place, f"{key} is missing", "low and high, choices, or value", f"add {key}")
    low = admit(f"{place}.low", entry["low"], parameter)
    high = admit(f"{place}.high", entry["high"], parameter)
    assert isinstance(low, int | float) and isinstance(high, int | float)
    if low > high:
        refuse(place, f"low {low} is above high {high}", "low <= high", "exchange the two")
    return low, high


def _check_log(place: str, low: float, log: bool) -> None:
    if log and low <= 0:
        refuse(place, f"log with low {low}", "low > 0", "raise low or remove log")


def _flag(place: str, entry: Entry, key: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        refuse(place, f"{key} is {value!r}", "true or false", f"write {key} = true")
    return value


def _positive(place: str, entry: Entry, key: str, default: int) -> int:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        refuse(place, f"{key} is {value!r}", "a whole number of at least 1", "write a larger one")
    return value
