"""What the leaders' fold models learned, in the run folder: a file each, written atomically.

``models/00007/fold_00.npz`` holds what :meth:`autosmall.strategies.base.Strategy.rebuild` needs
for trial 7 trained without fold 0. A backbone that was left as it is is not among it: the
configuration names it. A file that is missing or torn is a model less to look at, and no result
rests on it.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from autosmall.files import write_bytes
from autosmall.schema.results import Arrays, FoldResult

FOLDER = "models"


def write_fold_model(run_dir: Path, result: FoldResult) -> None:
    """Write what the model of ``result`` learned."""
    buffer = io.BytesIO()
    np.savez(buffer, **result.learned)  # type: ignore[arg-type]
    write_bytes(_path(run_dir, result.trial, result.fold), buffer.getvalue())


def read_fold_model(run_dir: Path, trial: int, fold: int) -> Arrays | None:
    """Return what a fold's model learned, or ``None`` where it was not kept or its file is torn."""
    try:
        with np.load(_path(run_dir, trial, fold), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def trials_with_models(run_dir: Path) -> list[int]:
    """Return the numbers of the trials of which models are kept, in rising order."""
    folder = run_dir / FOLDER
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdigit())


def prune_fold_models(run_dir: Path, kept: Collection[int]) -> None:
    """Delete the models of all trials but ``kept``."""
    for trial in trials_with_models(run_dir):
        if trial not in kept:
            shutil.rmtree(run_dir / FOLDER / f"{trial:05d}", ignore_errors=True)


def _path(run_dir: Path, trial: int, fold: int) -> Path:
    return run_dir / FOLDER / f"{trial:05d}" / f"fold_{fold:02d}.npz"
