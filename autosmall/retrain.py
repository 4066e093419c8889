"""From a chosen configuration to a model folder: fit on all pictures, save, reload, compare, test.

The fit is the very call that the workers made, with all samples in its training part and nothing
held out: its epochs and everything else come from the configuration as it was measured.
"""

from __future__ import annotations

import datetime
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.ranking import RankedTrial, Ranking
from autosmall.data.images import UnreadablePictureError
from autosmall.errors import DatasetError, ModelFileError, SettingsError
from autosmall.files import write_json, write_text
from autosmall.model import SavedModel, load_model, score_part
from autosmall.model_card import CardFacts, expected_sentence, opened_words, write_card
from autosmall.model_folder import (
    ModelDescription,
    ModelSamples,
    staged_folder,
    write_model_files,
    write_samples,
)
from autosmall.openings import record_opening
from autosmall.quiet import native_output_to
from autosmall.retrain_plan import RetrainPlan, plan_retraining
from autosmall.schema.mixed_pictures import take
from autosmall.strategies.base import Fit
from autosmall.training.metrics import all_scores
from autosmall.verify_model import largest_difference

RELOAD_TOLERANCE = 1e-3
"""Largest difference of a probability between the measured fit and the reloaded model.

What was measured may come from cached features and a head in NumPy, and in batches of another
size; in single precision such sums differ in the fifth digit.
"""

SAMPLE_PICTURES = 16
"""Training pictures that the reloaded model, and every export, has to predict alike."""

Metrics = dict[str, dict[str, object]]


@dataclass(frozen=True)
class RetrainResult:
    """What came of retraining.

    Attributes:
        model_dir: The model's folder, ``model/`` in the run.
        trial: Number of the trial whose configuration was trained.
        strategy: Its strategy.
        metrics: Contents of ``metrics.json``: ``search``, ``training``, ``reload`` and, where
            there were test pictures, ``test``.
        sentence: What was trained and what it scored, for people.
    """

    model_dir: Path
    trial: int
    strategy: str
    metrics: Metrics
    sentence: str


def retrain(
    run: Path, *, rank: int = 1, trial: int | None = None, test: Path | None = None
) -> RetrainResult:
    """Train a configuration of the run folder ``run`` on all its pictures and save the model.

    The saved model is loaded in a fresh process, which predicts training pictures from their
    files; only if it agrees within :data:`RELOAD_TOLERANCE` with what was measured after the fit
    are the test pictures opened, and the folder ``model/`` put in place.

    Args:
        run: Run folder of a search.
        rank: Place in the ranking; 1 is the recommended configuration.
        trial: Number of a trial, instead of a rank.
        test: Labelled pictures to score the model on, instead of the data set's own test split.

    Raises:
        SettingsError: No such rank or trial, or the fit failed its health rules.
        DatasetError: The data set is gone or changed, or the test pictures cannot be used.
        BackboneError: The configuration's backbone is no longer found.
        RunFolderError: No readable run, or the disk refuses.
        ModelFileError: The reloaded model disagrees; no model is left.
    """
    plan = plan_retraining(Path(run), rank, trial, test)
    log = plan.run_dir / "logs" / "retrain.log"
    started = time.monotonic()
    with native_output_to(log):
        fit = _fit(plan)
        return _save(plan, fit, time.monotonic() - started)


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


def _save(plan: RetrainPlan, fit: Fit, fit_seconds: float) -> RetrainResult:
    """Write the model's folder beside its place, check it, test it, and move it there."""
    description = ModelDescription(fit.picture_spec, plan.run.classes, plan.task.config)
    rows = sample_rows(plan.run.labels, SAMPLE_PICTURES)
    model_dir = plan.run_dir / "model"
    with staged_folder(model_dir) as staged:
        write_model_files(staged, fit.build_model(), description)
        reload = _check_reload(plan, fit, staged, rows)
        model = load_model(staged)
        write_samples(staged, _samples(plan, model, rows))
        metrics: Metrics = {
            **_test_scores(plan, model),
            "search": search_estimate(plan.ranking, plan.chosen),
            "training": _training(plan, fit, fit_seconds),
            "reload": reload,
        }
        write_json(staged / "metrics.json", {"trial": plan.trial, **metrics})
        write_text(staged / "model_card.md", write_card(_card_facts(plan, metrics), model.pipeline))
    sentence = _sentence(plan, metrics)
    return RetrainResult(model_dir, plan.trial, plan.strategy.name, metrics, sentence)


def _samples(plan: RetrainPlan, model: SavedModel, rows: NDArray[np.int64]) -> ModelSamples:
    pictures = take(plan.task.pictures(model.pipeline.picture_spec), rows)
    names = tuple(plan.run.sample_names[row] for row in rows)
    return ModelSamples(names, pictures, model.predict_proba(pictures))


def _test_scores(plan: RetrainPlan, model: SavedModel) -> Metrics:
    """Return the entry ``test``, where there is one; the opening is counted first."""
    if plan.test is None:
        return {}
    opened = record_opening(plan.run_dir, plan.test.place, model.pipeline.sha256, "retrain")
    return {"test": {**score_part(model, plan.test), "opened": opened}}


def _check_reload(
    plan: RetrainPlan, fit: Fit, staged: Path, rows: NDArray[np.int64]
) -> dict[str, object]:
    paths = [plan.dataset.paths[row] for row in rows]
    difference = largest_difference(staged, paths, fit.train_probabilities[rows])
    if not difference <= RELOAD_TOLERANCE:
        raise ModelFileError(
            f"reloaded, the model of trial {plan.trial} predicts otherwise than when it was "
            f"measured: a probability differs by {difference:.2g}",
            f"differences of at most {RELOAD_TOLERANCE:g}",
            "the model was not kept; take another configuration (--rank 2) and report this one",
        )
    return {
        "pictures": len(rows),
        "largest_difference": difference,
        "tolerance": RELOAD_TOLERANCE,
    }


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


def search_estimate(ranking: Ranking, chosen: RankedTrial) -> dict[str, object]:
    """Return what the search expects of a trial, on the metric's own scale.

    ``naive_score`` is its mean over the folds. The recommended trial has ``corrected_score`` and
    ``corrected_interval``, corrected for having been picked; for another one they are ``None``.
    """
    is_recommended = chosen is ranking.recommended
    corrected = ranking.corrected() if is_recommended else None
    interval = [corrected.low, corrected.high] if corrected else None
    return {
        "metric": ranking.metric,
        "naive_score": _or_none(chosen.summary.score.mean),
        "corrected_score": _or_none(corrected.score) if corrected else None,
        "corrected_interval": interval if interval and np.isfinite(interval).all() else None,
    }


def _training(plan: RetrainPlan, fit: Fit, fit_seconds: float) -> dict[str, object]:
    scores = all_scores(plan.run.labels, fit.train_probabilities)
    return {
        "n": len(plan.run.labels),
        **{name: _or_none(value) for name, value in scores.items()},
        "trainable_parameters": fit.trainable_parameters,
        "total_parameters": fit.total_parameters,
        "fit_seconds": round(fit_seconds, 3),
    }


def _card_facts(plan: RetrainPlan, metrics: Metrics) -> CardFacts:
    counts = Counter(plan.run.classes[label] for label in plan.run.labels)
    return CardFacts(
        dataset=Path(str(plan.run.settings["dataset"])).stem,
        class_counts={name: counts[name] for name in plan.run.classes},
        strategy_title=plan.strategy.title,
        trial=plan.trial,
        metrics=metrics,
        backbone=plan.backbone,
        versions=plan.run.versions,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _sentence(plan: RetrainPlan, metrics: Metrics) -> str:
    said = (
        f"Trial {plan.trial} ({plan.strategy.name}) was trained on all {len(plan.dataset)} "
        f"pictures; expected {expected_sentence(metrics['search'])}"
    )
    if "test" not in metrics:
        return said + "."
    test, metric = metrics["test"], plan.run.metric
    value, opened = test[metric], test["opened"]
    assert isinstance(opened, int)
    shown = f"{value:.3f}" if isinstance(value, float) else "undefined"
    return f"{said}; {metric} {shown} on {test['n']} test pictures, {opened_words(opened)}."


def _or_none(value: float) -> float | None:
    """Return ``value``, or ``None`` for NaN and infinity, which JSON does not have."""
    return float(value) if np.isfinite(value) else None
