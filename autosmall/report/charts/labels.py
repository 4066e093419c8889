"""Where names of marks stand, so that they cover neither marks nor each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINE_PX = 11.0
"""Height of a name."""

LETTER_PX = 7.0
"""Width of a digit."""

_DIRECTIONS = ((1, -1), (1, 0), (0, -1), (-1, -1), (-1, 0), (1, 1), (0, 1), (-1, 1))
"""Right and up first, as one reads; y grows downwards."""

_GAPS_PX = (2.0, 10.0, 20.0)


@dataclass(frozen=True)
class Mark:
    """A mark at a place in pixels, y downwards, with its radius; ``name`` may be empty."""

    x: float
    y: float
    radius: float
    name: str = ""


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: _Box) -> float:
        """Return the common area in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)


def place_names(
    marks: Sequence[Mark], width_px: float, height_px: float
) -> list[tuple[float, float]]:
    """Return for each named mark how far the middle of its name is from it, in pixels.

    Names are placed in turn, each where it covers least: nearest first, inside the chart.

    >>> place_names([Mark(50, 50, 4, "1"), Mark(56, 45, 4)], 100, 100)
    [(-7.7, -9.7)]
    """
    taken = [_around(mark.x, mark.y, mark.radius, mark.radius) for mark in marks]
    found = []
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
        best = min(
            inside or _places(mark, half),
            key=lambda place: _covered(_name_box(mark, place, half), taken),
        )
        taken.append(_name_box(mark, best, half))
        found.append((round(best[0], 1), round(best[1], 1)))
    return found


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


def _name_box(mark: Mark, place: tuple[float, float], half_width: float) -> _Box:
    return _around(mark.x + place[0], mark.y + place[1], half_width, LINE_PX / 2)


def _around(x: float, y: float, across: float, down: float) -> _Box:
    return _Box(x - across, y - down, x + across, y + down)


def _covered(box: _Box, taken: Iterable[_Box]) -> float:
    return sum(box.overlap(other) for other in taken)
