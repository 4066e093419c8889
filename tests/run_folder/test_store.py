"""The run folder: what is stored comes back, torn files cost one fold, nothing is half-written."""

from __future__ import annotations

import errno
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autosmall.errors import RunFolderError, SettingsError
from autosmall.files import write_bytes, write_json
from autosmall.run_folder.state import AskingTime, EarlyStop, RunFacts, RunState
from autosmall.run_folder.store import RunStore
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FoldResult, Reconstructions, Suggestion

SUGGESTION = Suggestion(
    3,
    Config.from_mapping({"strategy": "scratch", "learning_rate": 1e-3, "width": 8, "deep": True}),
    "optuna",
    label='a "label" with ünïcode',
    protected=True,
)


def fold_result(fold: int = 0) -> FoldResult:
    return FoldResult(
        trial=3,
        fold=fold,
        status=COMPLETE,
        scores={"accuracy": 0.5, "roc_auc": math.nan},
        train_scores={"accuracy": 0.75},
        probabilities=np.array([[0.25, 0.75], [1.0, 0.0]], np.float32),
        curves={"train_loss": (1.0, math.inf)},
        trainable_parameters=12,
        total_parameters=34,
        fit_seconds=1.5,
        peak_memory_mib=200.0,
        diagnoses=("diverged",),
        notes={"reconstruction_error": 0.125, "lost": math.nan},
        worker="worker 1",
    )


def test_a_fold_comes_back_as_it_was(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.add_suggestion(SUGGESTION)
    stored = fold_result()
    store.append(stored)
    store.end_trial(3, COMPLETE, "")
    (trial,) = store.trials()
    assert trial.suggestion == SUGGESTION
    assert trial.status == COMPLETE
    (fold,) = trial.folds
    np.testing.assert_array_equal(fold.probabilities, stored.probabilities)
    assert math.isnan(fold.scores["roc_auc"])
    assert math.isnan(fold.curves["train_loss"][1])  # JSON has no infinity
    assert fold.notes["reconstruction_error"] == 0.125 and math.isnan(fold.notes["lost"])
    same = {"probabilities": 0, "scores": 0, "curves": 0, "notes": 0}
    assert replace(fold, **same) == replace(stored, **same)


def with_reconstructions(channels: int = 3) -> FoldResult:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 6, channels)).astype(np.uint8)
    examples = Reconstructions((3, 5, 8, 9), (0.1, 0.2, 0.3, 0.4), *pictures)
    return replace(fold_result(), reconstructions=examples)


@pytest.mark.parametrize("channels", [1, 3])
def test_reconstructions_come_back_value_for_value(tmp_path: Path, channels: int) -> None:
    store = RunStore(tmp_path)
    store.add_suggestion(SUGGESTION)
    stored = with_reconstructions(channels)
    store.append(stored)
    found = store.trials()[0].folds[0].reconstructions
    assert found is not None and stored.reconstructions is not None
    assert (found.rows, found.errors) == ((3, 5, 8, 9), (0.1, 0.2, 0.3, 0.4))
    np.testing.assert_array_equal(found.originals, stored.reconstructions.originals)
    np.testing.assert_array_equal(found.restored, stored.reconstructions.restored)


@pytest.mark.parametrize("share", [0.0, 0.5, None])
def test_a_lost_or_torn_sheet_costs_the_examples_alone(tmp_path: Path, share: float | None) -> None:
    store = RunStore(tmp_path)
    store.add_suggestion(SUGGESTION)
    store.append(with_reconstructions())
    sheet = tmp_path / "assets/00003/fold_00_reconstructions.png"
    content = sheet.read_bytes()
    if share is None:
        sheet.unlink()
    else:
        sheet.write_bytes(content[: int(len(content) * share)])
    (fold,) = store.trials()[0].folds
    assert fold.status == COMPLETE and fold.reconstructions is None


def test_a_fold_written_before_there_were_notes_is_read(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.add_suggestion(SUGGESTION)
    store.append(fold_result())
    path = tmp_path / "trials/00003/fold_00.json"
    document = json.loads(path.read_text())
    del document["notes"], document["reconstructions"]
    path.write_text(json.dumps(document))
    (fold,) = store.trials()[0].folds
    assert (fold.notes, fold.reconstructions) == ({}, None)


def test_a_trial_without_an_end_is_running(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.add_suggestion(SUGGESTION)
    assert store.trials()[0].status == "running"


@pytest.mark.parametrize(
    "victim",
    ["trials/00003/fold_00.json", "predictions/00003/fold_00.npz", "curves/00003/fold_00.json"],
)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_torn_file_costs_its_fold_alone(tmp_path: Path, victim: str, share: float) -> None:
    store = RunStore(tmp_path)
    store.add_suggestion(SUGGESTION)
    store.append(fold_result(0))
    store.append(fold_result(1))
    path = tmp_path / victim
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert [fold.fold for fold in store.trials()[0].folds] == [1]


def test_facts_and_state_come_back(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert not store.exists
    facts = RunFacts(
        {"seed": 1, "strategies": ("a", "b"), "groups": None, "rate": 0.5, "quiet": False},
        {"seed": "1"},
        {"python": "3.11"},
        "abc",
        ("cat", 'do"g'),
    )
    store.create(facts)
    state = RunState("finished", "time", 12.5, asking=AskingTime(3.0, 0.5))
    store.write_state(state)
    assert store.exists
    kept = {name: value for name, value in facts.settings.items() if value is not None}
    assert store.facts() == replace(facts, settings=kept)
    assert store.state() == state


def test_a_folder_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no readable run"):
        RunStore(tmp_path).facts()


def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(RunFolderError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_text() == '{\n "old": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


def test_only_the_preference_can_change(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    facts = RunFacts({"seed": 3, "folds": 5}, {"seed": "3"}, {"keras": "3"}, "f1d2", ("a", "b"))
    store.create(facts)
    store.set_preference("simple")
    assert store.facts() == replace(facts, settings={**facts.settings, "prefer": "simple"})
    with pytest.raises(SettingsError, match="one of accuracy, simple, speed"):
        store.set_preference("small")
    assert store.facts().settings["prefer"] == "simple"


@pytest.mark.parametrize(
    ("asked", "lifted"),
    [
        ((30, None), False),
        ((31, None), True),
        ((20, None), False),
        ((30, 600.0), True),
        ((None, None), False),
    ],
)
def test_larger_limits_lift_an_early_end(asked, lifted):
    assert EarlyStop(20, 30, None).is_lifted(*asked) == lifted


def test_an_early_end_is_part_of_the_state(tmp_path):
    store = RunStore(tmp_path)
    for early in (None, EarlyStop(20, None, 60.0)):
        state = RunState("finished", "done", 3.0, early)
        store.write_state(state)
        assert store.state() == state
