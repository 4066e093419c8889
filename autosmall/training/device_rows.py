"""Rows that lie on the GPU while a network is trained on them: no epoch moves them there again."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.training.batches import StackedRows
from autosmall.training.gpu import find_gpu

Tensor = Any

LIMIT_BYTES = 512 * 2**20
"""Most memory of a GPU for the rows of a run. A fixed bound: backends do not tell in one way what
is free, and workers that share a GPU would find it at the same moment."""


class DeviceRows:
    """Rows ``(n, ...)`` on a device, read like an array's.

    Args:
        values: The rows.
        device: As :func:`keras.device` takes it.
    """

    def __init__(self, values: NDArray[np.generic], device: str) -> None:
        self._device = device
        with keras.device(device):
            self._values = keras.ops.convert_to_tensor(values.astype(_kept_dtype(values)))

    def __getitem__(self, positions: NDArray[np.int64]) -> Tensor:
        """Return the rows at ``positions``: ``float32 (len(positions), ...)`` on the device."""
        with keras.device(self._device):
            chosen = keras.ops.take(self._values, positions, axis=0)
            return keras.ops.cast(chosen, "float32")


def rows_on_device(
    inputs: NDArray[np.generic] | StackedRows | MixedPictures, rows: NDArray[np.int64]
) -> DeviceRows | None:
    """Return ``inputs[rows]`` on the GPU; ``None`` without one or where they do not fit there.

    Pictures of several shapes stay where they are.
    """
    gpu = find_gpu()
    if gpu is None or isinstance(inputs, MixedPictures):
        return None
    first = inputs[rows[:1]]
    if len(rows) * first.size * _kept_dtype(first).itemsize > LIMIT_BYTES:
        return None
    return DeviceRows(inputs[rows], gpu.device)


def _kept_dtype(values: NDArray[np.generic]) -> np.dtype[Any]:
    """Return float16 where it holds all that ``values`` can be, or else float32.

    Bytes are not kept as such: TensorFlow cannot gather them on a GPU.
    """
    return np.dtype(np.float16 if values.dtype in (np.uint8, np.float16) else np.float32)
