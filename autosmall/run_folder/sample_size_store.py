"""Where fits on parts of the training pictures are stored: a file each, written atomically.

``sample_size/00007/fold_00_025.json`` holds trial 7 trained on 25 % of fold 0's training part.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from autosmall.files import write_json
from autosmall.schema.sample_size import SubsetScore

FOLDER = "sample_size"


def write_subset_score(run_dir: Path, score: SubsetScore) -> None:
    """Write one file of the run folder."""
    name = f"fold_{score.fold:02d}_{score.share_percent:03d}.json"
    write_json(
        run_dir / FOLDER / f"{score.trial:05d}" / name,
        {
            "trial": score.trial,
            "fold": score.fold,
            "share_percent": score.share_percent,
            "train_counts": list(score.train_counts),
            "scores": {name: _finite(value) for name, value in score.scores.items()},
            "recalls": [_finite(value) for value in score.recalls],
            "fit_seconds": score.fit_seconds,
            "error": score.error,
        },
    )


def read_subset_scores(run_dir: Path) -> tuple[SubsetScore, ...]:
    """Return all that is stored, by trial, fold and share; torn files are left out."""
    found = (_read(path) for path in (run_dir / FOLDER).glob("*/fold_*.json"))
    return tuple(sorted((score for score in found if score is not None), key=lambda s: s.key))


def _read(path: Path) -> SubsetScore | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return SubsetScore(
            trial=int(stored["trial"]),
            fold=int(stored["fold"]),
            share_percent=int(stored["share_percent"]),
            train_counts=tuple(stored["train_counts"]),
            scores={name: _or_nan(value) for name, value in stored["scores"].items()},
            recalls=tuple(_or_nan(value) for value in stored["recalls"]),
            fit_seconds=float(stored["fit_seconds"]),
            error=str(stored["error"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
