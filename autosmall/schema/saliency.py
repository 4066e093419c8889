"""What a model looked at in a picture, as it is stored and shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAD_CAM = "Grad-CAM"
OCCLUSION = "occlusion"

MOST_MAP_PX = 112
"""Longest side of a map."""


@dataclass(frozen=True)
class SaliencyMap:
    """Where in a picture the fold model that held it out found evidence for a class.

    Attributes:
        row: The picture's row in the data set.
        class_index: The class whose evidence it is: the one that the picture was taken for.
        method: :data:`GRAD_CAM` or :data:`OCCLUSION`.
        picture: ``uint8 (h, w, c)``, as the model gets it, shrunken to :data:`MOST_MAP_PX`.
        evidence: ``float32 (h, w)``, 0 or more; all 0 where none was found.
    """

    row: int
    class_index: int
    method: str
    picture: NDArray[np.uint8]
    evidence: NDArray[np.float32]


@dataclass(frozen=True)
class StoredMap:
    """A map as a picture to look at.

    Attributes:
        row: The picture's row in the data set.
        trial: The configuration whose fold model was asked.
        class_index: The class whose evidence it is.
        method: How it was found.
        half_share: The smallest part of the picture that holds half of the evidence, 0 to 1; NaN
            where there is none.
        jpeg: The picture in grey with its evidence in colour, a JPEG file.
    """

    row: int
    trial: int
    class_index: int
    method: str
    half_share: float
    jpeg: bytes
