"""Pretraining recipes: where the source pictures are, how views are drawn, how to train on them.

A recipe is a TOML file. Its table ``[pictures]`` is a :class:`PictureRecipe`; ``[student]`` and
``[training]`` hold fields of :class:`~autosmall.schema.pretrain_settings.PretrainSettings`.
"""

from __future__ import annotations

import difflib
import importlib.util
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from autosmall.data.views.composer import ViewMixture
from autosmall.data.views.sources import picture_files
from autosmall.errors import SettingsError

TEXTS = ("architecture", "method", "teacher")
WHOLE_NUMBERS = ("image_size_px", "steps", "batch_size", "seed")
NUMBERS = ("learning_rate", "weight_decay", "augmentation_strength", "noise_std")
STUDENT = ("architecture", "image_size_px")
TRAINING = tuple(
    name for name in (*TEXTS, *WHOLE_NUMBERS, *NUMBERS, "invariances") if name not in STUDENT
)


@dataclass(frozen=True)
class SourceFolder:
    """One folder of source pictures and where it comes from.

    Attributes:
        name: What it is called in the card.
        folder: The folder; relative to ``package`` if that is given, else to the current one.
        package: Name of an importable Python package that brings the pictures, or empty.
        exclude: Parts of paths that are left out.
        licence: Licence of the pictures, in words.
        obtain: The command that brings them.
    """

    name: str
    folder: str
    package: str = ""
    exclude: tuple[str, ...] = ()
    licence: str = ""
    obtain: str = ""

    @property
    def path(self) -> Path:
        """The folder on this machine. Raises ``SettingsError`` where the package is missing."""
        if not self.package:
            return Path(self.folder).expanduser()
        found = importlib.util.find_spec(self.package)
        if found is None or not found.submodule_search_locations:
            raise SettingsError(
                f"the recipe's source {self.name!r} needs the Python package {self.package!r}",
                "the package installed",
                self.obtain or f"pip install {self.package}",
            )
        return Path(next(iter(found.submodule_search_locations))) / self.folder


@dataclass(frozen=True)
class PictureRecipe:
    """Sources, number of the views, and how they are mixed."""

    sources: tuple[SourceFolder, ...]
    view_count: int
    mixture: ViewMixture = field(default_factory=ViewMixture)

    def files(self) -> tuple[Path, ...]:
        """Return the files of all source pictures, in the recipe's order.

        Raises ``DatasetError`` where a folder is missing or empty, with how to get it.
        """
        return tuple(
            file
            for source in self.sources
            for file in picture_files(source.path, exclude=source.exclude, obtain=source.obtain)
        )


@dataclass(frozen=True)
class Recipe:
    """``settings``: names of fields of ``PretrainSettings`` to their values; and the pictures."""

    settings: Mapping[str, object]
    pictures: PictureRecipe


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in a TOML file.

    Raises:
        SettingsError: The file is missing or no TOML, or a table or key of it is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the recipe {str(path)!r} cannot be read: {error}",
            "a TOML file with the tables [pictures], [student] and [training]",
            "correct the path or the file",
        ) from error
    _check_keys(tables, {"pictures", "student", "training"}, "recipe")
    settings: dict[str, object] = {}
    for name, known in (("student", STUDENT), ("training", TRAINING)):
        table = tables.get(name, {})
        _check_keys(table, set(known), name)
        settings |= {key: _value(key, table[key]) for key in table}
    return Recipe(settings, parse_pictures(tables.get("pictures", {})))


def _value(key: str, value: object) -> object:
    """Return a setting's value, of the kind that the setting has."""
    if key == "invariances" and isinstance(value, list):
        return tuple(value)
    kinds: tuple[type, ...] = (str,) if key in TEXTS else (int,)
    if key in NUMBERS:
        kinds = (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise SettingsError(
            f"{key} in the recipe is {value!r}",
            "a text" if key in TEXTS else "a list" if key == "invariances" else "a number",
            "correct it in the recipe",
        )
    return value


def parse_pictures(table: Mapping[str, Any]) -> PictureRecipe:
    """Return what a recipe's table ``[pictures]`` says.

    Raises:
        SettingsError: A key is unknown or missing, or a value is of the wrong kind.
    """
    known = {"view_count", "mixture", "source"}
    _check_keys(table, known, "pictures")
    missing = sorted({"view_count", "source"} - set(table))
    if missing:
        raise SettingsError(
            f"the recipe's table [pictures] lacks {', '.join(missing)}",
            "view_count and at least one [[pictures.source]]",
            "add it to the recipe",
        )
    mixture = table.get("mixture", {})
    _check_keys(mixture, {field.name for field in fields(ViewMixture)}, "pictures.mixture")
    return PictureRecipe(
        tuple(_source(entry) for entry in table["source"]),
        _whole_number(table, "view_count", least=1),
        ViewMixture(**{name: float(share) for name, share in mixture.items()}),
    )


def _source(entry: Mapping[str, Any]) -> SourceFolder:
    _check_keys(entry, {field.name for field in fields(SourceFolder)}, "pictures.source")
    if not {"name", "folder"} <= set(entry):
        raise SettingsError(
            f"a [[pictures.source]] of the recipe is {dict(entry)!r}",
            "a name and a folder",
            "add them to the recipe",
        )
    return SourceFolder(**{**entry, "exclude": tuple(entry.get("exclude", ()))})


def _whole_number(table: Mapping[str, Any], key: str, *, least: int) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SettingsError(
            f"{key} in the recipe's [pictures] is {value!r}",
            f"a whole number from {least} up",
            "correct it in the recipe",
        )
    return value


def _check_keys(table: Mapping[str, Any], known: set[str], name: str) -> None:
    for key in table:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1)
            raise SettingsError(
                f"the recipe's [{name}] holds the unknown key {key!r}",
                "one of " + ", ".join(sorted(known)),
                f"did you mean {nearest[0]!r}?" if nearest else "remove it",
            )
