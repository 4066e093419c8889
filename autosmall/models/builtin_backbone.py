"""The backbone that ships inside the package: a narrow MobileNet, stored in half precision.

How it was trained stands in ``builtin/recipe.toml``, on what and how well in ``builtin/card.md``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from autosmall.errors import BackboneError
from autosmall.models.backbone_table import BACKBONES
from autosmall.schema.pictures import InputShape

if TYPE_CHECKING:
    import keras

BUILTIN_FILE = Path(__file__).parent / "builtin" / "backbone.npz"
WIDTH_FACTOR = "width_factor"


def builtin_file() -> Path | None:
    """Return the file of its weights, or ``None`` where the package holds none."""
    return BUILTIN_FILE if BUILTIN_FILE.is_file() else None


def build_builtin(input_shape: InputShape) -> keras.Model:
    """Return the network: pictures 0 to 255, grey or RGB, in; last feature map out; float32.

    Raises ``BackboneError`` where the package holds no weights, or damaged ones.
    """
    if builtin_file() is None:
        raise _missing("no built-in backbone")
    try:
        with np.load(BUILTIN_FILE, allow_pickle=False) as stored:
            width_factor = float(stored[WIDTH_FACTOR])
            names = sorted(name for name in stored.files if name != WIDTH_FACTOR)
            weights = [stored[name].astype(np.float32) for name in names]
        model = build_mobilenet(input_shape, width_factor)
        model.set_weights(weights)
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        raise _missing(f"a damaged built-in backbone ({error})") from error
    return model


def write_builtin(model: keras.Model, width_factor: float, path: Path) -> None:
    """Write the weights of a trained ``model`` of that width to ``path``, in half precision."""
    arrays = {f"{place:03d}": w.astype(np.float16) for place, w in enumerate(model.get_weights())}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, width_factor=np.float32(width_factor), **arrays)


def build_mobilenet(input_shape: InputShape, width_factor: float) -> keras.Model:
    """Return a MobileNet of any width with random weights, pictures 0 to 255 in, trainable."""
    from autosmall.models.application_backbones import build_application

    entry = replace(BACKBONES["mobilenet_1"], alpha=width_factor)
    return build_application(entry, None, input_shape)


def _missing(received: str) -> BackboneError:
    return BackboneError(
        f"this installation holds {received}",
        f"the file {BUILTIN_FILE}",
        "install the package again, or use another backbone",
    )
