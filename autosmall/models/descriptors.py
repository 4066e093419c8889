"""Classical descriptions of a picture: edges (HOG), texture (LBP), colours.

Each is a fact about one picture, in single precision, and scales with the picture's size, so a
vector's length depends only on the size and the number of channels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2gray, rgb2hsv
from skimage.feature import hog, local_binary_pattern

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

HOG_CELLS = 8
SMALLEST_CELL_PX = 4
LBP_RINGS = ((8, 1), (16, 2), (24, 3))
HSV_BINS = (8, 4, 4)
GREY_BINS = 32


def describe(pictures: Picture, descriptors: str) -> Floats:
    """Return ``float32 (n, width)`` for ``uint8 (n, size, size, channels)``.

    ``descriptors`` names one or more of ``hog``, ``lbp``, ``color``, joined by ``+``.
    """
    parts = [_DESCRIPTORS[name] for name in descriptors.split("+")]
    rows = [np.concatenate([part(picture) for part in parts]) for picture in pictures]
    return np.asarray(rows, np.float32)


def histogram_of_gradients(picture: Picture) -> Floats:
    """Return HOG with 9 orientations over about 8 x 8 cells (Dalal and Triggs, CVPR 2005)."""
    cell = max(SMALLEST_CELL_PX, picture.shape[0] // HOG_CELLS)
    return np.asarray(
        hog(_grey(picture), pixels_per_cell=(cell, cell), cells_per_block=(2, 2)), np.float32
    )


def binary_patterns(picture: Picture) -> Floats:
    """Return root histograms of uniform LBP on three rings, whole and by quadrant.

    Ojala, Pietikainen and Maenpaa, PAMI 2002; the square root makes distances Hellinger's.
    """
    grey = np.round(_grey(picture) * 255).astype(np.uint8)
    histograms = []
    for points, radius in LBP_RINGS:
        codes = local_binary_pattern(grey, points, radius, method="uniform").astype(np.int64)
        histograms += [_root_histogram(part, points + 2) for part in (codes, *_quadrants(codes))]
    return np.concatenate(histograms)


def color_histogram(picture: Picture) -> Floats:
    """Return a root histogram of HSV (of grey levels), and mean and spread of each quadrant."""
    if picture.shape[2] == 1:
        bins = picture[:, :, 0].astype(np.int64) * GREY_BINS // 256
        count = GREY_BINS
    else:
        scaled = [
            np.minimum((channel * steps).astype(np.int64), steps - 1)
            for channel, steps in zip(np.moveaxis(rgb2hsv(picture), 2, 0), HSV_BINS, strict=True)
        ]
        bins = (scaled[0] * HSV_BINS[1] + scaled[1]) * HSV_BINS[2] + scaled[2]
        count = int(np.prod(HSV_BINS))
    moments = [
        np.concatenate([part.mean((0, 1)), part.std((0, 1))]) / 255 for part in _quadrants(picture)
    ]
    return np.concatenate([_root_histogram(bins, count), *moments]).astype(np.float32)


def _grey(picture: Picture) -> NDArray[np.float64]:
    if picture.shape[2] == 1:
        return picture[:, :, 0] / 255.0
    return np.asarray(rgb2gray(picture))


def _quadrants(values: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    middle = values.shape[0] // 2
    return [
        values[rows, columns]
        for rows in (slice(None, middle), slice(middle, None))
        for columns in (slice(None, middle), slice(middle, None))
    ]


def _root_histogram(codes: NDArray[np.generic], count: int) -> Floats:
    histogram = np.bincount(codes.astype(np.int64).ravel(), minlength=count)
    return np.sqrt(histogram / histogram.sum()).astype(np.float32)


_DESCRIPTORS: dict[str, Callable[[Picture], Floats]] = {
    "hog": histogram_of_gradients,
    "lbp": binary_patterns,
    "color": color_histogram,
}
