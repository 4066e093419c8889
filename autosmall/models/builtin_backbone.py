"""The backbone that ships inside the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autosmall.errors import BackboneError

if TYPE_CHECKING:
    import keras

BUILTIN_FILE = Path(__file__).parent / "builtin" / "backbone.npz"


def builtin_file() -> Path | None:
    """Return the file of its weights, or ``None`` where the package holds none."""
    return BUILTIN_FILE if BUILTIN_FILE.is_file() else None


def build_builtin(input_shape: tuple[int, int, int]) -> keras.Model:
    """Return the network, RGB pictures 0 to 255 in, last feature map out.

    Raises ``BackboneError`` where the package holds no weights.
    """
    raise BackboneError(
        f"this installation holds no built-in backbone for pictures of {input_shape}",
        f"the file {BUILTIN_FILE}",
        "install the package again, or use another backbone",
    )
