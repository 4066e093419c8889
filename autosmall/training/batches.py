"""Which pictures make up each batch, and how they are mixed. NumPy only, seeded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIXUP_ALPHA = 0.2
CUTMIX_ALPHA = 1.0


def shuffled_positions(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Yield the positions 0 to ``count - 1`` for ever, one permutation after another."""
    while True:
        yield from rng.permutation(count).tolist()


def balanced_positions(labels: NDArray[np.int64], rng: np.random.Generator) -> Iterator[int]:
    """Yield positions for ever such that in each round every class present comes once.

    Within a class, one permutation follows another.
    """
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    streams = [shuffled_positions(len(rows), rng) for rows in members]
    for which in shuffled_positions(len(members), rng):
        yield int(members[which][next(streams[which])])


@dataclass(frozen=True)
class BatchPlan:
    """How an endless stream of positions is cut into batches whose inputs have one shape.

    Positions come in the stream's order and wait, shape by shape, until a batch of their shape is
    full; what the stream says about how often each comes thus holds whatever the shapes.

    Attributes:
        part_of: ``int64 (m,)``, the shape that each position has, counted from 0.
        sizes: Pictures in a batch of each shape: the batch size, or all there are.
        per_epoch: How many batches come nearest to one pass over all positions.
    """

    part_of: NDArray[np.int64]
    sizes: tuple[int, ...]
    per_epoch: int

    @classmethod
    def of(cls, parts: Sequence[NDArray[np.int64]], batch_size: int) -> BatchPlan:
        """Return the plan for ``parts``, the positions of each shape."""
        part_of = np.zeros(sum(map(len, parts)), np.int64)
        for number, part in enumerate(parts):
            part_of[part] = number
        sizes = tuple(min(batch_size, len(part)) for part in parts)
        batches = sum(len(part) / size for part, size in zip(parts, sizes, strict=True))
        return cls(part_of, sizes, max(1, round(batches)))

    def batches(self, positions: Iterator[int]) -> Iterator[NDArray[np.int64]]:
        """Yield batches of positions of one shape for ever."""
        waiting: list[list[int]] = [[] for _ in self.sizes]
        for position in positions:
            number = int(self.part_of[position])
            waiting[number].append(position)
            if len(waiting[number]) == self.sizes[number]:
                yield np.array(waiting[number], np.int64)
                waiting[number].clear()

    def weights(self) -> NDArray[np.float32]:
        """Return ``float32 (m,)``: what makes positions count alike in batches of unlike sizes.

        A loss is a mean over its batch, so one of a small batch would count for more. The mean
        over batches is 1, and so is every weight where all pictures have one shape.
        """
        sizes = np.array(self.sizes)
        counts = np.bincount(self.part_of, minlength=len(sizes))
        mean_size = len(self.part_of) / np.sum(counts / sizes)
        return np.asarray(sizes / mean_size, np.float32)[self.part_of]


def mix(
    pictures: NDArray[np.float32],
    targets: NDArray[np.float32],
    mixing: str,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return pictures ``(b, h, w, c)`` and targets ``(b, k)`` mixed within the batch.

    ``mixup`` blends each picture with another (Zhang et al. 2018, alpha 0.2); ``cutmix`` pastes a
    rectangle of another (Yun et al. 2019, alpha 1); ``none`` returns both as they are.
    """
    if mixing == "none":
        return pictures, targets
    partner = rng.permutation(len(pictures))
    if mixing == "mixup":
        share = rng.beta(MIXUP_ALPHA, MIXUP_ALPHA, len(pictures)).astype(np.float32)
        mixed = _blend(pictures, pictures[partner], share)
    else:
        mixed, share = _paste(pictures, pictures[partner], rng)
    return mixed, _blend(targets, targets[partner], share)


def _blend(
    first: NDArray[np.float32], second: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    weight = share.reshape((-1,) + (1,) * (first.ndim - 1))
    return weight * first + (1 - weight) * second


def _paste(
    pictures: NDArray[np.float32], partners: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return pictures with one rectangle of their partners, and the share left of their own."""
    count, height, width, _ = pictures.shape
    side: NDArray[np.float64] = np.sqrt(1 - rng.beta(CUTMIX_ALPHA, CUTMIX_ALPHA, count))
    top, bottom = _intervals(side, height, rng)
    left, right = _intervals(side, width, rng)
    rows, columns = np.arange(height), np.arange(width)
    in_rows = (rows >= top[:, None]) & (rows < bottom[:, None])
    in_columns = (columns >= left[:, None]) & (columns < right[:, None])
    inside = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    share = 1 - inside.mean(axis=(1, 2, 3), dtype=np.float32)
    return np.where(inside, partners, pictures), share


def _intervals(
    share: NDArray[np.float64], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return begin and end of intervals that cover ``share`` of ``size``, cut at its borders."""
    center = rng.uniform(0, size, share.size)
    low = np.clip(np.round(center - share * size / 2), 0, size)
    high = np.clip(np.round(center + share * size / 2), 0, size)
    return low.astype(np.int64), high.astype(np.int64)


class StackedRows:
    """Arrays of rows of one shape, read as if they stood one below the other, without a copy."""

    def __init__(self, parts: Sequence[NDArray[np.generic]]) -> None:
        self._parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in self._parts])

    def __len__(self) -> int:
        """Return the number of rows of all parts."""
        return int(self._ends[-1])

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.generic]:
        """Return the ``rows``, counted through all parts, in a new array."""
        first = self._parts[0]
        chosen = np.empty((len(rows), *first.shape[1:]), first.dtype)
        numbers = np.searchsorted(self._ends, rows, side="right")
        for number, part in enumerate(self._parts):
            here = numbers == number
            chosen[here] = part[rows[here] - (self._ends[number] - len(part))]
        return chosen
