"""How well an autoencoder gives pictures back: facts for the report, on which no choice rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.results import MOST_EXAMPLE_PX, Reconstructions
from autosmall.strategies.base import FitTask

if TYPE_CHECKING:
    import keras

TRAIN_ERROR = "reconstruction_error_train"
HELD_OUT_ERROR = "reconstruction_error"
MEAN_PICTURE_ERROR = "mean_picture_error"

MOST_JUDGED = 256
"""Pictures of each part that errors are taken on, for time's sake."""
EXAMPLES = 8


def judge_reconstruction(
    autoencoder: keras.Model, task: FitTask, pictures: NDArray[np.uint8]
) -> tuple[dict[str, float], Reconstructions | None]:
    """Return errors by name, and examples of held-out pictures.

    Errors are mean absolute ones on a scale of black 0 to white 1: of training pictures, of
    held-out ones, and of the mean training picture in place of each held-out one. The last two and
    the examples are missing where nothing is held out.
    """
    from autosmall.training.reconstruction import picture_errors, reconstruction_errors

    seen = _spread(task.train_index, MOST_JUDGED)
    held_out = _spread(task.validation_index, MOST_JUDGED)
    notes = {TRAIN_ERROR: float(reconstruction_errors(autoencoder, pictures, seen).mean())}
    if len(held_out) == 0:
        return notes, None
    mean_picture = pictures[seen].mean(axis=0) / 255
    notes[HELD_OUT_ERROR] = float(reconstruction_errors(autoencoder, pictures, held_out).mean())
    notes[MEAN_PICTURE_ERROR] = float(picture_errors(pictures[held_out], mean_picture).mean())
    return notes, _examples(autoencoder, pictures, _spread(held_out, EXAMPLES))


def _examples(
    autoencoder: keras.Model, pictures: NDArray[np.uint8], rows: NDArray[np.int64]
) -> Reconstructions | None:
    """Return the examples, or ``None`` where what came back is no picture (not finite)."""
    from autosmall.data.sheets import shrink
    from autosmall.training.loop import predict
    from autosmall.training.reconstruction import picture_errors

    restored = predict(autoencoder, pictures, rows)
    if not np.isfinite(restored).all():
        return None
    return Reconstructions(
        tuple(rows.tolist()),
        tuple(picture_errors(pictures[rows], restored).tolist()),
        shrink(pictures[rows], MOST_EXAMPLE_PX),
        shrink(np.round(255 * restored).astype(np.uint8), MOST_EXAMPLE_PX),
    )


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of ``rows``, evenly spaced: data sets are sorted by class."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]
