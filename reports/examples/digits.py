"""Writes the example data set ``digits``: handwritten digits that scikit-learn brings with it.

The Optical Recognition of Handwritten Digits data set (E. Alpaydin and C. Kaynak, UCI Machine
Learning Repository, 1998): 8 x 8 grey pixels, here enlarged to 32 x 32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIDE_PX = 32
PER_CLASS = 30
LEVELS = 16
"""Grey levels of the originals run from 0 to this."""


def write_digits(folder: Path) -> None:
    """Write the first 30 pictures of each digit below ``folder/<digit>``."""
    digits = load_digits()
    for label in range(10):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(np.flatnonzero(digits.target == label)[:PER_CLASS]):
            pixels = np.rint(digits.images[row] * (255 / LEVELS)).astype(np.uint8)
            picture = Image.fromarray(pixels).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
            picture.save(folder / str(label) / f"{number:03d}.png")
