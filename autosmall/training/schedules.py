"""Learning-rate schedules: plain functions from step to rate."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
"""Takes the step, counted from 0, and returns the learning rate."""

WARMUP_SHARE = 0.05
STEP_DROPS = (0.6, 0.85)
BIT_DROPS = (0.25, 0.5, 0.75)
STEP_FACTOR = 0.1


def make_schedule(
    name: str, peak: float, total_steps: int, warmup_share: float = WARMUP_SHARE
) -> Schedule:
    """Return the schedule called ``name`` for a run of ``total_steps`` steps.

    All begin with a linear warm-up over the first ``warmup_share`` (0 to 1) of the steps.
    ``constant`` then stays at ``peak``; ``cosine`` falls to 0 along half a cosine (Loshchilov &
    Hutter 2017, without restarts); ``step`` falls to a tenth after 60 % of the rest and again
    after 85 %; ``bit`` after 25, 50 and 75 %. With a warm-up over a fifth these are the drops of
    BiT-HyperRule, at 200, 300 and 400 of 500 steps (Kolesnikov et al. 2020, section 3.3).

    >>> rate = make_schedule("cosine", 1.0, 100)
    >>> [round(rate(step), 3) for step in (0, 4, 5, 52, 99)]
    [0.2, 1.0, 1.0, 0.508, 0.0]
    """
    shape = _SHAPES[name]
    warmup_steps = int(warmup_share * total_steps)

    def rate(step: int) -> float:
        if step < warmup_steps:
            return peak * (step + 1) / warmup_steps
        return peak * shape((step - warmup_steps) / max(1, total_steps - warmup_steps))

    return rate


def _constant(progress: float) -> float:
    return 1.0


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _step(progress: float) -> float:
    return STEP_FACTOR ** sum(progress >= drop for drop in STEP_DROPS)


def _bit(progress: float) -> float:
    return STEP_FACTOR ** sum(progress >= drop for drop in BIT_DROPS)


_SHAPES: dict[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "step": _step,
    "bit": _bit,
}
