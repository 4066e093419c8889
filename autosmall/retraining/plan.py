"""What is settled before anything is retrained: configuration, pictures, test, the fit itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.calibration import Calibration, calibrate
from autosmall.analysis.ensemble import VOTE, Ensemble, choose_ensemble, vote
from autosmall.analysis.ranking import RankedTrial, Ranking, rank
from autosmall.analysis.thresholds import find_rare_class
from autosmall.data.dataset import read_dataset, read_labelled, read_unlabelled
from autosmall.data.samples import Dataset
from autosmall.errors import BackboneError, DatasetError, SettingsError
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.trust import Trust
from autosmall.report.sections.ensemble import gain_words
from autosmall.run_folder.run_data import load_run_data
from autosmall.runner.pictures import DecodedPictures
from autosmall.saved_model.decisions import Decisions
from autosmall.saved_model.model import LabelledPart, labelled_part
from autosmall.saved_model.pipeline import KERAS, MODEL_FILES
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.config import Config
from autosmall.schema.run_data import RunData
from autosmall.schema.seeds import derive_seed
from autosmall.searching.source_backbone import source_backbone
from autosmall.strategies.base import FitTask, PictureSource, Strategy
from autosmall.strategies.registry import get_strategy
from autosmall.training.health.monitor import HealthMonitor


@dataclass(frozen=True)
class RetrainPlan:
    """All that is settled before anything is trained.

    Attributes:
        run_dir: The run folder.
        run: What it stores.
        ranking: Its trials, ranked.
        chosen: The row of the ranking that is trained.
        strategy: Its strategy.
        dataset: The samples of ``folds.csv``, row by row.
        test: What the model is scored on, or ``None``.
        task: The fit: all rows to train on, none to predict.
        calibration: What its out-of-fold predictions tell of its probabilities.
        decisions: What the saved model makes of them.
    """

    run_dir: Path
    run: RunData
    ranking: Ranking
    chosen: RankedTrial
    strategy: Strategy
    dataset: Dataset
    test: LabelledPart | None
    task: FitTask
    calibration: Calibration
    decisions: Decisions

    @property
    def trial(self) -> int:
        """Number of the chosen trial."""
        return self.chosen.summary.trial

    def trusted_files(self, folder: Path) -> tuple[Path, ...]:
        """Return the models in ``folder`` whose code may run, as that of the run's backbones may.

        A model holds its backbone's code.
        """
        trusts = bool(Trust.stored(self.run.settings).digests)
        return tuple(folder.rglob(MODEL_FILES[KERAS])) if trusts else ()

    @property
    def backbone(self) -> BackboneSource | None:
        """The backbone that the configuration names, or ``None``."""
        wanted = self.task.config.to_dict().get("backbone")
        return next((source for source in self.task.backbones if source.name == wanted), None)


@dataclass(frozen=True)
class EnsemblePlan:
    """A vote that pays, and the plan of each member, the weightiest first.

    The members' own probabilities are left as they are; ``calibration`` and ``decisions`` are
    those of the vote.
    """

    choice: Ensemble
    members: tuple[RetrainPlan, ...]
    calibration: Calibration
    decisions: Decisions


def plan_retraining(run_dir: Path, place: int, trial: int | None, test: Path | None) -> RetrainPlan:
    """Return the plan for the configuration at ``place`` in the ranking, or for ``trial``.

    Reads names and sizes, no picture, and imports no Keras. Raises what
    :func:`autosmall.retraining.retrain.retrain` says, but for ``ModelFileError``.
    """
    run = load_run_data(run_dir)
    ranking = rank(run)
    chosen = _choose(run, ranking, place, trial)
    number = chosen.summary.trial
    calibration = calibrate(ranking.table, number, seed=ranking.seed)
    rare = find_rare_class(ranking.table, number, run.classes)
    searched = _searched(run_dir, run, ranking, test)
    return _plan(searched, chosen, calibration, Decisions(calibration.temperature, rare))


def plan_ensemble(run_dir: Path, test: Path | None) -> EnsemblePlan:
    """Return the plan for the ensemble that beats the recommended configuration.

    Raises :class:`~autosmall.errors.SettingsError`, with the numbers, where none does, and
    otherwise as :func:`plan_retraining`.
    """
    run = load_run_data(run_dir)
    ranking = rank(run)
    _choose(run, ranking, 1, None)
    choice = choose_ensemble(ranking)
    if choice is None or not choice.pays:
        raise SettingsError(
            f"no ensemble pays in the run {run.name}: {gain_words(run.metric, choice)}",
            "a gain over the recommended configuration above its standard error",
            "retrain the recommended one instead: leave --ensemble out",
        )
    table = vote(ranking.table, choice.trials, choice.weights)
    calibration = calibrate(table, VOTE, seed=ranking.seed)
    rare = find_rare_class(table, VOTE, run.classes)
    searched = _searched(run_dir, run, ranking, test)
    members = tuple(_member(searched, number) for number in choice.trials)
    return EnsemblePlan(choice, members, calibration, Decisions(calibration.temperature, rare))


@dataclass(frozen=True)
class _Searched:
    """What the plans of one run share."""

    run_dir: Path
    run: RunData
    ranking: Ranking
    dataset: Dataset
    test: LabelledPart | None


def _searched(run_dir: Path, run: RunData, ranking: Ranking, test: Path | None) -> _Searched:
    dataset = _same_dataset(run)
    return _Searched(run_dir, run, ranking, dataset, _test_part(run, dataset, test))


def _member(searched: _Searched, trial: int) -> RetrainPlan:
    ranking = searched.ranking
    calibration = calibrate(ranking.table, trial, seed=ranking.seed)
    return _plan(searched, ranking.find(trial), calibration, Decisions())


def _plan(
    searched: _Searched, chosen: RankedTrial, calibration: Calibration, decisions: Decisions
) -> RetrainPlan:
    strategy = get_strategy(chosen.summary.config.strategy)
    config = strategy.resolved(chosen.summary.config)
    return RetrainPlan(
        run_dir=searched.run_dir,
        run=searched.run,
        ranking=searched.ranking,
        chosen=chosen,
        strategy=strategy,
        dataset=searched.dataset,
        test=searched.test,
        task=_task(searched.run_dir, searched.run, chosen.summary.trial, config, searched.dataset),
        calibration=calibration,
        decisions=decisions,
    )


def _task(run_dir: Path, run: RunData, trial: int, config: Config, dataset: Dataset) -> FitTask:
    everything = np.arange(len(dataset), dtype=np.int64)
    return FitTask(
        config=config,
        pictures=DecodedPictures([str(path) for path in dataset.paths]),
        train_index=everything,
        train_labels=run.labels,
        validation_index=everything[:0],
        class_count=len(run.classes),
        seed=derive_seed(int(str(run.settings["seed"])), "retrain", trial),
        invariances=frozenset(_texts(run.settings.get("invariances"))),
        unlabelled=_unlabelled(run),
        backbones=_backbones(run_dir, run, config),
        cache_dir=cache_folder(run_dir, run),
        observer=_Watch(config, len(run.classes)),
    )


def cache_folder(run_dir: Path, run: RunData) -> Path:
    """Return the folder of features that the search used, or the run's own where that is gone."""
    shared = Path(str(run.settings.get("cache_dir", "")))
    return shared if "cache_dir" in run.settings and shared.is_dir() else run_dir / "cache"


def _unlabelled(run: RunData) -> PictureSource | None:
    folder = run.settings.get("unlabelled")
    if not folder:
        return None
    return DecodedPictures([str(path) for path in read_unlabelled(Path(str(folder)))])


def _backbones(run_dir: Path, run: RunData, config: Config) -> tuple[BackboneSource, ...]:
    """Return what is found as in the search; the one that ``config`` names must be among them."""
    weights_dir = run.settings.get("weights_dir")
    found = find_backbones(
        _texts(run.settings.get("backbones")),
        Path(str(weights_dir)) if weights_dir else None,
        Trust.stored(run.settings),
    ).found
    if run.settings.get("source"):
        found = (source_backbone(Path(str(run.settings["source"])), run_dir), *found)
    names = [source.name for source in found]
    if "backbone" in config and config["backbone"] not in names:
        raise BackboneError(
            f"the configuration needs the backbone {config['backbone']}, which is not found now",
            f"one of {', '.join(names) or 'none'}",
            "put its weights back where the search found them (weights_dir in settings.toml)",
        )
    return found


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


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, tuple | list) else ()


class _Watch:
    """Stops a fit for the health rules that the search's workers apply; keeps no curves."""

    def __init__(self, config: Config, class_count: int) -> None:
        self._monitor = HealthMonitor.of(config, class_count)

    def epoch_end(
        self,
        train_loss: float,
        train_accuracy: float,
        validation_probabilities: NDArray[np.float32] | None,
    ) -> bool:
        return self._monitor.epoch(train_loss, train_accuracy)
