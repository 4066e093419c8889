"""What comes between the checked input and the first fit: audit, fold, write down, read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import compress
from pathlib import Path

import numpy as np

from autosmall.data.audit import Audit, audit_dataset
from autosmall.data.dataset import Dataset
from autosmall.data.folds import plan_folds, read_folds, sample_groups, write_folds
from autosmall.data.previews import write_previews
from autosmall.errors import DatasetError
from autosmall.files import write_json
from autosmall.models.trust import Trust
from autosmall.run_folder.state import RunFacts, Setting
from autosmall.run_folder.store import PREVIEWS, RunStore
from autosmall.schema.backbone_source import told_without_weights
from autosmall.schema.folds import FoldPlan
from autosmall.schema.search_context import SearchContext
from autosmall.schema.settings import SearchSettings
from autosmall.schema.space import Space
from autosmall.searching.input import CheckedInput, identity
from autosmall.searching.run_dir import clear_run_dir
from autosmall.strategies.enlargement import enlarged_sizes
from autosmall.training.metrics import resolve_metric
from autosmall.versions import package_versions

PACKAGES = ("autosmall", "tensorflow", "keras", "keras-tuner", "optuna", "ray", "scikit-learn")


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
            identity(checked),
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
