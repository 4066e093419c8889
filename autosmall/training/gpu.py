"""What the GPU of this process can do, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import keras

BFLOAT16_SINCE = 8
"""Major compute capability from which NVIDIA's GPUs have units for bfloat16 (CUDA C++ Programming
Guide, "Compute capabilities")."""


@dataclass(frozen=True)
class Gpu:
    """The device that Keras's backend trains on.

    Attributes:
        device: Its name, as :func:`keras.device` takes it.
        has_bfloat16: Whether it multiplies matrices of bfloat16 faster than those of float32.
    """

    device: str
    has_bfloat16: bool


@cache
def find_gpu() -> Gpu | None:
    """Return the first GPU that this process may use, or ``None`` where it has none.

    Other makers' GPUs, which tell no compute capability, count as being without bfloat16.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _found_by_tensorflow()
    return _found_by_jax() if backend == "jax" else None


def _found_by_tensorflow() -> Gpu | None:
    import tensorflow as tf

    devices = tf.config.get_visible_devices("GPU")
    if not devices:
        return None
    details = tf.config.experimental.get_device_details(devices[0])
    major, *_ = details.get("compute_capability", (0,))
    return Gpu("gpu:0", major >= BFLOAT16_SINCE)


def _found_by_jax() -> Gpu | None:
    import jax

    if jax.default_backend() != "gpu":
        return None
    return Gpu("gpu:0", _major(jax.local_devices()[0]) >= BFLOAT16_SINCE)


def _major(device: Any) -> int:
    """Return the major compute capability of JAX's ``device``, which gives it as ``"8.0"``."""
    major, *_ = str(getattr(device, "compute_capability", "")).split(".")
    return int(major) if major.isdigit() else 0
