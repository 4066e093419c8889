"""Compares thumbnails after undoing what a copy may have suffered: a crop and other brightness.

Image alignment by Gauss-Newton steps: Lucas and Kanade, "An iterative image registration
technique", IJCAI 1981, here with a scale and a shift per axis and a curve of grey levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

MAX_CROP = 0.06
"""Largest shift of a picture's border that alignment undoes, as a share of its side."""

LEAST_CONTRAST = 2.0
"""Standard deviation, in grey levels, below which a thumbnail is too flat to compare."""

_BATCH = 256


def aligned_difference(
    first: NDArray[np.uint8], second: NDArray[np.uint8], *, blocks: int, steps: int
) -> Array:
    """Return how much of the pictures' contrast an aligned copy cannot explain: ``float32 (p,)``.

    Each value is the residual's root mean square in the worst of ``blocks x blocks`` blocks (so
    that one small new thing in a large, equal scene is not averaged away), divided by the
    thumbnail's standard deviation: 0 for a perfect copy, about 1 and more for strangers, infinite
    where a thumbnail shows nothing. The
    better of the two directions counts, as what is cropped or overexposed in one picture can
    only be found from the other.

    Args:
        first: Grey thumbnails, ``uint8 (p, s, s)``.
        second: The thumbnail to compare with each.
        blocks: Blocks along each side; divides ``s``.
        steps: Gauss-Newton steps.
    """
    results = [np.zeros(0, np.float32)]
    for start in range(0, len(first), _BATCH):
        a = _smoothed(first[start : start + _BATCH])
        b = _smoothed(second[start : start + _BATCH])
        forth, back = _difference(a, b, blocks, steps), _difference(b, a, blocks, steps)
        results.append(np.minimum(forth, back))
    return np.concatenate(results)


def _smoothed(thumbnails: NDArray[np.uint8]) -> Array:
    """Return ``(p, s, s)`` after a 3 x 3 binomial filter: shifts by parts of a pixel then blur
    what is warped hardly more than what it is compared with.
    """
    padded = np.pad(thumbnails.astype(np.float32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    return (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4


def _difference(source: Array, target: Array, blocks: int, steps: int) -> Array:
    """Predict ``target`` from ``source`` (both ``(p, s, s)``) and return what is left over."""
    window = np.tile(np.array([1, 0, 1, 0], np.float32), (len(source), 1))
    for _ in range(steps):
        warped, _inside = _warp(source, window)
        window = _bounded(window + _step(warped, target), source.shape[-1])
    warped, inside = _warp(source, window)
    squares = np.where(inside, (_exposed(warped, target, inside) - target) ** 2, np.float32(0))
    worst = _block_means(squares, inside, blocks).max(axis=(1, 2))
    contrast = np.minimum(target.std(axis=(1, 2)), source.std(axis=(1, 2)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(contrast < LEAST_CONTRAST, np.inf, np.sqrt(worst) / target.std(axis=(1, 2)))


def _coordinates(size: int) -> Array:
    return np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)


def _warp(source: Array, window: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return ``source`` seen through windows (x scale, x shift, y scale, y shift), and where."""
    columns, in_columns = _interpolation(window[:, 0], window[:, 1], source.shape[-1])
    rows, in_rows = _interpolation(window[:, 2], window[:, 3], source.shape[-1])
    warped = rows @ source @ columns.transpose(0, 2, 1)
    return warped, in_rows[:, :, np.newaxis] & in_columns[:, np.newaxis, :]


def _interpolation(scale: Array, shift: Array, size: int) -> tuple[Array, NDArray[np.bool_]]:
    """Return ``(p, size, size)`` matrices that interpolate linearly, and which rows lie inside."""
    pixels = np.arange(size, dtype=np.float32)
    centre = np.float32((size - 1) / 2)
    positions = scale[:, np.newaxis] * _coordinates(size) + shift[:, np.newaxis] + centre
    inside = (positions > -0.5) & (positions < size - 0.5)
    distance = np.abs(np.clip(positions, 0, size - 1)[:, :, np.newaxis] - pixels)
    return np.maximum(1 - distance, np.float32(0)), inside


def _step(warped: Array, target: Array) -> Array:
    """Return the Gauss-Newton step of the four window parameters, ``(p, 4)``."""
    count, size, _ = warped.shape
    along_y, along_x = np.gradient(warped, axis=(1, 2))
    x = _coordinates(size)
    y = x[:, np.newaxis]
    columns = [along_x * x, along_x, along_y * y, along_y, warped, np.ones_like(warped)]
    jacobian = np.stack(columns, axis=-1).reshape(count, size * size, 6)
    transposed = jacobian.transpose(0, 2, 1)
    damping = np.float32(1e-3 * size * size) * np.eye(6, dtype=np.float32)
    wanted = transposed @ target.reshape(count, -1, 1)
    solved: Array = np.linalg.solve(transposed @ jacobian + damping, wanted)[:, :, 0]
    gain = np.maximum(np.abs(solved[:, 4:5]), np.float32(0.2))
    return solved[:, :4] / gain


def _bounded(window: Array, size: int) -> Array:
    low = np.array([1 - 2 * MAX_CROP, -MAX_CROP * size] * 2, np.float32)
    high = np.array([1 + 2 * MAX_CROP, MAX_CROP * size] * 2, np.float32)
    return np.clip(window, low, high)


def _exposed(warped: Array, target: Array, inside: NDArray[np.bool_]) -> Array:
    """Return ``warped`` with its grey levels mapped to those of ``target`` by a fitted cubic.

    A cubic follows the bend of an overexposed copy, where a gain and an offset cannot.
    """
    count = len(warped)
    levels = warped.reshape(count, -1, 1).astype(np.float64) / 255
    powers = levels ** np.arange(4)
    weighted = np.where(inside.reshape(count, -1, 1), powers, 0.0).transpose(0, 2, 1)
    wanted = weighted @ target.reshape(count, -1, 1)
    coefficients = np.linalg.solve(weighted @ powers + 1e-3 * np.eye(4), wanted)
    return (powers @ coefficients).reshape(warped.shape).astype(np.float32)


def _block_means(values: Array, inside: NDArray[np.bool_], blocks: int) -> Array:
    count, size, _ = values.shape
    side = size // blocks
    shape = (count, blocks, side, blocks, side)
    covered = inside.reshape(shape).sum(axis=(2, 4)).astype(np.float32)
    summed = values.reshape(shape).sum(axis=(2, 4))
    usable = covered * 4 >= side * side
    return np.where(usable, summed / np.maximum(covered, np.float32(1)), np.float32(0))
