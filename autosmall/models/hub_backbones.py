"""Presets of KerasHub as backbones, where that optional package is installed."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import keras

from autosmall.errors import BackboneError
from autosmall.models.backbone_input import Tensor, three_channels
from autosmall.models.file_backbones import feature_extractor
from autosmall.models.flat_copy import flat_copy
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.pictures import InputShape

CONVERTER_FILES = ("image_converter.json", "preprocessor.json")
_UNUSABLE = (ValueError, TypeError, OSError, KeyError, AttributeError, NotImplementedError)


def build_from_preset(source: BackboneSource, input_shape: InputShape) -> keras.Model:
    """Return the preset in the folder of ``source.weights_path``, for pictures 0 to 255.

    Pixels are scaled as the preset's image converter says, where it has one. Raises
    ``BackboneError`` where KerasHub is absent or the preset is no convolutional network.
    """
    keras_hub = import_keras_hub()
    folder = Path(source.weights_path).parent
    try:
        preset = keras_hub.models.Backbone.from_preset(str(folder))
        model = feature_extractor(preset, source, (*input_shape[:2], 3))
        pictures = keras.Input(input_shape, name="pictures")
        scaled = _as_converted(three_channels(pictures), folder)
        return keras.Model(pictures, flat_copy(model, scaled), name="backbone")
    except _UNUSABLE as error:
        raise BackboneError(
            f"the preset in {str(folder)!r} cannot be used as a backbone: "
            f"{str(error).splitlines()[0]}",
            "a preset of an image backbone with feature maps, such as hub:resnet_50_imagenet",
            "choose another preset, or larger pictures",
        ) from error


def import_keras_hub() -> ModuleType:
    """Return the package; ``BackboneError`` says how to install it."""
    try:
        import keras_hub
    except ImportError as error:
        raise BackboneError(
            f"KerasHub cannot be imported: {error}",
            "the package keras-hub, which hub: backbones need",
            "pip install 'autosmall[keras-hub]'",
        ) from error
    module: ModuleType = keras_hub
    return module


def _as_converted(pictures: Tensor, folder: Path) -> Tensor:
    """Return ``pictures`` times the converter's scale plus its offset."""
    config = _converter_config(folder)
    factors, offsets = config.get("scale"), config.get("offset")
    if factors is None and offsets is None:
        return pictures
    return keras.layers.Rescaling(
        1.0 if factors is None else factors,
        0.0 if offsets is None else offsets,
        name="scaling",
    )(pictures)


def _converter_config(folder: Path) -> dict[str, object]:
    for name in CONVERTER_FILES:
        path = folder / name
        if path.is_file():
            config = json.loads(path.read_text(encoding="utf-8"))["config"]
            found = config.get("image_converter", {}).get("config", config)
            return dict(found)
    return {}
