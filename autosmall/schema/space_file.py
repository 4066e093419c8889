"""Reads a search space from a TOML file and refuses one that cannot mean what it says.

A file has a header, a table ``[common]``, a table per strategy, and starts::

    name = "default"
    purpose = "..."
    usual_minutes = 20
    command = "autosmall search DATASET --space default"
    strategies = ["baseline", "scratch"]

    [common]                      # for every strategy that reads the name
    optimizer = { choices = ["adamw", "sgd"] }
    momentum = { low = 0.8, high = 0.99, when = { optimizer = ["sgd"] } }

    [scratch]                     # takes the place of the entry under [common]
    learning_rate = { low = 1e-4, high = 1e-2, log = true }

    [[start]]                     # a configuration to begin with
    label = "Plain CNN"
    strategy = "scratch"
    learning_rate = 0.003

Forms of an entry: :mod:`autosmall.schema.space_dimensions`. ``when`` may name any other parameter
of the same strategy that the space lists with choices; the order in the file does not matter. A
parameter that the space does not list keeps the strategy's default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autosmall.errors import SpaceError
from autosmall.schema.config import Value
from autosmall.schema.parameters import Parameter
from autosmall.schema.space import ChoiceDimension, Condition, Dimension, Space
from autosmall.schema.space_conditions import StrategyTable, link_dimensions
from autosmall.schema.space_dimensions import (
    NothingAvailableError,
    SearchFacts,
    check_keys,
    nearest_name,
    read_definition,
    refuse,
)
from autosmall.schema.space_starts import read_starts

HEADER = ("name", "purpose", "usual_minutes", "command", "strategies")

Parameters = Mapping[str, tuple[Parameter, ...]]
"""Strategy name to all that it reads from a configuration."""


@dataclass(frozen=True)
class SpaceSummary:
    """The header of a space that ships with the program."""

    name: str
    purpose: str
    usual_minutes: float
    command: str
    path: Path


def read_space(
    name_or_path: str,
    parameters: Parameters,
    *,
    backbones: tuple[str, ...],
    train_size: int,
    picture_size_px: int | None = None,
) -> Space:
    """Return the space called ``name_or_path``, or written in the file of that path.

    A strategy that needs a backbone is left out where ``backbones`` offers it none.

    Args:
        name_or_path: Name of a space that ships with the program, or a TOML file.
        parameters: What each strategy reads.
        backbones: Names of the backbones found, best first.
        train_size: Pictures in the training part of a fold, at least 1.
        picture_size_px: Side of a square as large as the usual picture, if known.

    Raises:
        SpaceError: Not found, no TOML, a misspelt name, or an impossible value; the message names
            file and key.
    """
    path = find_space(name_or_path)
    document, summary = _load(path)
    facts = SearchFacts(backbones, train_size)
    if picture_size_px is not None:
        facts = replace(facts, picture_size_px=picture_size_px)
    strategies = _read_header(path, document, parameters)
    tables = _read_tables(path, document, strategies, parameters, facts)
    if not tables:
        refuse(
            path.name,
            f"every strategy ({', '.join(strategies)}) needs a backbone and none was found",
            "at least one strategy that can be searched",
            "give --weights-dir or --backbone, or add a strategy that needs no backbone",
        )
    first = ChoiceDimension("strategy", "strategy", tuple(table.strategy for table in tables))
    space = Space(
        name=summary.name,
        purpose=summary.purpose,
        usual_minutes=summary.usual_minutes,
        command=summary.command,
        dimensions=(first, *link_dimensions(path.name, tables)),
    )
    listed = {name: parameters[name] for name in strategies}
    starts = read_starts(path.name, document.get("start", []), space, listed, facts)
    return replace(space, starts=starts)


def list_spaces() -> tuple[SpaceSummary, ...]:
    """Return the headers of the spaces that ship with the program, quickest first."""
    summaries = (_load(path)[1] for path in space_folder().glob("*.toml"))
    return tuple(sorted(summaries, key=lambda summary: (summary.usual_minutes, summary.name)))


def restrict(space: Space, strategies: tuple[str, ...]) -> Space:
    """Return ``space`` with the given strategies alone; with all of them for an empty tuple.

    Raises :class:`SpaceError` for a strategy that the space does not have.
    """
    for name in strategies:
        if name not in space.strategies:
            remedy = nearest_name(name, space.strategies)
            if name in ("frozen", "fine_tune"):
                remedy += " (frozen and fine_tune need a backbone: see autosmall backbones)"
            raise SpaceError(
                f"the space {space.name!r} offers no strategy {name!r}",
                f"some of: {', '.join(space.strategies)}",
                remedy,
            )
    if not strategies:
        return space
    kept = tuple(name for name in space.strategies if name in strategies)
    narrowed = (_narrow(dimension, kept) for dimension in space.dimensions[1:])
    return replace(
        space,
        dimensions=(
            ChoiceDimension("strategy", "strategy", kept),
            *(dimension for dimension in narrowed if dimension is not None),
        ),
        starts=tuple(start for start in space.starts if start.preferences["strategy"] in kept),
    )


def find_space(name_or_path: str) -> Path:
    """Return the file of a space; raises :class:`SpaceError` where there is none."""
    folder = space_folder()
    shipped = folder / f"{name_or_path}.toml"
    if Path(name_or_path).name == name_or_path and shipped.is_file():
        return shipped
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    names = [file.stem for file in folder.glob("*.toml")]
    raise SpaceError(
        f"there is no search space {name_or_path!r}",
        f"a TOML file, or one of: {', '.join(sorted(names))}",
        nearest_name(name_or_path, names),
    )


def space_folder() -> Path:
    """Return the folder of the spaces that ship: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "search_spaces"
    return inside if inside.is_dir() else package.parent / "search_spaces"


def _narrow(dimension: Dimension, kept: tuple[Value, ...]) -> Dimension | None:
    """Return the dimension for the kept strategies, or ``None`` where none of them has it."""
    conditions = []
    for condition in dimension.conditions:
        values = condition.values
        if condition.key == "strategy":
            values = tuple(value for value in values if value in kept)
            if not values:
                return None
        conditions.append(Condition(condition.key, values))
    return replace(dimension, conditions=tuple(conditions))


def _load(path: Path) -> tuple[dict[str, object], SpaceSummary]:
    """Return the file's content and its checked header."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        refuse(str(path), f"not TOML ({error})", "a TOML file", "mend the line that it names")
    except OSError as error:
        refuse(str(path), f"cannot be read ({error.strerror})", "a readable file", "check the path")
    for key in HEADER:
        if key not in document:
            refuse(path.name, f"{key} is missing", f"the keys {', '.join(HEADER)}", f"add {key}")
    for key in ("name", "purpose", "command"):
        if not isinstance(document[key], str):
            refuse(f"{path.name}, {key}", f"{document[key]!r} is no text", "text", "quote it")
    minutes = document["usual_minutes"]
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < 1e6:
        received = f"it is {minutes!r}"
        refuse(f"{path.name}, usual_minutes", received, "a number above 0", "write the minutes")
    name, purpose, command = (str(document[key]) for key in ("name", "purpose", "command"))
    return document, SpaceSummary(name, purpose, float(minutes), command, path)


def _read_header(path: Path, document: dict[str, object], parameters: Parameters) -> list[str]:
    """Return the strategies, having checked every top-level key."""
    strategies = document["strategies"]
    place = f"{path.name}, strategies"
    if not isinstance(strategies, list) or not strategies:
        refuse(place, f"it is {strategies!r}", "a list of strategies", "name at least one")
    for name in strategies:
        if name not in parameters:
            known = ", ".join(parameters)
            refuse(
                place, f"unknown {name!r}", f"some of: {known}", nearest_name(str(name), parameters)
            )
    if len(set(strategies)) < len(strategies):
        refuse(place, f"{strategies!r} repeats a name", "each strategy once", "remove one")
    for key in document:
        if key in parameters and key not in strategies:
            refuse(
                f"{path.name}, [{key}]",
                "the strategy is not among strategies",
                f"tables for: {', '.join(strategies)}",
                f"add {key!r} to strategies or remove the table",
            )
    check_keys(path.name, document, (*HEADER, "common", *strategies, "start"))
    return strategies


def _read_tables(
    path: Path,
    document: dict[str, object],
    strategies: list[str],
    parameters: Parameters,
    facts: SearchFacts,
) -> list[StrategyTable]:
    """Return the checked entries of each strategy that can be searched."""
    common = _table(path, document, "common")
    read_by_any = {p.name for strategy in strategies for p in parameters[strategy]}
    for name in common:
        if name not in read_by_any:
            refuse(
                f"{path.name}, [common] {name}",
                "no strategy of this space reads it",
                "a parameter of one of the strategies",
                nearest_name(name, read_by_any),
            )
    tables = []
    for strategy in strategies:
        own = _table(path, document, strategy)
        try:
            tables.append(_read_table(path, strategy, common, own, parameters[strategy], facts))
        except NothingAvailableError:
            continue
    return tables


def _read_table(
    path: Path,
    strategy: str,
    common: Mapping[str, object],
    own: Mapping[str, object],
    parameters: tuple[Parameter, ...],
    facts: SearchFacts,
) -> StrategyTable:
    by_name = {parameter.name: parameter for parameter in parameters}
    for name in own:
        if name not in by_name:
            refuse(
                f"{path.name}, [{strategy}] {name}",
                f"{strategy} reads no such parameter",
                f"some of: {', '.join(by_name) or 'none'}",
                nearest_name(name, by_name),
            )
    definitions = {}
    for name in [*common, *(name for name in own if name not in common)]:
        if name in by_name:
            place = f"{path.name}, [{strategy if name in own else 'common'}] {name}"
            entry = _merged(place, common, own, name)
            definitions[name] = read_definition(place, entry, by_name[name], facts)
    return StrategyTable(strategy, by_name, definitions, frozenset(own))


def _merged(
    place: str, common: Mapping[str, object], own: Mapping[str, object], name: str
) -> object:
    """Return the strategy's own entry, else the common one; an own ``when`` alone refines it."""
    entry = own.get(name, common.get(name))
    if not (isinstance(entry, dict) and set(entry) == {"when"} and name in own):
        return entry
    if name not in common:
        refuse(place, "only when is given", f"values here, or {name} in [common]", "add choices")
    base = common[name]
    values = base if isinstance(base, dict) else {"value": base}
    inherited = values.get("when", {})
    if not isinstance(entry["when"], dict) or not isinstance(inherited, dict):
        return {**values, "when": entry["when"]}
    return {**values, "when": {**inherited, **entry["when"]}}


def _table(path: Path, document: Mapping[str, object], key: str) -> dict[str, object]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        refuse(f"{path.name}, {key}", f"it is {table!r}", "a table", f"write [{key}]")
    return table
