"""The run folder: what a search has done, on disk before anybody is told.

::

    settings.toml          resolved settings, versions, fingerprint (only ``prefer`` may change)
    folds.csv, audit.json  the samples, their folds, and what the audit found (written once)
    state.json             running, finished or interrupted; seconds spent; why it ended
    trials/00007/          suggestion.json, fold_00.json ... (the truth), end.json
    predictions/00007/     fold_00.npz: out-of-fold probabilities
    curves/00007/          fold_00.json: one value per epoch
    assets/previews.zip    a small JPEG per row of folds.csv (not with --no-pictures)
    assets/augmentation.json  a few pictures, altered (:mod:`.altered_picture_store`)
    assets/00007/          fold_00_reconstructions.png: originals above, what came back below
    assets/00007/          fold_00_maps.zip: where a model looked (:mod:`.saliency_store`)
    models/00007/          fold_00.npz: what a leader's model learned (:mod:`.fold_models`)
    invariances/00007/     fold_00.npz: altered pictures (:mod:`.altered_prediction_store`)
    sample_size/00007/     fold_00_025.json: trained on 25 % (:mod:`.sample_size_store`)

A fold is stored when its ``trials/…/fold_….json`` is there; its predictions, curves, assets and
model are written before it. Assets and models are to be looked at: without them a fold is still
whole. Every file is written atomically and never changed; only models are deleted again, and folds
that were done ahead of the one at which their trial ended. Tables and ``study.db`` are made from
these files (:mod:`.tables`, :mod:`.study_db`).
"""

from __future__ import annotations

import io
import json
import os
import tomllib
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from autosmall.data.sheets import decode_sheet, encode_sheet
from autosmall.errors import RunFolderError, SettingsError
from autosmall.files import read_file, write_bytes, write_json, write_text
from autosmall.run_folder.fold_document import curves_document, fold_document, fold_from_document
from autosmall.run_folder.fold_models import write_fold_model
from autosmall.run_folder.state import RUNNING, AskingTime, EarlyStop, RunFacts, RunState, Setting
from autosmall.run_folder.stored_array import read_stored_array
from autosmall.run_folder.stored_curves import read_stored_curves
from autosmall.schema.config import Config, Value
from autosmall.schema.results import COMPLETE, FoldResult, Reconstructions, Suggestion
from autosmall.schema.run_data import TrialRecord
from autosmall.schema.settings import PREFERENCES

PREVIEWS = Path("assets") / "previews.zip"


class RunStore:
    """Reads and writes one run folder. One writer at a time; readers need no lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether a search has been started in this folder."""
        return (self.path / "settings.toml").is_file()

    def create(self, facts: RunFacts) -> None:
        """Write ``settings.toml``; ``folds.csv`` and ``audit.json`` must be there already."""
        document = {
            "settings": {k: _to_toml(v) for k, v in facts.settings.items() if v is not None},
            "identity": dict(facts.identity),
            "versions": dict(facts.versions),
            "dataset": {"fingerprint": facts.fingerprint, "classes": list(facts.classes)},
        }
        write_text(self.path / "settings.toml", tomli_w.dumps(document))

    def set_preference(self, prefer: str) -> None:
        """Store what the recommendation goes by from now on.

        Raises :class:`~autosmall.errors.SettingsError` for what is no preference.
        """
        if prefer not in PREFERENCES:
            raise SettingsError(
                f"prefer is {prefer!r}", "one of " + ", ".join(PREFERENCES), "name one of these"
            )
        facts = self.facts()
        self.create(replace(facts, settings={**facts.settings, "prefer": prefer}))

    def facts(self) -> RunFacts:
        """Return what :meth:`create` wrote.

        Raises :class:`~autosmall.errors.RunFolderError` where the folder holds no readable run.
        """
        path = self.path / "settings.toml"
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
            return RunFacts(
                {
                    k: tuple(v) if isinstance(v, list) else v
                    for k, v in document["settings"].items()
                },
                document["identity"],
                document["versions"],
                document["dataset"]["fingerprint"],
                tuple(document["dataset"]["classes"]),
            )
        except (OSError, ValueError, KeyError) as error:
            raise RunFolderError(
                f"{self.path} holds no readable run ({error})",
                "a folder made by: autosmall search",
                "check the path; runs lie in reports/ by default",
            ) from error

    def write_state(self, state: RunState) -> None:
        """Replace ``state.json``."""
        write_json(
            self.path / "state.json",
            {
                "state": state.state,
                "end_reason": state.end_reason,
                "search_seconds": state.search_seconds,
                "early_stop": None if state.early_stop is None else asdict(state.early_stop),
                "asking": asdict(state.asking),
            },
        )

    def state(self) -> RunState:
        """Return how far the search is; a run without a readable state has just begun."""
        stored = read_json(self.path / "state.json")
        if not isinstance(stored, dict):
            return RunState()
        early_stop = stored.get("early_stop")
        return RunState(
            stored["state"],
            stored["end_reason"],
            float(stored["search_seconds"]),
            EarlyStop(**early_stop) if isinstance(early_stop, dict) else None,
            AskingTime(**stored["asking"]) if "asking" in stored else AskingTime(),
        )

    def add_suggestion(self, suggestion: Suggestion) -> None:
        """Store a suggestion before it is worked on."""
        write_json(
            self._trial_dir(suggestion.number) / "suggestion.json",
            {
                "number": suggestion.number,
                "config": suggestion.config.to_dict(),
                "proposer": suggestion.proposer,
                "label": suggestion.label,
                "protected": suggestion.protected,
                "is_default": suggestion.is_default,
            },
        )

    def append(self, result: FoldResult) -> None:
        """Store a finished fold: predictions, curves, assets, model, then the fold itself."""
        name = f"fold_{result.fold:02d}"
        buffer = io.BytesIO()
        np.savez_compressed(buffer, probabilities=result.probabilities)
        write_bytes(self._side_path("predictions", result.trial, name + ".npz"), buffer.getvalue())
        write_json(
            self._side_path("curves", result.trial, name + ".json"),
            curves_document(result),
        )
        if result.reconstructions is not None:
            sheet = encode_sheet(result.reconstructions.originals, result.reconstructions.restored)
            write_bytes(self._sheet_path(result.trial, name), sheet)
        if result.learned:
            write_fold_model(self.path, result)
        write_json(self._trial_dir(result.trial) / f"{name}.json", fold_document(result))

    def forget_fold(self, trial: int, fold: int) -> None:
        """Take a fold back: first the file that makes it stored, then the others."""
        name = f"fold_{fold:02d}"
        for path in (
            self._trial_dir(trial) / f"{name}.json",
            self._side_path("predictions", trial, name + ".npz"),
            self._side_path("curves", trial, name + ".json"),
            self._side_path("models", trial, name + ".npz"),
            self._sheet_path(trial, name),
        ):
            path.unlink(missing_ok=True)

    def end_trial(self, number: int, status: str, reason: str) -> None:
        """Store how a trial ended; no more folds of it will be worked on."""
        write_json(self._trial_dir(number) / "end.json", {"status": status, "reason": reason})

    def trials(self) -> tuple[TrialRecord, ...]:
        """Return all trials in order of their numbers, with the folds that are stored."""
        records = (self._read_trial(f"{self.path}/trials/{name}") for name in self._trial_names())
        return tuple(record for record in records if record is not None)

    def has_complete_trial(self) -> bool:
        """Tell whether any trial has ended as complete; reads no more than it takes to know."""
        ends = (read_json(path) for path in (self.path / "trials").glob("*/end.json"))
        return any(isinstance(end, dict) and end["status"] == COMPLETE for end in ends)

    def _read_trial(self, folder: str) -> TrialRecord | None:
        stored = read_json(f"{folder}/suggestion.json")
        if not isinstance(stored, dict):
            return None
        suggestion = Suggestion(
            int(stored["number"]),
            Config.from_mapping(stored["config"]),
            stored["proposer"],
            stored["label"],
            stored["protected"],
            stored["is_default"],
        )
        end = read_json(f"{folder}/end.json")
        status, reason = (end["status"], end["reason"]) if isinstance(end, dict) else (RUNNING, "")
        names = [name[:-5] for name in _names_in(folder) if _is_fold(name)]
        folds = [self._read_fold(folder, name) for name in names]
        return TrialRecord(suggestion, status, reason, tuple(f for f in folds if f is not None))

    def _read_fold(self, folder: str, name: str) -> FoldResult | None:
        """Return the stored fold, or ``None`` where a file of it is torn: it is then done again."""
        stored = read_json(f"{folder}/{name}.json")
        if not isinstance(stored, dict):
            return None
        trial = int(stored["trial"])
        curves = read_stored_curves(f"{self.path}/curves/{trial:05d}/{name}.json")
        try:
            place = f"{self.path}/predictions/{trial:05d}/{name}.npz"
            probabilities = read_stored_array(place, "probabilities")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        if curves is None:
            return None
        result = fold_from_document(stored, curves, probabilities)
        found = stored.get("reconstructions")
        if not isinstance(found, dict):
            return result
        sheet = self._sheet_path(trial, name)
        return replace(result, reconstructions=_read_reconstructions(found, sheet))

    def _trial_names(self) -> list[str]:
        folder = self.path / "trials"
        names = _names_in(folder) if folder.is_dir() else []
        return [name for name in names if name.isdigit()]

    def _trial_dir(self, number: int) -> Path:
        return self.path / "trials" / f"{number:05d}"

    def _side_path(self, kind: str, trial: int, name: str) -> Path:
        return self.path / kind / f"{trial:05d}" / name

    def _sheet_path(self, trial: int, fold_name: str) -> Path:
        return self._side_path("assets", trial, f"{fold_name}_reconstructions.png")


def _to_toml(value: Setting) -> Value | list[str] | None:
    return list(value) if isinstance(value, tuple) else value


def _names_in(folder: Path | str) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)


def _is_fold(name: str) -> bool:
    return name.startswith("fold_") and name.endswith(".json")


def _read_reconstructions(found: dict[str, Any], sheet: Path) -> Reconstructions | None:
    """Return the stored examples, or ``None`` where their sheet is lost."""
    rows, errors = tuple(found["rows"]), tuple(found["errors"])
    try:
        return Reconstructions(rows, errors, *decode_sheet(sheet.read_bytes(), len(rows)))
    except (OSError, ValueError):
        return None


def read_json(path: Path | str) -> object:
    """Return the file's content, or ``None`` where it is missing or torn."""
    try:
        return json.loads(read_file(path).decode("utf-8"))
    except (OSError, ValueError):
        return None
