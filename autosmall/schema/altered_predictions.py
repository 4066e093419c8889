"""What a fold's model makes of held-out pictures that were altered, one kind at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ChangedPicture:
    """A picture whose prediction changed much: small JPEG files of it before and after.

    Attributes:
        kind: One of ``INVARIANCES``.
        row: The picture.
        direction: Which direction of ``kind``.
        plain: As the network gets it.
        changed: As the network got it altered.
    """

    kind: str
    row: int
    direction: int
    plain: bytes
    changed: bytes


@dataclass(frozen=True)
class AlteredPredictions:
    """Predictions of one fold's model for pictures that it was not trained on.

    Attributes:
        trial: The configuration's number.
        fold: Fold id of the plan.
        rows: ``int64 (m,)``: the pictures.
        plain: ``float32 (m, k)``: probabilities for them as they are.
        by_kind: Kind to ``float32 (d, m, k)``: altered, in each direction.
        examples: Pictures whose prediction changed most, a few per kind; none where pictures are
            not to be shown.
    """

    trial: int
    fold: int
    rows: NDArray[np.int64]
    plain: NDArray[np.float32]
    by_kind: Mapping[str, NDArray[np.float32]]
    examples: tuple[ChangedPicture, ...] = ()
