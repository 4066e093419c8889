"""Part of a section: what the autoencoder gives back of held-out pictures."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.ranking import Ranking
from autosmall.analysis.strategies import compare_strategies
from autosmall.data.sheets import encode_png
from autosmall.report import sentences
from autosmall.schema.results import Reconstructions as StoredReconstructions
from autosmall.schema.run_data import RunData, TrialRecord

STRATEGY = "autoencoder"
GAP_PX = 2
"""Columns between a picture and its reconstruction, mid grey."""


@dataclass(frozen=True)
class Pair:
    """A held-out picture beside its reconstruction.

    Attributes:
        sample: The picture's name.
        truth: Its class.
        error: Mean absolute error on a scale of black 0 to white 1.
        picture: Both side by side, a PNG in base64; not in ``report.json``.
    """

    sample: str
    truth: str
    error: float
    picture: str = field(metadata={"in_json": False})


@dataclass(frozen=True)
class Reconstructions:
    """How well the best autoencoder gives pictures back.

    Errors are means over the finished folds on a scale of black 0 to white 1, of the encoder
    before labels changed it; NaN where they were not measured.

    Attributes:
        trial: Its number.
        error: On held-out pictures.
        train_error: On training pictures.
        mean_picture_error: Of the mean training picture in place of each held-out one.
        sentence: What came of it, and how to read the pictures.
        pairs: Examples from the first fold.
    """

    trial: int
    error: float
    train_error: float
    mean_picture_error: float
    sentence: str
    pairs: tuple[Pair, ...]


def gather(run: RunData, ranking: Ranking) -> Reconstructions | None:
    """Return what the best complete autoencoder gives back; ``None`` where nothing shows it."""
    best = [r.best for r in compare_strategies(run, ranking) if r.strategy == STRATEGY and r.best]
    if not best:
        return None
    record = next(trial for trial in run.trials if trial.number == best[0].trial)
    stored = [f.reconstructions for f in record.folds if f.reconstructions is not None]
    if not stored:
        return None
    error, train_error, mean_picture_error = (
        _mean_note(record, name)
        for name in ("reconstruction_error", "reconstruction_error_train", "mean_picture_error")
    )
    goes_on = record.suggestion.config.to_dict().get("encoder") == "fine_tuned"
    return Reconstructions(
        record.number,
        error,
        train_error,
        mean_picture_error,
        sentences.reconstructions(
            record.number, error, train_error, mean_picture_error, fine_tuned=goes_on
        ),
        _pairs(run, stored[0]),
    )


def _mean_note(record: TrialRecord, name: str) -> float:
    values = [fold.notes[name] for fold in record.folds if name in fold.notes]
    return float(np.mean(values)) if values else float("nan")


def _pairs(run: RunData, stored: StoredReconstructions) -> tuple[Pair, ...]:
    return tuple(
        Pair(
            run.sample_names[row],
            run.classes[run.labels[row]],
            error,
            _png(stored.originals[position], stored.restored[position]),
        )
        for position, (row, error) in enumerate(zip(stored.rows, stored.errors, strict=True))
    )


def _png(original: NDArray[np.uint8], restored: NDArray[np.uint8]) -> str:
    height, _, channels = original.shape
    gap = np.full((height, GAP_PX, channels), 128, np.uint8)
    picture = np.concatenate([original, gap, restored], axis=1)
    return base64.b64encode(encode_png(picture)).decode("ascii")
