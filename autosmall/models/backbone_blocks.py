"""Blocks of a backbone: where its graph can be cut, and what belongs together between cuts."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from autosmall.errors import BackboneError

Tensor = Any
"""A symbolic tensor of Keras."""
Piece = list[Any]
"""Layers (and plain operations) between two cuts, bottom to top."""

_NAMED_BLOCK = re.compile(
    r"conv_(?:pw|dw|pad)_(\d+)|(block_?\d+[a-z]?)(?=_|$)|(conv\d+_block\d+)(?=_)"
    r"|(stage_\d+_block_\d+)|(expanded_conv(?:_\d+)?)(?=_)|(mixed_?\d+[a-z]?)(?=_|$)"
    r"|(block\d+_\d+)(?=_|$)|(stack_?\d+_block_?\d+)"
)
_GLOBAL_POOLING = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)


@dataclass(frozen=True)
class Block:
    """Layers that are trained or left alone together.

    Attributes:
        name: From the layers' own names (``block5``, ``conv_13``).
        layers: Names of its layers, from bottom to top.
        input: The one tensor that enters it.
        output: The one tensor that leaves it.
    """

    name: str
    layers: tuple[str, ...]
    input: Tensor
    output: Tensor


def find_blocks(model: keras.Model, starts: Sequence[str] = ()) -> tuple[Block, ...]:
    """Return the blocks of a functional model, from top to bottom.

    A model can be cut wherever a single tensor carries all that the layers above need. The
    pieces between cuts are joined where their layers' names say that they belong together, or
    where they hold nothing that fine-tuning could train.

    With ``starts``, layers from top to bottom, blocks begin at the cuts below these layers
    instead, and what lies below the last of them is one more block. Raises ``BackboneError``
    where one is unknown or no cut lies between two of them.
    """
    pieces = _pieces(model)
    groups = _told_groups(pieces, starts) if starts else _named_groups(pieces)
    blocks: list[Block] = []
    for name, layers in groups:
        entering = blocks[-1].output if blocks else model.input
        names = tuple(layer.name for layer in layers)
        blocks.append(Block(name, names, entering, layers[-1].output))
    return tuple(reversed(blocks))


def last_feature_map(model: keras.Model) -> Tensor | None:
    """Return the topmost map ``(n, h, w, c)`` below the classifier, or ``None`` without one.

    It is the last tensor at which the model can be cut before its pictures are pooled as a whole
    or become vectors.
    """
    last = None
    for piece in _pieces(model):
        output = piece[-1].output
        if len(output.shape) != 4 or isinstance(piece[-1], _GLOBAL_POOLING):
            break
        last = output
    return last


def _named_groups(pieces: Sequence[Piece]) -> list[tuple[str, Piece]]:
    groups: list[tuple[str, Piece]] = []
    for piece in pieces:
        name, is_named = _block_name(piece)
        if groups and not _has_kernel(groups[-1][1]):
            groups[-1] = (name, groups[-1][1] + piece)
        elif groups and (name == groups[-1][0] or not (is_named or _has_kernel(piece))):
            groups[-1][1].extend(piece)
        else:
            groups.append((name, list(piece)))
    return groups


def _told_groups(pieces: Sequence[Piece], starts: Sequence[str]) -> list[tuple[str, Piece]]:
    place = {layer.name: number for number, piece in enumerate(pieces) for layer in piece}
    unknown = [start for start in starts if start not in place]
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], place, n=3, cutoff=0.3)
        raise BackboneError(
            f"the block start {unknown[0]!r} is no layer of the backbone",
            f"a layer such as {', '.join(nearest) or ', '.join(list(place)[-3:])}",
            "list them with: autosmall backbones show NAME --layers",
        )
    cuts = [place[start] for start in reversed(starts)]
    if any(above <= below for below, above in itertools.pairwise(cuts)):
        raise BackboneError(
            f"the block starts {', '.join(starts)} cannot all begin a block",
            "layers from top to bottom with a cut below each: no connection may pass it by",
            "name fewer of them, or in the other order",
        )
    names = {place[start]: start for start in starts}
    groups: list[tuple[str, Piece]] = []
    for number, piece in enumerate(pieces):
        if number in names or not groups:
            groups.append((names.get(number, piece[0].name), []))
        groups[-1][1].extend(piece)
    return groups


def _pieces(model: keras.Model) -> list[Piece]:
    """Return the layers (and plain operations) between cuts, bottom to top, input layer aside."""
    layers = [layer for layer in model.operations if not isinstance(layer, keras.layers.InputLayer)]
    place = {layer.name: position for position, layer in enumerate(layers)}
    last_use = list(range(len(layers)))
    for position, layer in enumerate(layers):
        for tensor in _as_list(layer.input):
            source = place.get(tensor._keras_history.operation.name)
            if source is not None:
                last_use[source] = max(last_use[source], position)
    pieces: list[Piece] = [[]]
    reach = 0
    for position, layer in enumerate(layers):
        pieces[-1].append(layer)
        if reach <= position and len(_as_list(layer.output)) == 1:
            pieces.append([])
        reach = max(reach, last_use[position])
    return [piece for piece in pieces if piece]


def _as_list(tensors: Tensor) -> list[Tensor]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _block_name(piece: Piece) -> tuple[str, bool]:
    """Return the name that the topmost telling layer carries, or a plain one and ``False``."""
    for layer in reversed(piece):
        match = _NAMED_BLOCK.search(layer.name)
        if match:
            return (f"conv_{match[1]}" if match[1] else match[0]), True
    return str(piece[-1].name), False


def _has_kernel(piece: Piece) -> bool:
    return any(
        len(weight.shape) > 1 and not isinstance(layer, keras.layers.Normalization)
        for layer in piece
        for weight in getattr(layer, "weights", ())
    )
