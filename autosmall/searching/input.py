"""A search's input, checked before a picture is decoded: data set, space, backbones, folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autosmall.data.dataset import Dataset, read_dataset, read_unlabelled
from autosmall.data.picture_sizes import usual_size_px
from autosmall.errors import RunFolderError, SettingsError
from autosmall.models.backbone_registry import BackboneSearch, find_backbones
from autosmall.models.keras_files import input_size_px
from autosmall.models.trust import Trust
from autosmall.run_folder.state import RunFacts
from autosmall.run_folder.store import RunStore
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.pretrain_settings import PretrainSettings
from autosmall.schema.settings import SearchSettings
from autosmall.schema.space import Space
from autosmall.schema.space_file import read_space, restrict
from autosmall.schema.space_sizes import with_own_size
from autosmall.searching.run_dir import check_run_dir, default_run_name
from autosmall.searching.settings_check import check_settings
from autosmall.searching.source_backbone import pretrain_settings, source_backbone, trained_size_px
from autosmall.strategies.registry import parameters_by_strategy


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


def check_input(settings: SearchSettings) -> CheckedInput:
    """Return the checked input; quick, and without importing TensorFlow.

    Raises the errors of :mod:`autosmall.errors` that say what is wrong.
    """
    check_settings(settings)
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
    check_run_dir(settings, run_dir)
    if not settings.overwrite and RunStore(run_dir).exists:
        _check_same_search(checked, RunStore(run_dir).facts())
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


def _check_same_search(checked: CheckedInput, facts: RunFacts) -> None:
    wanted = identity(checked)
    differing = sorted(name for name in wanted if facts.identity.get(name) != wanted[name])
    if differing:
        raise RunFolderError(
            f"{checked.run_dir} holds another search: {', '.join(differing)} differ",
            "the same data set, space and settings, to go on with it",
            "choose another --output-dir, or --overwrite to delete what is there",
        )


def identity(checked: CheckedInput) -> dict[str, str]:
    """Return name and value of all that must be equal for a search to go on in its folder."""
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
