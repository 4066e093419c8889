"""Whether there is anything to see: inputs that are all the same teach nothing."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import same_shape_parts


class Rows(Protocol):
    """Pictures or features, read by row."""

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[np.generic]:
        """Return those rows, which have one shape."""
        ...


def all_alike(inputs: Rows, rows: NDArray[np.int64]) -> bool:
    """Tell whether ``inputs[rows]`` are all the same, value by value; pictures of unlike shapes
    are not.

    As a rule the first two differ, and no others are looked at.

    >>> all_alike(np.zeros((3, 2)), np.arange(3)), all_alike(np.eye(2), np.arange(2))
    (True, False)
    """
    if len(rows) < 2 or len(same_shape_parts(inputs, rows)) > 1:
        return False
    first = inputs[rows[:1]]
    return all(np.array_equal(first, inputs[rows[i : i + 1]]) for i in range(1, len(rows)))
