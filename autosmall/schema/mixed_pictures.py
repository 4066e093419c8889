"""Pictures of several shapes: one array per shape, and which row of the data set is where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ShapeBucket:
    """The pictures of one shape.

    Attributes:
        rows: ``int64 (m,)``, sorted: which rows of the whole these are.
        pictures: ``uint8 (m, height, width, channels)``.
    """

    rows: NDArray[np.int64]
    pictures: NDArray[np.uint8]


class MixedPictures:
    """Pictures in the order of the data set, in buckets of one shape each.

    Indexed with rows that share a shape, it returns their array like an ordinary one;
    :func:`same_shape_parts` finds such rows.
    """

    def __init__(self, buckets: Sequence[ShapeBucket]) -> None:
        self.buckets = tuple(buckets)
        count = sum(len(bucket.rows) for bucket in self.buckets)
        self._bucket = np.zeros(count, np.int64)
        self._place = np.zeros(count, np.int64)
        for number, bucket in enumerate(self.buckets):
            self._bucket[bucket.rows] = number
            self._place[bucket.rows] = np.arange(len(bucket.rows))

    @classmethod
    def of(cls, pictures: Sequence[NDArray[np.uint8]]) -> MixedPictures:
        """Return ``pictures`` (``uint8 (h, w, c)`` each, in order), smallest shape first."""
        shapes = [picture.shape for picture in pictures]
        buckets = []
        for shape in sorted(set(shapes)):
            rows = np.array([row for row, own in enumerate(shapes) if own == shape], np.int64)
            stacked = np.stack([pictures[row] for row in rows])
            stacked.flags.writeable = False
            buckets.append(ShapeBucket(rows, stacked))
        return cls(buckets)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._bucket)

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return ``uint8 (len(rows), h, w, c)``; ``ValueError`` where rows differ in shape."""
        numbers = self._bucket[rows]
        if len(numbers) == 0 or np.any(numbers != numbers[0]):
            raise ValueError(f"{len(rows)} pictures of {len(np.unique(numbers))} shapes, not of 1")
        return self.buckets[int(numbers[0])].pictures[self._place[rows]]

    def bucket_numbers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ``int64 (len(rows),)``: the bucket that each row lies in."""
        return self._bucket[rows]


Pictures = NDArray[np.uint8] | MixedPictures
"""Prepared pictures: one array ``(n, h, w, c)``, or several where shapes differ."""


def same_shape_parts(inputs: object, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the positions in ``rows`` of inputs of one shape, part by part, each sorted.

    Inputs that are no :class:`MixedPictures` have one part. Together the parts hold every
    position once.
    """
    if isinstance(inputs, MixedPictures):
        numbers = inputs.bucket_numbers(rows)
        return [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
    return [np.arange(len(rows))] if len(rows) else []


def take(pictures: Pictures, rows: NDArray[np.int64]) -> Pictures:
    """Return the pictures at ``rows``, which become rows 0, 1, ... of the result."""
    if not isinstance(pictures, MixedPictures):
        return pictures[rows]
    parts = same_shape_parts(pictures, rows)
    return MixedPictures([ShapeBucket(part, pictures[rows[part]]) for part in parts])


def one_array_per_shape(pictures: Pictures) -> list[NDArray[np.uint8]]:
    """Return an array ``uint8 (m, h, w, c)`` per shape; together they hold all pictures."""
    if isinstance(pictures, MixedPictures):
        return [bucket.pictures for bucket in pictures.buckets]
    return [pictures]


def one_array(pictures: Pictures) -> NDArray[np.uint8]:
    """Return pictures that share a shape as the array they are; ``TypeError`` for others."""
    if isinstance(pictures, MixedPictures):
        raise TypeError(f"pictures of {len(pictures.buckets)} shapes where one shape is needed")
    return pictures
