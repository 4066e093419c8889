"""Models that are no Keras models: named arrays, and the functions that predict from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autosmall.errors import ModelFileError
from autosmall.models.temperature import scale_probabilities

TEMPERATURE = "temperature"
"""Name of the array, of one number, that the probabilities of a recipe are scaled by."""

Arrays = dict[str, NDArray[np.generic]]
Floats = NDArray[np.float32]


class NamedArrays(Protocol):
    """What ``strategies.base.ArrayModel`` offers: a recipe's name and the arrays it reads."""

    @property
    def recipe(self) -> str:
        """Name of a recipe below."""
        ...

    @property
    def arrays(self) -> Arrays:
        """Plain numeric or text arrays."""
        ...


def predict_array_model(model: NamedArrays, pictures: NDArray[np.uint8]) -> Floats:
    """Return ``float32 (n, k)`` class probabilities of ``uint8 (n, size, size, channels)``.

    They are scaled where the arrays hold a :data:`TEMPERATURE`. Raises ``ModelFileError`` for a
    recipe that this version does not know.
    """
    if model.recipe not in _RECIPES:
        raise ModelFileError(
            f"the model asks for the recipe {model.recipe!r}",
            f"one of {', '.join(_RECIPES)}",
            "use the version of AutoSmall that saved the model",
        )
    probabilities = _RECIPES[model.recipe](model.arrays, pictures)
    if TEMPERATURE not in model.arrays:
        return probabilities
    return scale_probabilities(probabilities, float(model.arrays[TEMPERATURE].item()))


def _majority(arrays: Arrays, pictures: NDArray[np.uint8]) -> Floats:
    shares = arrays["class_shares"].astype(np.float32)
    return np.tile(shares, (len(pictures), 1))


def _classical(arrays: Arrays, pictures: NDArray[np.uint8]) -> Floats:
    from autosmall.models.classical import classical_probabilities
    from autosmall.models.descriptors import describe

    return classical_probabilities(arrays, describe(pictures, str(arrays["descriptors"])))


_RECIPES: dict[str, Callable[[Arrays, NDArray[np.uint8]], Floats]] = {
    "majority": _majority,
    "classical_linear": _classical,
    "classical_rbf": _classical,
}
