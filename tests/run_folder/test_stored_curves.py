"""Curves of a stored fold: what the file says, and nothing where it is cut short."""

from __future__ import annotations

import json
import math

import pytest

from autosmall.run_folder.stored_curves import read_stored_curves

CURVES = {"train_loss": [1.5, 0.25, None], "validation_loss": [2.0]}


def test_they_are_what_the_file_says(tmp_path):
    path = tmp_path / "fold.json"
    path.write_text(json.dumps(CURVES, indent=1) + "\n")
    found = read_stored_curves(str(path))
    assert found["train_loss"][:2] == (1.5, 0.25) and math.isnan(found["train_loss"][2])
    assert (list(found), len(found), found["validation_loss"]) == (list(CURVES), 2, (2.0,))
    assert found.get("train_accuracy", ()) == ()


def test_a_fold_without_curves_has_none(tmp_path):
    (tmp_path / "fold.json").write_text("{}\n")
    assert not read_stored_curves(str(tmp_path / "fold.json"))
    assert read_stored_curves(str(tmp_path / "fold.json")) is not None


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_cut_short_anywhere_is_no_file(tmp_path, indent):
    path, whole = tmp_path / "fold.json", json.dumps(CURVES, indent=indent)
    for kept in range(len(whole)):
        path.write_text(whole[:kept])
        assert read_stored_curves(str(path)) is None
    assert read_stored_curves(str(tmp_path / "absent.json")) is None


def test_a_file_that_a_lost_disk_filled_with_zeros_is_no_file(tmp_path):
    path = tmp_path / "fold.json"
    path.write_bytes(json.dumps(CURVES).encode()[:-4] + b"\0" * 4)
    assert read_stored_curves(str(path)) is None
