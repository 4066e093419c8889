"""``.keras`` files looked at without Keras: whole, and of Keras's own layers only."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from autosmall.errors import BackboneError
from autosmall.models.weight_files import ZIP_SIGNATURE, check_signature

KERAS_PACKAGES = ("keras", "builtins")
CODE = ("Lambda", "__lambda__")


def check_keras_file(path: Path) -> None:
    """Raise ``BackboneError`` unless ``path`` is a whole ``.keras`` file of Keras's own layers.

    Nothing in it is executed: its description is read as JSON. A ``Lambda`` layer holds Python
    code, so it does not count as Keras's own.
    """
    check_signature(path, ZIP_SIGNATURE, "a model saved by Keras 3")
    foreign = sorted(set(_foreign_objects(_read_description(path))))
    if foreign:
        raise BackboneError(
            f"the model {str(path)!r} holds what is not Keras's own: {', '.join(foreign)}",
            "a model of Keras's own layers, without Lambda: anything else could run code",
            "save its convolutional part again without them",
        )


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


def _foreign_objects(value: object) -> Iterator[str]:
    """Yield the serialised objects below ``value`` that come from elsewhere or hold code.

    How the model was trained is left aside: it is not read.
    """
    if isinstance(value, dict):
        name = value.get("class_name")
        if isinstance(name, str) and ("module" in value or name in CODE):
            module = str(value.get("module") or value.get("registered_name") or "elsewhere")
            if module.split(".")[0] not in KERAS_PACKAGES or name in CODE:
                yield f"{name} ({module})"
        for key, below in value.items():
            if key != "compile_config":
                yield from _foreign_objects(below)
    elif isinstance(value, list):
        for below in value:
            yield from _foreign_objects(below)
