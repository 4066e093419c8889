"""What a configuration's augmentation makes of a few pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AlteredPictures:
    """Pictures as a network gets them, and altered at rising strengths; JPEG files.

    Attributes:
        trial: The configuration's number.
        policy: Name of its augmentation (see :mod:`autosmall.training.augmentation`).
        strength: How strongly it alters training pictures, 0 to 1.
        invariances: The kinds of alteration that it draws from.
        strengths: The strengths shown, rising; its own is among them.
        rows: The pictures' rows.
        pictures: For each row the picture itself, then one per strength.
    """

    trial: int
    policy: str
    strength: float
    invariances: tuple[str, ...]
    strengths: tuple[float, ...]
    rows: tuple[int, ...]
    pictures: tuple[tuple[bytes, ...], ...]
