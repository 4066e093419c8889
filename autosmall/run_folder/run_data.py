"""Everything that a run folder stores, read at once."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from autosmall.data.folds import read_folds
from autosmall.data.previews import PreviewFile
from autosmall.run_folder.altered_picture_store import read_altered_pictures
from autosmall.run_folder.altered_prediction_store import read_altered_predictions
from autosmall.run_folder.lock import is_at_work
from autosmall.run_folder.openings import opened_places
from autosmall.run_folder.saliency_store import read_maps
from autosmall.run_folder.sample_size_store import read_subset_scores
from autosmall.run_folder.state import INTERRUPTED, RUNNING, RunState
from autosmall.run_folder.store import PREVIEWS, RunStore, read_json
from autosmall.schema.run_data import UNFINISHED, RunData, TrialRecord

RESOLVED = ("folds", "repeats", "metric")
"""Settings that are stored as resolved; ``identity`` holds them as they were asked for."""


def load_run_data(path: Path) -> RunData:
    """Return everything stored in the run folder ``path``.

    Raises :class:`~autosmall.errors.RunFolderError` where it holds no readable run.
    """
    store = RunStore(path)
    facts = store.facts()
    names, label_names, plan = read_folds(path / "folds.csv")
    position = {name: index for index, name in enumerate(facts.classes)}
    audit = read_json(path / "audit.json")
    state = _actual(store.state(), is_at_work(path))
    metrics = read_json(path / "model" / "metrics.json")
    return RunData(
        name=path.resolve().name,
        settings=facts.settings,
        versions=facts.versions,
        fingerprint=facts.fingerprint,
        classes=facts.classes,
        sample_names=tuple(names),
        labels=np.array([position[name] for name in label_names], np.int64),
        folds=plan,
        audit=audit if isinstance(audit, dict) else {},
        trials=_ended(store.trials(), state),
        state=state.state,
        end_reason=state.end_reason,
        search_seconds=state.search_seconds,
        asked_seconds=state.asking.asked_seconds,
        waited_worker_seconds=state.asking.waited_worker_seconds,
        subset_scores=read_subset_scores(path),
        asked={n: literal_eval(facts.identity[n]) for n in RESOLVED if n in facts.identity},
        openings=opened_places(path),
        model_metrics=metrics if isinstance(metrics, dict) else {},
        maps=read_maps(path),
        previews=PreviewFile(path / PREVIEWS),
        altered_pictures=read_altered_pictures(path),
        altered_predictions=read_altered_predictions(path),
    )


def _ended(trials: Sequence[TrialRecord], state: RunState) -> tuple[TrialRecord, ...]:
    """Return ``trials`` with no running ones where nobody works at them."""
    if state.state == RUNNING:
        return tuple(trials)
    return tuple(replace(t, status=UNFINISHED) if t.status == RUNNING else t for t in trials)


def _actual(state: RunState, at_work: bool) -> RunState:
    """Return ``state``, but interrupted where it says running and nobody works: it was killed."""
    if state.state != RUNNING or at_work:
        return state
    return replace(state, state=INTERRUPTED, end_reason="it was killed")
