"""Whitened k-means patches: a convolution learned from the training pictures in seconds.

Coates, Lee and Ng, "An analysis of single-layer networks in unsupervised feature learning",
AISTATS 2011, with the sparse code of Coates and Ng, "The importance of encoding versus training",
ICML 2011. Pictures are averaged down to about 40 px, their contrast is normalised around every
pixel, patches of 6 x 6 are whitened (ZCA), and spherical k-means finds unit vectors to compare
them with. Whitening and comparison are linear, so together they are one convolution; a
rectifier makes the code sparse, and pooling keeps the four quadrants apart.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.models.backbones import Backbone, backbone_from_model
from autosmall.models.feature_cache import CHUNK_PICTURES
from autosmall.schema.mixed_pictures import Pictures, one_array_per_shape
from autosmall.schema.pictures import InputShape

Floats = NDArray[np.float32]
Tensor = Any

WORKING_SIDE_PX = 40
PATCH_PX = 6
FILTERS = 400
SAMPLED_PATCHES = 40_000
ROUNDS = 10
CONTRAST_FLOOR = 10.0
"""Added to the local variance, in squared grey levels."""
WHITENING_FLOOR = 0.1
"""Added to the variances along principal axes of contrast-normalised patches."""
THRESHOLD = 1.0
QUADRANTS = 2
KEPT = 8


@dataclass(frozen=True)
class PatchFilters:
    """Convolution ``kernel (6, 6, channels, filters)`` and ``bias (filters,)``.

    ``reduction`` is how many times smaller pictures are made before it.
    """

    kernel: Floats
    bias: Floats
    reduction: int

    @property
    def digest(self) -> str:
        """Digits that are equal for equal filters."""
        content = hashlib.blake2b(self.kernel.tobytes() + self.bias.tobytes(), digest_size=16)
        return f"{content.hexdigest()}/{self.reduction}"


def learn_filters(pictures: Pictures, seed: int, side_px: int) -> PatchFilters:
    """Return filters learned from pictures of side ``side_px`` or about its square in area.

    No labels are needed. The last few results are kept, so that configurations on the same fold
    share them.
    """
    arrays = one_array_per_shape(pictures)
    reduction = max(1, round(side_px / WORKING_SIDE_PX))
    key = f"{_content_digest(arrays)}/{seed}/{reduction}"
    if key not in _learned:
        rng = np.random.default_rng(seed)
        patches: Floats = _sample_patches(arrays, reduction, rng)
        mean, whitening = _whitening(patches)
        white = np.asarray((patches - mean) @ whitening, np.float32)
        directions = _spherical_means(white, rng)
        kernel = whitening @ directions.T
        shape = (PATCH_PX, PATCH_PX, arrays[0].shape[3], len(directions))
        bias = -(mean @ kernel) - THRESHOLD
        _learned[key] = PatchFilters(kernel.reshape(shape), bias.astype(np.float32), reduction)
        while len(_learned) > KEPT:
            _learned.popitem(last=False)
    return _learned[key]


_learned: OrderedDict[str, PatchFilters] = OrderedDict()


def forget() -> None:
    """Empty this process's memory of learned filters."""
    _learned.clear()


def build_patch_backbone(filters: PatchFilters, input_shape: InputShape) -> Backbone:
    """Return the backbone that compares pictures of ``input_shape`` with ``filters``."""
    pictures = keras.Input(input_shape, name="pictures")
    convolution = keras.layers.Conv2D(
        filters.kernel.shape[-1], PATCH_PX, activation="relu", name="patch_filters"
    )
    model = keras.Model(pictures, convolution(_normalised(pictures, filters.reduction)))
    convolution.set_weights([filters.kernel, filters.bias])
    return backbone_from_model(model, grid=QUADRANTS)


def _content_digest(arrays: list[NDArray[np.uint8]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.shape}/".encode() + array.tobytes())
    return digest.hexdigest()


def _normalised(pictures: Tensor, reduction: int) -> Tensor:
    """Return small pictures with mean 0 and variance about 1 around every pixel."""
    small = keras.layers.AveragePooling2D(reduction, name="shrink")(pictures)
    local = keras.layers.AveragePooling2D(PATCH_PX, strides=1, padding="same", name="local_mean")
    centred = small - local(small)
    spread = keras.layers.AveragePooling2D(PATCH_PX, strides=1, padding="same", name="local_var")
    variance = keras.ops.mean(spread(keras.ops.square(centred)), axis=-1, keepdims=True)
    return centred * keras.ops.rsqrt(variance + CONTRAST_FLOOR)


def _sample_patches(
    arrays: list[NDArray[np.uint8]], reduction: int, rng: np.random.Generator
) -> Floats:
    """Return ``float32 (m, 36 channels)`` patches of normalised pictures, at random places."""
    channels = arrays[0].shape[3]
    symbolic = keras.Input((None, None, channels))
    normalise = keras.Model(symbolic, _normalised(symbolic, reduction))
    per_picture = -(-SAMPLED_PATCHES // sum(map(len, arrays)))
    chunks = (
        array[start : start + CHUNK_PICTURES]
        for array in arrays
        for start in range(0, len(array), CHUNK_PICTURES)
    )
    patches = []
    for chunk in chunks:
        maps = keras.ops.convert_to_numpy(normalise(chunk.astype(np.float32)))
        windows = np.lib.stride_tricks.sliding_window_view(maps, (PATCH_PX, PATCH_PX), (1, 2))
        places = windows.shape[1] * windows.shape[2]
        which = rng.integers(places, size=(len(chunk), min(per_picture, places)))
        rows, columns = np.divmod(which, windows.shape[2])
        chosen = windows[np.arange(len(chunk))[:, None], rows, columns]
        patches.append(chosen.transpose(0, 1, 3, 4, 2).reshape(-1, PATCH_PX**2 * channels))
    return np.concatenate(patches)


def _whitening(patches: Floats) -> tuple[Floats, Floats]:
    """Return mean and symmetric matrix that make patches white (ZCA, regularised)."""
    mean: Floats = patches.mean(0)
    variances, axes = np.linalg.eigh(np.cov(patches - mean, rowvar=False).astype(np.float64))
    whitening = (axes / np.sqrt(np.maximum(variances, 0) + WHITENING_FLOOR)) @ axes.T
    return mean.astype(np.float32), whitening.astype(np.float32)


def _spherical_means(points: Floats, rng: np.random.Generator) -> Floats:
    """Return unit vectors ``(k, d)``: k-means that assigns by the largest inner product."""
    count = min(FILTERS, len(points))
    centres = points[rng.choice(len(points), count, replace=False)]
    for _ in range(ROUNDS):
        centres = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-6)
        sums = np.zeros_like(centres)
        for part in np.array_split(points, -(-len(points) // 8192)):
            likeness = part @ centres.T
            nearest = np.abs(likeness).argmax(1)
            weights = likeness[np.arange(len(part)), nearest]
            np.add.at(sums, nearest, weights[:, None] * part)
        unused = np.linalg.norm(sums, axis=1) == 0
        sums[unused] = points[rng.choice(len(points), int(unused.sum()))]
        centres = sums
    return centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-6)
