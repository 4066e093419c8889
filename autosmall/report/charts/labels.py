"""Where names of marks stand, so that they cover neither marks nor each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LINE_PX = 11.0
"""Height of a name."""

LETTER_PX = 7.0
"""Width of a digit."""

_DIRECTIONS = ((1, -1), (1, 0), (0, -1), (-1, -1), (-1, 0), (1, 1), (0, 1), (-1, 1))
"""Right and up first, as one reads; y grows downwards."""

_GAPS_PX = (2.0, 10.0, 20.0)

MOST_COVERED = 0.5
"""Share of a name that may lie on marks; with more it cannot be read."""

APART_PX = 5.0
"""Least distance of two names on one line, which would read as one."""

BESIDE_PX = 5.0
"""A name that is at most this far from the edge of its mark stands beside it."""


@dataclass(frozen=True)
class Mark:
    """A mark at a place in pixels, y downwards, with its radius; ``name`` may be empty."""

    x: float
    y: float
    radius: float
    name: str = ""


def place_names(
    marks: Sequence[Mark], width_px: float, height_px: float
) -> list[tuple[float, float] | None]:
    """Return for each named mark how far the middle of its name is from it, in pixels.

    Names are placed in turn, each where it covers least: nearest first, inside the chart. One that
    would lie on another name wherever it stood, or mostly on marks, gets no place.

    >>> place_names([Mark(50, 50, 4, "1"), Mark(56, 45, 4)], 100, 100)
    [(-7.7, -9.7)]
    """
    taken = np.array([_box(mark.x, mark.y, mark.radius, mark.radius) for mark in marks])
    names = np.empty((0, 4))
    found: list[tuple[float, float] | None] = []
    for mark in marks:
        if not mark.name:
            continue
        half = LETTER_PX * len(mark.name) / 2
        inside = [
            place
            for place in _places(mark, half)
            if half <= mark.x + place[0] <= width_px - half
            and LINE_PX / 2 <= mark.y + place[1] <= height_px - LINE_PX / 2
        ]
        places = inside or _places(mark, half)
        boxes = np.array([_box(mark.x + x, mark.y + y, half, LINE_PX / 2) for x, y in places])
        free = np.flatnonzero(_covered(boxes, names) == 0)
        covered = _covered(boxes[free], taken)
        if covered.min(initial=math.inf) > MOST_COVERED * 2 * half * LINE_PX:
            found.append(None)
            continue
        best = int(free[covered.argmin()])
        x, y = places[best]
        names = np.vstack([names, _box(mark.x + x, mark.y + y, half + APART_PX, LINE_PX / 2)])
        found.append((round(places[best][0], 1), round(places[best][1], 1)))
    return found


def line_to_name(mark: Mark, place: tuple[float, float]) -> tuple[float, float] | None:
    """Return where a line from the middle of ``mark`` meets its name, in pixels from there.

    ``None`` where the name stands beside its mark, so that it takes no line.

    >>> line_to_name(Mark(50, 50, 4, "1"), (-7.7, -9.7))
    >>> line_to_name(Mark(50, 50, 4, "1"), (27.5, 0.0))
    (24.0, 0.0)
    """
    across, down = LETTER_PX * len(mark.name) / 2, LINE_PX / 2
    x = min(max(0.0, place[0] - across), place[0] + across)
    y = min(max(0.0, place[1] - down), place[1] + down)
    return (x, y) if math.hypot(x, y) > mark.radius + BESIDE_PX else None


def _places(mark: Mark, half_width: float) -> list[tuple[float, float]]:
    """Return where the name may stand, from its mark, the best first."""
    places = []
    for gap in _GAPS_PX:
        for across, down in _DIRECTIONS:
            reach = mark.radius + gap
            if across and down:
                reach *= math.sqrt(0.5)
            places.append((across * (reach + half_width), down * (reach + LINE_PX / 2)))
    return places


def _box(x: float, y: float, across: float, down: float) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of what is that far around a place."""
    return (x - across, y - down, x + across, y + down)


def _covered(boxes: NDArray[np.float64], taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each of ``boxes`` the area that it shares with those ``taken``, in pixels."""
    start = np.maximum(boxes[:, None, :2], taken[:, :2])
    end = np.minimum(boxes[:, None, 2:], taken[:, 2:])
    shared: NDArray[np.float64] = np.maximum(end - start, 0.0).prod(axis=2).sum(axis=1)
    return shared
