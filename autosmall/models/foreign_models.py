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
    found = (_named_object(each) for each in serialized_objects(path))
    own = {name: value for pair in found if pair is not None for name, value in [pair]}
    with keras.saving.custom_object_scope(own), SafeModeScope(False):
        yield


def _named_object(each: SerializedObject) -> tuple[str, object] | None:
    """Return name and value of an object that neither Keras has nor anyone has registered."""
    if each.is_keras_own or not each.module:
        return None
    name = each.registered_name or each.name
    if keras.saving.get_registered_object(name) is not None:
        return None
    return name, getattr(importlib.import_module(each.module), each.name, None)
