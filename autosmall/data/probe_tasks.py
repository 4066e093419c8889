"""Small classification tasks that no user's picture takes part in, to judge features by.

Handwritten digits come with scikit-learn (Alpaydin and Kaynak 1998); shapes and textures are drawn.
Colour, place, size and turn are nuisances everywhere, so that features have to look past them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from autosmall.schema.seeds import derive_seed

PICTURES_PER_CLASS = 30
SHAPES = ("disk", "ring", "triangle", "square", "cross", "star")
TEXTURES = ("fine", "coarse", "stripes", "checks", "dots", "lines")
DRAWN_PX = 96
"""Pictures are drawn at this side and then resized, so that tasks look alike at all sizes."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ProbeTask:
    """``pictures``: ``uint8 (n, size, size, 3)``; ``labels``: ``int64 (n,)``, from 0 on."""

    name: str
    pictures: Pixels
    labels: NDArray[np.int64]


def make_probe_tasks(
    size_px: int, seed: int, per_class: int = PICTURES_PER_CLASS
) -> tuple[ProbeTask, ...]:
    """Return the tasks ``digits``, ``shapes`` and ``textures`` at that size, by seed the same."""
    drawn = (("shapes", SHAPES, _draw_shape), ("textures", TEXTURES, _draw_texture))
    tasks = [_digits(size_px, np.random.default_rng(derive_seed(seed, "digits")), per_class)]
    for name, kinds, draw in drawn:
        random = np.random.default_rng(derive_seed(seed, name))
        labels = np.repeat(np.arange(len(kinds)), per_class)
        pictures = [_resized(draw(random, kinds[label]), size_px) for label in labels]
        tasks.append(ProbeTask(name, np.stack(pictures), labels))
    return tuple(tasks)


def _digits(size_px: int, random: np.random.Generator, per_class: int) -> ProbeTask:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    rows = np.concatenate(
        [random.permutation(np.flatnonzero(bunch.target == k))[:per_class] for k in range(10)]
    )
    grey = np.rint(bunch.images[rows] * (255 / 16)).astype(np.uint8)
    pictures = [_resized(np.repeat(one[:, :, None], 3, axis=2), size_px) for one in grey]
    return ProbeTask("digits", np.stack(pictures), bunch.target[rows].astype(np.int64))


def _resized(picture: Pixels, size_px: int) -> Pixels:
    image = Image.fromarray(picture).resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _draw_shape(random: np.random.Generator, kind: str) -> Pixels:
    """Return a shape of any colour, size, place and turn on a ground of smooth noise."""
    ground = _noise(random, random.uniform(2, 12))
    image = Image.fromarray(_coloured(random, ground, contrast=40))
    radius = random.uniform(0.18, 0.38) * DRAWN_PX
    x, y = random.uniform(radius, DRAWN_PX - radius, 2)
    colour = tuple(int(value) for value in random.integers(0, 256, 3))
    draw, turn = ImageDraw.Draw(image), random.uniform(0, 2 * np.pi)
    box = (x - radius, y - radius, x + radius, y + radius)
    if kind == "disk":
        draw.ellipse(box, fill=colour)
    elif kind == "ring":
        draw.ellipse(box, outline=colour, width=max(3, int(radius / 4)))
    else:
        draw.polygon(_corners(kind, x, y, radius, turn), fill=colour)
    noise = random.normal(0, 8, (DRAWN_PX, DRAWN_PX, 3))
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


def _corners(
    kind: str, x: float, y: float, radius: float, turn: float
) -> list[tuple[float, float]]:
    """Return a polygon's corners: distances from the middle, in turn, at given angles."""
    if kind == "cross":
        angles = np.concatenate(
            [k * np.pi / 2 + np.array([-0.32, 0.32, np.pi / 4]) for k in range(4)]
        )
        reaches = np.tile([1.0, 1.0, 0.42], 4)
    else:
        count, inner = {"triangle": (3, 1.0), "square": (4, 1.0), "star": (10, 0.45)}[kind]
        angles = np.arange(count) * 2 * np.pi / count
        reaches = np.where(np.arange(count) % 2, inner, 1.0)
    return [
        (x + radius * reach * np.cos(angle + turn), y + radius * reach * np.sin(angle + turn))
        for angle, reach in zip(angles.tolist(), reaches.tolist(), strict=True)
    ]


def _draw_texture(random: np.random.Generator, kind: str) -> Pixels:
    """Return a texture of any colour, turn and contrast."""
    rows, columns = np.mgrid[0:DRAWN_PX, 0:DRAWN_PX]
    turn, period = random.uniform(0, np.pi), random.uniform(9, 15)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    waves = np.sin(2 * np.pi * along / period), np.sin(2 * np.pi * across / period)
    if kind == "fine":
        height = _noise(random, 1.2)
    elif kind == "coarse":
        height = _noise(random, 4.0)
    elif kind == "stripes":
        height = waves[0]
    elif kind == "checks":
        height = np.sign(waves[0] * waves[1])
    elif kind == "dots":
        height = (waves[0] + waves[1] > 1).astype(np.float64)
    else:
        height = (np.abs(_noise(random, 4.0)) < 0.25).astype(np.float64)
    noisy = height + random.normal(0, 0.3, height.shape)
    return _coloured(random, noisy, contrast=random.uniform(30, 60))


def _noise(random: np.random.Generator, blur_px: float) -> NDArray[np.float64]:
    smooth = gaussian_filter(random.standard_normal((DRAWN_PX, DRAWN_PX)), blur_px, mode="wrap")
    return np.asarray(smooth / smooth.std())


def _coloured(random: np.random.Generator, height: NDArray[np.float64], contrast: float) -> Pixels:
    """Return the heights between two colours about a third, ``uint8 (h, w, 3)``."""
    middle = random.uniform(70, 185, 3)
    direction = random.normal(0, 1, 3)
    direction /= np.linalg.norm(direction)
    picture = middle + contrast * height[:, :, None] * direction * np.sqrt(3)
    return np.clip(picture, 0, 255).astype(np.uint8)
