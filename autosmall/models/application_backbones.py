"""Backbones of keras.applications with weights from a file: no download, no classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from autosmall.errors import BackboneError
from autosmall.models.backbone_input import TORCH_DEVIATION_RGB, scale, three_channels
from autosmall.models.backbone_table import BackboneEntry
from autosmall.models.weight_files import LayerShapes, first_mismatch, stored_layers
from autosmall.schema.pictures import InputShape


def build_application(
    entry: BackboneEntry, weights_path: str | None, input_shape: InputShape
) -> keras.Model:
    """Return the network with weights from a file, or random ones; pictures 0 to 255 in.

    Raises ``BackboneError`` that names the file and the first layer that does not fit.
    """
    if any(side is not None and side < entry.smallest_px for side in input_shape[:2]):
        raise BackboneError(
            f"pictures of {input_shape[1]} x {input_shape[0]} are too small for {entry.name}",
            f"at least {entry.smallest_px} x {entry.smallest_px}",
            "choose larger pictures or another backbone",
        )
    pictures = keras.Input(input_shape, name="pictures")
    scaled = scale(three_channels(pictures), entry.scaling)
    function = getattr(keras.applications, entry.function)
    model = function(
        include_top=False,
        weights=None,
        input_tensor=scaled,
        input_shape=(*input_shape[:2], 3),
        **width_arguments(entry),
    )
    if weights_path is not None:
        _load(model, entry, Path(weights_path))
    if entry.scaling == "caffe":
        _turn_channels(model)
    if entry.scaling_lacks_deviation and weights_path is not None:
        _divide_by_root_deviation(model)
    return keras.Model(pictures, model.output, name="backbone")


def width_arguments(entry: BackboneEntry) -> dict[str, Any]:
    """Return what the function in keras.applications needs to make this variant."""
    arguments: dict[str, Any] = {} if entry.alpha is None else {"alpha": entry.alpha}
    return {**arguments, "minimalistic": True} if entry.minimalistic else arguments


def _load(model: keras.Model, entry: BackboneEntry, path: Path) -> None:
    needed = tuple(
        LayerShapes(layer.name, tuple(tuple(weight.shape) for weight in weights))
        for layer in model.layers
        if (weights := [*layer.trainable_weights, *layer.non_trainable_weights])
    )
    mismatch = first_mismatch(stored_layers(path), needed)
    if mismatch is not None:
        raise _misfit(path, entry, *mismatch)
    try:
        model.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise _misfit(path, entry, str(error).splitlines()[0], entry.name) from error
    for layer in model.layers:
        if not all(np.isfinite(values).all() for values in layer.get_weights()):
            raise _misfit(path, entry, f"{layer.name} holds NaN or infinity", "finite weights")


def _misfit(path: Path, entry: BackboneEntry, received: str, expected: str) -> BackboneError:
    return BackboneError(
        f"the weights {str(path)!r} do not fit {entry.name}: {received}",
        f"{expected}, as Keras stores {entry.name} without classifier",
        f"autosmall backbones fetch {entry.name}, or choose another backbone",
    )


def _turn_channels(model: keras.Model) -> None:
    """Let the first convolution take RGB instead of BGR, so that no layer need reverse them."""
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    first.kernel.assign(keras.ops.flip(first.kernel, axis=2))


def _divide_by_root_deviation(model: keras.Model) -> None:
    """Give EfficientNet the division that its weights were trained with.

    keras.applications adds it for ``weights="imagenet"`` only; here it goes into the variance of
    the network's own Normalization layer: ``1 / sqrt(variance * deviation)``.
    """
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    deviation = keras.ops.convert_to_tensor(TORCH_DEVIATION_RGB)
    layer.variance = layer.variance * deviation
    if layer.adapt_variance is not None:
        layer.adapt_variance.assign(layer.adapt_variance * deviation)
