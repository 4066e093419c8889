"""Random alterations of training pictures, within the invariances that the user allows.

Every policy is one distribution over the same eleven amplitudes per picture (mirrored or not,
angle, shifts, ...). All geometric ones are put into a single affine transformation, so a picture
is interpolated once; the space beyond its border is filled by reflection.

* ``affine`` draws all amplitudes together, uniformly within their range.
* ``trivial_augment`` draws one kind per picture (Müller & Hutter 2021), over a doubled range.
* ``rand_augment`` draws two kinds per picture at the full range's end (Cubuk et al. 2020).
* ``random_resized_crop`` cuts a random part and stretches it back (Szegedy et al. 2015).

Only the names of ``schema.settings.INVARIANCES`` are drawn from, never a kind that is not allowed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, fields

import keras
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RANGES = {
    "rotate": 30.0,
    "shift": 0.2,
    "zoom": 0.35,
    "shear": 0.3,
    "brightness": 50.0,
    "contrast": 0.5,
    "noise": 15.0,
}
"""Largest amplitude at strength 1: degrees; share of the side; log of the factor; slope; grey
levels of 255; log of the factor; standard deviation in grey levels."""

MIRRORS = ("mirror", "flip")
SMALLEST_CROP = 0.25
LARGEST_ASPECT_LOG = 0.3
VIEW_BATCH = 256


@dataclass(frozen=True)
class Amplitudes:
    """What is done to each picture of a batch; arrays of shape ``(b,)``.

    ``mirror`` and ``flip`` are 1 or -1, ``angle`` is in radians, shifts are shares of the side,
    scales are factors of the visible part (2 shows twice as much), ``shear`` is a slope,
    ``brightness`` and ``noise`` are in grey levels, ``contrast`` is a factor about mid-grey.
    """

    mirror: Array
    flip: Array
    angle: Array
    shift_x: Array
    shift_y: Array
    scale_x: Array
    scale_y: Array
    shear: Array
    brightness: Array
    contrast: Array
    noise: Array


@dataclass(frozen=True)
class Augmenter:
    """Alters batches of pictures at random.

    Attributes:
        policy: ``none``, ``affine``, ``random_resized_crop``, ``rand_augment`` or
            ``trivial_augment``.
        strength: 0 leaves every picture exactly as it is, 1 is strongest.
        invariances: Kinds that may be used.
    """

    policy: str
    strength: float
    invariances: frozenset[str]

    @property
    def is_identity(self) -> bool:
        """Whether no picture is ever altered."""
        return self.policy == "none" or self.strength == 0 or not self.invariances

    def __call__(
        self, pictures: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return altered pictures ``float32 (b, h, w, c)`` with values 0 to 255, as given."""
        if self.is_identity:
            return pictures
        return alter(pictures, self.draw(len(pictures), rng), rng)

    def draw(self, count: int, rng: np.random.Generator) -> Amplitudes:
        """Return random amplitudes for ``count`` pictures."""
        units = {name: rng.uniform(-1, 1, count) for name in (*RANGES, "shift_y")}
        signs = {
            name: np.where(rng.uniform(size=count) < 0.5 * (name in self.invariances), -1.0, 1.0)
            for name in MIRRORS
        }
        if self.policy == "random_resized_crop":
            return self._crop(units, signs)
        allowed = [name for name in RANGES if name in self.invariances]
        reach = _reach(self.policy, allowed, units, rng)
        return _amplitudes({name: self.strength * value for name, value in reach.items()}, signs)

    def _crop(self, units: dict[str, Array], signs: dict[str, Array]) -> Amplitudes:
        """Return a crop of area 1 down to a quarter (at strength 1) that lies within the picture.

        Where zoom is not allowed the whole picture is shown; where shift is not, its middle.
        """
        zoom = self.strength * ("zoom" in self.invariances)
        area = 1 - zoom * (1 - SMALLEST_CROP) * (units["zoom"] + 1) / 2
        aspect = np.exp(zoom * LARGEST_ASPECT_LOG * units["shear"] / 2)
        width, height = np.minimum(1, np.sqrt(area) * aspect), np.minimum(1, np.sqrt(area) / aspect)
        free = float("shift" in self.invariances)
        zero = np.zeros_like(area)
        plain = _amplitudes(dict.fromkeys((*RANGES, "shift_y"), zero), signs)
        shift_x, shift_y = (
            free * units["shift"] * (1 - width),
            free * units["shift_y"] * (1 - height),
        )
        return _replace(
            plain, scale_x=width, scale_y=height, shift_x=shift_x / 2, shift_y=shift_y / 2
        )


def alter(
    pictures: NDArray[np.float32], amplitudes: Amplitudes, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return pictures ``float32 (b, h, w, c)`` altered as ``amplitudes`` say, cut to 0 to 255."""
    height, width = pictures.shape[1:3]
    altered = keras.ops.convert_to_numpy(
        keras.ops.image.affine_transform(
            pictures,
            transform_rows(amplitudes, height, width),
            interpolation="bilinear",
            fill_mode="reflect",
            data_format="channels_last",
        )
    )
    contrast, brightness, noise = (
        values.astype(np.float32)[:, None, None, None]
        for values in (amplitudes.contrast, amplitudes.brightness, amplitudes.noise)
    )
    if np.any(contrast != 1) or np.any(brightness != 0):
        altered = (altered - 127.5) * contrast + (127.5 + brightness)
    if np.any(noise > 0):
        altered = altered + noise * rng.standard_normal(altered.shape, np.float32)
    return np.clip(altered, 0, 255)


def transform_rows(amplitudes: Amplitudes, height: int, width: int) -> NDArray[np.float32]:
    """Return ``float32 (b, 8)``: rows that map a point of the result to one of the picture.

    A row ``[a0, a1, a2, b0, b1, b2, 0, 0]`` sends pixel ``(x, y)`` to
    ``(a0 x + a1 y + a2, b0 x + b1 y + b2)``. About the middle of the picture it scales, shears,
    rotates, and shifts, in this order.
    """
    cos, sin = np.cos(amplitudes.angle), np.sin(amplitudes.angle)
    scale_x = amplitudes.scale_x * amplitudes.mirror
    scale_y = amplitudes.scale_y * amplitudes.flip
    a0, b0 = cos * scale_x, sin * scale_x
    a1 = (cos * amplitudes.shear - sin) * scale_y
    b1 = (sin * amplitudes.shear + cos) * scale_y
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    a2 = middle_x - a0 * middle_x - a1 * middle_y + amplitudes.shift_x * width
    b2 = middle_y - b0 * middle_x - b1 * middle_y + amplitudes.shift_y * height
    zero = np.zeros_like(a0)
    return np.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1).astype(np.float32)


def view_name(view: int, strength: float, invariances: Collection[str]) -> str:
    """Return what :func:`augmented_view` depends on; equal names mean equal views."""
    allowed = sorted(set(invariances) - {"noise"})
    if view == 0 or strength == 0 or not allowed:
        return "plain"
    if view == 1 and "mirror" in allowed:
        return "mirror"
    return f"{view}/{strength}/{','.join(allowed)}"


def augmented_view(
    pictures: NDArray[np.uint8],
    view: int,
    strength: float,
    invariances: Collection[str],
    seed: int,
) -> NDArray[np.uint8]:
    """Return view ``view`` of pictures ``uint8 (n, h, w, c)``, the same each time.

    View 0 is the pictures as they are; view 1 their mirror image, where mirroring is allowed. Any
    other view of a picture is one draw of the ``affine`` policy that depends on ``seed``,
    ``view`` and the picture's own pixels, so it does not depend on which others are there. Where
    nothing is allowed or ``strength`` is 0, every view is view 0. Noise, being no view of a
    picture, is left out.
    """
    name = view_name(view, strength, invariances)
    if name == "plain" or len(pictures) == 0:
        return pictures
    if name == "mirror":
        return pictures[:, :, ::-1]
    augmenter = Augmenter("affine", strength, frozenset(invariances) - {"noise"})
    return drawn_view(pictures, augmenter, view, seed)


def drawn_view(
    pictures: NDArray[np.uint8], augmenter: Augmenter, number: int, seed: int
) -> NDArray[np.uint8]:
    """Return ``uint8 (n, h, w, c)``, each picture altered by one draw, the same each time.

    A draw depends on ``seed``, ``number`` and the picture's own pixels, so it does not depend on
    which others are there; noise alone depends on a picture's place among them.
    """
    if augmenter.is_identity or len(pictures) == 0:
        return pictures
    drawn = _joined(
        [augmenter.draw(1, np.random.default_rng([seed, number, _digest(p)])) for p in pictures]
    )
    noise = np.random.default_rng([seed, number])
    parts = [
        alter(pictures[part].astype(np.float32), _part(drawn, part), noise)
        for part in np.split(np.arange(len(pictures)), range(VIEW_BATCH, len(pictures), VIEW_BATCH))
    ]
    return np.round(np.concatenate(parts)).astype(np.uint8)


def _reach(
    policy: str, allowed: list[str], units: dict[str, Array], rng: np.random.Generator
) -> dict[str, Array]:
    """Return how far each kind goes, as a share of its range, by policy; 0 where not allowed."""
    count = len(units["shift_y"])
    used = np.zeros((count, len(RANGES)))
    places = [index for index, name in enumerate(RANGES) if name in allowed]
    if policy == "affine":
        used[:, places] = 1
    elif places:
        kinds = min(len(places), 2 if policy == "rand_augment" else 1)
        order = np.argsort(rng.uniform(size=(count, len(places))), axis=1)[:, :kinds]
        np.put_along_axis(used, np.array(places)[order], 1 if policy == "rand_augment" else 2, 1)
    full = {
        name: np.sign(unit) if policy == "rand_augment" else unit for name, unit in units.items()
    }
    reach = {name: used[:, index] * full[name] for index, name in enumerate(RANGES)}
    return reach | {"shift_y": used[:, list(RANGES).index("shift")] * full["shift_y"]}


def _amplitudes(reach: dict[str, Array], signs: dict[str, Array]) -> Amplitudes:
    size = {name: RANGES[name] * reach[name] for name in RANGES}
    scale = np.exp(size["zoom"])
    return Amplitudes(
        mirror=signs["mirror"],
        flip=signs["flip"],
        angle=np.deg2rad(size["rotate"]),
        shift_x=size["shift"],
        shift_y=RANGES["shift"] * reach["shift_y"],
        scale_x=scale,
        scale_y=scale,
        shear=size["shear"],
        brightness=size["brightness"],
        contrast=np.exp(size["contrast"]),
        noise=np.abs(size["noise"]),
    )


def _replace(amplitudes: Amplitudes, **changes: Array) -> Amplitudes:
    return Amplitudes(**{**vars(amplitudes), **changes})


def _digest(picture: NDArray[np.uint8]) -> int:
    return int.from_bytes(hashlib.blake2b(picture.tobytes(), digest_size=8).digest(), "little")


def _joined(amplitudes: list[Amplitudes]) -> Amplitudes:
    names = [field.name for field in fields(Amplitudes)]
    return Amplitudes(**{n: np.concatenate([getattr(a, n) for a in amplitudes]) for n in names})


def _part(amplitudes: Amplitudes, index: NDArray[np.int64]) -> Amplitudes:
    return Amplitudes(**{name: values[index] for name, values in vars(amplitudes).items()})
