"""Pictures altered for the report: which configuration's, how strongly, and the same each time."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from autosmall.run_folder.altered_picture_store import (
    FILE,
    read_altered_pictures,
    write_altered_pictures,
)
from autosmall.schema.altered_pictures import AlteredPictures
from autosmall.schema.config import Config
from autosmall.searching.altered_pictures import (
    altering_configuration,
    chosen_rows,
    policy_of,
    show_augmentation,
    shown_strengths,
)

ALLOWED = frozenset(["mirror", "rotate", "noise"])
INPUT = {"image_size_px": 32, "resize_policy": "stretch", "color_mode": "rgb"}
AFFINE = {**INPUT, "augmentation": "affine", "augmentation_strength": 0.4}


@pytest.fixture
def stored(drawn, tmp_path):
    """Return a function that stores a run over real files and returns its folder."""

    def store(trials):
        rng = np.random.default_rng(0)
        run = drawn.make_run(trials, samples=12, classes=("a", "b"), folds=2)
        for name in run.sample_names:
            path = tmp_path / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(path)
        settings = {
            **run.settings,
            "dataset": str(tmp_path / "pictures"),
            "invariances": tuple(sorted(ALLOWED)),
        }
        folder = tmp_path / "run"
        drawn.store_run(replace(run, settings=settings), folder)
        return folder

    return store


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"augmentation": "affine", "augmentation_strength": 0.4}, ("affine", 0.4, ALLOWED)),
        ({"views": 4, "augmentation_strength": 0.3}, ("affine", 0.3, frozenset(["mirror",
                                                                               "rotate"]))),
        ({"augmentation": "none", "augmentation_strength": 0.4}, None),
        ({"augmentation": "affine", "augmentation_strength": 0.0}, None),
        ({"views": 1, "augmentation_strength": 0.3}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_a_configuration_does_to_training_pictures(values, expected):
    config = Config.from_mapping({"strategy": "scratch", **values})
    assert policy_of(config, ALLOWED) == expected


def test_nothing_is_altered_where_nothing_is_allowed():
    config = Config.from_mapping({"strategy": "scratch", **AFFINE})
    assert policy_of(config, frozenset()) is None


@pytest.mark.parametrize("strength", [0.01, 0.3, 0.5, 0.75, 1.0])
def test_three_rising_strengths_hold_the_configuration_s_own(strength):
    shown = shown_strengths(strength)
    assert strength in shown and len(set(shown)) == 3
    assert list(shown) == sorted(shown) and shown[-1] <= 1


def test_rows_are_of_as_many_classes_as_there_are_places():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2], np.int64)
    assert chosen_rows(labels, 5) == (0, 1, 4, 5, 6)
    assert chosen_rows(labels, 2) == (0, 4)
    assert chosen_rows(labels[:3], 5) == (0, 1, 2)


def test_the_best_that_alters_is_shown(drawn, stored):
    trials = [drawn.DrawnTrial("classical", 0.95), drawn.DrawnTrial("scratch", 0.8, values=AFFINE)]
    folder = stored(trials)
    assert show_augmentation(folder)
    found = read_altered_pictures(folder)
    assert (found.trial, found.policy, found.strength) == (1, "affine", 0.4)
    assert found.strengths == (0.2, 0.4, 0.8)
    assert found.rows == (0, 1, 2, 3, 4) and [len(row) for row in found.pictures] == [4] * 5
    for row in found.pictures:
        plain, *altered = (np.asarray(Image.open(io.BytesIO(jpeg)), np.float64) for jpeg in row)
        assert plain.shape == (32, 32, 3)
        assert all(np.abs(picture - plain).mean() > 5 for picture in altered)
    before = (folder / FILE).read_bytes()
    (folder / FILE).unlink()
    show_augmentation(folder)
    assert (folder / FILE).read_bytes() == before


def test_a_run_in_which_nothing_is_altered(drawn, stored):
    folder = stored([drawn.DrawnTrial("classical", 0.9), drawn.DrawnTrial("scratch", 0.5, values={
        **AFFINE, "augmentation": "none"})])  # fmt: skip
    assert not show_augmentation(folder)
    assert read_altered_pictures(folder) is None


def test_only_complete_configurations_count(drawn):
    trials = [
        drawn.DrawnTrial("classical", 0.9),
        drawn.DrawnTrial("scratch", 0.8, status="raced_out", folds=1, values=AFFINE),
    ]
    assert altering_configuration(drawn.make_run(trials)) is None


def test_what_is_stored_comes_back_and_a_torn_file_is_none(tmp_path):
    altered = AlteredPictures(3, "affine", 0.5, ("mirror",), (0.25, 0.5), (7,), ((b"a", b"b"),))
    write_altered_pictures(tmp_path, altered)
    assert read_altered_pictures(tmp_path) == altered
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:40])
    assert read_altered_pictures(tmp_path) is None
