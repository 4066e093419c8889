"""A user's ``.keras`` model as a backbone: its convolutional part, at any size of picture."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import keras

from autosmall.errors import BackboneError
from autosmall.models.backbone_blocks import last_feature_map
from autosmall.models.backbone_input import Tensor, one_channel, scale, three_channels
from autosmall.models.flat_copy import flat_copy
from autosmall.models.foreign_models import foreign_code_allowed, load_trusted
from autosmall.models.trust import check_unchanged
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.pictures import InputShape

_UNUSABLE = (
    ValueError,
    TypeError,
    OSError,
    KeyError,
    AttributeError,
    NotImplementedError,
    ImportError,
    NameError,
)


def build_from_file(source: BackboneSource, input_shape: InputShape) -> keras.Model:
    """Return the model in ``source`` up to its last feature map, for pictures 0 to 255.

    The file is read in safe mode unless it holds other code that the user trusts. Models within
    it (a ``Sequential`` around a network of keras.applications) become their layers, a classifier
    on top is left away, and a network that takes grey pictures gets them. Raises
    ``BackboneError`` where that cannot be done.
    """
    try:
        if not source.trusted_sha256:
            model = keras.saving.load_model(source.weights_path, compile=False, safe_mode=True)
            return feature_extractor(model, source, input_shape)
        return _trusted_extractor(source, input_shape)
    except _UNUSABLE as error:
        raise BackboneError(
            f"the model {source.weights_path!r} cannot be used as a backbone for pictures of "
            f"{_size_words(input_shape)}: {_reason(error)}",
            "a Keras model of Keras's own layers with one input, RGB or grey pictures of any "
            "size, and convolutional feature maps",
            "save its convolutional part alone with Keras 3; larger pictures may help too",
        ) from error


def _trusted_extractor(source: BackboneSource, input_shape: InputShape) -> keras.Model:
    """Return the extractor of a trusted file, its code allowed while layers are copied too."""
    path = Path(source.weights_path)
    check_unchanged(path, source.trusted_sha256)
    with foreign_code_allowed(path):
        return feature_extractor(load_trusted(path), source, input_shape)


def _reason(error: Exception) -> str:
    """Return the first line that says what went wrong; Keras puts it after what it was doing."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    told = lines[: 2 if lines and lines[0].startswith("Exception encountered") else 1]
    return " ".join(told) or type(error).__name__


def _size_words(input_shape: InputShape) -> str:
    height, width, _ = input_shape
    return "several shapes" if height is None else f"{width} x {height} pixels"


def feature_extractor(
    model: keras.Model, source: BackboneSource, input_shape: InputShape
) -> keras.Model:
    """Return a flat copy of ``model`` up to its last feature map, for other pictures.

    Raises ``BackboneError`` where the told last layer or a feature map is missing, ``ValueError``
    where the model cannot be copied or does not take such pictures.
    """
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise ValueError("it does not take one picture (height, width, channels)")
    channels = model.inputs[0].shape[-1]
    if channels not in (1, 3):
        raise ValueError(f"it takes pictures of {channels} channels")
    own_input = keras.Input(batch_shape=model.inputs[0].shape)
    whole = keras.Model(own_input, flat_copy(model, own_input))
    below = keras.Model(own_input, _last_map(whole, source))
    pictures = keras.Input(input_shape, name="pictures")
    prepared = one_channel(pictures) if channels == 1 else three_channels(pictures)
    return keras.Model(pictures, flat_copy(below, _scaled(prepared, source)), name="backbone")


def _last_map(whole: keras.Model, source: BackboneSource) -> Tensor:
    if not source.last_layer:
        found = last_feature_map(whole)
        if found is None:
            raise ValueError("no feature map was found in it")
        return found
    maps = [op.name for op in whole.operations if len(getattr(op.output, "shape", ())) == 4]
    if source.last_layer not in maps:
        nearest = difflib.get_close_matches(source.last_layer, maps, n=3, cutoff=0.3)
        raise BackboneError(
            f"the model {source.weights_path!r} has no feature map called {source.last_layer!r}",
            f"the name of one of its layers, such as {', '.join(nearest or maps[-3:])}",
            "register it again with another --last-layer",
        )
    return next(op.output for op in whole.operations if op.name == source.last_layer)


def _scaled(pictures: Tensor, source: BackboneSource) -> Tensor:
    if pictures.shape[-1] == 1 and source.scaling in ("caffe", "torch"):
        raise ValueError(f"it takes grey pictures, which the scaling {source.scaling!r} is not for")
    scaled = scale(pictures, source.scaling)
    return keras.ops.flip(scaled, axis=-1) if source.scaling == "caffe" else scaled
