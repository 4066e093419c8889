"""Everything that comes before the first fit: check the input, audit, fold, fix the facts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import compress
from pathlib import Path

import numpy as np

from autosmall.data.audit import Audit, audit_dataset
from autosmall.data.dataset import Dataset, read_dataset, read_unlabelled
from autosmall.data.folds import plan_folds, read_folds, sample_groups, write_folds
from autosmall.data.picture_sizes import usual_size_px
from autosmall.data.previews import write_previews
from autosmall.errors import DatasetError, RunFolderError, SettingsError
from autosmall.explorers.registry import EXPLORER_NAMES
from autosmall.files import write_json
from autosmall.models.backbone_registry import BackboneSearch, find_backbones
from autosmall.models.keras_files import input_size_px
from autosmall.models.trust import Trust
from autosmall.run_store import PREVIEWS, RunFacts, RunStore, Setting
from autosmall.schema.backbone_source import BackboneSource, told_without_weights
from autosmall.schema.folds import FoldPlan
from autosmall.schema.pretrain_settings import PretrainSettings
from autosmall.schema.search_context import SearchContext
from autosmall.schema.settings import INVARIANCES, METRICS, PREFERENCES, SearchSettings
from autosmall.schema.space import Space
from autosmall.schema.space_file import read_space, restrict
from autosmall.schema.space_sizes import with_own_size
from autosmall.source_backbone import pretrain_settings, source_backbone, trained_size_px
from autosmall.strategies.enlargement import enlarged_sizes
from autosmall.strategies.registry import parameters_by_strategy
from autosmall.training.metrics import resolve_metric
from autosmall.versions import package_versions

RUN_ENTRIES = (
    "settings.toml",
    "folds.csv",
    "audit.json",
    "state.json",
    "study.db",
    "trials.csv",
    "fold_results.csv",
    "report.html",
    "report.json",
    "test_openings.json",
    "run.lock",
    "trials",
    "predictions",
    "curves",
    "models",
    "assets",
    "sample_size",
    "invariances",
    "model",
    "backbone.keras",
    "backbone.md",
    "backbone.keras.partial",
    "cache",
    "logs",
    "explorer",
)
"""All that a run folder may hold; nothing else is ever deleted."""

GENERIC_FOLDER_NAMES = ("train", "training", "data", "dataset", "images", "pictures")

PACKAGES = ("autosmall", "tensorflow", "keras", "keras-tuner", "optuna", "ray", "scikit-learn")


@dataclass(frozen=True)
class CheckedInput:
    """A search whose input has been checked without decoding a picture.

    ``pretraining`` is how its own backbone is trained first, with ``--source``.
    """

    settings: SearchSettings
    run_dir: Path
    dataset: Dataset
    unlabelled: tuple[Path, ...]
    backbones: BackboneSearch
    space: Space
    pretraining: PretrainSettings | None = None


@dataclass(frozen=True)
class PreparedSearch:
    """A search that can begin, or go on.

    ``notes`` are sentences for the user: folds, metric, backbones, warnings of the audit.
    """

    settings: SearchSettings
    store: RunStore
    space: Space
    context: SearchContext
    notes: tuple[str, ...]
    resumed: bool


def check_input(settings: SearchSettings) -> CheckedInput:
    """Return the checked input; quick, and without importing TensorFlow.

    Raises the errors of :mod:`autosmall.errors` that say what is wrong.
    """
    _check_settings(settings)
    dataset = read_dataset(settings.dataset)
    unlabelled = read_unlabelled(settings.unlabelled) if settings.unlabelled else ()
    run_dir = settings.output_dir or Path("reports") / default_run_name(settings.dataset)
    backbones = _find_backbones(settings, run_dir)
    space = read_space(
        settings.space,
        parameters_by_strategy(),
        backbones=tuple(source.name for source in backbones.found),
        train_size=max(1, len(dataset.samples) * 4 // 5),
        picture_size_px=usual_size_px(dataset.paths),
    )
    if settings.strategies:
        space = restrict(space, settings.strategies)
    pretraining = _pretraining(settings, run_dir, space)
    space = _with_own_sizes(space, backbones.found, pretraining)
    checked = CheckedInput(settings, run_dir, dataset, unlabelled, backbones, space, pretraining)
    _check_run_dir(checked)
    return checked


def _find_backbones(settings: SearchSettings, run_dir: Path) -> BackboneSearch:
    """Return the backbones that are there, after the one that the search is to train."""
    named = Trust.named(settings.trust)
    trust = _remembered_trust(settings, run_dir).joined(named)
    search = find_backbones(settings.backbones, settings.weights_dir, trust)
    named.check_used((source.weights_path for source in search.found), "a backbone of this search")
    if settings.source is None:
        return search
    own = source_backbone(settings.source, run_dir)
    return replace(search, found=(own, *search.found))


def _remembered_trust(settings: SearchSettings, run_dir: Path) -> Trust:
    """Return what the search in ``run_dir`` trusts already."""
    store = RunStore(run_dir)
    if settings.overwrite or not store.exists:
        return Trust()
    return Trust.stored(store.facts().settings)


def _pretraining(settings: SearchSettings, run_dir: Path, space: Space) -> PretrainSettings | None:
    """Return how the search's own backbone is trained, or ``None`` without ``--source``."""
    if settings.source is None:
        if settings.source_budget_seconds is not None:
            raise SettingsError(
                "source_budget without a source",
                "the pictures to pretrain a backbone on",
                "give --source, or leave --source-budget out",
            )
        return None
    budget = settings.time_budget_seconds
    if budget is None and settings.max_trials is None:
        budget = space.usual_minutes * 60
    return pretrain_settings(settings, run_dir, budget)


def _with_own_sizes(
    space: Space, found: Sequence[BackboneSource], pretraining: PretrainSettings | None
) -> Space:
    """Return the space in which networks from files see pictures of the size they were made for."""
    for source in found:
        if source.kind != "file":
            continue
        if pretraining is not None and Path(source.weights_path) == pretraining.output.resolve():
            size_px: int | None = trained_size_px(pretraining)
        else:
            size_px = input_size_px(Path(source.weights_path))
        if size_px is not None:
            space = with_own_size(space, source.name, size_px)
    return space


def prepare(checked: CheckedInput, on_audit: Callable[[int, int], None]) -> PreparedSearch:
    """Return the search with its folds fixed and written down.

    A folder that holds this search already is read instead: nothing is audited or split anew.
    """
    store = RunStore(checked.run_dir)
    if checked.settings.overwrite:
        clear_run_dir(checked.run_dir)
    resumed = store.exists
    if not resumed:
        _begin(checked, store, on_audit)
    elif checked.settings.prefer is not None:
        store.set_preference(checked.settings.prefer)
    return _read_prepared(checked, store, resumed)


def default_run_name(dataset: Path) -> str:
    """Return the run folder's name: the data set's, with its parent's where it says little."""
    path = dataset.resolve()
    name = path.stem if path.is_file() else path.name
    if name.lower() in GENERIC_FOLDER_NAMES and path.parent.name:
        return f"{path.parent.name}-{name}"
    return name


def clear_run_dir(run_dir: Path) -> None:
    """Delete what a search wrote into ``run_dir``, and nothing else."""
    for name in RUN_ENTRIES:
        path = run_dir / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _check_settings(settings: SearchSettings) -> None:
    _check_choice("metric", settings.metric, ("auto", *METRICS))
    _check_choice("explorer", settings.explorer, EXPLORER_NAMES)
    if settings.prefer is not None:
        _check_choice("prefer", settings.prefer, PREFERENCES)
    for name in settings.invariances:
        _check_choice("invariances", name, INVARIANCES)
    _check_least("max_trials", settings.max_trials, 1)
    _check_least("repeats", settings.repeats, 1)
    _check_least("workers", settings.workers, 0)
    _check_least("gpus_per_worker", settings.gpus_per_worker, 0)
    for name in ("time_budget", "source_budget"):
        seconds = getattr(settings, f"{name}_seconds")
        if seconds is not None and seconds <= 0:
            raise SettingsError(
                f"{name} is {seconds:g} seconds",
                "a positive duration",
                f"give for example --{name.replace('_', '-')} 10m",
            )
    if settings.folds != "auto":
        if not isinstance(settings.folds, int):
            _check_choice("folds", str(settings.folds), ("auto",))
        _check_least("folds", int(settings.folds), 2)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(
            f"{option} is {value!r}",
            "one of " + ", ".join(choices),
            f"correct --{option.replace('_', '-')}",
        )


def _check_least(option: str, value: float | None, least: int) -> None:
    if value is not None and value < least:
        raise SettingsError(
            f"{option} is {value}", f"at least {least}", f"correct --{option.replace('_', '-')}"
        )


def _check_run_dir(checked: CheckedInput) -> None:
    run_dir = checked.run_dir
    if run_dir.exists() and not run_dir.is_dir():
        raise RunFolderError(
            f"{run_dir} is a file", "a folder for the run", "choose another --output-dir"
        )
    dataset = checked.settings.dataset.resolve()
    if dataset.is_dir() and run_dir.resolve().is_relative_to(dataset):
        raise RunFolderError(
            f"the run folder {run_dir} lies inside the data set",
            "a folder outside it: the data set is never written to",
            "choose another --output-dir",
        )
    _check_cache_dir(checked.settings)
    if checked.settings.overwrite or not run_dir.is_dir():
        return
    if RunStore(run_dir).exists:
        _check_same_search(checked, RunStore(run_dir).facts())
        return
    foreign = sorted(p.name for p in run_dir.iterdir() if p.name not in RUN_ENTRIES)
    if foreign:
        raise RunFolderError(
            f"{run_dir} holds files that are not a run's ({', '.join(foreign[:3])})",
            "an empty folder, a new one, or an earlier run of this search",
            "choose another --output-dir",
        )


def _check_cache_dir(settings: SearchSettings) -> None:
    if settings.cache_dir is None:
        return
    folder, dataset = settings.cache_dir.resolve(), settings.dataset.resolve()
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file", "a folder", "choose another --cache-dir")
    if dataset.is_dir() and folder.is_relative_to(dataset):
        raise SettingsError(
            f"the cache folder {folder} lies inside the data set",
            "a folder outside it: the data set is never written to",
            "choose another --cache-dir",
        )


def _check_same_search(checked: CheckedInput, facts: RunFacts) -> None:
    wanted = _identity(checked)
    differing = sorted(name for name in wanted if facts.identity.get(name) != wanted[name])
    if differing:
        raise RunFolderError(
            f"{checked.run_dir} holds another search: {', '.join(differing)} differ",
            "the same data set, space and settings, to go on with it",
            "choose another --output-dir, or --overwrite to delete what is there",
        )


def _identity(checked: CheckedInput) -> dict[str, str]:
    settings = checked.settings
    return {
        "dataset": checked.dataset.fingerprint(),
        "space": hashlib.sha256(repr(checked.space).encode()).hexdigest()[:16],
        **{
            name: repr(getattr(settings, name))
            for name in (
                "folds",
                "repeats",
                "metric",
                "explorer",
                "groups",
                "keep_duplicates",
                "invariances",
                "seed",
            )
        },
        "unlabelled": str(settings.unlabelled.resolve()) if settings.unlabelled else "",
        "source": str(settings.source.resolve()) if settings.source else "",
    }


def _begin(checked: CheckedInput, store: RunStore, on_audit: Callable[[int, int], None]) -> None:
    settings = checked.settings
    audit = audit_dataset(checked.dataset, previews=settings.pictures, on_progress=on_audit)
    dataset = _readable_part(checked.dataset, audit)
    groups = sample_groups(checked.dataset, audit, settings.groups, settings.keep_duplicates)
    groups = np.unique(groups[audit.readable], return_inverse=True)[1].astype(np.int64)
    plan = plan_folds(
        dataset.labels,
        groups,
        folds=settings.folds if settings.folds == "auto" else int(settings.folds),
        repeats=settings.repeats,
        seed=settings.seed,
        classes=dataset.classes,
    )
    metric, reason = resolve_metric(settings.metric, dataset.labels)
    write_json(store.path / "audit.json", audit.to_json())
    write_folds(store.path / "folds.csv", dataset, plan)
    if settings.pictures:
        readable = compress(audit.previews, audit.readable)
        write_previews(store.path / PREVIEWS, list(readable))
    stored = _stored_settings(checked, metric, reason, plan)
    store.create(
        RunFacts(
            stored,
            _identity(checked),
            package_versions(PACKAGES),
            checked.dataset.fingerprint(),
            dataset.classes,
        )
    )


def _readable_part(dataset: Dataset, audit: Audit) -> Dataset:
    if not audit.readable.any():
        raise DatasetError(
            f"none of the {len(dataset.samples)} pictures in {dataset.root} can be read",
            "pictures in JPEG, PNG, BMP, GIF, TIFF or WebP",
            f"open one by hand; the reasons are listed by: autosmall audit {dataset.root}",
        )
    part = dataset.subset(audit.readable)
    counts = np.bincount(part.labels, minlength=len(part.classes))
    if counts.min() < 2:
        rare = part.classes[int(counts.argmin())]
        raise DatasetError(
            f"the class {rare!r} has {counts.min()} readable pictures",
            "at least 2 readable pictures in each class",
            f"mend or add pictures; broken files are listed by: autosmall audit {dataset.root}",
        )
    return part


def _stored_settings(
    checked: CheckedInput, metric: str, metric_reason: str, plan: FoldPlan
) -> dict[str, Setting]:
    settings = replace(checked.settings, dataset=checked.settings.dataset.resolve())
    plain: dict[str, Setting] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        plain[item.name] = str(value.resolve()) if isinstance(value, Path) else value
    plain.pop("overwrite"), plain.pop("quiet")
    return {
        **plain,
        "metric": metric,
        "metric_reason": metric_reason,
        "folds": plan.fold_count,
        "repeats": plan.repeats,
        "folds_reason": plan.reason,
        "strategies": checked.space.strategies,
        "trust": Trust.of_sources(checked.backbones.found).lines(),
        "backbones_found": tuple(source.name for source in checked.backbones.found),
        "backbones_looked_in": checked.backbones.looked_in,
        "enlarged": enlarged_sizes(checked.space),
    }


def _read_prepared(checked: CheckedInput, store: RunStore, resumed: bool) -> PreparedSearch:
    facts = store.facts()
    names, label_names, plan = read_folds(store.path / "folds.csv")
    position = {name: row for row, name in enumerate(facts.classes)}
    path_of = {sample.name: str(sample.path) for sample in checked.dataset.samples}
    settings = checked.settings
    context = SearchContext(
        picture_paths=tuple(path_of[name] for name in names),
        labels=np.array([position[name] for name in label_names], np.int64),
        classes=facts.classes,
        unlabelled_paths=tuple(str(path) for path in checked.unlabelled),
        folds=plan,
        metric=str(facts.settings["metric"]),
        invariances=settings.invariances,
        backbones=checked.backbones.found,
        seed=settings.seed,
        cache_dir=str((settings.cache_dir or store.path / "cache").resolve()),
        log_dir=str((store.path / "logs").resolve()),
    )
    return PreparedSearch(
        settings, store, checked.space, context, _notes(checked, facts, context), resumed
    )


def _notes(checked: CheckedInput, facts: RunFacts, context: SearchContext) -> tuple[str, ...]:
    names = tuple(source.name for source in checked.backbones.found)
    strategies = checked.space.strategies
    looked = "; ".join(checked.backbones.looked_in).replace(str(Path.home()), "~") or "nowhere"
    return (
        f"{len(context.labels)} pictures in {len(context.classes)} classes, "
        f"{facts.settings['folds_reason']}",
        f"metric: {context.metric} ({facts.settings['metric_reason']})",
        f"backbones: {', '.join(names) or 'none'} (looked in {looked})",
        *([] if checked.settings.backbones else told_without_weights(names, strategies)),
        *(f"{source.name}: {source.remark}" for source in context.backbones if source.remark),
        *enlarged_sizes(checked.space),
    )
