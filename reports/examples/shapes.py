"""Draws the example data set ``shapes``: rings and hooks, with some trouble among the files.

A ring may be open, and a hook may point left or right: the first difference is small, and the
second is undone by a mirror. One file is a copy, one a recompressed copy, one picture stands under
a wrong label as well, and one file is torn. The same seed draws the same bytes.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float64]

SIDE_PX = 64
PER_CLASS = 30
RADIUS_PX = (15.0, 23.0)
HALF_WIDTH_PX = (1.6, 2.6)
TILT_DEGREES = 20.0
GAP_DEGREES = (30.0, 55.0)
GROUND = (20.0, 60.0)
BRIGHTNESS = (110.0, 220.0)
NOISE = 14.0


def draw_shapes(folder: Path, seed: int = 0) -> None:
    """Draw 30 pictures of each class below ``folder/<class>``, and the troublesome files."""
    for label, (name, distance) in enumerate(CLASSES.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(PER_CLASS):
            pixels = draw_picture(np.random.default_rng([seed, label, number]), distance)
            Image.fromarray(pixels).save(folder / name / f"{number:03d}.png")
    _add_trouble(folder)


def draw_picture(rng: np.random.Generator, distance: Distance) -> NDArray[np.uint8]:
    """Return a picture, ``uint8 (64, 64)``, of the line that ``distance`` measures from."""
    radius, half_width = rng.uniform(*RADIUS_PX), rng.uniform(*HALF_WIDTH_PX)
    free = SIDE_PX / 2 - radius - half_width
    x, y = SIDE_PX / 2 + rng.uniform(-free, free, 2)
    tilt = np.deg2rad(rng.uniform(-TILT_DEGREES, TILT_DEGREES))
    v, u = np.mgrid[:SIDE_PX, :SIDE_PX] - np.array([y, x])[:, None, None]
    along = (u * np.cos(tilt) + v * np.sin(tilt)) / radius
    down = (v * np.cos(tilt) - u * np.sin(tilt)) / radius
    cover = np.clip(half_width - radius * distance(along, down, rng) + 0.5, 0, 1)
    ground, ink = rng.uniform(*GROUND), rng.uniform(*BRIGHTNESS)
    picture = ground + cover * (ink - ground) + rng.normal(0, NOISE, cover.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


Distance = Callable[[Array, Array, np.random.Generator], Array]
"""Distance of points ``(x, y)`` (y downwards) from a line of radius 1, with random details."""


def _ring(x: Array, y: Array, rng: np.random.Generator) -> Array:
    return np.abs(np.hypot(x, y) - 1)


def _open_ring(x: Array, y: Array, rng: np.random.Generator) -> Array:
    middle, half = rng.uniform(-np.pi, np.pi), np.deg2rad(rng.uniform(*GAP_DEGREES)) / 2
    angle = np.angle(np.exp(1j * (np.arctan2(y, x) - middle)))
    ends = [np.hypot(x - np.cos(middle + s), y - np.sin(middle + s)) for s in (-half, half)]
    return np.where(np.abs(angle) < half, np.minimum(*ends), _ring(x, y, rng))


def _hook(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Return the distance from a J: a stem, and at its foot half a circle to the left."""
    stem, bend = 0.35, 0.45
    on_stem = np.hypot(x, y - np.clip(y, -0.9, stem))
    circle = np.abs(np.hypot(x + bend, y - stem) - bend)
    tip = np.hypot(x + 2 * bend, y - stem)
    return np.minimum(on_stem, np.where(y > stem, circle, tip))


def _hook_right(x: Array, y: Array, rng: np.random.Generator) -> Array:
    return _hook(-x, y, rng)


CLASSES: dict[str, Distance] = {
    "hook left": _hook,
    "hook right": _hook_right,
    "open ring": _open_ring,
    "ring": _ring,
}


def _add_trouble(folder: Path) -> None:
    shutil.copyfile(folder / "ring" / "004.png", folder / "ring" / "004 copy.png")
    shutil.copyfile(folder / "open ring" / "007.png", folder / "ring" / "found again.png")
    with Image.open(folder / "hook left" / "011.png") as picture:
        picture.save(folder / "hook left" / "011 small.jpg", quality=40)
    whole = io.BytesIO((folder / "hook right" / "002.png").read_bytes()).read(600)
    (folder / "hook right" / "torn.png").write_bytes(whole)
