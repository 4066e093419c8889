"""The process that trains a search's own backbone: settings across, errors and results back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.errors import BackboneError, DatasetError
from autosmall.progress import NoProgress
from autosmall.schema.pretrain_settings import PretrainSettings
from autosmall.schema.settings import SearchSettings
from autosmall.searching.source_backbone import (
    pretrain_settings,
    settings_from_json,
    settings_to_json,
    source_backbone,
    train_source_backbone,
)


class Listener(NoProgress):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def status(self, lines) -> None:
        self.lines.append(lines[0])


def draw(folder: Path, per_class: int = 10) -> Path:
    rng = np.random.default_rng(0)
    for label, level in (("dark", 60), ("light", 180)):
        (folder / label).mkdir(parents=True)
        for number in range(per_class):
            pixels = rng.integers(0, 70, (16, 16, 3)) + level
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


def test_settings_cross_unchanged():
    settings = PretrainSettings(
        Path("a"), Path("b.keras"), apart_from=Path("c"), invariances=("shift",), steps=3, seed=1
    )
    assert settings_from_json(settings_to_json(settings)) == settings
    assert settings_from_json(settings_to_json(PretrainSettings(Path("a"), Path("b")))).seed is None


@pytest.mark.parametrize(
    ("given", "budget", "seconds"),
    [({}, 600.0, 120.0), ({"source_budget_seconds": 50.0}, 600.0, 50.0), ({}, None, None)],
)
def test_a_fifth_of_the_budget_goes_into_it_unless_said_otherwise(given, budget, seconds):
    search = SearchSettings(Path("mine"), source=Path("more"), invariances=("shift",), **given)
    settings = pretrain_settings(search, Path("run"), budget)
    assert settings.time_budget_seconds == seconds
    assert settings.apart_from == Path("mine") and settings.invariances == ("shift",)


def test_the_backbone_is_named_after_its_source():
    backbone = source_backbone(Path("some/digits"), Path("run"))
    assert (backbone.name, backbone.kind) == ("source:digits", "file")
    assert backbone.weights_path.endswith("backbone.keras") and "digits" in backbone.found_in


@pytest.mark.slow
def test_it_trains_and_tells_how_it_goes(tmp_path):
    settings = PretrainSettings(
        draw(tmp_path / "more"),
        tmp_path / "run" / "backbone.keras",
        architecture="compact_4",
        image_size_px=16,
        steps=4,
    )
    listener, beats = Listener(), []
    train_source_backbone(settings, tmp_path / "log", listener, lambda: beats.append(1))
    assert settings.output.is_file() and settings.output.with_suffix(".md").is_file()
    assert any("20 pictures" in note for note in listener.notes)
    assert listener.lines[-1].startswith("pretraining: step 4 of 4")
    assert len(beats) >= 4


def test_an_error_of_the_users_comes_back_as_itself(tmp_path):
    settings = PretrainSettings(tmp_path / "missing", tmp_path / "backbone.keras")
    with pytest.raises(DatasetError, match="missing"):
        train_source_backbone(settings, tmp_path / "log", Listener(), lambda: None)


def test_a_process_that_dies_is_told_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr("autosmall.searching.source_backbone.CHILD", "autosmall.no_such_module")
    settings = PretrainSettings(tmp_path, tmp_path / "backbone.keras")
    log = tmp_path / "logs" / "log"
    with pytest.raises(BackboneError) as caught:
        train_source_backbone(settings, log, Listener(), lambda: None)
    assert str(log) in caught.value.remedy and "no_such_module" in log.read_text()


def test_an_interruption_ends_the_process(tmp_path):
    settings = PretrainSettings(
        draw(tmp_path / "more"),
        tmp_path / "backbone.keras",
        architecture="compact_4",
        image_size_px=16,
        steps=100_000,
    )

    class Interrupting(Listener):
        def status(self, lines) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_source_backbone(settings, tmp_path / "log", Interrupting(), lambda: None)
    assert (tmp_path / "backbone.keras.partial" / "state.json").is_file()
    assert not (tmp_path / "backbone.keras.partial" / "run.lock").exists()
