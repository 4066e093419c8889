"""Everything stored of one run, as analysis and report see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.altered_pictures import AlteredPictures
from autosmall.schema.altered_predictions import AlteredPredictions
from autosmall.schema.config import Value
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import NOT_BEGUN, FoldResult, Suggestion
from autosmall.schema.saliency import StoredMap
from autosmall.schema.sample_size import SubsetScore

UNFINISHED = "unfinished"
"""Status of a trial without an end in a search that does not run."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial as it stands: its suggestion, its folds so far, and how it ended.

    Attributes:
        suggestion: What was tried, and who proposed it.
        status: ``complete``, ``raced_out``, ``not_begun``, ``unhealthy`` or ``failed``; where it
            has not ended ``running``, or :data:`UNFINISHED` once the search is over or
            interrupted.
        reason: Why it did not complete, in words; empty otherwise.
        folds: Finished folds, ordered by fold id; failed ones included.
    """

    suggestion: Suggestion
    status: str
    reason: str
    folds: tuple[FoldResult, ...]

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.suggestion.number


@dataclass(frozen=True)
class RunData:
    """One run, whole.

    Attributes:
        name: The run folder's name.
        settings: The resolved settings (``settings.toml``), option name to value; includes
            ``metric`` (never ``auto``), ``dataset``, ``space``, ``seed``, ``workers``.
        versions: Package or hardware name to its version or description.
        fingerprint: The data set's fingerprint.
        classes: Class names, sorted.
        sample_names: One name per sample row, as in ``folds.csv``.
        labels: ``int64 (n_samples,)``, positions in ``classes``.
        folds: The fold plan.
        audit: The contents of ``audit.json``.
        trials: All trials, ordered by number.
        state: ``running``, ``finished`` or ``interrupted``.
        end_reason: Why the search ended, in words; empty while it runs.
        search_seconds: Wall time spent so far, over all sittings.
        asked_seconds: How long explorers took to propose, over all sittings.
        waited_worker_seconds: How long idle workers waited for that, added up over workers.
        asked: Options that were resolved since, as they were asked for (``folds``, ``repeats``,
            ``metric``): what the same command needs.
        openings: Places of test pictures, one for each time that they were opened for a model.
        model_metrics: ``metrics.json`` of the model that was trained on all pictures, or nothing.
        previews: Row of a sample to a small JPEG file; none where they were not to be kept.
        altered_pictures: What augmentation makes of a few pictures; ``None`` where none was made.
        altered_predictions: Predictions for altered pictures of one trial, by fold.
        maps: What fold models looked at, made after the search; by trial and row.
        subset_scores: Fits on parts of the training pictures, made after the search.
    """

    name: str
    settings: Mapping[str, Value | tuple[str, ...] | None]
    versions: Mapping[str, str]
    fingerprint: str
    classes: tuple[str, ...]
    sample_names: tuple[str, ...]
    labels: NDArray[np.int64]
    folds: FoldPlan
    audit: Mapping[str, object]
    trials: tuple[TrialRecord, ...]
    state: str
    end_reason: str
    search_seconds: float
    subset_scores: tuple[SubsetScore, ...] = ()
    asked_seconds: float = 0.0
    waited_worker_seconds: float = 0.0
    asked: Mapping[str, Value | None] = field(default_factory=dict)
    openings: tuple[str, ...] = ()
    model_metrics: Mapping[str, object] = field(default_factory=dict)
    maps: tuple[StoredMap, ...] = ()
    previews: Mapping[int, bytes] = field(default_factory=dict)
    altered_pictures: AlteredPictures | None = None
    altered_predictions: tuple[AlteredPredictions, ...] = ()

    @property
    def begun(self) -> tuple[TrialRecord, ...]:
        """All trials but those that were proposed when too little time was left for them."""
        return tuple(trial for trial in self.trials if trial.status != NOT_BEGUN)

    @property
    def metric(self) -> str:
        """The search's metric."""
        return str(self.settings["metric"])
