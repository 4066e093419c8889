"""``.keras`` files looked at without Keras: whole, and of Keras's own layers only."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autosmall.errors import BackboneError
from autosmall.models.trust import trust_remedy
from autosmall.models.weight_files import ZIP_SIGNATURE, check_signature

KERAS_PACKAGES = ("keras", "builtins")
CODE = ("Lambda", "__lambda__")


@dataclass(frozen=True, order=True)
class SerializedObject:
    """A layer, function or other object as a ``.keras`` file describes it.

    Attributes:
        name: Of its class, or of the function.
        module: Where that is defined; empty where the file does not say.
        registered_name: Under which Keras knows it; empty where the file does not say.
    """

    name: str
    module: str
    registered_name: str

    @property
    def is_keras_own(self) -> bool:
        """Whether it comes with Keras and holds no code of its own."""
        place = self.module or self.registered_name or "elsewhere"
        return place.split(".")[0] in KERAS_PACKAGES and self.name not in CODE

    def __str__(self) -> str:
        """Return what a user is told of it."""
        if self.name == "__lambda__":
            return "Python code"
        return f"{self.name} ({self.module or self.registered_name or 'elsewhere'})"


def check_keras_file(path: Path) -> None:
    """Raise ``BackboneError`` unless ``path`` is a whole ``.keras`` file of Keras's own layers.

    Nothing in it is executed: its description is read as JSON.
    """
    foreign = foreign_objects(path)
    if foreign:
        raise BackboneError(
            f"the model {str(path)!r} holds what is not Keras's own: {', '.join(foreign)}",
            "a model of Keras's own layers, without Lambda: anything else could run code",
            "save its convolutional part again without them, or " + trust_remedy(path),
        )


def foreign_objects(path: Path) -> tuple[str, ...]:
    """Return what a ``.keras`` file holds that is not Keras's own, in words.

    A ``Lambda`` layer holds Python code, so it does not count as Keras's own. Raises
    ``BackboneError`` where ``path`` is no whole file of that kind.
    """
    check_signature(path, ZIP_SIGNATURE, "a model saved by Keras 3")
    return tuple(sorted({str(each) for each in serialized_objects(path) if not each.is_keras_own}))


def serialized_objects(path: Path) -> set[SerializedObject]:
    """Return the objects that the model in a ``.keras`` file is made of.

    How it was trained is left aside: it is not read. Raises ``BackboneError`` for a damaged file.
    """
    return set(objects_in(_read_description(path)))


def input_size_px(path: Path) -> int | None:
    """Return the side of the pictures that a ``.keras`` file was made for; ``None`` for any.

    Of unequal sides it is the longer one.
    """
    shape = next(_input_shapes(_read_description(path)), None)
    sides = [side for side in (shape or [])[1:3] if isinstance(side, int)]
    return max(sides) if len(sides) == 2 else None


def _input_shapes(value: object) -> Iterator[list[object]]:
    """Yield the shapes of input layers below ``value``, outer ones first."""
    if isinstance(value, dict):
        config = value.get("config")
        if value.get("class_name") == "InputLayer" and isinstance(config, dict):
            shape = config.get("batch_shape")
            if isinstance(shape, list) and len(shape) == 4:
                yield shape
        for below in value.values():
            yield from _input_shapes(below)
    elif isinstance(value, list):
        for below in value:
            yield from _input_shapes(below)


def _read_description(path: Path) -> object:
    try:
        with zipfile.ZipFile(path) as archive:
            if (broken := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"{broken} has a wrong check sum")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise BackboneError(
            f"the file {str(path)!r} is cut short or damaged: {error}",
            "a model saved by Keras 3",
            "copy it again, or save it again with Keras 3",
        ) from error


def objects_in(value: object) -> Iterator[SerializedObject]:
    """Yield the serialised objects below ``value``, a parsed ``config.json``."""
    if isinstance(value, dict):
        name = value.get("class_name")
        if isinstance(name, str) and ("module" in value or name in CODE):
            own_name = value.get("config") if name == "function" else name
            told = (str(value.get(key) or "") for key in ("module", "registered_name"))
            yield SerializedObject(str(own_name), *told)
        for key, below in value.items():
            if key != "compile_config":
                yield from objects_in(below)
    elif isinstance(value, list):
        for below in value:
            yield from objects_in(below)
