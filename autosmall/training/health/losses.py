"""Rules on curves of the loss, in units of the loss of guessing.

Networks here start at guessing, as their last layer starts at zero, or below it, with a head that
has been fitted. A training loss well above guessing therefore comes from steps that were too long.
Epochs are counted from 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

DIVERGENCE_FACTOR = 10.0
NO_LEARNING_SHARE = 1 / 3
NO_LEARNING_EPOCHS = 5
NO_LEARNING_CHANGE = 0.005

END_SHARE = 1 / 3
"""The last part of a run, over which its final level is taken."""
ABOVE_GUESSING = 1.02
FAR_ABOVE_GUESSING = 1.5
HELD_OUT_FAR_OFF = 2.0
THROWN_OFF = 1.1
NEAR_GUESSING = 0.7
HALF_LEARNED = 0.5
JUMP = 0.15
FEWEST_JUMPS = 3
STILL_FALLING = 0.03
RISE = 0.25
FLAT_CHANGE = 0.005
FEWEST_EPOCHS = 5

Losses = Sequence[float]


def guessing_loss(class_count: int, focal_gamma: float = 0.0) -> float:
    """Return the (focal) cross-entropy of equal probabilities.

    >>> round(guessing_loss(2), 3), round(guessing_loss(2, focal_gamma=2.0), 3)
    (0.693, 0.173)
    """
    count = max(2, class_count)
    return float((1 - 1 / count) ** focal_gamma * math.log(count))


def blew_up(losses: Losses, guessing: float) -> bool:
    """Tell whether the last loss is no number, or above ten times the first and guessing."""
    return not math.isfinite(losses[-1]) or losses[-1] > DIVERGENCE_FACTOR * max(
        losses[0], guessing
    )


def has_not_moved(losses: Losses, planned_epochs: int) -> bool:
    """Tell whether the first third of the epochs or more stayed within 0.5 % of the first."""
    if len(losses) < max(NO_LEARNING_EPOCHS, math.ceil(NO_LEARNING_SHARE * planned_epochs)):
        return False
    return max(abs(loss - losses[0]) for loss in losses) <= NO_LEARNING_CHANGE * losses[0]


def ended_above_guessing(losses: Losses, guessing: float) -> int | None:
    """Return the epoch of the highest loss where the run ended worse than guessing."""
    if len(losses) < FEWEST_EPOCHS or end_level(losses) <= ABOVE_GUESSING * guessing:
        return None
    return _peak(losses)


def thrown_off(losses: Losses, guessing: float) -> int | None:
    """Return the epoch of the highest loss where steps were too long, or ``None``.

    They were where a loss lies far above guessing, also if the run comes back, and where it lies
    somewhat above and the run hardly comes below guessing afterwards.
    """
    peak = _peak(losses)
    height = losses[peak - 1] / guessing
    stayed_high = end_level(losses) > NEAR_GUESSING * guessing
    thrown = height > FAR_ABOVE_GUESSING or (height > THROWN_OFF and stayed_high)
    return peak if thrown else None


def held_out_thrown_off(losses: Losses, validation_losses: Losses, guessing: float) -> int | None:
    """Return the epoch of the highest validation loss where only that was thrown off, or ``None``.

    Batch normalisation hides long steps from the training loss, which hardly falls; what is learned
    in one epoch is far off in the next.
    """
    known = [loss for loss in validation_losses if math.isfinite(loss)]
    stuck = end_level(losses) > NEAR_GUESSING * guessing
    if not known or not stuck or max(known) <= HELD_OUT_FAR_OFF * guessing:
        return None
    return list(validation_losses).index(max(known)) + 1


def jumping(losses: Losses, guessing: float) -> int | None:
    """Return the epoch of the first rise that counts where there are several, or ``None``."""
    rises = np.flatnonzero(np.diff(losses) > JUMP * guessing)
    return int(rises[0]) + 2 if len(rises) >= FEWEST_JUMPS else None


def is_still_falling(losses: Losses, guessing: float) -> bool:
    """Tell whether the last quarter of the epochs lies well below the quarter before it."""
    quarter = len(losses) // 4
    if quarter == 0:
        return True
    before, last = losses[-2 * quarter : -quarter], losses[-quarter:]
    return float(np.mean(before) - np.mean(last)) > STILL_FALLING * guessing


def turning_point(validation_losses: Losses, guessing: float) -> int | None:
    """Return the epoch of the lowest loss where the run ended well above it, or ``None``.

    Epochs without a loss (NaN) are passed over.
    """
    known = [loss for loss in validation_losses if math.isfinite(loss)]
    if len(known) < FEWEST_EPOCHS or end_level(known) - min(known) <= RISE * guessing:
        return None
    return list(validation_losses).index(min(known)) + 1


def level_around(values: Losses, epoch: int) -> float:
    """Return the median of the known values of ``epoch``, from 1, and its two neighbours.

    >>> level_around([0.1, 0.5, 0.9, 0.6], 2)
    0.5
    """
    near = values[max(0, epoch - 2) : epoch + 1]
    return float(np.median([value for value in near if math.isfinite(value)]))


def is_flat(validation_losses: Losses) -> bool:
    """Tell whether all known losses lie within 0.5 % of each other."""
    known = [loss for loss in validation_losses if math.isfinite(loss)]
    return len(known) >= FEWEST_EPOCHS and max(known) - min(known) <= FLAT_CHANGE * max(known)


def end_level(losses: Losses) -> float:
    """Return the median loss of the last third of the run."""
    return float(np.median(losses[-max(1, math.ceil(END_SHARE * len(losses))) :]))


def _peak(losses: Losses) -> int:
    return int(np.argmax(losses)) + 1
