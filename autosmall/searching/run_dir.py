"""Where a search writes: the run folder's name, what it may hold, and what is never touched."""

from __future__ import annotations

import shutil
from pathlib import Path

from autosmall.errors import RunFolderError, SettingsError
from autosmall.run_folder.store import RunStore
from autosmall.schema.settings import SearchSettings

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


def check_run_dir(settings: SearchSettings, run_dir: Path) -> None:
    """Raise where the search must not write: into files, the data set, or what is not a run's."""
    if run_dir.exists() and not run_dir.is_dir():
        raise RunFolderError(
            f"{run_dir} is a file", "a folder for the run", "choose another --output-dir"
        )
    dataset = settings.dataset.resolve()
    if dataset.is_dir() and run_dir.resolve().is_relative_to(dataset):
        raise RunFolderError(
            f"the run folder {run_dir} lies inside the data set",
            "a folder outside it: the data set is never written to",
            "choose another --output-dir",
        )
    _check_cache_dir(settings)
    if settings.overwrite or not run_dir.is_dir() or RunStore(run_dir).exists:
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
