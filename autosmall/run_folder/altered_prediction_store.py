"""Where predictions for altered pictures are stored: a file per fold, written atomically.

``invariances/00007/fold_02.npz`` holds trial 7 asked about the pictures of fold 2: ``rows``,
``plain``, one array per kind, and JPEG files as ``picture/<kind>/<row>/<direction>/plain`` and
``.../changed``.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.files import write_bytes
from autosmall.schema.altered_predictions import AlteredPredictions, ChangedPicture
from autosmall.schema.settings import INVARIANCES

FOLDER = "invariances"


def write_altered_predictions(run_dir: Path, found: AlteredPredictions) -> None:
    """Write one file of the run folder."""
    arrays: dict[str, NDArray[np.generic]] = {
        "rows": found.rows,
        "plain": found.plain,
        **found.by_kind,
    }
    for example in found.examples:
        name = f"picture/{example.kind}/{example.row}/{example.direction}"
        arrays[f"{name}/plain"] = np.frombuffer(example.plain, np.uint8)
        arrays[f"{name}/changed"] = np.frombuffer(example.changed, np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    path = run_dir / FOLDER / f"{found.trial:05d}" / f"fold_{found.fold:02d}.npz"
    write_bytes(path, buffer.getvalue())


def forget_other_trials(run_dir: Path, trial: int) -> None:
    """Delete what is stored of trials other than ``trial``."""
    for folder in (run_dir / FOLDER).glob("*"):
        if folder.name != f"{trial:05d}":
            shutil.rmtree(folder, ignore_errors=True)


def read_altered_predictions(run_dir: Path) -> tuple[AlteredPredictions, ...]:
    """Return all that is stored, by trial and fold; torn files are left out."""
    paths = sorted((run_dir / FOLDER).glob("*/fold_*.npz"))
    return tuple(found for found in map(_read, paths) if found is not None)


def _read(path: Path) -> AlteredPredictions | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return AlteredPredictions(
            trial=int(path.parent.name),
            fold=int(path.stem.removeprefix("fold_")),
            rows=arrays["rows"],
            plain=arrays["plain"],
            by_kind={kind: arrays[kind] for kind in INVARIANCES if kind in arrays},
            examples=_examples(arrays),
        )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _examples(arrays: Mapping[str, NDArray[np.generic]]) -> tuple[ChangedPicture, ...]:
    names = [name.removesuffix("/plain") for name in arrays if name.endswith("/plain")]
    found = []
    for name in names:
        _, kind, row, direction = name.split("/")
        plain, changed = (arrays[f"{name}/{which}"].tobytes() for which in ("plain", "changed"))
        found.append(ChangedPicture(kind, int(row), int(direction), plain, changed))
    return tuple(found)
