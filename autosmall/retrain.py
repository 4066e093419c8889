"""From a chosen configuration to a model folder: fit on all pictures, save, reload, compare, test.

The fit is the very call that the workers made, with all samples in its training part and nothing
held out: its epochs and everything else come from the configuration as it was measured.
"""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.ranking import RankedTrial, Ranking
from autosmall.analysis.ranking import rank as rank_trials
from autosmall.data.dataset import read_dataset, read_labelled, read_unlabelled
from autosmall.data.images import UnreadablePictureError, load_pictures
from autosmall.data.samples import Dataset
from autosmall.errors import BackboneError, DatasetError, ModelFileError, SettingsError
from autosmall.files import write_json, write_text
from autosmall.model import LabelledPart, labelled_part, load_model, score_part
from autosmall.model_card import CardFacts, expected_sentence, opened_words, write_card
from autosmall.model_folder import (
    ModelDescription,
    ModelSamples,
    staged_folder,
    write_model_files,
    write_samples,
)
from autosmall.models.backbone_registry import find_backbones
from autosmall.openings import record_opening
from autosmall.quiet import import_keras, native_output_to
from autosmall.run_store import load_run_data
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.parameters import defaults
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.run_data import RunData
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.strategies.registry import get_strategy
from autosmall.training.health import HealthMonitor
from autosmall.training.metrics import all_scores
from autosmall.verify_model import largest_difference

RELOAD_TOLERANCE = 1e-3
"""Largest difference of a probability between the measured fit and the reloaded model.

What was measured may come from cached features and a head in NumPy, and in batches of another
size; in single precision such sums differ in the fifth digit.
"""

SAMPLE_PICTURES = 16
"""Training pictures that the reloaded model, and every export, has to predict alike."""


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
    metrics: dict[str, dict[str, object]]
    sentence: str


@dataclass(frozen=True)
class _Plan:
    """All that is settled before anything is trained."""

    run_dir: Path
    run: RunData
    ranking: Ranking
    chosen: RankedTrial
    strategy: Strategy
    dataset: Dataset
    test: LabelledPart | None
    task: FitTask

    @property
    def trial(self) -> int:
        return self.chosen.summary.trial

    @property
    def backbone(self) -> BackboneSource | None:
        wanted = self.task.config.to_dict().get("backbone")
        return next((source for source in self.task.backbones if source.name == wanted), None)


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
    plan = _plan(Path(run), rank, trial, test)
    log = plan.run_dir / "logs" / "retrain.log"
    import_keras(log)
    started = time.monotonic()
    with native_output_to(log):
        fit = _fit(plan)
        return _save(plan, fit, time.monotonic() - started)


def _plan(run_dir: Path, place: int, trial: int | None, test: Path | None) -> _Plan:
    run = load_run_data(run_dir)
    ranking = rank_trials(run)
    chosen = _choose(run, ranking, place, trial)
    config = chosen.summary.config
    strategy = get_strategy(config.strategy)
    dataset = _same_dataset(run)
    settings = run.settings
    weights_dir, unlabelled = settings.get("weights_dir"), settings.get("unlabelled")
    backbones = find_backbones(
        _texts(settings.get("backbones")), Path(str(weights_dir)) if weights_dir else None
    ).found
    _check_backbone(config.to_dict().get("backbone"), backbones)
    everything = np.arange(len(dataset), dtype=np.int64)
    task = FitTask(
        config=config.with_defaults(defaults(strategy.parameters)),
        pictures=_PictureFiles(dataset.paths),
        train_index=everything,
        train_labels=run.labels,
        validation_index=everything[:0],
        class_count=len(run.classes),
        seed=derive_seed(int(str(settings["seed"])), "retrain", chosen.summary.trial),
        invariances=frozenset(_texts(settings.get("invariances"))),
        unlabelled=_PictureFiles(read_unlabelled(Path(str(unlabelled)))) if unlabelled else None,
        backbones=backbones,
        cache_dir=run_dir / "cache",
        observer=_Watch(config.to_dict().get("epochs"), len(run.classes)),
    )
    return _Plan(
        run_dir, run, ranking, chosen, strategy, dataset, _test_part(run, dataset, test), task
    )


def _choose(run: RunData, ranking: Ranking, place: int, trial: int | None) -> RankedTrial:
    """Return the wanted row of the ranking; ``SettingsError`` says what there is instead."""
    numbers = [row.summary.trial for row in ranking.rows]
    if not numbers:
        raise SettingsError(
            f"no configuration of the run {run.name} is complete on all folds",
            "at least one complete configuration",
            "let the search go on: the same search command continues it",
        )
    if trial is None and not 1 <= place <= len(numbers):
        raise SettingsError(
            f"rank {place}", f"1 to {len(numbers)}", "see the ranking in the report"
        )
    wanted = numbers[place - 1] if trial is None else trial
    if wanted not in numbers:
        raise SettingsError(
            f"trial {wanted}, which {_fate(run, wanted)}",
            "a trial that is complete on all folds",
            f"by rank these are: {', '.join(map(str, numbers[:20]))}",
        )
    return ranking.find(wanted)


def _fate(run: RunData, number: int) -> str:
    for record in run.trials:
        if record.number == number:
            why = f" ({record.reason})" if record.reason else ""
            return f"is {record.status.replace('_', ' ')}{why}"
    last = max((record.number for record in run.trials), default=0)
    return f"does not exist; the run has trials 0 to {last}"


def _same_dataset(run: RunData) -> Dataset:
    """Return the run's samples, row by row as in ``folds.csv``, if nothing has changed."""
    source = Path(str(run.settings["dataset"]))
    dataset = read_dataset(source)
    if dataset.fingerprint() != run.fingerprint:
        raise DatasetError(
            f"the data set {source} has changed since the search",
            "the names, labels and file sizes that were searched",
            "restore it, or search anew with another --output-dir",
        )
    searched = set(run.sample_names)
    part = dataset.subset(np.array([name in searched for name in dataset.names]))
    rows = {name: row for row, name in enumerate(part.names)}
    if part.names != run.sample_names or part.classes != run.classes:
        raise DatasetError(
            f"folds.csv lists {len(run.sample_names)} pictures, {len(rows)} of them in {source}",
            "the same pictures in the same order",
            "search anew with another --output-dir",
        )
    return part


def _test_part(run: RunData, dataset: Dataset, test: Path | None) -> LabelledPart | None:
    """Return what the model will be scored on; only names are read here."""
    if test is not None:
        return labelled_part(read_labelled(test), run.classes)
    return labelled_part(dataset, run.classes) if dataset.test_samples else None


def _check_backbone(wanted: object, found: Sequence[BackboneSource]) -> None:
    names = [source.name for source in found]
    if wanted is not None and wanted not in names:
        raise BackboneError(
            f"the configuration needs the backbone {wanted}, which is not found any more",
            f"one of {', '.join(names) or 'none'}",
            "put its weights back where the search found them (settings.toml: weights_dir)",
        )


def _fit(plan: _Plan) -> Fit:
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


def _save(plan: _Plan, fit: Fit, fit_seconds: float) -> RetrainResult:
    description = ModelDescription(fit.picture_spec, plan.run.classes, plan.task.config)
    rows = sample_rows(plan.run.labels, SAMPLE_PICTURES)
    model_dir = plan.run_dir / "model"
    with staged_folder(model_dir) as staged:
        write_model_files(staged, fit.build_model(), description)
        model = load_model(staged)
        pictures = plan.task.pictures(fit.picture_spec)[rows]
        names = tuple(plan.run.sample_names[row] for row in rows)
        write_samples(staged, ModelSamples(names, pictures, model.predict_proba(pictures)))
        reload = _check_reload(plan, fit, staged, rows)
        metrics: dict[str, dict[str, object]] = {}
        if plan.test is not None:
            opened = record_opening(plan.run_dir, plan.test.place, model.pipeline.sha256, "retrain")
            metrics["test"] = {**score_part(model, plan.test), "opened": opened}
        metrics["search"] = search_estimate(plan.ranking, plan.chosen)
        metrics["training"] = _training(plan, fit, fit_seconds)
        metrics["reload"] = reload
        write_json(staged / "metrics.json", {"trial": plan.trial, **metrics})
        write_text(staged / "model_card.md", write_card(_card_facts(plan, metrics), model.pipeline))
    return RetrainResult(
        model_dir, plan.trial, plan.strategy.name, metrics, _sentence(plan, metrics)
    )


def _check_reload(
    plan: _Plan, fit: Fit, staged: Path, rows: NDArray[np.int64]
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


def _training(plan: _Plan, fit: Fit, fit_seconds: float) -> dict[str, object]:
    scores = all_scores(plan.run.labels, fit.train_probabilities)
    return {
        "n": len(plan.run.labels),
        **{name: _or_none(value) for name, value in scores.items()},
        "trainable_parameters": fit.trainable_parameters,
        "total_parameters": fit.total_parameters,
        "fit_seconds": round(fit_seconds, 3),
    }


def _card_facts(plan: _Plan, metrics: dict[str, dict[str, object]]) -> CardFacts:
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


def _sentence(plan: _Plan, metrics: dict[str, dict[str, object]]) -> str:
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


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, tuple | list) else ()


class _PictureFiles:
    """Pictures decoded when they are first asked for, once per spec."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._arrays: dict[PictureSpec, NDArray[np.uint8]] = {}

    def __call__(self, spec: PictureSpec) -> NDArray[np.uint8]:
        if spec not in self._arrays:
            pictures = load_pictures(self._paths, spec)
            pictures.flags.writeable = False
            self._arrays[spec] = pictures
        return self._arrays[spec]

    def __len__(self) -> int:
        return len(self._paths)


class _Watch:
    """Stops a fit for the health rules that the search's workers apply; keeps no curves."""

    def __init__(self, epochs: object, class_count: int) -> None:
        self._monitor = HealthMonitor(epochs if isinstance(epochs, int) else 1, class_count)

    def epoch_end(
        self,
        train_loss: float,
        train_accuracy: float,
        validation_probabilities: NDArray[np.float32] | None,
    ) -> bool:
        return self._monitor.epoch(train_loss, train_accuracy, validation_probabilities)
