"""What the worker knows of a fit that has ended, as evidence for its diagnosis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.training.health.inputs import all_alike
from autosmall.training.health.monitor import HealthMonitor
from autosmall.training.health.rules import DEAD_UNIT_SHARE, WEIGHT_GROWTH
from autosmall.training.health.verdict import Evidence, Part, diagnose


def diagnoses_of(
    strategy: Strategy,
    task: FitTask,
    fit: Fit,
    validation_labels: NDArray[np.int64],
    monitor: HealthMonitor,
    curves: Mapping[str, Sequence[float]],
) -> dict[str, int | None]:
    """Return the health rules that fired, causes first, each with its epoch if it has one.

    A strategy that looks at no picture is never ill.
    """
    if not strategy.looks_at_pictures:
        return {}
    from_scratch = 0 if strategy.starts_pretrained else fit.trainable_parameters
    return diagnose(
        Evidence(
            train=Part(task.train_labels, fit.train_probabilities),
            held_out=Part(validation_labels, fit.validation_probabilities),
            guessing=monitor.guessing,
            found=monitor.found,
            curves=curves,
            parameters_from_scratch=from_scratch,
            inputs_alike=fit.inputs_alike or _pictures_alike(task, fit),
            dead_share=fit.notes.get(DEAD_UNIT_SHARE, math.nan),
            weight_growth=fit.notes.get(WEIGHT_GROWTH, math.nan),
        )
    )


def _pictures_alike(task: FitTask, fit: Fit) -> bool:
    return all_alike(task.pictures(fit.picture_spec), task.train_index)
