"""Each kind of alteration by itself, at a fixed amount: what the label-preservation check uses.

The amounts are what augmentation of strength one half does at most. A kind with a direction is
tried in each of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import MixedPictures, Pictures, ShapeBucket
from autosmall.training.augmentation import RANGES, Amplitudes, alter

AMOUNT = 0.5
"""Share of each range of :data:`~autosmall.training.augmentation.RANGES`."""

BATCH = 64

_DIRECTIONS: dict[str, tuple[dict[str, float], ...]] = {
    "mirror": ({"mirror": -1.0},),
    "flip": ({"flip": -1.0},),
    "rotate": tuple({"angle": sign * np.deg2rad(AMOUNT * RANGES["rotate"])} for sign in (-1, 1)),
    "shift": tuple(
        {name: sign * AMOUNT * RANGES["shift"]}
        for name in ("shift_x", "shift_y")
        for sign in (-1, 1)
    ),
    "zoom": tuple(
        dict.fromkeys(("scale_x", "scale_y"), float(np.exp(sign * AMOUNT * RANGES["zoom"])))
        for sign in (-1, 1)
    ),
    "shear": tuple({"shear": sign * AMOUNT * RANGES["shear"]} for sign in (-1, 1)),
    "brightness": tuple({"brightness": sign * AMOUNT * RANGES["brightness"]} for sign in (-1, 1)),
    "contrast": tuple(
        {"contrast": float(np.exp(sign * AMOUNT * RANGES["contrast"]))} for sign in (-1, 1)
    ),
    "noise": ({"noise": AMOUNT * RANGES["noise"]},),
}
_NEUTRAL = {
    "mirror": 1.0,
    "flip": 1.0,
    "angle": 0.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "scale_x": 1.0,
    "scale_y": 1.0,
    "shear": 0.0,
    "brightness": 0.0,
    "contrast": 1.0,
    "noise": 0.0,
}


def direction_count(kind: str) -> int:
    """Return in how many directions ``kind``, one of ``INVARIANCES``, is tried.

    >>> direction_count("mirror"), direction_count("rotate"), direction_count("shift")
    (1, 2, 4)
    """
    return len(_DIRECTIONS[kind])


def transform(pictures: Pictures, kind: str, direction: int, seed: int) -> Pictures:
    """Return ``uint8`` pictures of the same shapes, altered by ``kind`` in one of its directions.

    ``seed`` fixes the noise; nothing else is random.
    """
    rng = np.random.default_rng([seed, direction])
    if isinstance(pictures, MixedPictures):
        return MixedPictures(
            [
                ShapeBucket(bucket.rows, _transformed(bucket.pictures, kind, direction, rng))
                for bucket in pictures.buckets
            ]
        )
    return _transformed(pictures, kind, direction, rng)


def _transformed(
    pictures: NDArray[np.uint8], kind: str, direction: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    values = {**_NEUTRAL, **_DIRECTIONS[kind][direction]}
    altered = np.empty_like(pictures)
    for start in range(0, len(pictures), BATCH):
        batch = pictures[start : start + BATCH].astype(np.float32)
        amplitudes = Amplitudes(**{n: np.full(len(batch), v) for n, v in values.items()})
        altered[start : start + BATCH] = np.rint(alter(batch, amplitudes, rng))
    return altered
