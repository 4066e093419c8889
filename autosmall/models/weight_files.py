"""Weight files looked at without Keras: whole or cut short, which layers, whose bytes.

Layers and shapes decide whether a file is used. Where Keras publishes a digest, other bytes of
the right shapes are used too (a file that was written again holds the same values) and remarked
upon; ``autosmall backbones fetch`` refuses them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, takewhile
from math import prod
from pathlib import Path
from typing import Any

import h5py

from autosmall.errors import BackboneError
from autosmall.models.weight_hashes import WEIGHT_HASHES

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
ZIP_SIGNATURE = b"PK\x03\x04"
_MD5_DIGITS = 32


@dataclass(frozen=True)
class LayerShapes:
    """A layer's name and the shapes of its weights, in the order in which they are stored."""

    name: str
    shapes: tuple[tuple[int, ...], ...]


def check_signature(path: Path, signature: bytes, expected: str) -> None:
    """Raise ``BackboneError`` unless ``path`` is a file that begins with ``signature``."""
    if not path.is_file():
        raise BackboneError(f"there is no file {str(path)!r}", expected, "check the path")
    with path.open("rb") as stream:
        if stream.read(len(signature)) != signature:
            raise BackboneError(
                f"the file {str(path)!r} is something else or damaged",
                expected,
                "fetch it again (a Git LFS pointer or a web page is no weights file)",
            )


def check_weights_file(path: Path, name: str, parameters: int) -> str:
    """Return a remark on the weights of the backbone ``name``, empty if there is none.

    Raises ``BackboneError`` for a file that is no HDF5 file, cut short, damaged, or does not hold
    ``parameters`` values.
    """
    check_signature(path, HDF5_SIGNATURE, "weights in the HDF5 format")
    layers = stored_layers(path)
    found = sum(prod(shape) for layer in layers for shape in layer.shapes)
    if found != parameters:
        raise BackboneError(
            f"the file {str(path)!r} holds {found:,} values, which are not the weights of {name}",
            f"{parameters:,} values: {name} without its classifier",
            f"autosmall backbones fetch {name}, or take the file away",
        )
    if has_published_bytes(path) is False:
        return f"{path.name} is not byte for byte what Keras publishes"
    return ""


def stored_layers(path: Path) -> tuple[LayerShapes, ...]:
    """Return the layers with weights in an HDF5 file written by Keras, in their order."""
    try:
        with h5py.File(path) as file:
            group = file.get("model_weights", file)
            layers = [_layer(group, name) for name in _names(group, "layer_names")]
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise BackboneError(
            f"the weights file {str(path)!r} is cut short or damaged: {error}",
            "weights without classifier, as Keras stores them",
            "fetch it again: autosmall backbones fetch NAME",
        ) from error
    return tuple(layer for layer in layers if layer.shapes)


def first_mismatch(
    stored: tuple[LayerShapes, ...], needed: tuple[LayerShapes, ...]
) -> tuple[str, str] | None:
    """Return what the file holds and what the network needs where they first differ, or ``None``.

    Keras assigns weights by their order, so names may differ and shapes may not.
    """
    for number, want in enumerate(needed):
        if number == len(stored):
            return f"it ends before the layer {want.name}", f"{len(needed)} layers with weights"
        if stored[number].shapes != want.shapes:
            have = stored[number]
            return f"its layer {have.name} has weights {_told(have)}", f"{want.name}: {_told(want)}"
    if len(stored) > len(needed):
        extra = stored[len(needed)]
        return f"it goes on with the layer {extra.name}", f"{len(needed)} layers with weights"
    return None


def has_published_bytes(path: Path) -> bool | None:
    """Return whether Keras publishes these bytes under this name; ``None`` if it does not say."""
    expected = WEIGHT_HASHES.get(path.name)
    if expected is None:
        return None
    status = path.stat()
    algorithm = "md5" if len(expected) == _MD5_DIGITS else "sha256"
    return _digest(path, algorithm, (status.st_size, status.st_mtime_ns)) == expected


@lru_cache(maxsize=64)
def _digest(path: Path, algorithm: str, stamp: tuple[int, int]) -> str:
    """Return the digest of the file's content; ``stamp`` changes when the file does."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _layer(group: Any, name: str) -> LayerShapes:
    layer = group[name]
    return LayerShapes(name, tuple(layer[weight].shape for weight in _names(layer, "weight_names")))


def _names(group: Any, attribute: str) -> Iterator[str]:
    """Yield a list of names; Keras cuts long ones into ``<attribute>0``, ``<attribute>1``, ..."""
    numbered = (f"{attribute}{number}" for number in count())
    parts = list(takewhile(group.attrs.__contains__, numbered))
    if attribute in group.attrs:
        parts = [attribute]
    if not parts:
        raise KeyError(f"no {attribute}")
    for part in parts:
        for name in group.attrs[part]:
            yield name.decode() if isinstance(name, bytes) else str(name)


def _told(layer: LayerShapes) -> str:
    return ", ".join(str(shape) for shape in layer.shapes)
