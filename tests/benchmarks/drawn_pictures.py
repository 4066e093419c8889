"""Draws data sets of any size: coloured clouds under a faint grating whose angle is the class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 160
CLASSES = 4


def draw_pictures(folder: Path, count: int, seed: int = 0) -> None:
    """Write ``count`` JPEG pictures of 160 px into ``folder/<class>``; clouds differ in all."""
    for number in range(count):
        label = number % CLASSES
        place = folder / f"class_{label}" / f"{number:05d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw_picture(np.random.default_rng([seed, number]), label)
        Image.fromarray(pixels).save(place, quality=85)


def draw_picture(rng: np.random.Generator, label: int) -> NDArray[np.uint8]:
    """Return a picture ``uint8 (160, 160, 3)`` of class ``label``."""
    coarse = Image.fromarray(rng.integers(40, 216, (8, 8, 3), np.uint8))
    clouds = np.asarray(coarse.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC), np.float32)
    angle = np.pi * label / CLASSES
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    phase = (x * np.cos(angle) + y * np.sin(angle)) / 5 + rng.uniform(0, 2 * np.pi)
    noisy = clouds + 20 * np.sin(phase)[..., None] + rng.normal(0, 8, clouds.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)
