"""What a prediction loses when a part of the picture is covered: for models without maps.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PLACES = 7
"""Places of the cover along each side."""
COVER_SHARE = 0.25
"""Side of the cover, as a share of the picture's."""


def occlusion(
    predict: Callable[[NDArray[np.uint8]], Floats], picture: NDArray[np.uint8], class_index: int
) -> Floats:
    """Return ``float32 (h, w)``: by how much covering a place lowers the class's probability.

    Each place has the mean loss under the covers that lie over it, 0 where covering it raises
    the probability. The cover has the picture's mean colour.

    Args:
        predict: ``uint8 (n, h, w, c)`` to probabilities ``(n, k)``.
        picture: ``uint8 (h, w, c)``.
        class_index: Whose probability is watched.
    """
    windows = _windows(*picture.shape[:2])
    covered = np.repeat(picture[None], len(windows) + 1, axis=0)
    mean = np.rint(picture.mean(axis=(0, 1))).astype(np.uint8)
    for number, window in enumerate(windows):
        covered[number][window] = mean
    probabilities = predict(covered)[:, class_index]
    loss = np.zeros(picture.shape[:2], np.float64)
    covers = np.zeros(picture.shape[:2], np.int64)
    for window, probability in zip(windows, probabilities[:-1], strict=True):
        loss[window] += probabilities[-1] - probability
        covers[window] += 1
    return np.maximum(loss / np.maximum(covers, 1), 0).astype(np.float32)


def _windows(height: int, width: int) -> list[tuple[slice, slice]]:
    """Return the covers' rows and columns; together they cover the picture."""
    return [(rows, columns) for rows in _slices(height) for columns in _slices(width)]


def _slices(length: int) -> list[slice]:
    side = max(1, round(COVER_SHARE * length))
    starts = np.rint(np.linspace(0, length - side, PLACES)).astype(int)
    return [slice(start, start + side) for start in starts.tolist()]
