"""Draws the demo pictures: white plastic pieces on a black ground, all apart or two touching.

Nothing but the touching pair tells the classes apart: number, sizes, brightness and places of
the pieces follow the same laws in both. The same seed draws the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autosmall.schema.seeds import derive_seed

SIDE_PX = 256
CLASSES = ("normal", "stuck")
PICTURES_PER_CLASS = {"train": 60, "test": 50}

PIECES = (12, 18)
RADIUS_PX = (12.5, 16.0)
LEAST_GAP_PX = 12.0
"""Least distance between the rims of pieces that do not touch."""
NECK_PX = (2.0, 4.5)
"""How far the two touching pieces reach into each other, which makes a neck of 7 to 12 pixels."""

BRIGHTNESS = (180.0, 235.0)
SHADING = 0.15
NOISE = 5.0
GROUND = 14.0

_TRIES_PER_PIECE = 300


@dataclass(frozen=True)
class Piece:
    """One piece: centre and half axes in pixels, angle in radians, brightness 0 to 255."""

    x: float
    y: float
    radius_px: float
    ellipticity: float
    angle: float
    brightness: float


def draw_demo(folder: Path, seed: int = 0) -> None:
    """Draw 60 + 60 pictures below ``folder/train`` and 50 + 50 below ``folder/test``.

    Files are ``<class>/<class>_000.png``, 256 x 256, grey; those that exist are replaced by the
    same bytes. Raises ``OSError`` where the folder cannot be written.
    """
    for split, count in PICTURES_PER_CLASS.items():
        for label in CLASSES:
            (folder / split / label).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                random = np.random.default_rng(derive_seed(seed, "demo", split, label, number))
                pixels, _ = draw_picture(random, stuck=label == "stuck")
                path = folder / split / label / f"{label}_{number:03d}.png"
                Image.fromarray(pixels).save(path, format="PNG", compress_level=6)


def draw_picture(
    random: np.random.Generator, *, stuck: bool
) -> tuple[NDArray[np.uint8], tuple[Piece, ...]]:
    """Return a picture, ``uint8 (256, 256)``, and its pieces; the first two touch if ``stuck``."""
    wanted = int(random.integers(PIECES[0], PIECES[1] + 1))
    pieces: list[Piece] = []
    while len(pieces) < wanted:
        pieces = _place(random, wanted, stuck)
    return _render(random, pieces), tuple(pieces)


def _place(random: np.random.Generator, wanted: int, stuck: bool) -> list[Piece]:
    """Return up to ``wanted`` pieces laid down one after the other; fewer if they found no room."""
    pieces = [_piece(random)]
    if stuck:
        pieces.append(_touching(random, pieces[0]))
        if not _inside(pieces[1]):
            return []
    for _ in range(_TRIES_PER_PIECE * wanted):
        if len(pieces) == wanted:
            break
        candidate = _piece(random)
        if all(_gap(candidate, piece) >= LEAST_GAP_PX for piece in pieces):
            pieces.append(candidate)
    return pieces


def _piece(random: np.random.Generator) -> Piece:
    radius = random.uniform(*RADIUS_PX)
    x, y = random.uniform(radius + 2, SIDE_PX - radius - 3, size=2)
    return Piece(
        float(x),
        float(y),
        float(radius),
        float(random.uniform(0.0, 0.06)),
        float(random.uniform(0.0, np.pi)),
        float(random.uniform(*BRIGHTNESS)),
    )


def _touching(random: np.random.Generator, other: Piece) -> Piece:
    """Return a piece whose rim reaches a little into that of ``other``, in any direction."""
    piece = _piece(random)
    direction = random.uniform(0, 2 * np.pi)
    reach = _rim(other, direction) + _rim(piece, direction + np.pi) - random.uniform(*NECK_PX)
    x = other.x + reach * np.cos(direction)
    y = other.y + reach * np.sin(direction)
    return Piece(
        float(x), float(y), piece.radius_px, piece.ellipticity, piece.angle, piece.brightness
    )


def _inside(piece: Piece) -> bool:
    low, high = piece.radius_px + 2, SIDE_PX - piece.radius_px - 3
    return low <= piece.x <= high and low <= piece.y <= high


def _rim(piece: Piece, direction: float) -> float:
    """Return the distance from the centre to the rim of the ellipse in a direction."""
    long, short = piece.radius_px, piece.radius_px * (1 - piece.ellipticity)
    turned = direction - piece.angle
    return float(1 / np.hypot(np.cos(turned) / long, np.sin(turned) / short))


def _gap(first: Piece, second: Piece) -> float:
    """Return a lower bound of the distance between two rims."""
    distance = float(np.hypot(first.x - second.x, first.y - second.y))
    return distance - first.radius_px - second.radius_px


def _render(random: np.random.Generator, pieces: list[Piece]) -> NDArray[np.uint8]:
    """Return the pieces lit from one side, on a dark ground, with sensor noise."""
    light = random.uniform(0, 2 * np.pi)
    picture = np.full((SIDE_PX, SIDE_PX), GROUND)
    for piece in pieces:
        left, top = int(piece.x - piece.radius_px) - 1, int(piece.y - piece.radius_px) - 1
        side = int(2 * piece.radius_px) + 4
        around = (slice(top, top + side), slice(left, left + side))
        v, u = np.mgrid[around]
        u, v = u - piece.x, v - piece.y
        along = u * np.cos(piece.angle) + v * np.sin(piece.angle)
        across = v * np.cos(piece.angle) - u * np.sin(piece.angle)
        radius = np.hypot(along, across / (1 - piece.ellipticity))
        cover = np.clip(piece.radius_px - radius + 0.5, 0, 1)
        slope = (u * np.cos(light) + v * np.sin(light)) / piece.radius_px
        shade = piece.brightness * (1 - SHADING * slope)
        drawn = GROUND + cover * (shade - GROUND)
        picture[around] = np.maximum(picture[around], drawn)
    picture += random.normal(0, NOISE, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
