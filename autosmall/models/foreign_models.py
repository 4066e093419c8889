"""Trusted ``.keras`` files: read with the Python code that they hold, or name."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
from keras.src.saving.serialization_lib import SafeModeScope

from autosmall.models.keras_files import SerializedObject, serialized_objects


def load_trusted(path: Path) -> keras.Model:
    """Return the model in ``path``, whatever it holds: only for a file that the user trusts.

    Raises what Keras and the code in the file raise.
    """
    with foreign_code_allowed(path):
        return keras.saving.load_model(path, compile=False, safe_mode=False)


@contextmanager
def foreign_code_allowed(path: Path) -> Iterator[None]:
    """Let Keras make the objects that the file names, Python code of ``Lambda`` layers included.

    Keras 3 finds registered classes only; the modules that the file names are imported here, so
    that installed ones are found too. ``ImportError`` where one is missing.
    """
    # Not a custom_object_scope: Keras opens an empty one of its own for every layer.
    known = keras.saving.get_custom_objects()
    added = dict(_unregistered(serialized_objects(path)))
    known.update(added)
    try:
        with SafeModeScope(False):
            yield
    finally:
        for name in added:
            known.pop(name, None)


def _unregistered(objects: set[SerializedObject]) -> Iterator[tuple[str, object]]:
    """Yield name and value of what neither Keras has nor importing its module has registered."""
    for each in objects:
        name = each.registered_name or each.name
        if each.is_keras_own or not each.module or _is_registered(name):
            continue
        module = importlib.import_module(each.module)
        if not _is_registered(name) and hasattr(module, each.name):
            yield name, getattr(module, each.name)


def _is_registered(name: str) -> bool:
    return keras.saving.get_registered_object(name) is not None
