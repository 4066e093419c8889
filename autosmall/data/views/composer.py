"""One view: a crop of a photograph, cut-outs laid on a ground, or a drawn scene, then altered.

Crops of few pictures, seen many ways, carry far in distillation (Asano and Saeed, "The Augmented
Image Prior", ICLR 2023); laying cut-outs on other grounds is "Cut, Paste and Learn" (Dwibedi et
al., ICCV 2017); mixing two views is the input of function matching (Beyer et al., "Knowledge
distillation: A good teacher is patient and consistent", CVPR 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from autosmall.data.views.drawings import draw_fractal, draw_ground, draw_scene, draw_strokes
from autosmall.data.views.sources import SourcePicture

Pixels = NDArray[np.uint8]

FRACTALS = 300
STROKES = 300
LEAST_CROP_PX = 40
FLAT_DEVIATION = 8.0
"""A crop whose grey levels deviate less shows nothing and is cut anew, a few times."""
TRIES = 4
LARGEST_TURN_DEGREES = 40.0


@dataclass(frozen=True)
class ViewMixture:
    """How often views are of each kind, and altered in each way; shares from 0 to 1.

    Attributes:
        drawn: Drawn scenes, with no photograph in them.
        cut_outs: Cut-outs laid on a ground (0 where the sources hold none and none are drawn).
        mixed: Two views averaged at a random weight.
        coloured: Brightness, contrast and saturation shifted.
        grey: Colour removed.
        blurred: Blurred, or shrunk to 20 to 48 px and enlarged again.
        noisy: Gaussian noise added.
    """

    drawn: float = 0.15
    cut_outs: float = 0.4
    mixed: float = 0.2
    coloured: float = 0.8
    grey: float = 0.15
    blurred: float = 0.25
    noisy: float = 0.15


class ViewComposer:
    """Composes views of ``side_px``; the same seed and number give the same view."""

    def __init__(
        self,
        sources: tuple[SourcePicture, ...],
        side_px: int,
        mixture: ViewMixture,
        seed: int,
    ) -> None:
        self._side_px = side_px
        self._mixture = mixture
        self._seed = seed
        self._photographs = [_pyramid(s.pixels, side_px) for s in sources if not s.is_cut_out]
        self._cut_outs = [Image.fromarray(s.pixels) for s in sources if s.is_cut_out]
        random = np.random.default_rng([seed, 0])
        self._drawn_cut_outs = [
            Image.fromarray(draw(random, 2 * side_px))
            for draw, count in ((draw_fractal, FRACTALS), (draw_strokes, STROKES))
            for _ in range(count)
        ]

    def view(self, number: int) -> Pixels:
        """Return view ``number`` (from 0), ``uint8 (side_px, side_px, 3)``."""
        random = np.random.default_rng([self._seed, 1, number])
        picture = self._picture(random)
        if random.random() < self._mixture.mixed:
            picture = Image.blend(picture, self._picture(random), random.uniform(0.1, 0.9))
        return self._altered(random, picture)

    def _picture(self, random: np.random.Generator) -> Image.Image:
        kind = random.random()
        if kind < self._mixture.drawn or not self._photographs:
            return Image.fromarray(draw_scene(random, self._side_px))
        if kind < self._mixture.drawn + self._mixture.cut_outs:
            return self._composed(random)
        return self._crop(random)

    def _crop(self, random: np.random.Generator) -> Image.Image:
        """Return a crop of a photograph that shows something, if a few tries find one."""
        for _ in range(TRIES):
            crop = self._any_crop(random)
            if np.asarray(crop.convert("L")).std() >= FLAT_DEVIATION:
                break
        return crop

    def _any_crop(self, random: np.random.Generator) -> Image.Image:
        """Return a crop of random place, size, shape and turn."""
        levels = self._photographs[int(random.integers(len(self._photographs)))]
        width, height = levels[0].size
        least = min(1.0, LEAST_CROP_PX / min(width, height))
        share = math.exp(random.uniform(math.log(least), 0.0))
        crop_px = share * min(width, height)
        level = min(len(levels) - 1, max(0, int(math.log2(max(crop_px / self._side_px, 1)))))
        scale = levels[level].size[0] / width
        return self._warped(
            random,
            levels[level],
            random.uniform(0.5 * crop_px, width - 0.5 * crop_px) * scale,
            random.uniform(0.5 * crop_px, height - 0.5 * crop_px) * scale,
            crop_px * scale,
        )

    def _composed(self, random: np.random.Generator) -> Image.Image:
        """Return 1 to 4 cut-outs on a photograph's crop or a drawn ground."""
        if random.random() < 0.5:
            ground = self._crop(random)
        else:
            ground = Image.fromarray(draw_ground(random, self._side_px))
        count = int(random.choice((1, 1, 1, 2, 3, 4)))
        for _ in range(count):
            photographed = self._cut_outs and random.random() < 0.75
            pool = self._cut_outs if photographed else self._drawn_cut_outs
            cut_out = pool[int(random.integers(len(pool)))]
            reach = random.uniform(0.5, 1.25) / math.sqrt(count)
            placed = self._warped(
                random,
                cut_out,
                cut_out.size[0] * random.uniform(0.35, 0.65),
                cut_out.size[1] * random.uniform(0.35, 0.65),
                max(cut_out.size) / reach,
                shift=0.0 if count == 1 else 0.35,
            )
            ground.paste(placed.convert("RGB"), mask=placed.getchannel("A"))
        return ground

    def _warped(
        self,
        random: np.random.Generator,
        image: Image.Image,
        x: float,
        y: float,
        shown_px: float,
        shift: float = 0.0,
    ) -> Image.Image:
        """Return ``shown_px`` around ``(x, y)``, turned, stretched and mirrored at random."""
        side = self._side_px
        angle = math.radians(random.uniform(-1, 1) * LARGEST_TURN_DEGREES)
        if random.random() < 0.5:
            angle = 0.0
        aspect = math.exp(random.uniform(-0.25, 0.25))
        mirror = -1.0 if random.random() < 0.5 else 1.0
        per_px = shown_px / side
        cos, sin = math.cos(angle) * per_px, math.sin(angle) * per_px
        a, b = mirror * cos * aspect, -sin / aspect
        d, e = mirror * sin * aspect, cos / aspect
        off_x, off_y = (
            side * (0.5 + random.uniform(-shift, shift)),
            side * (0.5 + random.uniform(-shift, shift)),
        )
        c, f = x - a * off_x - b * off_y, y - d * off_x - e * off_y
        if per_px > 2:
            image = image.reduce(int(per_px))
            factor = int(per_px)
            a, b, c, d, e, f = (value / factor for value in (a, b, c, d, e, f))
        return image.transform(
            (side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
        )

    def _altered(self, random: np.random.Generator, picture: Image.Image) -> Pixels:
        mixture = self._mixture
        if random.random() < mixture.blurred:
            picture = _blurred(random, picture)
        pixels = np.asarray(picture, np.float32)
        if random.random() < mixture.grey:
            pixels = np.repeat(pixels.mean(2, keepdims=True), 3, axis=2)
        if random.random() < mixture.coloured:
            pixels = _coloured(random, pixels)
        if random.random() < mixture.noisy:
            pixels = pixels + random.standard_normal(pixels.shape, np.float32) * random.uniform(
                2, 18
            )
        return np.clip(pixels, 0, 255).astype(np.uint8)


def _pyramid(pixels: Pixels, side_px: int) -> list[Image.Image]:
    """Return the picture and its halves, down to about ``2 * side_px``."""
    levels = [Image.fromarray(pixels)]
    if min(levels[0].size) < side_px:
        scale = side_px / min(levels[0].size)
        levels = [levels[0].resize([math.ceil(length * scale) for length in levels[0].size])]
    while min(levels[-1].size) > 2 * side_px:
        levels.append(levels[-1].reduce(2))
    return levels


def _blurred(random: np.random.Generator, picture: Image.Image) -> Image.Image:
    if random.random() < 0.4:
        return picture.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 2.0)))
    small = int(random.integers(20, 49))
    shrunk = picture.resize((small, small), Image.Resampling.BOX)
    return shrunk.resize(picture.size, Image.Resampling.BILINEAR)


def _coloured(random: np.random.Generator, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + (pixels - grey) * random.uniform(0.4, 1.6)
    mean = pixels.mean()
    pixels = mean + (pixels - mean) * random.uniform(0.5, 1.5)
    shift = random.uniform(-40, 40) + random.uniform(-15, 15, 3)
    pixels = pixels + shift.astype(np.float32)
    return 255 - pixels if random.random() < 0.05 else pixels
