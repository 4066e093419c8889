"""Drawn pictures for pretraining: noise, stripes, cells, shapes, strokes and fractals.

Drawn pictures bring edges, textures and arrangements that a handful of photographs lack
(Baradad et al., "Learning to See by Looking at Noise", NeurIPS 2021; Kataoka et al.,
"Pre-training without Natural Images", ACCV 2020). Each function draws one square picture,
``uint8 (side_px, side_px, 3)``, from the generator it is given; ``draw_fractal`` and
``draw_strokes`` draw cut-outs, ``uint8 (side_px, side_px, 4)``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]

FRACTAL_POINTS = 20_000
"""Points of a chaos game; about 20 ms, so fractals are drawn once and used as cut-outs."""


def draw_ground(random: np.random.Generator, side_px: int) -> Pixels:
    """Return a texture of one of several kinds, chosen with equal chance."""
    kinds = (_flat, _noise, _noise, _stripes, _cells, _speckles)
    kind = kinds[int(random.integers(len(kinds)))]
    return kind(random, side_px)


def draw_scene(random: np.random.Generator, side_px: int) -> Pixels:
    """Return a texture with 1 to 12 shapes on it, each plain or textured."""
    scene = Image.fromarray(draw_ground(random, side_px))
    count = int(random.integers(1, 13))
    reach = random.uniform(0.08, 0.45) / math.sqrt(count) * 1.6
    for _ in range(count):
        mask = Image.new("L", scene.size)
        pen = ImageDraw.Draw(mask)
        _shape(random, pen, side_px, reach * side_px * random.uniform(0.7, 1.3))
        if random.random() < 0.3:
            scene.paste(Image.fromarray(draw_ground(random, side_px)), mask=mask)
        else:
            scene.paste(_colour(random), mask=mask)
    return np.asarray(scene)


def draw_fractal(random: np.random.Generator, side_px: int) -> Pixels:
    """Return the attractor of 2 to 6 random affine contractions, as a cut-out.

    Barnsley, "Fractals Everywhere", 1988, chapter III (the chaos game), run for many points at
    once; singular values below 1 make every map a contraction.
    """
    count = int(random.integers(2, 7))
    maps = np.stack([_contraction(random) for _ in range(count)])
    shifts = random.uniform(-1, 1, (count, 2))
    weights = np.abs(np.linalg.det(maps)) + 0.02
    points = random.uniform(-1, 1, (FRACTAL_POINTS, 2))
    for _ in range(20):
        which = random.choice(count, FRACTAL_POINTS, p=weights / weights.sum())
        points = np.einsum("nij,nj->ni", maps[which], points) + shifts[which]
    low, high = np.percentile(points, (1, 99), axis=0)
    cells = ((points - low) / np.maximum(high - low, 1e-6) * (side_px - 1)).astype(int)
    cells = cells[((cells >= 0) & (cells < side_px)).all(axis=1)]
    density = np.zeros((side_px, side_px))
    np.add.at(density, (cells[:, 1], cells[:, 0]), 1)
    alpha = np.clip(255 * np.sqrt(density / max(np.percentile(density, 99.5), 1)), 0, 255)
    shade = np.asarray(_colour(random)) * np.ones((side_px, side_px, 1))
    shade = shade * (0.6 + 0.4 * alpha[:, :, None] / 255)
    return np.dstack([shade, alpha]).astype(np.uint8)


def draw_strokes(random: np.random.Generator, side_px: int) -> Pixels:
    """Return 1 to 5 bent pen strokes of one width, like a character of no script, as a cut-out."""
    image = Image.new("RGBA", (side_px, side_px))
    pen = ImageDraw.Draw(image)
    colour = (*_colour(random), 255)
    width = int(side_px * random.uniform(0.03, 0.14))
    for _ in range(int(random.integers(1, 6))):
        knots = random.uniform(0.12, 0.88, (3, 2)) * side_px
        places = np.linspace(0, 1, 12)[:, None]
        curve = (
            (1 - places) ** 2 * knots[0]
            + 2 * places * (1 - places) * knots[1]
            + places**2 * knots[2]
        )
        line = [(float(x), float(y)) for x, y in curve]
        pen.line(line, colour, width, joint="curve")
        for x, y in (line[0], line[-1]):
            half = width / 2
            pen.ellipse((x - half, y - half, x + half, y + half), colour)
    return np.asarray(image)


def _contraction(random: np.random.Generator) -> NDArray[np.float64]:
    turns = []
    for angle in random.uniform(0, 2 * math.pi, 2):
        cos, sin = math.cos(angle), math.sin(angle)
        turns.append(np.array([[cos, -sin], [sin, cos]]))
    stretch = np.diag(random.uniform(0.2, 0.85, 2) * random.choice((-1, 1), 2))
    product: NDArray[np.float64] = turns[0] @ stretch @ turns[1]
    return product


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    if random.random() < 0.2:
        grey = int(random.integers(256))
        return grey, grey, grey
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return red, green, blue


def _flat(random: np.random.Generator, side_px: int) -> Pixels:
    return np.full((side_px, side_px, 3), _colour(random), np.uint8)


def _noise(random: np.random.Generator, side_px: int) -> Pixels:
    """Sum noise of several scales (amplitudes fall as a random power) and colour it."""
    height = np.zeros((side_px, side_px), np.float32)
    fall = random.uniform(0.3, 1.1)
    for octave in range(1, 7):
        cells = min(2**octave, side_px)
        stretch = max(2, int(cells * random.choice((1, 1, 0.5))))
        grid = random.standard_normal((cells, stretch)).astype(np.float32)
        layer = Image.fromarray(grid).resize((side_px, side_px), Image.Resampling.BICUBIC)
        height += np.asarray(layer) * fall**octave
    return _coloured(random, height)


def _stripes(random: np.random.Generator, side_px: int) -> Pixels:
    across = _ramp(random, side_px)
    periods = random.uniform(2, 24)
    wave = np.sin(2 * math.pi * periods * across / side_px)
    if random.random() < 0.5:
        wave = wave * np.sin(2 * math.pi * random.uniform(2, 24) * _ramp(random, side_px) / side_px)
    if random.random() < 0.4:
        wave = np.sign(wave)
    return _coloured(random, wave.astype(np.float32))


def _ramp(random: np.random.Generator, side_px: int) -> NDArray[np.float64]:
    angle = random.uniform(0, math.pi)
    rows, columns = np.mgrid[:side_px, :side_px]
    ramp: NDArray[np.float64] = rows * math.sin(angle) + columns * math.cos(angle)
    bend = random.uniform(0, 0.1) * side_px
    return ramp + bend * np.sin(2 * math.pi * rows / side_px * random.uniform(0.5, 2))


def _cells(random: np.random.Generator, side_px: int) -> Pixels:
    """Return cells around random points, shaded by their distance to the nearest."""
    points = random.uniform(0, side_px, (int(random.integers(4, 40)), 2))
    rows, columns = np.mgrid[:side_px:2, :side_px:2]
    places = np.stack([rows, columns], -1).astype(np.float32)
    distance = np.linalg.norm(places[:, :, None] - points.astype(np.float32), axis=-1)
    distance.partition(1, axis=-1)
    height = distance[:, :, 0] if random.random() < 0.5 else distance[:, :, 1] - distance[:, :, 0]
    whole = Image.fromarray(height).resize((side_px, side_px), Image.Resampling.BILINEAR)
    return _coloured(random, np.asarray(whole))


def _speckles(random: np.random.Generator, side_px: int) -> Pixels:
    image = Image.fromarray(_flat(random, side_px))
    pen = ImageDraw.Draw(image)
    fill = _colour(random)
    size = side_px * random.uniform(0.01, 0.06)
    for x, y in random.uniform(0, side_px, (int(random.integers(10, 150)), 2)):
        half = size * random.uniform(0.5, 1.5)
        pen.ellipse((x - half, y - half, x + half, y + half), fill)
    return np.asarray(image)


def _coloured(random: np.random.Generator, height: NDArray[np.float32]) -> Pixels:
    """Map heights to a line between two or three colours."""
    low, high = float(height.min()), float(height.max())
    level = (height - low) / max(high - low, 1e-6)
    stops = np.array([_colour(random) for _ in range(int(random.integers(2, 4)))], np.float32)
    grey = np.linspace(0, 1, len(stops))
    channels = [np.interp(level, grey, stops[:, channel]) for channel in range(3)]
    return np.dstack(channels).astype(np.uint8)


def _shape(
    random: np.random.Generator, pen: ImageDraw.ImageDraw, side_px: int, radius_px: float
) -> None:
    x, y = random.uniform(0, side_px, 2)
    kind = random.random()
    if kind < 0.3:
        flat = random.uniform(0.4, 1) * radius_px
        pen.ellipse((x - radius_px, y - flat, x + radius_px, y + flat), 255)
    elif kind < 0.4:
        pen.ellipse(
            (x - radius_px, y - radius_px, x + radius_px, y + radius_px),
            outline=255,
            width=max(1, int(radius_px * random.uniform(0.1, 0.5))),
        )
    elif kind < 0.85:
        corners = int(random.integers(3, 9))
        angles = np.sort(random.uniform(0, 2 * math.pi, corners))
        reach = radius_px * random.uniform(0.4, 1.3, corners)
        pen.polygon(
            [
                (float(x + length * math.cos(angle)), float(y + length * math.sin(angle)))
                for angle, length in zip(angles, reach, strict=True)
            ],
            255,
        )
    else:
        end = random.uniform(0, side_px, 2)
        pen.line((x, y, float(end[0]), float(end[1])), 255, max(1, int(radius_px * 0.25)))
