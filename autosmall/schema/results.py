"""What a search produces: suggestions, fold results, finished trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.config import Config

Arrays = dict[str, NDArray[np.generic]]
"""Plain numeric or text arrays by name, as they can be stored without pickle."""

COMPLETE = "complete"
"""All folds done (a trial), or the fit ended as planned (a fold)."""
RACED_OUT = "raced_out"
"""A trial dropped by the race; its finished folds are kept."""
NOT_BEGUN = "not_begun"
"""A trial that was proposed when too little time was left for it; it has no fold."""
UNHEALTHY = "unhealthy"
"""Stopped early for ill health on training signals, with its diagnosis."""
FAILED = "failed"
"""Ended by an error, or without a finite score."""

MOST_EXAMPLE_PX = 64
"""Longest side of a picture that is kept as an example."""


@dataclass(frozen=True)
class Suggestion:
    """A configuration to try. ``proposer`` names who thought of it.

    ``protected`` configurations run all their folds whatever the race says; the one with
    ``is_default`` is the plain default that a recommendation has to beat.
    """

    number: int
    config: Config
    proposer: str
    label: str = ""
    protected: bool = False
    is_default: bool = False


@dataclass(frozen=True)
class Reconstructions:
    """Held-out pictures beside what an autoencoder made of them: examples to look at.

    Attributes:
        rows: Their rows in the data set, in rising order.
        errors: Mean absolute error of each on a scale of black 0 to white 1, before shrinking.
        originals: ``uint8 (k, side, side, channels)``, shrunken to :data:`MOST_EXAMPLE_PX`.
        restored: What came back, likewise.
    """

    rows: tuple[int, ...]
    errors: tuple[float, ...]
    originals: NDArray[np.uint8]
    restored: NDArray[np.uint8]


@dataclass(frozen=True)
class FoldResult:
    """One configuration trained and judged on one fold.

    Attributes:
        trial: The suggestion's number.
        fold: Fold id of the plan, 0 to ``plan.total - 1``.
        status: ``complete``, ``unhealthy`` or ``failed``.
        scores: Metric name to value on the held-out pictures (see ``training.metrics``).
        train_scores: The same on the training pictures, without augmentation, at the end.
        probabilities: ``float32 (n_validation, n_classes)``, rows as ``plan.validation_index``;
            empty for a failed fold.
        curves: Name (``train_loss``, ``train_accuracy``, ``validation_loss``,
            ``validation_accuracy``) to one value per epoch.
        trainable_parameters: Weights that training could change.
        total_parameters: All weights that a prediction needs.
        fit_seconds: Wall time of the fit and its predictions; folds that were trained as one
            share theirs evenly.
        peak_memory_mib: Peak resident memory of the worker.
        diagnoses: Names of the health rules that fired (see ``training.health``), causes first.
        diagnosis_epochs: The epoch, from 1, at which each of them happened, where it is known.
        notes: What the strategy wants told of this fit, name to number; no choice rests on it.
        reconstructions: Examples of an autoencoder's work; kept of the first fold alone.
        learned: What the model learned, from which its strategy builds it again; on its way to
            the run folder alone, empty in a fold that was read from there.
        error: The error in full, or an empty text.
        worker: Which worker did it.
        share_percent: How much of the fold's training part it was trained on; 100 in a search.
    """

    trial: int
    fold: int
    status: str
    scores: Mapping[str, float] = field(default_factory=dict)
    train_scores: Mapping[str, float] = field(default_factory=dict)
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    trainable_parameters: int = 0
    total_parameters: int = 0
    fit_seconds: float = 0.0
    peak_memory_mib: float = 0.0
    diagnoses: tuple[str, ...] = ()
    diagnosis_epochs: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, float] = field(default_factory=dict)
    reconstructions: Reconstructions | None = None
    learned: Arrays = field(default_factory=dict, repr=False)
    error: str = ""
    worker: str = ""
    share_percent: int = 100


@dataclass(frozen=True)
class TrialOutcome:
    """A trial at its end, as explorers are told of it.

    ``score`` is the mean of the search's metric over the finished folds, oriented so that higher
    is better, or ``None`` where there is no finite score. ``fold_scores`` are those of the
    finished folds, in the order of the folds.
    """

    suggestion: Suggestion
    status: str
    score: float | None
    fold_scores: tuple[float, ...] = ()
    seconds: float = 0.0
