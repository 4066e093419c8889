"""One configuration to one model folder: fit on all pictures, save, meet it again in a process.

The fit is the very call that the workers made, with all samples in its training part and nothing
held out: its epochs and everything else come from the configuration as it was measured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.data.images import UnreadablePictureError
from autosmall.errors import DatasetError, ModelFileError, SettingsError
from autosmall.models.temperature import scale_probabilities
from autosmall.retraining.plan import RetrainPlan
from autosmall.saved_model.folder import (
    ModelDescription,
    ModelSamples,
    write_model_files,
    write_samples,
)
from autosmall.saved_model.model import SavedModel, load_single_model
from autosmall.saved_model.predictor import Predictor
from autosmall.saved_model.verify import largest_difference
from autosmall.schema.mixed_pictures import take
from autosmall.strategies.base import Fit
from autosmall.training.metrics import all_scores

RELOAD_TOLERANCE = 1e-3
"""Largest difference of a probability between the measured fit and the reloaded model.

What was measured may come from cached features and a head in NumPy, and in batches of another
size; in single precision such sums differ in the fifth digit.
"""

SAMPLE_PICTURES = 16
"""Training pictures that the reloaded model, and every export, has to predict alike."""

Metrics = dict[str, dict[str, object]]


@dataclass(frozen=True)
class FittedModel:
    """A model in its folder, and what is told of how it came about.

    Attributes:
        model: The saved model, read again.
        metrics: ``training`` and ``reload`` of ``metrics.json``.
        train_probabilities: ``float32 (n_samples, n_classes)``, scaled as the saved model does.
    """

    model: SavedModel
    metrics: Metrics
    train_probabilities: NDArray[np.float32]


def fit_into(plan: RetrainPlan, folder: Path) -> FittedModel:
    """Train the planned configuration and write its model, checked, into the empty ``folder``.

    Raises what :func:`autosmall.retraining.retrain.retrain` says of fits and models.
    """
    started = time.monotonic()
    fit = _fit(plan)
    seconds = time.monotonic() - started
    description = ModelDescription(
        fit.picture_spec, plan.run.classes, plan.task.config, plan.decisions
    )
    write_model_files(folder, fit.build_model(), description)
    probabilities = _scaled(fit.train_probabilities, plan.decisions.temperature)
    rows = sample_rows(plan.run.labels, SAMPLE_PICTURES)
    reload = check_reload(plan, f"trial {plan.trial}", folder, probabilities, rows)
    model = load_single_model(folder, plan.trusted_files(folder))
    write_samples(folder, _samples(plan, model, rows))
    training = _training(plan, fit, probabilities, seconds)
    training["seconds_per_picture"] = seconds_per_picture(model, plan, rows)
    metrics: Metrics = {"training": training, "reload": reload}
    return FittedModel(model, metrics, probabilities)


def check_reload(
    plan: RetrainPlan,
    name: str,
    folder: Path,
    probabilities: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> dict[str, object]:
    """Return how far the model in ``folder``, met in a fresh process, is from what was measured.

    ``probabilities`` are those of all samples; ``rows`` are compared, read from their files.
    Raises :class:`~autosmall.errors.ModelFileError` above :data:`RELOAD_TOLERANCE`.
    """
    paths = [plan.dataset.paths[row] for row in rows]
    trust = plan.trusted_files(folder)
    difference = largest_difference(folder, paths, probabilities[rows], trust)
    if not difference <= RELOAD_TOLERANCE:
        raise ModelFileError(
            f"reloaded, the model of {name} predicts otherwise than when it was "
            f"measured: a probability differs by {difference:.2g}",
            f"differences of at most {RELOAD_TOLERANCE:g}",
            "the model was not kept; take another configuration (--rank 2) and report this one",
        )
    return {
        "pictures": len(rows),
        "largest_difference": difference,
        "tolerance": RELOAD_TOLERANCE,
    }


def seconds_per_picture(model: Predictor, plan: RetrainPlan, rows: NDArray[np.int64]) -> float:
    """Return the wall time of a picture, read from its file with others, once the model is warm."""
    paths = [plan.dataset.paths[row] for row in rows]
    model.predict_files(paths)
    started = time.monotonic()
    model.predict_files(paths)
    return round((time.monotonic() - started) / len(paths), 5)


def sample_rows(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return at most ``count`` sorted rows, the first of every class, then the second, ...

    >>> sample_rows(np.array([0, 0, 0, 1, 2, 2]), 4).tolist()
    [0, 1, 3, 4]
    """
    turn = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        turn[rows] = np.arange(len(rows))
    first = np.lexsort((np.arange(len(labels)), turn))[:count]
    return np.sort(first).astype(np.int64)


def or_none(value: float) -> float | None:
    """Return ``value``, or ``None`` for NaN and infinity, which JSON does not have."""
    return float(value) if np.isfinite(value) else None


def _fit(plan: RetrainPlan) -> Fit:
    try:
        fit = plan.strategy.fit(plan.task)
    except UnreadablePictureError as error:
        raise DatasetError(
            f"a picture {error.reason}",
            "the pictures as they were in the search",
            f"run: autosmall audit {plan.dataset.source}",
        ) from error
    if not fit.healthy:
        raise SettingsError(
            f"trial {plan.trial} failed its health rules when trained on all pictures",
            "a configuration that trains to its end",
            "take another one: autosmall retrain RUN --rank 2",
        )
    return fit


def _scaled(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    return probabilities if temperature == 1.0 else scale_probabilities(probabilities, temperature)


def _samples(plan: RetrainPlan, model: SavedModel, rows: NDArray[np.int64]) -> ModelSamples:
    pictures = take(plan.task.pictures(model.pipeline.picture_spec), rows)
    names = tuple(plan.run.sample_names[row] for row in rows)
    return ModelSamples(names, pictures, model.predict_proba(pictures))


def _training(
    plan: RetrainPlan, fit: Fit, probabilities: NDArray[np.float32], seconds: float
) -> dict[str, object]:
    scores = all_scores(plan.run.labels, probabilities)
    return {
        "n": len(plan.run.labels),
        **{name: or_none(value) for name, value in scores.items()},
        "trainable_parameters": fit.trainable_parameters,
        "total_parameters": fit.total_parameters,
        "fit_seconds": round(seconds, 3),
    }
